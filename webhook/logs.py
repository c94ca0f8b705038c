"""Logs as one JSON object a line on standard error: time, level, logger, message, fields."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
"""What every record has; all else came through `extra`."""


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; what JSON lacks is written as its text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except orjson.JSONEncodeError:  # half of a surrogate pair in a foreign text
            return orjson.dumps({key: ascii(value) for key, value in line.items()}).decode()


def start_logging(level: str) -> None:
    """Send all logs of this process to standard error from this level up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("httpx2", "httpcore2", "aiosqlite", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
