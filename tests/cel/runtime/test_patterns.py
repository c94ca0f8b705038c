"""Regular expressions: RE2's meaning, Go's texts, and which of them may run in Python's re."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.cel.errors import BudgetError, EvaluationError
from webhook.cel.runtime.native_patterns import native_pattern, native_test
from webhook.cel.runtime.patterns import (
    NativePattern,
    compile_constant,
    compile_pattern,
    constant_matcher,
    matcher,
)

# pattern, text, first match, all matches
FOUND: list[tuple[str, str, str, list[str]]] = [
    ("[0-9]+", "abc 123", "123", ["123"]),
    ("[0-9]*", "abc 123", "", ["", "", "", "", "123"]),
    ("[0-9]*", "123 abc 456", "123", ["123", "", "", "", "", "456"]),
    ("xyz", "abc", "", []),
    ("", "éa", "", ["", "", ""]),
    ("a|", "aab", "a", ["a", "a", ""]),
    ("(?i)É", "é", "é", ["é"]),
    ("x*", "a\U0001f600€ß", "", ["", "", "", "", ""]),
    ("\\w*?", "\U0001f600€ß", "", ["", "", "", ""]),
    ("$", "a\n", "", [""]),
    ("^a", "aa", "a", ["a"]),
    ("(a+)+$", "a" * 50_000 + "!", "", []),
]


@pytest.mark.parametrize(
    ("pattern", "text", "first", "everything"), FOUND, ids=[row[0] for row in FOUND]
)
def test_matches_are_found(pattern: str, text: str, first: str, everything: list[str]) -> None:
    for compiled in (compile_pattern(pattern), compile_constant(pattern)):
        assert compiled.find(text) == first
        assert compiled.find_all(text) == everything
        assert compiled.find_all(text, 1) == everything[:1]
        assert compiled.find_all(text, 0) == []
        assert compiled.matches(text) is bool(everything)
    assert matcher(pattern)(text) is constant_matcher(pattern)(text) is bool(everything)


WRONG = {
    "(": "missing closing ): `(`",
    "a)": "unexpected ): `a)`",
    "[a": "missing closing ]: `[a`",
    "*a": "missing argument to repetition operator: `*`",
    "a**": "invalid nested repetition operator: `**`",
    "[z-a]": "invalid character class range: `z-a`",
    "[[:foo:]]": "invalid character class range: `[:foo:]`",
    "\\8": "invalid escape sequence: `\\8`",
    "a\\C": "invalid escape sequence: `\\C`",
    "\\": "trailing backslash at end of expression: ``",
    "a{1001}": "invalid repeat count: `{1001}`",
    "x{2,1}?": "invalid repeat count: `{2,1}`",
    "a*{1001}": "invalid repeat count: `{1001}`",
    "(?=a)": "invalid or unsupported Perl syntax: `(?=`",
    "(?P<n": "invalid named capture: `(?P<n`",
    "b(?<=a)": "invalid named capture: `(?<=a)`",
    "(?<!a)>b": "invalid named capture: `(?<!a)>`",
    "\\pL{1000}": "expression too large: ``",
}


@pytest.mark.parametrize(("pattern", "message"), WRONG.items(), ids=WRONG)
def test_wrong_pattern_is_refused_in_gos_words(pattern: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_pattern(pattern)
    assert str(caught.value) == f"error parsing regexp: {message}"


def test_quoted_text_may_hold_what_go_does_not_know() -> None:
    assert compile_pattern("\\Q\\C\\E\\\\C").matches("\\C\\C")


NATIVE = [
    "latest",
    "",
    "^$",
    "^v[0-9]+$",
    "^registry\\.example\\.com/.+$",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "^(https?|ftp)://",
    "^.+@sha256:[a-f0-9]{64}$",
    "^[a-z]+(\\.[a-z]+)*$",
    "^(Always|IfNotPresent|Never)$",
    "^(?:a|b)*c$",
    "^[^:]+:[^:]+$",
    "^\\d{1,3}(\\.\\d{1,3}){3}$",
    "^[A-Za-z_]\\w*$",
    "^[\\w.-]{2,}$",
    "^a{2}b{3,4}$",
    "[0-9]+",
    "v[0-9]{2,}",
    "-(dev|test)$",
    "a|b",
    "[^\\S\\D]",
    "[^\\d\\D]",
    "\\n\\t\\.",
    "[\\n-a]",
    "[-a]|[a-]",
    "(a?b){3}",
    "a\\$",
]


@pytest.mark.parametrize("pattern", NATIVE)
def test_harmless_pattern_may_run_in_re(pattern: str) -> None:
    assert isinstance(compile_constant(pattern), NativePattern)


def test_leading_anything_is_left_out_of_tests() -> None:
    assert native_pattern(".*:latest$") is None
    expression = native_test(".*:latest$")
    assert expression is not None
    assert expression.pattern == ":latest\\Z"
    assert constant_matcher(".*:latest$")("a\nb:latest")


LEFT_TO_RE2 = [
    "(a+)+$",
    "^(a+)+$",
    "^(a|a)*$",
    "^(|a)*b$",
    "^(a?)*b$",
    "^a|b$",
    "[a-z]+-[0-9]",
    "[a-z]+$",
    "[^:]+:[^:]+$",
    "^[a-z]*[a-z]*$",
    "^(a?){25}a{25}$",
    "^(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q).*q.*$",
    "((a|b)(c|d)){5}",
    "^([a-z]*x){2}$",
    "^(ab)*(abc)*$",
    "^a{201}$",
    "^(a{10}){21}b*c*b$",
    "(?i)abc",
    "(?P<n>a)",
    "a*?",
    "a{,2}",
    "a{1}{2}",
    "a{2,1}",
    "a{22",
    "a^b",
    "a$b",
    "a{1234}",
    "[[:alpha:]]",
    "[]a]",
    "[z-a]",
    "[a-z-9]",
    "[\\b]",
    "[a",
    "[a-",
    "[\\",
    "\\b",
    "\\pL",
    "\\é",
    "\\_",
    "(",
    "a)",
    "(" * 30 + ")" * 30,
    "*",
    "\\",
]


@pytest.mark.parametrize("pattern", LEFT_TO_RE2)
def test_other_patterns_are_left_to_re2(pattern: str) -> None:
    assert native_pattern(pattern) is None


@pytest.mark.parametrize("pattern", [it for it in NATIVE if it.startswith("^")])
def test_long_texts_are_harmless(pattern: str) -> None:
    """A pattern that backtracked badly would not come to an end here."""
    matches = constant_matcher(pattern)
    for part in ("a", "a.", "ab:", "1.", "-", "a\n"):
        matches(part * 100_000 + "!")


@pytest.mark.parametrize("pattern", ["", "(?i)"])
def test_too_many_matches_end_the_evaluation(pattern: str) -> None:
    assert len(compile_constant(pattern).find_all("a" * 199_000)) == 199_001
    with pytest.raises(BudgetError):
        compile_constant(pattern).find_all("a" * 201_000)


ATOMS = st.sampled_from(
    [
        *("a", "b", ".", "-", "é", "x", "\\d", "\\w", "\\s", "\\S", "\\.", "\\n"),
        *("[a-z]", "[^a]", "[-a.]", "[\\w.-]", "[^\\d]", "(a|b)", "(?:ab|a)", "(a|)"),
    ]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}"])
PATTERNS = st.builds(
    lambda start, parts, end: start + "".join(a + r for a, r in parts) + end,
    st.sampled_from(["", "^"]),
    st.lists(st.tuples(ATOMS, REPEATS), max_size=5),
    st.sampled_from(["", "$"]),
)
TEXTS = st.text(alphabet="abx01.-é\n \u200b\x0b", max_size=20)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, TEXTS, st.sampled_from([-1, 0, 1, 2]))
def test_both_engines_find_the_same(pattern: str, text: str, limit: int) -> None:
    re2 = compile_pattern(pattern)
    constant = compile_constant(pattern)
    assert constant.find(text) == re2.find(text)
    assert constant.find_all(text, limit) == re2.find_all(text, limit)
    assert constant.matches(text) == constant_matcher(pattern)(text) == re2.matches(text)
