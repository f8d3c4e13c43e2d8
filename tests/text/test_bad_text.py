"""Every broken or hostile text is refused with its place, in words, and without taking long."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rmqsync.model.errors import InvalidDefinitions
from rmqsync.text import codes
from rmqsync.text.document import Document, parse


def refusals(content: bytes, file: str = "f.yaml") -> list[tuple[str, int, int, str]]:
    """Return code, line, column and message of all findings."""
    with pytest.raises(InvalidDefinitions) as caught:
        parse(file, content)
    return [
        (f.code, f.source.line, f.source.column, f.message)
        for f in caught.value.findings
        if f.source is not None
    ]


ALIAS_BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n" % (n, n, n - 1, n - 1, n - 1, n - 1)
    for n in range(1, 40)
)
ALIAS_CHAIN = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 120)
)

BAD_YAML = {
    "a mapping where none fits": (b"a: b: c", "RMQ001", 1, 5, "'key: value' does not fit"),
    "an open list": (b"a: [1\nb: 2", "RMQ001", 2, 2, "did not find expected"),
    "an open quote": (b"a: 'x\n", "RMQ001", 2, 1, "the quoted text never ends"),
    "a tab": (b"a:\n\tb: c", "RMQ001", 2, 1, "a tab in the indentation"),
    "a text that starts with @": (b"a: @b", "RMQ001", 1, 4, "text cannot start with @"),
    "wrong indentation": (b"a:\n    b: 1\n  c: 2\n", "RMQ001", 3, 3, "does not fit"),
    "two documents": (b"a: 1\n---\nb: 2\n", "RMQ001", 2, 1, "a second document"),
    "NUL": (b"a: b\nc: \0", "RMQ001", 2, 4, "U+0000"),
    "a control character": (b"a: \x1b[31m", "RMQ001", 1, 4, "U+001B"),
    "DEL": (b"a: \x7f", "RMQ001", 1, 4, "U+007F"),
    "NEL": ("é: a\u0085b".encode(), "RMQ001", 1, 5, "U+0085"),
    "a line separator": ("a: 'x\u2028y'".encode(), "RMQ001", 1, 6, "U+2028"),
    "no UTF-8": (b"a: 1\nb: \xff\n", "RMQ001", 2, 4, "0xff is not UTF-8"),
    "cut UTF-8": (b"a: \xe4\xb8", "RMQ001", 1, 4, "0xe4 is not UTF-8"),
    "a surrogate in UTF-8": (b"a: \xed\xa0\x80", "RMQ001", 1, 4, "half a surrogate pair"),
    "UTF-16": ("a: 1".encode("utf-16"), "RMQ001", 1, 1, "UTF-16"),
    "UTF-32": ("a: 1".encode("utf-32"), "RMQ001", 1, 1, "UTF-32"),
    "a surrogate escape": (b'a: "\\ud800"', "RMQ001", 1, 7, "invalid Unicode"),
    "an unknown alias": (b"a: *b", "RMQ003", 1, 4, "the alias *b has no anchor"),
    "an alias of itself": (b"a: &a [1, *a]", "RMQ003", 1, 11, "stands inside"),
    "an unknown tag": (b"a: !secret b", "RMQ003", 1, 4, "the tag !secret"),
    "a Python tag": (b"a: !!python/object:os.x {}", "RMQ003", 1, 4, "!!python/object:os.x"),
    "binary": (b"a: !!binary aGk=", "RMQ003", 1, 4, "!!binary"),
    "a timestamp": (b"a: !!timestamp 2001-01-01", "RMQ003", 1, 4, "!!timestamp"),
    "a set": (b"a: !!set {b}", "RMQ003", 1, 4, "!!set"),
    "an ordered map": (b"a: !!omap [b: 1]", "RMQ003", 1, 4, "!!omap"),
    "an undeclared handle": (b"a: !x!y b", "RMQ001", 1, 4, "unknown meaning"),
    "a wrong core tag": (b"a: !!int x", "RMQ003", 1, 4, "'x' is tagged !!int"),
    "a bool tagged as int": (b"a: !!int true", "RMQ003", 1, 4, "'true' is tagged !!int"),
    "a merge key": (b"a: &a {b: 1}\nc:\n  <<: *a\n", "RMQ003", 3, 3, "merge keys"),
    "an integer as key": (b"1: a", "RMQ003", 1, 1, "the key 1 is not a string"),
    "null as key": (b"~: a", "RMQ003", 1, 1, "the key ~ is not a string"),
    "no key": (b"? \n: a", "RMQ003", 1, 2, "the key (empty) is not a string"),
    "a list as key": (b"? [a]\n: b", "RMQ003", 1, 3, "a key must be a string"),
    "infinity": (b"a: -.Inf", "RMQ003", 1, 4, "-.Inf is a number that JSON does not have"),
    "a huge float": (b"a: 1e999", "RMQ003", 1, 4, "too large"),
    "a huge integer": (b"a: " + b"9" * 5000, "RMQ004", 1, 4, "5000 characters is too long"),
    "a duplicate": (b"a: 1\nb:\n  c: 1\n  c: 2\n", "RMQ002", 4, 3, "first at f.yaml:3:3"),
    "a quoted duplicate": (b"a: 1\n'a': 2\n", "RMQ002", 2, 1, "first at f.yaml:1:1"),
    "a duplicate by alias": (b"? &k a\n: 1\n*k : 2\n", "RMQ002", 3, 1, "first at f.yaml:1:3"),
    "an alias bomb": (ALIAS_BOMB, "RMQ004", 0, 0, "stand for too many values"),
    "a chain of aliases": (ALIAS_CHAIN, "RMQ004", 100, 12, "deeper than 100 levels"),
    "deep brackets": (b"[" * 5000, "RMQ004", 1, 101, "deeper than 100 levels"),
    "deep mappings": (b"{a: " * 5000, "RMQ004", 1, 401, "deeper than 100 levels"),
    "deep lists": (b"- " * 5000, "RMQ004", 1, 201, "deeper than 100 levels"),
    "deep indentation": (
        b"".join(b" " * n + b"a:\n" for n in range(300)), "RMQ004", 101, 101, "deeper than 100",
    ),
    "a large file": (b"#" * (codes.MAX_BYTES + 1), "RMQ004", 0, 0, "50.0 MB, more than 50 MB"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "line", "column", "words"), BAD_YAML.values(), ids=BAD_YAML
)
def test_bad_yaml_is_refused_with_its_place(
    content: bytes, code: str, line: int, column: int, words: str
) -> None:
    found = refusals(content)

    assert [finding[:3] for finding in found] == [(code, line, column)]
    assert words in found[0][3]


def test_aliases_that_stand_for_little_are_read() -> None:
    content = b"a: &a [1, 2, 3]\nb: [" + b"*a, " * 1000 + b"]\n"

    assert parse("f.yaml", content).data["b"] == [[1, 2, 3]] * 1000


BAD_JSON = {
    "empty": (b"", "RMQ001", 1, 1, "the file is empty"),
    "open": (b'{"a": [1,\n 2', "RMQ001", 2, 3, "a ',' or ']' is missing"),
    "open object": (b'{"a": {"b": 1', "RMQ001", 1, 14, "not JSON"),
    "no colon": (b'{"a" 1}', "RMQ001", 1, 6, "a ':' is missing"),
    "no key": (b'{"a": 1,}', "RMQ001", 1, 9, "a key in double quotes is missing"),
    "more text": (b"{}\n\n{}", "RMQ001", 3, 1, "more text after the end"),
    "yaml": (b"a: 1", "RMQ001", 1, 1, "not JSON"),
    "NaN": (b'{"NaN": "NaN",\n "a": NaN}', "RMQ003", 2, 7, "NaN is not JSON"),
    "infinity": (b'{"a": [-Infinity]}', "RMQ003", 1, 8, "-Infinity is not JSON"),
    "a huge float": (b'{"a": 1e999}', "RMQ003", 1, 7, "too large"),
    "a huge integer": (b'{"a": ' + b"1" * 5000 + b"}", "RMQ004", 1, 7, "5000 digits"),
    "half a pair": (b'{"a": ["x", "\\ud83d"]}', "RMQ001", 1, 13, "half a surrogate pair"),
    "half a pair as key": (b'{"\\udc00": 1}', "RMQ001", 1, 2, "half a surrogate pair"),
    "a control character": (b'{"a": "x\ny"}', "RMQ001", 1, 9, "not JSON: invalid control"),
    "NUL": (b'{"a": "\0"}', "RMQ001", 1, 8, "U+0000"),
    "a duplicate": (b'{"a": 1,\n "a": 2}', "RMQ002", 2, 2, "first at f.json:1:2"),
    "a deep duplicate": (b'{"a": [{"b": {"c": 1, "c": 2}}]}', "RMQ002", 1, 23, "f.json:1:15"),
    "a duplicate by escape": (b'{"q": {"a": 1, "\\u0061": 2}}', "RMQ002", 1, 16, "f.json:1:8"),
    "deep": (b"[" * 101 + b"]" * 101, "RMQ004", 1, 101, "deeper than 100 levels"),
    "deep with shallow ones before": (
        b'{"x": [[]], "a": ' + b"[" * 100 + b"]" * 100 + b"}", "RMQ004", 1, 117, "deeper",
    ),
    "very deep": (b'{"a": ' + b"[" * 100_000, "RMQ004", 1, 106, "deeper than 100 levels"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "line", "column", "words"), BAD_JSON.values(), ids=BAD_JSON
)
def test_bad_json_is_refused_with_its_place(
    content: bytes, code: str, line: int, column: int, words: str
) -> None:
    found = refusals(content, "f.json")

    assert [finding[:3] for finding in found] == [(code, line, column)]
    assert words in found[0][3]


def test_all_findings_of_a_file_are_reported() -> None:
    found = refusals(b"a: 1\na: 2\na: 3\n1: x\nb: !x y\nc: *d\ne: .nan\n")

    assert [(code, line) for code, line, _, _ in found] == [
        ("RMQ002", 2),
        ("RMQ002", 3),
        ("RMQ003", 4),
        ("RMQ003", 5),
        ("RMQ003", 6),
        ("RMQ003", 7),
    ]


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (b"- !x y\n" * 5000, "f.yaml"),
        (b"a: 1\n" * 5000, "f.yaml"),
        (b"[" + b'"\\ud800",' * 5000 + b"1]", "f.json"),
    ],
    ids=["tags", "duplicates", "surrogates"],
)
def test_of_very_many_findings_a_thousand_are_told(content: bytes, file: str) -> None:
    found = refusals(content, file)

    assert len(found) == 1001
    assert [code for code, line, _, _ in found if line == 0] == ["RMQ004"]


def test_what_precedes_a_syntax_error_is_reported_too() -> None:
    found = refusals(b"a: 1\na: 2\nb: [\n")

    assert [code for code, *_ in found] == ["RMQ002", "RMQ001"]


def test_a_file_at_the_limit_of_depth_is_read() -> None:
    content = b"[" * codes.MAX_DEPTH + b"]" * codes.MAX_DEPTH

    assert isinstance(parse("f.json", content).data, list)
    assert isinstance(parse("f.yaml", b"# no JSON\n" + content).data, list)


@pytest.mark.parametrize("size", [1_000_000])
def test_a_long_scalar_is_read(size: int) -> None:
    assert parse("f.yaml", b"a: " + b"x" * size).data == {"a": "x" * size}


SEEDS = [
    b"vhost: a\nqueues:\n  - name: q\n    arguments: {x: 1, y: [2, 3.5]}\n  - &q {name: 'r'}\n",
    b'{"queues": [{"name": "a", "arguments": {}}, {"name": "b\\u00e9"}], "x": [1, 2.5, null]}',
    b'a: &a [1]\nb: *a\n"c": |\n  x\n  y\nd: !!str 1\ne: >-\n  z\n? f\n: g\n',
]
FRAGMENTS = [
    b"\0", b"\xff", b"\t", b"\n", b"\r", b": ", b"- ", b"[", b"]", b"{", b"}", b'"', b"'", b"*a",
    b"&a ", b"!", b"!!int ", b"<<: ", b"---\n", b"...", b"|", b">", b"#", b"%YAML 1.2\n", b"? ",
    b"\\ud800", b"\xed\xa0\x80", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"1e999", b".nan",
    b"NaN", b"\\", b",", b"9" * 50, b"\xff\xfe",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        cut = draw(st.integers(0, 3))
        content = content[:at] + draw(st.sampled_from(FRAGMENTS)) + content[at + cut :]
    return content


@settings(max_examples=2000)
@given(mutated() | st.binary(max_size=60), st.sampled_from(["f.yaml", "f.json"]))
@example(b"\xef\xbb\xbf\xef\xbb\xbf", "f.json")
def test_any_bytes_give_a_document_or_findings(content: bytes, file: str) -> None:
    found = outcome(file, content)

    if isinstance(found, Document):
        check_places(found, found.data, ())
        return
    assert found.findings
    for finding in found.findings:
        assert finding.code in ("RMQ001", "RMQ002", "RMQ003", "RMQ004")
        assert finding.source is not None
        assert finding.source.file == file
        assert str(finding).isprintable()


def outcome(file: str, content: bytes) -> Document | InvalidDefinitions:
    try:
        return parse(file, content)
    except InvalidDefinitions as problem:
        return problem


def check_places(document: Document, value: object, path: tuple[str | int, ...]) -> None:
    """Everything in a document has a place, and the lines agree."""
    where = document.locate(path)
    if value is None and not path:
        return
    assert where.line > 0
    if isinstance(value, dict):
        assert document.line(value) > 0
        for key, inner in value.items():
            assert document.locate((*path, key), key=True).line > 0
            check_places(document, inner, (*path, key))
    elif isinstance(value, list):
        assert document.line(value) > 0
        for number, inner in enumerate(value):
            check_places(document, inner, (*path, number))
