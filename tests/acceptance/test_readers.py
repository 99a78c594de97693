"""`digest subscribers` and `digest consent`: who gets it, from any file and back, and what is known of one."""

import csv
import io
import json
import os
import pty
import subprocess
import zipfile
from collections.abc import Iterable

import pytest
from terminal import PATIENCE, Terminal

CSV = "name,E-Mail\r\nAda,ada@mail.example\r\nNobody,nobody\r\nGrace,grace@mail.example\r\n"
TWO_LISTS = ("[lists.daily.sections.science]", "[lists.weekly]")


def states(terminal: Terminal) -> dict[str, str]:
    listed = terminal.digest("subscribers", "list", "--json").succeeded().json
    return {reader["address"]: reader["state"] for reader in listed}


def letters(terminal: Terminal) -> int:
    """Count the mails that have gone out to anybody."""
    return len(list((terminal.folder / "var/mail").glob("*/new/*")))


def exported(terminal: Terminal) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(terminal.digest("subscribers", "export").succeeded().out)))


def without(rows: Iterable[dict[str, str]], *names: str) -> list[dict[str, str]]:
    return [{name: cell for name, cell in row.items() if name not in names} for row in rows]


# --- one by one


def test_readers_are_added_listed_and_removed_however_their_address_is_spelled(terminal: Terminal) -> None:
    nobody = terminal.digest("subscribers", "list").succeeded()
    assert (nobody.out, nobody.err.count("nobody yet")) == ("", 1)
    added = terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    assert added.out == "ada@mail.example: active on daily\ngrace@mail.example: active on daily\n"
    terminal.digest("subscribers", "add", "Grace@Mail.EXAMPLE").succeeded()
    removed = terminal.digest("subscribers", "remove", "ADA@mail.example").succeeded()
    assert removed.out == "ada@mail.example: unsubscribed on daily\n"
    assert states(terminal) == {"ada@mail.example": "unsubscribed", "grace@mail.example": "active"}


def test_what_is_no_address_or_not_there_is_refused_with_what_to_do(terminal: Terminal) -> None:
    added = terminal.digest("subscribers", "add", "nobody")
    assert added.complaint(status=1) == "'nobody' is not a mail address: it has no @"
    for command in ("remove", "pause", "resume"):
        refused = terminal.digest("subscribers", command, "ada@mail.example")
        assert "`digest subscribers list` shows who" in refused.complaint(status=1)
    released = terminal.digest("subscribers", "release", "ada@mail.example")
    assert released.complaint(status=1).startswith("ada@mail.example is not suppressed")


def test_a_pending_reader_is_asked_by_mail_and_gets_no_issue_before_he_says_yes(terminal: Terminal) -> None:
    terminal.small_day()
    added = terminal.digest("subscribers", "add", "--pending", "ada@mail.example").succeeded()
    assert added.out == "ada@mail.example: pending on daily\n"
    [question] = terminal.mails("ada@mail.example")
    assert question["List-Unsubscribe-Post"] is None
    assert "for 0 readers" in terminal.digest("run").succeeded().out
    assert len(terminal.mails("ada@mail.example")) == 1


def test_a_reader_is_paused_until_a_day_or_until_he_is_resumed(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    paused = terminal.digest("subscribers", "pause", "--days", "3", "ADA@mail.example").succeeded()
    assert paused.out.startswith("ada@mail.example: paused on daily until 20")
    [reader] = terminal.digest("subscribers", "list", "--json").succeeded().json
    assert reader["paused_until"].startswith(paused.out.split()[-3])
    assert "for 0 readers" in terminal.digest("run").succeeded().out
    assert (
        terminal.digest("subscribers", "resume", "ada@mail.example").succeeded().out
        == "ada@mail.example: active on daily\n"
    )
    assert (
        terminal.digest("subscribers", "pause", "ada@mail.example").succeeded().out
        == "ada@mail.example: paused on daily\n"
    )


def test_an_address_that_is_suppressed_is_not_added_until_it_is_released(terminal: Terminal) -> None:
    suppressed = terminal.digest("subscribers", "suppress", "--reason", "complaint", "Ada@mail.example")
    assert suppressed.succeeded().out == "Ada@mail.example: suppressed, complaint\n"
    again = terminal.digest("subscribers", "suppress", "ada@mail.example").succeeded()
    assert again.out == "ada@mail.example: was suppressed, complaint\n"
    for more in ([], ["--pending"]):
        added = terminal.digest("subscribers", "add", *more, "ada@mail.example")
        assert added.complaint(status=1) == (
            "ada@mail.example must not be mailed: complaint; `digest subscribers release` lets mail go there again"
        )
    released = terminal.digest("subscribers", "release", "ADA@mail.example").succeeded()
    assert released.out == "ADA@mail.example: released, it was complaint\n"
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()


def test_who_is_suppressed_is_seen_beside_his_state_until_he_is_released(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    nobody = terminal.digest("subscribers", "list", "--suppressed").succeeded()
    assert (nobody.out, nobody.err.splitlines()[-1]) == ("", "no subscriber is suppressed")
    terminal.digest("subscribers", "suppress", "--reason", "hard-bounce", "Ada@mail.example").succeeded()

    ada = "daily        active       ada@mail.example  suppressed: hard-bounce\n"
    grace = "daily        active       grace@mail.example\n"
    assert terminal.digest("subscribers", "list").succeeded().out == ada + grace
    assert terminal.digest("subscribers", "list", "--suppressed").succeeded().out == ada
    listed = terminal.digest("subscribers", "list", "--json").succeeded().json
    assert [one.get("suppressed") for one in listed] == ["hard-bounce", None]
    assert listed == terminal.digest("subscribers", "export", "--json").succeeded().lines
    assert [row["suppressed"] for row in exported(terminal)] == ["hard-bounce", ""]

    content = terminal.digest("subscribers", "export").succeeded().out.encode()
    elsewhere = Terminal(terminal.folder / "elsewhere")
    elsewhere.digest("subscribers", "import", "-", stdin=content).succeeded()
    assert elsewhere.digest("subscribers", "list", "--suppressed").succeeded().out == ""
    lifted = content.replace(b"hard-bounce", b"")
    terminal.digest("subscribers", "import", "-", stdin=lifted).succeeded()
    assert terminal.digest("subscribers", "list", "--suppressed").succeeded().out == ada

    terminal.digest("subscribers", "release", "ada@mail.example").succeeded()
    assert "suppressed" not in terminal.digest("subscribers", "list").succeeded().out


def test_who_cannot_be_asked_because_of_his_domain_is_told_so(terminal: Terminal) -> None:
    terminal.small_day('signup.refused_domains = ["burner.example"]')
    added = terminal.digest("subscribers", "add", "--pending", "ada@burner.example")
    assert added.complaint(status=1) == "ada@burner.example: its domain is one of signup.refused_domains"


def test_only_a_reason_that_the_operator_can_know_is_taken(terminal: Terminal) -> None:
    refused = terminal.digest("subscribers", "suppress", "--reason", "erased", "ada@mail.example")
    assert "'erased'" in refused.complaint(status=2)


# --- files in


def test_a_csv_with_a_header_is_imported_and_each_refused_row_is_named(terminal: Terminal) -> None:
    terminal.write("readers.csv", "\ufeff" + CSV)
    imported = terminal.digest("subscribers", "import", "readers.csv", "--report", "refused.csv")
    assert (imported.status, imported.out) == (
        1,
        "daily: 2 readers added, 0 there already\n1 row refused\n",
    )
    reason = "'nobody' is not a mail address: it has no @"
    assert imported.complaint(status=1) == f"readers.csv:3: {reason}"
    assert list(csv.reader(io.StringIO(terminal.read("refused.csv")))) == [
        ["line", "address", "reason"],
        ["3", "nobody", harmless(reason)],
    ]
    assert states(terminal) == {"ada@mail.example": "active", "grace@mail.example": "active"}
    assert letters(terminal) == 0


def harmless(reason: str) -> str:
    """A reason begins with what was quoted, which is no formula."""
    assert not reason.startswith(tuple("=+-@"))
    return reason


def test_a_file_that_is_imported_again_changes_nothing(terminal: Terminal) -> None:
    terminal.write("readers.txt", "\ufeffada@mail.example\n\ngrace@mail.example\nADA@mail.example\n")
    first = terminal.digest("subscribers", "import", "readers.txt").succeeded()
    assert first.out == "daily: 2 readers added, 1 there already\n0 rows refused\n"
    before = terminal.digest("subscribers", "list", "--json").succeeded().out
    again = terminal.digest("subscribers", "import", "readers.txt").succeeded()
    assert again.out == "daily: 0 readers added, 3 there already\n0 rows refused\n"
    assert terminal.digest("subscribers", "list", "--json").succeeded().out == before


def test_standard_input_is_imported_like_a_file(terminal: Terminal) -> None:
    """PowerShell puts a byte order mark before what it pipes, or writes UTF-16."""
    for content in (b"\xef\xbb\xbfada@mail.example\n", "grace@mail.example\r\n".encode("utf-16")):
        imported = terminal.digest("subscribers", "import", "-", stdin=content).succeeded()
        assert imported.out == "daily: 1 reader added, 0 there already\n0 rows refused\n"
    assert states(terminal) == {"ada@mail.example": "active", "grace@mail.example": "active"}


@pytest.mark.parametrize("more", [[], ["--pending"]])
def test_a_dry_run_says_what_would_be_and_does_nothing(terminal: Terminal, more: list[str]) -> None:
    terminal.digest("subscribers", "add", "grace@mail.example").succeeded()
    terminal.digest("subscribers", "suppress", "eve@mail.example").succeeded()
    content = f"{CSV}Ada,ADA@mail.example\r\nEve,eve@mail.example\r\n".encode()
    imported = terminal.digest("subscribers", "import", "--dry-run", *more, "-", stdin=content)
    done = "would be asked by mail" if more else "would be added"
    assert imported.out == f"daily: 1 reader {done}, 2 there already\n2 rows refused\n"
    assert imported.complaints == [
        "-:3: 'nobody' is not a mail address: it has no @",
        "-:6: eve@mail.example must not be mailed: manual",
    ]
    assert states(terminal) == {"grace@mail.example": "active"}
    assert letters(terminal) == 0


def test_every_reader_of_a_file_is_asked_by_mail_only_where_that_is_asked_for(terminal: Terminal) -> None:
    content = (
        b"email,language,frequency\nada@mail.example,de,weekly\ngrace@mail.example,,\nada@mail.example,,\n"
    )
    imported = terminal.digest("subscribers", "import", "--pending", "-", stdin=content).succeeded()
    assert imported.out == "daily: 2 readers asked by mail, 1 there already\n0 rows refused\n"
    assert states(terminal) == {"ada@mail.example": "pending", "grace@mail.example": "pending"}
    [german] = terminal.mails("ada@mail.example")
    [english] = terminal.mails("grace@mail.example")
    assert german["Subject"] != english["Subject"]
    terminal.digest("subscribers", "import", "--pending", "-", stdin=content).succeeded()
    assert letters(terminal) == 2
    [entry] = terminal.digest("consent", "show", "--json", "ada@mail.example").succeeded().json
    assert len(entry["consent"]["wording"]) == 12


def test_nobody_comes_back_through_a_file_who_has_left_or_is_forgotten(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    terminal.digest("subscribers", "remove", "ada@mail.example").succeeded()
    ours = terminal.digest("subscribers", "export").succeeded().out.encode()
    terminal.digest("subscribers", "erase", "--yes", "grace@mail.example").succeeded()
    for more in ([], ["--pending"]):
        imported = terminal.digest(
            "subscribers", "import", *more, "-", stdin=b"ada@mail.example\nGrace@mail.example\n"
        )
        assert imported.complaints == [
            "-:1: ada@mail.example has left daily; if he asked to come back, add him by name",
            "-:2: Grace@mail.example must not be mailed: erased",
        ]
    as_one_who_left = ours.replace(b",active,", b",unsubscribed,")
    imported = terminal.digest("subscribers", "import", "-", stdin=as_one_who_left)
    assert imported.complaints == ["-:3: grace@mail.example must not be mailed: erased"]
    assert states(terminal) == {"ada@mail.example": "unsubscribed"}
    assert letters(terminal) == 0


def test_the_exports_of_listmonk_mailman_and_mailchimp_are_recognised(terminal: Terminal) -> None:
    terminal.write(
        "listmonk.csv",
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        'u,ada@mail.example,Ada,"{""city"": ""Oslo""}",enabled,x,y\nv,bob@mail.example,Bob,{},blocklisted,x,y\n',
    )
    terminal.write("mailman.txt", 'Cyd <cyd@mail.example>\n"Person, Dee" <dee@mail.example>\n')
    header = "Email Address,First Name,Address,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS"
    row = "eve@mail.example,Eve,1 Harbour St,,2024-03-16 14:40:47,1,2,vip"
    for name in ("subscribed_members_export_1.csv", "cleaned_members_export_1.csv"):
        terminal.write(name, f"{header}\n{row}\n")
    assert "bob" not in str(states(terminal))
    refused = terminal.digest("subscribers", "import", "listmonk.csv").complaint(status=1)
    assert refused.startswith("listmonk.csv:3: its status is 'blocklisted'")
    terminal.digest("subscribers", "import", "mailman.txt").succeeded()
    terminal.digest("subscribers", "import", "subscribed_members_export_1.csv").succeeded()
    refused = terminal.digest("subscribers", "import", "cleaned_members_export_1.csv").complaint(status=1)
    assert "calls cleaned" in refused
    assert set(states(terminal)) == {f"{name}@mail.example" for name in ("ada", "cyd", "dee", "eve")}
    database = (terminal.folder / "var/digest.db").read_bytes()
    assert [word for word in (b"Person, Dee", b"Harbour", b"Oslo", b"vip") if word in database] == []


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(terminal: Terminal) -> None:
    assert "gone.csv cannot be read: No such file" in terminal.digest(
        "subscribers", "import", "gone.csv"
    ).complaint(status=1)
    with zipfile.ZipFile(terminal.folder / "export.zip", "w") as archive:
        archive.writestr("../../escaped.csv", "email\nada@mail.example\n")
    refused = terminal.digest("subscribers", "import", "export.zip").complaint(status=1)
    assert refused.endswith("unpack it, or save the sheet as CSV, and import that")
    terminal.write("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0")
    assert "it is no text" in terminal.digest("subscribers", "import", "picture.csv").complaint(status=1)
    terminal.write("readers.csv", CSV)
    nowhere = terminal.digest("subscribers", "import", "readers.csv", "--report", "no/such/place.csv")
    assert "no/such/place.csv cannot be written" in nowhere.complaint(status=1)
    itself = terminal.digest("subscribers", "import", "readers.csv", "--report", "readers.csv")
    assert "is the file to import" in itself.complaint(status=2)
    assert terminal.read("readers.csv").startswith("name,E-Mail")
    assert states(terminal) == {}


def test_a_file_that_holds_no_readers_is_one_line(terminal: Terminal) -> None:
    terminal.write("empty.csv", "\n")
    imported = terminal.digest("subscribers", "import", "empty.csv")
    assert imported.complaint(status=1) == "empty.csv cannot be read: it is empty"
    terminal.write(
        "wrong.toml", "# settings, and more\n" + 'name = "x"\n' * 40 + 'address = "x@mail.example" # y\n'
    )
    imported = terminal.digest("subscribers", "import", "wrong.toml", "--report", "refused.csv")
    assert imported.complaint(status=1) == (
        "wrong.toml holds no readers: there is no mail address in 41 rows; "
        "is it the right file, with a column called email?"
    )
    assert (imported.out, "header" in imported.err) == ("", False)
    assert len(terminal.read("refused.csv").splitlines()) == 42


def test_of_many_refused_rows_the_first_ones_are_named_and_the_others_counted(terminal: Terminal) -> None:
    terminal.write("readers.csv", "Name;E-Mail-Adresse\nAda;ada@mail.example\n" + "Nobody;nobody@\n" * 198)
    imported = terminal.digest("subscribers", "import", "readers.csv", "--report", "refused.csv")
    assert (imported.status, imported.out) == (
        1,
        "daily: 1 reader added, 0 there already\n198 rows refused\n",
    )
    assert "readers.csv: line 1 is read as a header: it holds no mail address" in imported.err
    *named, rest = imported.complaints
    assert [line.split()[0] for line in named] == [f"readers.csv:{number}:" for number in range(3, 13)]
    assert rest == "readers.csv: … and 188 more; --report FILE names all"
    assert len(terminal.read("refused.csv").splitlines()) == 199


def test_latin_1_is_read_and_said_aloud(terminal: Terminal) -> None:
    terminal.write("latin.csv", "address\nada@mail.example\nj\xf6rg@mail.example\n".encode("latin-1"))
    imported = terminal.digest("subscribers", "import", "latin.csv").succeeded()
    assert "latin.csv: line 3 is not UTF-8: it, and others like it, are read as Latin-1" in imported.err
    assert set(states(terminal)) == {"ada@mail.example", "jörg@mail.example"}


def test_a_list_that_is_not_there_is_named_before_anything_is_read(terminal: Terminal) -> None:
    refused = terminal.digest("subscribers", "import", "--list", "nightly", "gone.csv")
    assert refused.complaint(status=2).startswith("no list is called 'nightly'")


# --- files out


def test_an_export_runs_no_formula_in_a_spreadsheet_and_is_read_back_as_it_was(terminal: Terminal) -> None:
    """=, +, - and @ are letters of an address and the beginning of a formula."""
    addresses = {
        "=cmd@mail.example",
        "+1@mail.example",
        "-2@mail.example",
        "ada@mail.example",
        "'=x@mail.example",
    }
    terminal.digest("subscribers", "add", "--", *sorted(addresses)).succeeded()
    rows = exported(terminal)
    assert {row["address"] for row in rows} == {
        "'=cmd@mail.example",
        "'+1@mail.example",
        "'-2@mail.example",
        "''=x@mail.example",
        "ada@mail.example",
    }
    assert {(row["list"], row["state"], row["consent"]) for row in rows} == {("daily", "active", "operator")}
    elsewhere = Terminal(terminal.folder / "elsewhere")
    content = terminal.digest("subscribers", "export").succeeded().out.encode()
    elsewhere.digest("subscribers", "import", "-", stdin=content).succeeded()
    assert set(states(elsewhere)) == addresses


def test_another_installation_gets_the_same_readers_with_their_states_and_wishes(terminal: Terminal) -> None:
    terminal.settings(*TWO_LISTS)
    wishes = "weekly,07:00,Europe/Paris,science=more,5,fr,text"
    content = f"email,frequency,hour,zone,topics,minutes,language,format\nada@mail.example,{wishes}\n"
    terminal.digest("subscribers", "import", "-", stdin=content.encode()).succeeded()
    terminal.digest(
        "subscribers", "add", "bob@mail.example", "cyd@mail.example", "dee@mail.example"
    ).succeeded()
    terminal.digest("subscribers", "add", "--list", "weekly", "ada@mail.example").succeeded()
    terminal.digest("subscribers", "pause", "--days", "9", "bob@mail.example").succeeded()
    terminal.digest("subscribers", "pause", "cyd@mail.example").succeeded()
    terminal.digest("subscribers", "remove", "dee@mail.example").succeeded()
    terminal.digest("subscribers", "add", "--pending", "eve@mail.example").succeeded()
    rows = exported(terminal)
    assert {row["state"] for row in rows} == {"active", "paused", "unsubscribed", "pending"}

    elsewhere = Terminal(terminal.folder / "elsewhere")
    elsewhere.settings(*TWO_LISTS)
    content = terminal.digest("subscribers", "export").succeeded().out
    imported = elsewhere.digest("subscribers", "import", "-", stdin=content.encode()).succeeded()
    assert imported.out == (
        "daily: 5 readers added, 0 there already\nweekly: 1 reader added, 0 there already\n0 rows refused\n"
    )
    assert without(exported(elsewhere), "since", "consent") == without(rows, "since", "consent")
    assert {row["consent"] for row in exported(elsewhere)} == {"import"}
    assert letters(elsewhere) == 0


def test_rows_of_a_list_that_is_not_here_are_refused_or_go_where_one_says(terminal: Terminal) -> None:
    content = b"address,list,state,since\nada@mail.example,nightly,active,\n"
    refused = terminal.digest("subscribers", "import", "-", stdin=content)
    assert refused.complaint(status=1) == "-:2: no list is called 'nightly'; --list names one"
    moved = terminal.digest("subscribers", "import", "--list", "daily", "-", stdin=content).succeeded()
    assert moved.out == "daily: 1 reader added, 0 there already\n0 rows refused\n"


def test_an_export_as_json_is_an_object_a_line_with_wishes_and_pauses(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example", "bob@mail.example").succeeded()
    terminal.digest("subscribers", "pause", "--days", "2", "bob@mail.example").succeeded()
    lines = terminal.digest("subscribers", "export", "--json").succeeded().lines
    assert [(one["address"], one["state"], "paused_until" in one) for one in lines] == [
        ("ada@mail.example", "active", False),
        ("bob@mail.example", "paused", True),
    ]
    assert lines[0]["wishes"] == {"frequency": "daily", "topics": [], "format": "html"}
    assert lines == terminal.digest("subscribers", "list", "--json").succeeded().json


# --- what is known, and forgetting it


def test_all_that_is_known_of_a_reader_is_shown_as_he_would_get_it(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    terminal.digest("run").succeeded()
    known = terminal.digest("subscribers", "show", "ADA@mail.example").succeeded().json
    [subscription] = known["subscriptions"]
    assert [one["state"] for one in subscription["deliveries"]] == ["sent"]
    assert [one["act"] for one in known["consent"]] == ["active"]
    stranger = terminal.digest("subscribers", "show", "eve@mail.example").succeeded().json
    assert [name for name, what in stranger.items() if what] == ["address"]


def type_again(terminal: Terminal, answer: str, *arguments: str) -> tuple[int, str]:
    """Run a command at a real terminal and answer what it asks; give its status and what it has shown."""
    ours, its = pty.openpty()
    command = [*terminal.program, *arguments]
    with subprocess.Popen(
        command,
        cwd=terminal.folder,
        env=terminal.environment,
        stdin=its,
        stdout=its,
        stderr=its,
        close_fds=True,
    ) as process:
        os.close(its)
        os.write(ours, answer.encode())
        shown = b""
        try:
            while more := os.read(ours, 4096):
                shown += more
        except OSError:  # Linux's way to say that the other side has closed
            pass
        status = process.wait(PATIENCE)
    os.close(ours)
    return status, shown.decode()


def test_a_reader_is_forgotten_only_after_his_address_was_typed_again(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    status, shown = type_again(terminal, "grace@mail.example\n", "subscribers", "erase", "ada@mail.example")
    assert status == 1
    assert "that is another address; ada@mail.example is not forgotten" in shown
    status, shown = type_again(terminal, "yes\n", "subscribers", "erase", "ada@mail.example")
    assert status == 1
    assert len(states(terminal)) == 2
    status, shown = type_again(terminal, "ADA@mail.example\n", "subscribers", "erase", "ada@mail.example")
    assert status == 0, shown
    assert "This cannot be undone" in shown
    assert states(terminal) == {"grace@mail.example": "active"}


def test_without_a_terminal_nobody_is_forgotten_unless_one_says_so(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    asked = terminal.digest("subscribers", "erase", "ada@mail.example", stdin=b"ada@mail.example\n")
    assert "say --yes" in asked.complaint(status=2)
    assert states(terminal) == {"ada@mail.example": "active"}
    erased = terminal.digest("subscribers", "erase", "--yes", "Ada@mail.example").succeeded()
    assert erased.out == "Ada@mail.example: forgotten\n"
    assert states(terminal) == {}
    assert b"ada@mail" not in (terminal.folder / "var/digest.db").read_bytes()


def test_one_of_whom_nothing_was_kept_is_barred_and_a_script_hears_of_it(terminal: Terminal) -> None:
    """A misspelled address must not pass for a reader who is forgotten; a stranger's is barred all the same."""
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    for _ in range(2):
        erased = terminal.digest("subscribers", "erase", "--yes", "adda@mail.example")
        assert erased.complaint(status=1).startswith(
            "nothing was kept of adda@mail.example, nobody is forgotten; no mail goes there from now on"
        )
        assert erased.out == ""
    assert states(terminal) == {"ada@mail.example": "active"}
    added = terminal.digest("subscribers", "add", "adda@mail.example")
    assert "must not be mailed: erased" in added.complaint(status=1)


def test_one_who_is_forgotten_comes_back_by_the_operators_hand_alone(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()
    terminal.digest("subscribers", "erase", "--yes", "ada@mail.example").succeeded()
    added = terminal.digest("subscribers", "add", "ada@mail.example")
    assert added.complaint(status=1).startswith("ada@mail.example must not be mailed: erased; `digest")
    released = terminal.digest("subscribers", "release", "ada@mail.example").succeeded()
    assert released.out == "ada@mail.example: released, it was erased\n"
    terminal.digest("subscribers", "add", "ada@mail.example").succeeded()


# --- the log of consent


def test_the_log_says_what_a_reader_agreed_to_and_proves_itself(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    terminal.digest("subscribers", "remove", "ada@mail.example").succeeded()
    shown = terminal.digest("consent", "show", "ADA@mail.example").succeeded().out.splitlines()
    assert [line.split()[3:] for line in shown] == [
        ["daily", "active", "by", "operator"],
        ["daily", "unsubscribed", "by", "operator"],
    ]
    written = terminal.digest("consent", "export").succeeded()
    assert [line["id"] for line in written.lines] == [1, 2, 3]
    link = written.lines[-1]["link"]
    assert f"the last link is {link}" in written.err

    terminal.digest("subscribers", "erase", "--yes", "ada@mail.example").succeeded()
    verified = terminal.digest("consent", "verify", "--head", link).succeeded()
    assert verified.out == f"the log of consent holds: 3 entries, the last link is {link}\n"
    nothing = terminal.digest("consent", "show", "ada@mail.example").succeeded()
    assert (nothing.out, nothing.err) == ("", "the log says nothing of ada@mail.example\n")
    assert [line["consent"] is None for line in terminal.digest("consent", "export").lines] == [
        True,
        False,
        True,
    ]


def test_a_log_that_was_changed_or_cut_off_is_one_line_and_status_1(terminal: Terminal) -> None:
    terminal.digest("subscribers", "add", "ada@mail.example", "grace@mail.example").succeeded()
    link = terminal.digest("consent", "export").succeeded().lines[-1]["link"]
    sql(terminal, "DELETE FROM consents WHERE id = 2")
    terminal.digest("consent", "verify").succeeded()
    cut = terminal.digest("consent", "verify", "--head", link).complaint(status=1)
    assert (
        cut
        == "the log of consent does not hold: it does not contain the given link: entries at its end are gone"
    )
    sql(terminal, "UPDATE consents SET content = replace(content, 'ada', 'eve')")
    changed = terminal.digest("consent", "verify").complaint(status=1)
    assert changed == "the log of consent does not hold: entry 1 says something else than when it was written"
    wrong = terminal.digest("consent", "verify", "--head", "abc").complaint(status=2)
    assert "is no link" in wrong


def sql(terminal: Terminal, statement: str) -> None:
    """Do to the database what somebody with a database browser can do."""
    program = f"import sqlite3; c = sqlite3.connect('var/digest.db'); c.execute({json.dumps(statement)}); c.commit()"
    assert terminal.run("python3", "-c", program).status == 0
