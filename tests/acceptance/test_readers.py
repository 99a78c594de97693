"""`digest subscribers`: who gets it, from files of any spreadsheet and back."""

import csv
import io

from terminal import Terminal

CSV = "name,E-Mail\r\nAda,ada@mail.example\r\nNobody,nobody\r\nGrace,grace@mail.example\r\n"


def states(terminal: Terminal) -> dict[str, str]:
    listed = terminal.digest("subscribers", "list", "--json").succeeded().json
    return {reader["address"]: reader["state"] for reader in listed}


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
    removed = terminal.digest("subscribers", "remove", "ada@mail.example")
    assert "is not on daily; `digest subscribers list` shows who is" in removed.complaint(status=1)


def test_a_csv_with_a_header_is_imported_and_each_refused_row_is_named(terminal: Terminal) -> None:
    terminal.write("readers.csv", "\ufeff" + CSV)
    imported = terminal.digest("subscribers", "import", "readers.csv")
    assert (imported.status, imported.out) == (1, "2 readers added to daily, 1 row refused\n")
    assert imported.complaint(status=1).startswith("readers.csv:3: 'nobody' is not a mail address")
    assert states(terminal) == {"ada@mail.example": "active", "grace@mail.example": "active"}


def test_plain_lines_with_a_byte_order_mark_are_imported(terminal: Terminal) -> None:
    terminal.write("readers.txt", "\ufeffada@mail.example\n\ngrace@mail.example\n")
    imported = terminal.digest("subscribers", "import", "readers.txt").succeeded()
    assert imported.out == "2 readers added to daily, 0 rows refused\n"
    assert set(states(terminal)) == {"ada@mail.example", "grace@mail.example"}


def test_standard_input_is_imported_like_a_file(terminal: Terminal) -> None:
    """PowerShell puts a byte order mark before what it pipes."""
    imported = terminal.digest(
        "subscribers", "import", "-", stdin=b"\xef\xbb\xbfada@mail.example\n"
    ).succeeded()
    assert imported.out == "1 reader added to daily, 0 rows refused\n"
    assert states(terminal) == {"ada@mail.example": "active"}


def test_a_dry_run_of_an_import_adds_nobody(terminal: Terminal) -> None:
    imported = terminal.digest("subscribers", "import", "--dry-run", "-", stdin=CSV.encode())
    assert imported.out == "2 readers would be added to daily, 1 row refused\n"
    assert states(terminal) == {}


def test_a_file_that_cannot_be_read_is_named(terminal: Terminal) -> None:
    assert "gone.csv cannot be read" in terminal.digest("subscribers", "import", "gone.csv").complaint(
        status=1
    )
    terminal.write("latin.csv", "address\nada@mail.example\nj\xf6rg@mail.example\n".encode("latin-1"))
    assert "latin.csv cannot be read" in terminal.digest("subscribers", "import", "latin.csv").complaint(
        status=1
    )


def test_an_export_runs_no_formula_in_a_spreadsheet_and_is_read_back_as_it_was(terminal: Terminal) -> None:
    """=, +, - and @ are letters of an address and the beginning of a formula."""
    addresses = {"=cmd@mail.example", "+1@mail.example", "-2@mail.example", "ada@mail.example"}
    terminal.digest("subscribers", "add", "--", *sorted(addresses)).succeeded()
    exported = terminal.digest("subscribers", "export").succeeded().out
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert {row["address"] for row in rows} == {
        "'=cmd@mail.example",
        "'+1@mail.example",
        "'-2@mail.example",
        "ada@mail.example",
    }
    assert {(row["list"], row["state"], row["consent"]) for row in rows} == {("daily", "active", "operator")}
    elsewhere = Terminal(terminal.folder / "elsewhere")
    elsewhere.digest("subscribers", "import", "-", stdin=exported.encode()).succeeded()
    assert set(states(elsewhere)) == addresses


def test_a_pending_reader_is_asked_by_mail_and_gets_no_issue_before_he_says_yes(terminal: Terminal) -> None:
    terminal.small_day()
    added = terminal.digest("subscribers", "add", "--pending", "ada@mail.example").succeeded()
    assert added.out == "ada@mail.example: pending on daily\n"
    [question] = terminal.mails("ada@mail.example")
    assert question["List-Unsubscribe-Post"] is None
    assert "for 0 readers" in terminal.digest("run").succeeded().out
    assert len(terminal.mails("ada@mail.example")) == 1
