"""JUnit XML, as CI systems read it: one suite for each group, one case for each thing judged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One line of the report; with failures it failed."""

    suite: str
    name: str
    failures: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    output: str = ""


def junit(name: str, cases: Iterable[JunitCase]) -> str:
    """Return the document."""
    groups: dict[str, list[JunitCase]] = {}
    for one in cases:
        groups.setdefault(one.suite, []).append(one)
    every = [one for group in groups.values() for one in group]
    root = ET.Element("testsuites", _counts(name, every))
    for suite, members in groups.items():
        element = ET.SubElement(root, "testsuite", _counts(suite, members))
        for one in members:
            _add(element, one)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)


def _counts(name: str, cases: list[JunitCase]) -> dict[str, str]:
    failed = sum(bool(one.failures) for one in cases)
    return {"name": _text(name), "tests": str(len(cases)), "failures": str(failed), "errors": "0"}


def _add(suite: ET.Element, case: JunitCase) -> None:
    attributes = {"name": _text(case.name), "classname": _text(case.suite)}
    if case.file:
        attributes["file"] = _text(case.file)
    if case.line:
        attributes["line"] = str(case.line)
    element = ET.SubElement(suite, "testcase", attributes)
    for text in case.failures:
        failure = ET.SubElement(element, "failure", {"message": _text(text.splitlines()[0])})
        failure.text = _text(text)
    if case.output:
        ET.SubElement(element, "system-out").text = _text(case.output)


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
