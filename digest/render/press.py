"""The press: the template folders, the languages there are catalogues for, and what a template may call.

A folder holds email/, with one folder of three templates for each letter, and i18n/, with a catalogue (.po) for each
language, and below it further ones for the pages. An operator's folder stands before ours: a template there replaces
ours of the same name, a catalogue there goes before ours or, for a new language, stands alone.
"""

import gettext
import hashlib
import io
import textwrap
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from digest.errors import SettingsError

_COLUMNS = 72  # of a plain text
_WORDS = Path(__file__).with_name("words.py")  # what is said outside of the templates
_MISTAKES = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)  # that a template can make


class Press(ImmutableSandboxedEnvironment):
    """A sandbox for the templates in some folders, which speaks the languages of their catalogues."""

    install_gettext_callables: Callable[..., None]  # given by the i18n extension

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=select_autoescape(["html.j2"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self.folders = tuple(folders)
        self.catalogues = _catalogues(folders)
        self.install_gettext_callables(_gettext, _ngettext, newstyle=True)
        self.filters.update(apart=apart, unbroken=unbroken, underline=underline, wrap=wrap)

    def speak(self, tag: str) -> tuple[str, Locale, gettext.NullTranslations]:
        """Give the language in which readers of `tag` (BCP 47) are written to, with its dates and its words.

        Without a catalogue that is English. Plain English writes days and hours as most of the world does
        (21 Oct 2015, 07:30), en-US as Americans do.
        """
        primary = tag.lower().partition("-")[0]
        known = self.catalogues.get(tag.lower()) or self.catalogues.get(primary)
        if known is None and primary != "en":
            tag = "en"
        british = Locale("en", "GB")
        locale = british if tag == "en" else locale_of(tag) or british
        return tag, locale, known or gettext.NullTranslations()

    def version(self, template: str, language: str) -> str:
        """Give 12 hexadecimal digits that are others whenever what `template` says in a language may be others.

        They are made of its source, of all that it extends, includes and imports, and of the language's catalogues.

        Raises:
            SettingsError: a template is missing or wrong.

        """
        catalogue = self.speak(language)[2]
        marks = hashlib.sha256(_WORDS.read_bytes())
        marks.update(catalogue.mark if isinstance(catalogue, _Catalogue) else b"")
        left, seen = [template], set()
        with self._explained():
            while left:
                name = left.pop()
                source = self._source(name)
                marks.update(f"\0{name}\0{source}".encode())
                seen.add(name)
                named = set(filter(None, meta.find_referenced_templates(self.parse(source, name))))
                left += sorted(named - seen - set(left))
        return marks.hexdigest()[:12]

    def run(self, name: str, context: Mapping[str, Any]) -> str:
        """Print the template called `name`.

        Raises:
            SettingsError: it is missing or wrong.

        """
        with self._explained():
            return self.get_template(name).render(context)

    def _source(self, name: str) -> str:
        assert self.loader is not None  # noqa: S101 - given in __init__
        return self.loader.get_source(self, name)[0]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what is wrong with a template, and where."""
        try:
            yield
        except TemplateNotFound as error:
            folders = " or ".join(str(folder) for folder in self.folders)
            raise SettingsError(f"no template {error.name} in {folders}; write it there") from error
        except _MISTAKES as error:
            problem = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
            raise SettingsError(f"{_place(error)}: {problem.rstrip('.')}; correct the template") from error


class _Catalogue(gettext.GNUTranslations):
    """The phrases of a language, with a mark that is another one when any of them is."""

    mark = b""


def environment(folders: Sequence[Path]) -> Press:
    """Make a press for the templates in `folders`, the operator's first.

    Raises:
        SettingsError: a catalogue cannot be read.

    """
    return Press(folders)


def locale_of(tag: str) -> Locale | None:
    """Give what is known about the language `tag` (BCP 47), or failing that about its primary subtag."""
    for known in (tag, tag.partition("-")[0]):
        try:
            return Locale.parse(known, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return None


def wrap(text: str, indent: str = "") -> str:
    """Break `text` into lines of 72 columns; those after the first stand under its text, behind `indent`."""
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


def underline(text: str, stroke: str) -> str:
    """Draw a line of `stroke` as wide as `text` is printed."""
    width = sum((unicodedata.east_asian_width(c) in "WF") + (not unicodedata.combining(c)) for c in text)
    return stroke * min(width, _COLUMNS)


def apart(text: str) -> Markup:
    """Keep the direction of `text` to itself, as of a command among the words of another language."""
    return Markup("<bdi>{}</bdi>").format(text)


def unbroken(text: str) -> str:
    """Keep `text` on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


@pass_context
def _gettext(context: Context, message: str) -> str:
    catalogue: gettext.NullTranslations = context["catalogue"]
    return catalogue.gettext(message)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    catalogue: gettext.NullTranslations = context["catalogue"]
    return catalogue.ngettext(one, many, count)


def _catalogues(folders: Sequence[Path]) -> dict[str, _Catalogue]:
    """Read the catalogues; each falls back on those that were read before it, so the first in order comes last."""
    catalogues: dict[str, _Catalogue] = {}
    for folder in reversed(folders):
        for path in sorted(folder.glob("i18n/**/*.po"), key=lambda path: (-len(path.parts), path)):
            catalogue, language = _catalogue(path), path.stem.lower().replace("_", "-")
            if before := catalogues.get(language):
                catalogue.add_fallback(before)
                catalogue.mark += before.mark
            catalogues[language] = catalogue
    return catalogues


def _catalogue(path: Path) -> _Catalogue:
    try:
        content = path.read_bytes()
        phrases = read_po(io.BytesIO(content), abort_invalid=True)
    except (PoFileError, ValueError, UnknownLocaleError) as error:
        raise SettingsError(f"{path}: {error}; correct the catalogue") from error
    compiled = io.BytesIO()
    write_mo(compiled, phrases)
    compiled.seek(0)
    catalogue = _Catalogue(compiled)
    catalogue.mark = content
    return catalogue


def _place(error: Exception) -> str:
    """Name the file and the line of a template where `error` arose."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return f"{frames[-1].filename}, line {frames[-1].lineno}"
