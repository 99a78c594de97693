"""`digest init` and `digest doctor`: from nothing to settings that are known to work."""

import re
import socket

import pytest
from conftest import ROOT
from terminal import PUBLISHER, Terminal


def verdicts(terminal: Terminal) -> dict[str, tuple[bool, str]]:
    checks = terminal.digest("doctor", "--json")
    assert checks.status == (0 if all(check["ok"] for check in checks.json) else 1)
    return {check["check"]: (check["ok"], check["says"]) for check in checks.json}


def test_init_writes_the_shipped_settings_which_run_as_they_are(terminal: Terminal) -> None:
    written = terminal.digest("init").succeeded()
    assert "digest doctor" in written.out
    assert terminal.read("config.toml") == (ROOT / "config.toml").read_text(encoding="utf-8")
    told = verdicts(terminal)
    assert set(told) == {
        "settings",
        "publisher",
        "lists",
        "store",
        "secret",
        "templates",
        "sources",
        "transport",
        "dkim",
        "stops",
        "inbound",
        "pages",
    }
    assert "there are no keys: mails are signed by the mail server" in told["dkim"][1]
    assert told["inbound"][1].startswith("nothing reads readers' mail to digest@digest.example")


def test_init_makes_the_folder_it_is_given(terminal: Terminal) -> None:
    terminal.digest("init", "deep/below").succeeded()
    assert (terminal.folder / "deep/below/config.toml").is_file()


def test_init_overwrites_nothing_unless_told_to(terminal: Terminal) -> None:
    terminal.settings("# mine")
    assert "--force" in terminal.digest("init").complaint(status=1)
    assert terminal.read("config.toml") == "# mine\n"
    terminal.digest("init", "--force").succeeded()
    assert terminal.read("config.toml") != "# mine\n"


def test_doctor_says_of_each_part_that_it_works_and_sends_nothing(terminal: Terminal) -> None:
    terminal.small_day()
    told = terminal.digest("doctor").succeeded()
    assert [line.split()[0] for line in told.out.splitlines()] == ["ok"] * 12
    assert not any((terminal.folder / "var").rglob("*.eml"))
    assert not (terminal.folder / "var/issues").exists()


def test_doctor_names_every_part_that_fails_and_goes_on_to_the_next(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    terminal.small_day('secret_file = "gone"', 'templates = "mine"')
    terminal.write("mine/email/issue/subject.txt.j2", "{{ nobody }}")
    terminal.environment |= {
        "DIGEST_SOURCES__WIRE__PATH": "nowhere",
        "DIGEST_TRANSPORT__KIND": "smtp",
        "DIGEST_TRANSPORT__HOST": "127.0.0.1",
        "DIGEST_TRANSPORT__PORT": str(port),
    }
    told = verdicts(terminal)
    assert [name for name, (ok, _) in told.items() if not ok] == [
        "publisher",
        "secret",
        "templates",
        "sources",
        "transport",
    ]
    assert "gone cannot be read" in told["secret"][1]
    assert "subject.txt.j2" in told["templates"][1]
    assert "there is no folder" in told["sources"][1]
    assert f"cannot use the mail server 127.0.0.1:{port}" in told["transport"][1]
    shown = terminal.digest("doctor")
    assert shown.complaint(status=1) == "not ready: publisher, secret, templates, sources, transport"


@pytest.mark.parametrize(
    ("publisher", "unset"),
    [
        (("[publisher]",), ["url", "address", "postal_address"]),
        (
            ("[publisher]", 'url = "https://news.example.org"', 'address = "news@Other.Example"'),
            ["address", "postal_address"],
        ),
        ((*PUBLISHER, 'reply_to = "ada@mail.example"'), []),
    ],
)
def test_doctor_lets_no_mail_leave_in_the_name_of_the_samples_publisher(
    terminal: Terminal, publisher: tuple[str, ...], unset: list[str]
) -> None:
    terminal.small_day(*publisher)
    noted, says = verdicts(terminal)["publisher"]
    assert noted  # its mails stay in a folder
    assert re.findall(r"publisher\.(\w+) \(", says) == unset

    terminal.small_day(*publisher, "[transport]", 'kind = "smtp"', 'host = "127.0.0.1"', "port = 1")
    ready, says = verdicts(terminal)["publisher"]
    assert ready is not bool(unset)
    assert re.findall(r"publisher\.(\w+) \(", says) == unset


def test_settings_are_taken_from_the_file_that_is_named_then_from_the_environment_then_from_here(
    terminal: Terminal,
) -> None:
    for name in ("named", "told", "here"):
        terminal.write(f"{name}/config.toml", f"[lists.{name}]\n")
    terminal.folder = terminal.folder / "here"

    def lists(*arguments: str) -> str:
        return terminal.digest(*arguments, "run", "--list", "?").complaint(status=2).rpartition(" ")[2]

    assert lists() == "here"
    terminal.environment["DIGEST_CONFIG"] = "../told/config.toml"
    assert lists() == "told"
    assert lists("--config", "../named/config.toml") == "named"


@pytest.mark.parametrize(
    ("config", "environment", "says"),
    [
        ("[lists.daily]\nsentense = 3", {}, "lists.daily.sentense is no setting; did you mean 'sentences'?"),
        ("[lists.daily]\nat = '25:00'", {}, "'25:00' is not a time of day; write it as 07:00"),
        ("[lists.daily]\ntimezone = 'Mars/Olympus'", {}, "no time zone is called 'Mars/Olympus'"),
        ("[sources.a]\nkind = 'feed'", {}, "a feed needs its url"),
        ("[lists.daily]\nsources = ['b']\n", {}, "no source is called 'b'"),
        ("", {"DIGEST_TRANSPROT__HOST": "x"}, "DIGEST_TRANSPROT__HOST is no setting"),
        ("", {"DIGEST_TRANSPORT__PORT": "many"}, "transport.port"),
        ("database = 'nonsense'", {}, "database = 'nonsense' is no SQLAlchemy URL"),
        ("[lists.daily\n", {}, "config.toml is not valid TOML"),
        ("\x00\x01", {}, "config.toml is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right_and_the_status_is_2(
    terminal: Terminal, config: str, environment: dict[str, str], says: str
) -> None:
    terminal.settings(config)
    terminal.environment |= environment
    assert says in terminal.digest("subscribers", "list").complaint(status=2)


def test_what_keeps_something_says_where_it_takes_the_samples_settings(terminal: Terminal) -> None:
    told = "there is no config.toml here, so the sample's settings are used; `digest init` writes one"
    assert told in terminal.digest("subscribers", "add", "ada@mail.example").succeeded().err
    terminal.article("tide.txt", "The tide is high")
    assert terminal.digest("run", "tide.txt").succeeded().err == ""
    terminal.digest("init").succeeded()
    assert terminal.digest("subscribers", "add", "ada@mail.example").succeeded().err == ""


def test_settings_that_are_not_there_or_no_text_are_refused(terminal: Terminal) -> None:
    assert "`digest init` writes one" in terminal.digest("-c", "gone.toml", "doctor").complaint(status=2)
    terminal.write("config.toml", bytes(range(256)))
    assert "config.toml is not valid TOML" in terminal.digest("doctor").complaint(status=2)
