"""One JSON object a line, whatever is logged."""

import logging
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from webhook.logs import JsonFormatter, start_logging


def line(message: str = "hello", **fields: Any) -> dict[str, Any]:
    record = logging.LogRecord("propylon.test", logging.INFO, __file__, 1, message, (), None)
    vars(record).update(fields)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    value: dict[str, Any] = orjson.loads(text)
    return value


def test_line_has_time_level_logger_message_and_fields() -> None:
    found = line(count=3, created=1.5)
    assert found == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "info",
        "logger": "propylon.test",
        "message": "hello",
        "count": 3,
    }


def test_line_break_stays_inside() -> None:
    assert line("a\nb")["message"] == "a\nb"


def test_what_json_lacks_becomes_text() -> None:
    assert line(error=ValueError("x"), by_number={1: "a"})["error"] == "x"


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert line(text="\ud800")["text"] == "'\\ud800'"


def test_exception_is_a_field() -> None:
    try:
        int("what happened")
    except ValueError:
        found = line(exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in found["exception"]
    assert "what happened" in found["exception"]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logging.captureWarnings(capture=False)
    logger.handlers[:], logger.level = handlers, level


def test_logs_go_to_standard_error(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging("warning")
    logging.getLogger("propylon.test").info("not this")
    logging.getLogger("propylon.test").warning("this", extra={"n": 1})
    (found,) = capsys.readouterr().err.splitlines()
    assert orjson.loads(found)["n"] == 1
    assert root.level == logging.WARNING
