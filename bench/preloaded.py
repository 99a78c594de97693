"""What a sender finds imported and read; see bench/sender.py.

A letter is made of one text and thrown away: what stays is what the libraries remember of style sheets and patterns.
"""

import importlib
import tempfile
from pathlib import Path

from world import ARTICLES

from digest.app import App
from digest.config import List, Section, Settings

for _name in (
    "alembic.command",
    "digest.app.daemon",
    "digest.cli.start",
    "feedparser",
    "numpy",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "trafilatura",
):
    importlib.import_module(_name)

with tempfile.TemporaryDirectory() as _folder:
    (Path(_folder) / "article.txt").write_text(ARTICLES[0], encoding="utf-8")
    _list = List(sections={"more": Section(stories=9)})
    _program = App(Settings.model_validate({"lists": {"daily": {}}}))
    _issue = _program.one_off([f"{_folder}/article.txt"], _list).issue
    if _issue:
        _program.print_one_off(_issue, _list)
