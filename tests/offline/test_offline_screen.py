"""What a terminal shows: wrapped, coloured, moving; and what a file gets: none of it."""

from __future__ import annotations

import io
import sys
import threading
from xml.etree import ElementTree as ET

import pytest

from webhook.offline import screen
from webhook.offline.junit import JunitCase, junit
from webhook.offline.screen import counted, followed, patience, say, write_table

ROWS = [("passed", "a", "one two three four five six seven"), ("FAILED", "bb", "")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let this test write to a terminal of 38 columns; in a fixture pytest would undo it."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    for name, value in (("COLUMNS", "38"), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    return stream


def test_file_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("RESULT", "IN", "CASE"), ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "RESULT  IN  CASE",
        "passed  a   one two three four five six seven",
        "FAILED  bb",
    ]


def test_terminal_gets_the_last_column_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    write_table(("RESULT", "IN", "CASE"), ROWS, ["", "red"])
    text = terminal.getvalue()
    assert "\x1b[3" not in text  # no colour
    assert [line.strip("\x1b[01m") for line in text.splitlines()] == [
        "RESULT  IN  CASE",
        "passed  a   one two three four five",
        "            six seven",
        "FAILED  bb",
    ]


def test_colours_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    monkeypatch.delenv("NO_COLOR")
    say("error", "red", "text")
    assert terminal.getvalue() == "\x1b[31merror\x1b[0m: text\n"


def test_empty_table_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("A",), [])
    assert capsys.readouterr().out == ""


def test_progress_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    assert list(followed("ab", 2, "working")) == ["a", "b"]
    assert terminal.getvalue() == ""
    monkeypatch.setattr(screen, "PATIENCE_SECONDS", -1.0)
    assert list(followed("ab", 2, "working")) == ["a", "b"]
    assert "working" in terminal.getvalue()


def test_no_progress_for_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "PATIENCE_SECONDS", -1.0)
    assert list(followed("ab", 2, "working")) == ["a", "b"]
    assert capsys.readouterr().err == ""


def test_patience_is_asked_for_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with patience("checking"):
        pass
    assert "checking" not in terminal.getvalue()
    monkeypatch.setattr(screen, "PATIENCE_SECONDS", 0.0)
    seen = threading.Event()
    with patience("checking"):
        while "checking ..." not in terminal.getvalue():
            seen.wait(0.01)


def test_no_patience_for_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "PATIENCE_SECONDS", 0.0)
    with patience("checking"):
        threading.Event().wait(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("number", "text"), [(0, "no cases"), (1, "1 case"), (2, "2 cases")])
def test_counted(number: int, text: str) -> None:
    assert counted(number, "case") == text


def test_junit_leaves_out_what_is_unknown() -> None:
    (found,) = ET.fromstring(junit("x", [JunitCase("a", "b")])).iter("testcase")
    assert found.attrib == {"name": "b", "classname": "a"}


def test_junit_holds_any_text() -> None:
    case = JunitCase("a<b", "bad \x00\ud800", ("first\nsecond",), "f.yaml", 3, "said")
    root = ET.fromstring(junit("x", [case]))
    (found,) = root.iter("testcase")
    assert found.attrib == {
        "name": "bad \ufffd\ufffd",
        "classname": "a<b",
        "file": "f.yaml",
        "line": "3",
    }
    assert [one.text for one in found] == ["first\nsecond", "said"]
