"""The settings: the shipped file is the defaults, the environment wins, and what is wrong is named in one line."""

import errno
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from pydantic import SecretStr

from digest import config
from digest.config import Settings, kept_secret, load, read_secret
from digest.errors import SettingsError
from digest.model import Kind, Method
from digest.resources import shipped

SHIPPED = shipped("config.toml").read_text(encoding="utf-8")

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGEST_CONFIG", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a config.toml and give its path."""

    def written(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def problem(path: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        load(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


# --- the shipped file


def test_the_shipped_file_is_the_defaults_outside_its_sources_and_lists() -> None:
    told = {key: value for key, value in tomllib.loads(SHIPPED).items() if key not in {"sources", "lists"}}

    assert Settings(**told).model_dump() == Settings().model_dump()


def test_the_shipped_list_is_the_defaults_but_for_its_sections() -> None:
    told = tomllib.loads(SHIPPED)["lists"]["daily"]
    del told["sections"]

    assert config.List(**told) == config.List()


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (Settings, ()),
        (config.Publisher, ("publisher",)),
        (config.Transport, ("transport",)),
        (config.Dkim, ("dkim",)),
        (config.Fetch, ("fetch",)),
        (config.Delivery, ("delivery",)),
        (config.Bounces, ("bounces",)),
        (config.Signup, ("signup",)),
        (config.Inbound, ("inbound",)),
        (config.Web, ("web",)),
        (config.Retention, ("retention",)),
        (config.List, ("lists", "daily")),
        (config.Weights, ("lists", "daily", "weights")),
        (config.Section, ("lists", "daily", "sections", "city")),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_shipped_file_shows_every_setting(model: type[Any], table: tuple[str, ...]) -> None:
    shown: Any = tomllib.loads(SHIPPED)
    for name in table:
        shown = shown[name]

    assert set(shown) == set(model.model_fields)


def test_the_shipped_file_shows_every_setting_of_a_source_in_use_or_in_a_comment() -> None:
    used = {key for source in tomllib.loads(SHIPPED)["sources"].values() for key in source}
    told = set(re.findall(r"^#   (\w+) = ", SHIPPED, re.MULTILINE))

    assert used | told | {"url"} == set(config.Source.model_fields)
    assert "(url)" in SHIPPED


def test_the_shipped_file_says_something_about_each_setting_outside_sources_and_sections() -> None:
    plain = {"host", "username", "password", "timeout_seconds"}  # say it themselves, beside their neighbours
    silent = re.findall(r"^(\w+) = [^#\n]*$", SHIPPED.partition("[sources.")[0], re.MULTILINE)

    assert set(silent) <= plain


def test_every_table_of_settings_is_one_that_these_tests_know() -> None:
    tables = {
        name
        for name, value in vars(config.tables).items()
        if isinstance(value, type) and issubclass(value, config.tables._Table)
    }

    assert tables == {
        "_Table",
        "Publisher",
        "Transport",
        "Dkim",
        "Fetch",
        "Delivery",
        "Rates",
        "Canary",
        "Bounces",
        "Signup",
        "Inbound",
        "Web",
        "Retention",
        "Source",
        "Section",
        "Weights",
        "List",
    }


# --- which file


def test_a_file_that_is_named_wins_over_the_environment_over_the_folder_over_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("named", "environment", "folder"):
        (tmp_path / f"{place}.toml").write_text(f'folder = "{place}"')
    monkeypatch.chdir(tmp_path)
    assert load().file == shipped("config.toml")

    (tmp_path / "folder.toml").rename("config.toml")
    assert load().folder == Path("folder")

    monkeypatch.setenv("DIGEST_CONFIG", str(tmp_path / "environment.toml"))
    assert load().folder == Path("environment")
    assert load(tmp_path / "named.toml").folder == Path("named")


def test_paths_are_relative_to_the_file_and_for_the_shipped_one_to_where_one_stands(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    assert load(write("")).base == tmp_path
    assert load().base == elsewhere


def test_an_empty_file_is_all_defaults_without_sources_and_lists(write: Write) -> None:
    assert load(write("")).model_dump() == Settings().model_dump()


# --- the environment


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("DIGEST_FOLDER", "elsewhere", "folder", Path("elsewhere")),
        ("DIGEST_SECRET", "12345", "secret", SecretStr("12345")),
        ("DIGEST_PUBLISHER__NAME", "2015", "publisher.name", "2015"),
        ("DIGEST_TRANSPORT__KIND", "smtp", "transport.kind", "smtp"),
        ("DIGEST_TRANSPORT__PORT", "2525", "transport.port", 2525),
        (
            "DIGEST_TRANSPORT__PASSWORD_FILE",
            "/run/secrets/smtp",
            "transport.password_file",
            Path("/run/secrets/smtp"),
        ),
        ("DIGEST_FETCH__PRIVATE_ADDRESSES", "true", "fetch.private_addresses", True),
        ("DIGEST_DELIVERY__RETRY_MINUTES", "[1, 2]", "delivery.retry_minutes", (1, 2)),
        ("DIGEST_SOURCES__LE-PHARE__TITLE", "Le Fanal", "sources.le-phare.title", "Le Fanal"),
        ("DIGEST_SOURCES__LE-PHARE__ARTICLE_KIND", "opinion", "sources.le-phare.article_kind", Kind.OPINION),
        ("DIGEST_LISTS__DAILY__AT", "06:30", "lists.daily.at", "06:30"),
        ("DIGEST_LISTS__DAILY__METHOD", "lead", "lists.daily.method", Method.LEAD),
        ("DIGEST_LISTS__DAILY__SENTENCES", "5", "lists.daily.sentences", 5),
        ("DIGEST_LISTS__DAILY__IMAGES", "false", "lists.daily.images", False),
        ("DIGEST_LISTS__DAILY__SOURCES", '["le-phare"]', "lists.daily.sources", ("le-phare",)),
        ("DIGEST_LISTS__DAILY__WEIGHTS__VOTES", "2.5", "lists.daily.weights.votes", 2.5),
        ("DIGEST_LISTS__DAILY__SECTIONS__CITY__STORIES", "9", "lists.daily.sections.city.stories", 9),
        (
            "DIGEST_LISTS__DAILY__SECTIONS__CITY__ALSO",
            '["Town"]',
            "lists.daily.sections.city.also",
            ("Town",),
        ),
        ("DIGEST_DATABASE", "sqlite:///other.db", "database", "sqlite:///other.db"),
    ],
)
def test_the_environment_changes_one_value_and_leaves_its_neighbours(
    name: str, text: str, key: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _flat(load().model_dump())
    monkeypatch.setenv(name, text)
    after = _flat(load().model_dump())

    assert {path for path in before | after if before.get(path) != after.get(path)} == {key}
    assert after[key] == value


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    return {
        key: item
        for name, inner in value.items()
        for key, item in _flat(inner, f"{path}.{name}".strip(".")).items()
    }


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "DIGEST_TRANSPOT__HOST",
            "mx.example",
            "DIGEST_TRANSPOT__HOST is no setting; did you mean 'DIGEST_TRANSPORT'?",
        ),
        ("DIGEST_SEKRET", "x", "DIGEST_SEKRET is no setting; did you mean 'DIGEST_SECRET'?"),
        ("DIGEST_TRANSPORT__HOTS", "mx.example", "transport.hots is no setting; did you mean 'host'?"),
        (
            "DIGEST_LISTS__DAILY__SENTENCE",
            "2",
            "lists.daily.sentence is no setting; did you mean 'sentences'?",
        ),
        ("DIGEST_TRANSPORT__PORT", "smtp", "transport.port should be a valid integer"),
        ("DIGEST_TRANSPORT", "smtp", 'the environment: error parsing value for field "transport"'),
        (
            "DIGEST_LISTS__DAILY__SOURCES",
            "le-phare",
            'the environment: error parsing value for field "lists"',
        ),
        (
            "DIGEST_LISTS__DAILY__SOURCES",
            '["le-fare"]',
            "no source is called 'le-fare'; did you mean 'le-phare'?",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    name: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(SettingsError, match=re.escape(says)):
        load()


def test_names_of_the_programs_own_that_are_no_settings_are_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SHARED", "/nowhere")
    monkeypatch.setenv("DIGESTIVE", "biscuit")

    assert load().lists


# --- what is wrong in the file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sekret = 'x'", "sekret is no setting; did you mean 'secret'?"),
        ("[transport]\nhosst = 'x'", "transport.hosst is no setting; did you mean 'host'?"),
        ("[lists.daily]\nsentense = 2", "lists.daily.sentense is no setting; did you mean 'sentences'?"),
        ('[publisher]\naddress = "nobody"', "publisher.address: 'nobody' is not a mail address: it has no @"),
        ("[lists.daily.weights]\nvote = 2", "lists.daily.weights.vote is no setting; did you mean 'votes'?"),
        (
            "[lists.daily.sections.city]\nwieght = 1",
            "lists.daily.sections.city.wieght is no setting; did you mean 'weight'?",
        ),
        ("[sources.a]\nkind = 'folder'\npaht = 'x'", "sources.a.paht is no setting; did you mean 'path'?"),
        ("[transport]\nqqqq = 1", "transport.qqqq is no setting"),
        (
            "[lists.daily]\ntimezone = 'Mars/Olympus'",
            "lists.daily.timezone: no time zone is called 'Mars/Olympus'",
        ),
        ("[lists.daily]\ntimezone = '../../etc/passwd'", "no time zone is called '../../etc/passwd'"),
        ("[lists.daily]\nat = '25:00'", "lists.daily.at: '25:00' is not a time of day; write it as 07:00"),
        ("[lists.daily]\nat = 'seven'", "lists.daily.at: 'seven' is not a time of day; write it as 07:00"),
        (
            "[lists.daily.weights]\nvotes = -1",
            "lists.daily.weights.votes should be greater than or equal to 0",
        ),
        ("[lists.daily.weights]\nvotes = nan", "lists.daily.weights.votes should be"),
        ("[lists.daily.weights]\nvotes = inf", "lists.daily.weights.votes should be a finite number"),
        ("[lists.daily]\nsentences = 0", "lists.daily.sentences should be greater than or equal to 1"),
        (
            "[lists.daily]\ncatch_up_hours = 0",
            "lists.daily.catch_up_hours should be greater than or equal to 1",
        ),
        ("[lists.daily]\nmethod = 'lexrnk'", "lists.daily.method should be 'digest', 'lead', 'lexrank'"),
        ("[lists.Daily]", "lists.Daily"),
        (
            "[lists.daily]\nsources = ['le-fare']\n[sources.le-phare]\nkind = 'folder'\npath = 'x'",
            "did you mean 'le-phare'?",
        ),
        ("[lists.daily]\nsources = ['x']", "config.toml: lists.daily.sources: no source is called 'x'"),
        ("[sources.a]\nkind = 'folder'", 'sources.a: a folder needs its path: path = "articles"'),
        ("[sources.a]\nkind = 'feed'", 'sources.a: a feed needs its url: url = "https://…"'),
        (
            "[sources.a]\nkind = 'page'\nurl = 'ftp://x'",
            "sources.a.url: 'ftp://x' does not begin with https:// or http://",
        ),
        ("[sources.a]\nkind = 'feeed'", "sources.a.kind should be 'folder', 'feed' or 'page'"),
        (
            "[publisher]\nurl = 'http://digest.example'",
            "publisher.url: 'http://digest.example' does not begin with https://",
        ),
        ("[delivery]\nretry_minutes = []", "delivery.retry_minutes"),
        ("[transport]\nport = 0\npasword = 'x'", "transport.pasword is no setting; did you mean 'password'?"),
        (
            "[sources.'My Feed']\nkind = 'feed'\nurl = 'https://wire.example'",
            "sources.My Feed: 'My Feed' is no name: lower-case letters, digits and hyphens",
        ),
        ("[lists.'My List']", "lists.My List: 'My List' is no name: lower-case letters, digits and hyphens"),
        (
            "[lists.daily]\nlanguage = 'German'",
            "lists.daily.language: 'German' is not the code of a language; give one such as \"de\"",
        ),
        (
            "[lists.daily]\nlanguages = ['de', 'German']",
            "lists.daily.languages.1: 'German' is not the code of a language; give one such as \"de\"",
        ),
        (
            "[sources.a]\nkind = 'folder'\npath = 'x'\nlanguage = 'German'",
            "sources.a.language: 'German' is not the code of a language",
        ),
        ("templates = 'nothere'", "templates: there is no folder /"),
        ("lists = 3", "lists should be a valid dictionary"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_in_one_line_with_where_and_what_to_do(
    text: str, says: str, write: Write
) -> None:
    told = problem(write(text))

    assert told.startswith("config.toml: ")
    assert says in told


def test_broken_toml_is_one_line_with_the_number_of_the_line(write: Write) -> None:
    path = write('folder = "var"\nsecret = = 1\n')

    assert problem(path) == f"{path} is not valid TOML: Invalid value (at line 2, column 10)"


def test_a_table_or_a_key_that_is_there_twice_is_named_in_words(write: Write) -> None:
    assert "the table [publisher] is there twice; make one of the two (at line 3, column 11)" in problem(
        write("[publisher]\nname = 'a'\n[publisher]\nname = 'b'\n")
    )
    assert "the table [lists.daily] is there twice" in problem(write("[lists.daily]\n[lists.daily]\n"))
    assert "a key is there twice (at line 2" in problem(write("folder = 'a'\nfolder = 'b'\n\n"))


def test_what_is_wrong_in_the_file_and_in_the_environment_is_told_apart(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_TRANSPORT__HSOT", "mx.example")
    monkeypatch.setenv("DIGEST_DELIVERY__RETRY_MINUTES", "[5, 0]")

    assert problem(write("sekret = 'x'")) == (
        "the environment: DIGEST_TRANSPORT__HSOT: transport.hsot is no setting; did you mean 'host'?; "
        "the environment: DIGEST_DELIVERY__RETRY_MINUTES: delivery.retry_minutes.1 should be greater than or equal "
        "to 1; "
        "config.toml: sekret is no setting; did you mean 'secret'?"
    )


def test_a_file_that_is_not_utf_8_or_not_there_is_one_line(write: Write, tmp_path: Path) -> None:
    path = write("")
    path.write_bytes(b'folder = "\xff"')

    assert problem(path).startswith(f"{path} is not valid TOML: ")
    assert problem(tmp_path / "none.toml") == (
        f"{tmp_path / 'none.toml'} cannot be read: No such file or directory; `digest init` writes one"
    )
    assert problem(tmp_path) == f"{tmp_path} cannot be read: Is a directory"


def test_wrong_settings_end_the_program_with_status_2(write: Write) -> None:
    with pytest.raises(SettingsError) as refused:
        load(write("sekret = 1"))

    assert refused.value.exit_status == 2


# --- what the settings give


def test_a_list_is_found_by_its_name_and_a_wrong_name_is_answered_with_the_nearest(write: Write) -> None:
    settings = load(write("[lists.daily]\n[lists.weekly]\n"))

    assert settings.list_named("weekly") == config.List()
    with pytest.raises(
        SettingsError,
        match=r"no list is called 'weakly'; did you mean 'weekly'\?; config\.toml has daily, weekly",
    ):
        settings.list_named("weakly")
    with pytest.raises(SettingsError, match=r"config\.toml has none yet"):
        load(write("")).list_named("daily")


def test_an_address_of_the_web_is_kept_without_its_last_slash(write: Write) -> None:
    settings = load(
        write(
            "[publisher]\nurl = 'https://digest.example/'\n"
            "[sources.wire]\nkind = 'feed'\nurl = 'http://wire.example/feed/'\n"
        )
    )

    assert settings.sources["wire"].url == "http://wire.example/feed"
    assert settings.publisher.url == "https://digest.example"
    assert settings.publisher.domain == "digest.example"


def test_a_secret_is_read_from_the_settings_or_from_the_file_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" correct horse\n")

    assert read_secret(SecretStr("given"), "secret", tmp_path, setting="secret_file") == "given"
    assert read_secret(SecretStr(""), Path("secret"), tmp_path, setting="secret_file") == "correct horse"
    assert read_secret(SecretStr(""), "", tmp_path, setting="secret_file") == ""


def test_a_secret_file_that_cannot_be_read_is_named_once_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    for name, says in (("none", "No such file or directory"), ("binary", "it is no text in UTF-8")):
        with pytest.raises(SettingsError) as refused:
            read_secret(SecretStr(""), name, tmp_path, setting="transport.password_file")
        assert str(refused.value) == f"transport.password_file: {tmp_path / name} cannot be read: {says}"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be read: Permission denied; "),
        (b"", "holds no secret; remove it"),
        (b"\xff\xfe", "holds no secret; remove it"),
    ],
)
def test_a_kept_secret_that_cannot_be_read_is_one_line_that_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: OSError | bytes, says: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(wrong if isinstance(wrong, bytes) else b"correct horse")
    if isinstance(wrong, OSError):
        monkeypatch.setattr(Path, "read_text", Mock(side_effect=wrong))

    with pytest.raises(SettingsError, match=f"^{path} {says}"):
        kept_secret(path)


def test_a_secret_is_not_shown_where_settings_are(write: Write) -> None:
    settings = load(write("secret = 'correct horse'\n[transport]\npassword = 'battery staple'\n"))

    assert "horse" not in repr(settings)
    assert "staple" not in repr(settings)


def test_a_list_may_have_its_own_policy_for_mails_in_doubt_else_that_of_all(write: Write) -> None:
    settings = config.load(
        write('[delivery]\nin_doubt = "resend"\n[lists.daily]\n[lists.alerts]\nin_doubt = "hold"\n')
    )
    assert [settings.in_doubt(name) for name in ("daily", "alerts", "gone")] == ["resend", "hold", "resend"]
