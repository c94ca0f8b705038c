"""Writes the JSON Schema of every `propylon.dev` kind into `docs/schemas/`.

Generated from the models that documents are checked with; a test compares the files with them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from webhook.rules import MODELS
from webhook.rules.schema import file_name, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"


def schemas() -> Mapping[str, str]:
    """Return the text of each file by its name."""
    return {
        f"{file_name(kind)}.json": json.dumps(schema_of(model), indent=2, ensure_ascii=False) + "\n"
        for kind, model in MODELS.items()
    }


def write(folder: Path = FOLDER) -> None:
    """Write all files, and remove those of kinds that are gone."""
    folder.mkdir(exist_ok=True)
    wanted = schemas()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()


if __name__ == "__main__":
    write()
