"""YAML to nodes: text kept, places right, everything hostile refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.decode import DEEPEST_NESTING, LARGEST_FILE, Document, Mapping, Reader, Scalar, Sequence, decode, load
from fwadvisor.decode import nodes as decode_nodes
from fwadvisor.diagnostic import Diagnostic


def read(text: str | bytes) -> Document:
    return decode(text.encode() if isinstance(text, str) else text, "f.yaml")


def only(document: Document) -> Diagnostic:
    assert document.root is None
    (found,) = document.diagnostics
    return found


def test_scalars_keep_their_text() -> None:
    document = read("[NO, 0022, 20:21, 1e3, 2024-01-01, null, ~, true, 'it''s', \"a\\tb\"]")
    assert isinstance(document.root, Sequence)
    texts = [(c.text, c.plain) for c in document.root.children if isinstance(c, Scalar)]
    assert [t for t, plain in texts if plain] == [
        "NO", "0022", "20:21", "1e3", "2024-01-01", "null", "~", "true",
    ]  # fmt: skip
    assert [t for t, plain in texts if not plain] == ["it's", "a\tb"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_places_count_lines_and_characters(end: str, mark: str) -> None:
    text = mark + end.join(["a: ä€😀 # x", 'b: ["ä", {c: "q\\"r"}]', "d: |", "  block", ""])
    document = read(text)
    assert isinstance(document.root, Mapping)
    pairs = {key.text: value for key, value in document.root.pairs()}
    spans = {name: document.span(node) for name, node in pairs.items()}
    assert [str(span) for span in spans.values()] == ["f.yaml:1:4", "f.yaml:2:4", "f.yaml:3:4"]
    assert spans["a"].source == "a: ä€😀 # x"
    assert spans["a"].length == 3
    inner = pairs["b"]
    assert isinstance(inner, Sequence)
    assert isinstance(inner.children[1], Mapping)
    ((_, value),) = inner.children[1].pairs()
    span = document.span(value)
    assert span.source[span.column - 1 : span.column - 1 + span.length] == '"q\\"r"'


HOSTILE = [
    (b"", "empty", ""),
    (b"# only a comment\n", "empty", ""),
    (b"\xef\xbb\xbf", "empty", ""),
    (b"a: 1\n---\nb: 2\n", "second document", ""),
    (b"a: &x 1\n", "anchors (&x)", "write the value out"),
    (b"a: !!python/object:os.system x\n", "tags (tag:yaml.org,2002:python/object:os.system)", ""),
    (b"a: !x {}\n", "tags (!x)", ""),
    (b"a:\n\tb: 1\n", "a tab stands in the indentation", "spaces"),
    (b"\ta: 1\n", "a tab stands in the indentation", "spaces"),
    (b"a: b: c\n", "not valid YAML", "quotes"),
    (b"a: [1, 2\n", "not valid YAML", ""),
    (b"a: 'x\n", "not valid YAML", "quote"),
    (b"a: 1\n b: 2\n", "not valid YAML", "indentation"),
    (b'a: "\\q"\n', "not valid YAML", "backslash"),
    (b"a: @x\n", "not valid YAML", "quote"),
    (b"{[1, 2]: 3}\n", "a list or mapping stands where a field name", ""),
    (b"a: \x00\n", "binary file", ""),
    (b"\x7fELF\x00\x01\xff\xfe", "binary file", ""),
    (b"a: \x1b[31m\n", "U+001B", ""),
    ("a: x\u2028b: y\n".encode(), "U+2028", ""),
    ("a: 1\n".encode("utf-16"), "UTF-16", "UTF-8"),
    (b"a: 1\nb: caf\xe9\n", "byte 11 (0xe9) is not UTF-8", "UTF-8"),
    (b"[" * 10_000, f"more than {DEEPEST_NESTING} deep", ""),
    (b"{a: " * 10_000, f"more than {DEEPEST_NESTING} deep", ""),
    (b"%YAML 9.9\n---\na: 1\n", "not valid YAML", ""),
    (b"*x", "aliases (*x)", ""),
]


@pytest.mark.parametrize(("data", "message", "hint"), HOSTILE)
def test_hostile_input_is_one_sentence(data: bytes, message: str, hint: str) -> None:
    found = only(read(data))
    assert message in found.message
    assert hint in found.hint


def test_non_utf8_names_line_and_column() -> None:
    span = only(read(b"a: 1\nb: caf\xe9\n")).span
    assert span is not None
    assert (span.line, span.column) == (2, 7)


def test_a_yaml_bomb_does_not_unfold() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
    document = read("\n".join(lines))
    assert document.root is None
    assert "anchors" in document.diagnostics[0].message


def test_duplicate_keys_are_all_reported_and_the_first_counts() -> None:
    document = read("a: 1\nb: 2\na: 3\na: 4\n")
    assert isinstance(document.root, Mapping)
    assert [(key.text, value.text) for key, value in document.root.pairs() if isinstance(value, Scalar)] == [
        ("a", "1"),
        ("b", "2"),
    ]
    assert [d.hint for d in document.diagnostics] == ["the first one is on line 1"] * 2


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in only(load(tmp_path / "none.yaml")).message
    assert "folder" in only(load(tmp_path)).message
    assert "\0" not in only(load(Path("a\0b"))).message.replace("a\0b", "")
    monkeypatch.setattr(decode_nodes, "LARGEST_FILE", 1000)
    big = tmp_path / "big.yaml"
    big.write_bytes(b"a" * 2_500_000)
    assert "2.4 MB is too large" in only(load(big)).message
    assert LARGEST_FILE == 16 * 2**20


def test_a_large_sparse_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(50 * 2**20)
    assert only(load(path)).message == f"{path}: 50.0 MB is too large; at most 16 MB are read"


@settings(max_examples=400, deadline=2000)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-[]{},&*!|>'\"%@`#? \t\n\r\x85é", max_size=80)))
def test_any_bytes_give_a_root_or_a_diagnostic(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    document = decode(raw, "f")
    assert (document.root is None) <= bool(document.diagnostics)


# the reader


def reader_of(text: str) -> tuple[Reader, dict[str, Scalar]]:
    document = read(text)
    assert isinstance(document.root, Mapping)
    return Reader(document), {key.text: value for key, value in document.root.pairs()}  # type: ignore[misc]


def test_fields_report_unknown_and_missing_ones() -> None:
    reader, _ = reader_of("protocl: tcp\nports: 1\n")
    assert reader.document.root is not None
    fields = reader.fields(reader.document.root, "a flow", ("protocol", "ports", "from"), ("from",))
    assert list(fields) == ["ports"]
    assert [d.message for d in reader.diagnostics] == ['a flow has no field "protocl"', 'a flow needs the field "from"']
    assert reader.diagnostics[0].hint == 'did you mean "protocol"?'
    assert reader.failed()


def test_typed_values_take_no_lookalikes() -> None:
    reader, values = reader_of("a: yes\nb: 'true'\nc: true\nd: 08\ne: '5'\nf: 5\ng: -1\nh: 1.5\ni: 2026-2-1\nj:\n")
    assert [reader.boolean(values[name], "x") for name in "abc"] == [None, None, True]
    assert [reader.integer(values[name], "x") for name in "defgh"] == [None, None, 5, None, None]
    assert reader.date(values["i"], "x") is None
    assert reader.text(values["j"], "x") is None
    assert reader.text(values["a"], "x") == "yes"
    assert reader.word(values["c"], "x", ("true", "tree")) == "true"
    assert len(reader.diagnostics) == 8
    assert "leading zeros: 08" in reader.diagnostics[2].message
    assert reader.diagnostics[-1].message == "x is a text, but found nothing"
