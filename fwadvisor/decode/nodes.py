"""YAML text to light nodes with places.

Nodes are built from parser events, which costs a quarter of composing PyYAML's own nodes. Scalars keep the
text as it was written: ``NO`` stays text, ``20:21`` is no number, ``0022`` is not 18. Anchors, aliases,
tags and further documents are refused, so no small file can unfold into a large one.
"""

from __future__ import annotations

import gc
import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.model.rule import Place

#: The largest file that is read, and how deep its lists and mappings may nest.
LARGEST_FILE = 16 * 1024 * 1024
DEEPEST_NESTING = 32


class Scalar:
    """A text as it stands in the file; `plain` where it has no quotes and is no block."""

    __slots__ = ("plain", "start", "text")

    def __init__(self, text: str, plain: bool, start: int) -> None:
        self.text = text
        self.plain = plain
        self.start = start


class Sequence:
    """A list."""

    __slots__ = ("children", "start")

    def __init__(self, start: int) -> None:
        self.children: list[Node] = []
        self.start = start


class Mapping:
    """Keys and values in the order of the file, alternating in `children`; keys are scalars and unique."""

    __slots__ = ("children", "start")

    def __init__(self, start: int) -> None:
        self.children: list[Node] = []
        self.start = start

    def pairs(self) -> Iterator[tuple[Scalar, Node]]:
        """Each key with its value."""
        return zip(self.children[::2], self.children[1::2], strict=True)  # type: ignore[arg-type]


Node: TypeAlias = Scalar | Sequence | Mapping

_LINE_END = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")


class Document:
    """One decoded file.

    `root` is None where the text cannot be understood as YAML; `diagnostics` then says why. Duplicate keys
    are among the diagnostics too, but leave a root (the first of them counts).
    """

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self.text = text
        self.root: Node | None = None
        self.diagnostics: list[Diagnostic] = []

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    def position(self, start: int) -> tuple[int, int]:
        """Line and column, from 1, of a character offset."""
        line = bisect_right(self._line_starts, start)
        return line, start - self._line_starts[line - 1] + 1

    def place(self, node: Node) -> Place:
        """Where a node begins."""
        return Place(self.file, *self.position(node.start))

    def span_at(self, start: int, length: int = 1) -> Span:
        """The span of `length` characters from an offset, cut at the end of its line."""
        line, column = self.position(min(start, len(self.text)))
        begin = self._line_starts[line - 1]
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        source = self.text[begin:end].rstrip("\r\n")
        return Span(self.file, line, column, max(1, min(length, len(source) - column + 1)), source)

    def span(self, node: Node) -> Span:
        """The span of a scalar, or of the first character of a list or mapping."""
        if not isinstance(node, Scalar):
            return self.span_at(node.start)
        if node.plain:
            return self.span_at(node.start, len(node.text))
        quoted = _QUOTED.match(self.text, node.start)
        return self.span_at(node.start, len(quoted[0]) if quoted else 1)


def load(path: Path, file: str = "") -> Document:
    """The file at `path`, called `file` in messages; what is wrong with it is in the document's diagnostics."""
    file = file or str(path)
    try:
        if not path.is_file():
            problem = "this is a folder, not a file" if path.is_dir() else "no such file"
            return _refused(file, f"{file}: {problem}")
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
            size = path.stat().st_size
    except (OSError, ValueError) as problem:
        return _refused(file, f"{file}: cannot be read: {getattr(problem, 'strerror', None) or problem}")
    if len(data) > LARGEST_FILE:
        return _refused(file, _too_large(file, size))
    return decode(data, file)


def decode(data: bytes, file: str) -> Document:
    """The document in `data`. Never raises for what the data holds, and never reads only a part."""
    if len(data) > LARGEST_FILE:
        return _refused(file, _too_large(file, len(data)))
    text, problem = _text(data, file)
    if problem is not None:
        document = Document(file)
        document.diagnostics.append(problem)
        return document
    document = Document(file, text)
    with uncollected():
        _build(document)
    return document


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the cyclic garbage collector off while many values are made that form no cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _refused(file: str, message: str) -> Document:
    document = Document(file)
    document.diagnostics.append(error(message))
    return document


def _too_large(file: str, size: int) -> str:
    return f"{file}: {size / 2**20:.1f} MB is too large; at most {LARGEST_FILE // 2**20} MB are read"


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def _text(data: bytes, file: str) -> tuple[str, Diagnostic | None]:
    """The characters of the file, without a UTF-8 byte order mark; or what is wrong with its bytes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", error(f"{file}: this is UTF-16 text", None, "save the file as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        if b"\0" in data[:4096]:
            return "", error(f"{file}: this is a binary file, not YAML text")
        before = data[: problem.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        source = data.splitlines()[line - 1].decode("utf-8", "backslashreplace") if data else ""
        message = f"byte {problem.start} (0x{data[problem.start]:02x}) is not UTF-8"
        return "", error(message, Span(file, line, column, 1, source), "save the file as UTF-8")
    found = _FORBIDDEN.search(text)
    if found is None:
        return text, None
    if found[0] == "\0":
        return "", error(f"{file}: this is a binary file, not YAML text (a zero byte at offset {found.start()})")
    message = f"the character U+{ord(found[0]):04X} is not allowed"
    return "", error(
        message, Document(file, text).span_at(found.start()), "remove it; it cannot be seen in most editors"
    )


def _build(document: Document) -> None:
    """Turn parser events into nodes; refuse what could hide or multiply content."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parser = None
    try:
        parser = loader(document.text)
        root = _nodes(document, parser.get_event, yaml)
    except yaml.MarkedYAMLError as problem:
        document.diagnostics.append(_syntax_error(document, problem))
        return
    except yaml.YAMLError as problem:
        document.diagnostics.append(error(f"{document.file}: cannot be read as YAML: {problem}"))
        return
    finally:
        if parser is not None:
            parser.dispose()
    if root is None and not document.diagnostics:
        document.diagnostics.append(error(f"{document.file}: the file is empty"))
    document.root = root


def _nodes(document: Document, get_event: Any, yaml: Any) -> Node | None:
    scalar_event, sequence_event, mapping_event = yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent
    ends = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
    words: dict[str, str] = {}
    same = words.setdefault
    roots: list[Node] = []
    children = roots
    stack: list[Sequence | Mapping] = []
    refused = False
    while (event := get_event()) is not None:
        kind = type(event)
        if kind is scalar_event:
            text = event.value
            if event.anchor is not None or event.tag is not None:
                refused = _refuse_marks(document, event)
            children.append(Scalar(same(text, text), not event.style, event.start_mark.index))
        elif kind is sequence_event or kind is mapping_event:
            if event.anchor is not None or event.tag is not None:
                refused = _refuse_marks(document, event)
            if len(stack) == DEEPEST_NESTING:
                message = f"lists and mappings are nested more than {DEEPEST_NESTING} deep"
                document.diagnostics.append(error(message, document.span_at(event.start_mark.index)))
                return None
            start = event.start_mark.index
            inner = Sequence(start) if kind is sequence_event else Mapping(start)
            children.append(inner)
            stack.append(inner)
            children = inner.children
        elif kind in ends:
            done = stack.pop()
            children = stack[-1].children if stack else roots
            if type(done) is Mapping and not _unique_keys(document, done):
                refused = True
        elif kind is yaml.AliasEvent:
            refused = _refuse_marks(document, event)
            children.append(Scalar("", True, event.start_mark.index))
        elif kind is yaml.DocumentStartEvent and roots:
            message = "a second document begins here; a file holds one"
            document.diagnostics.append(error(message, document.span_at(event.start_mark.index, 3)))
            return None
    if refused or not roots or not _says_anything(roots[0]):
        return None
    return roots[0]


def _says_anything(node: Node) -> bool:
    return not isinstance(node, Scalar) or bool(node.text) or not node.plain


def _refuse_marks(document: Document, event: Any) -> bool:
    """Report an anchor, alias or tag; always True."""
    start = event.start_mark.index
    if type(event).__name__ == "AliasEvent":
        message, hint = f"aliases (*{event.anchor}) are not supported", "write the value out, or use a parameter"
    elif event.anchor is not None:
        message, hint = f"anchors (&{event.anchor}) are not supported", "write the value out where it is needed"
    else:
        message, hint = f"tags ({event.tag}) are not supported", "remove the tag; every field knows its type"
    document.diagnostics.append(error(message, document.span_at(start), hint))
    return True


def _unique_keys(document: Document, mapping: Mapping) -> bool:
    """Check the keys of a mapping: drops duplicates with a diagnostic; False where a key is no scalar."""
    children = mapping.children
    keys = children[::2]
    try:
        if len({key.text for key in keys}) == len(keys):  # type: ignore[union-attr]
            return True
    except AttributeError:
        for key in keys:
            if not isinstance(key, Scalar):
                message = "a list or mapping stands where a field name is expected"
                document.diagnostics.append(error(message, document.span(key), "quote { and [ inside texts"))
        return False
    first: dict[str, Scalar] = {}
    kept: list[Node] = []
    for key, value in mapping.pairs():
        earlier = first.setdefault(key.text, key)
        if earlier is key:
            kept += (key, value)
        else:
            line = document.position(earlier.start)[0]
            message = f'"{key.text}" appears twice'
            document.diagnostics.append(error(message, document.span(key), f"the first one is on line {line}"))
    mapping.children = kept
    return True


_ADVICE = (
    ("mapping values are not allowed", "a text with a colon and a space needs quotes; or the indentation is off"),
    ("did not find expected key", "check the indentation: fields of one mapping begin in the same column"),
    ("could not find expected ':'", 'a field is written "name: value"'),
    ("did not find expected ',' or ']'", "a list begun with [ is not closed, or a comma is missing"),
    ("did not find expected ',' or '}'", "a mapping begun with { is not closed, or a comma is missing"),
    ("did not find expected '-' indicator", "elements of one list begin in the same column"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("cannot start any token", "quote texts that begin with @, `, %, or another special character"),
    ("found unknown escape character", "in double quotes a backslash is written twice; or use single quotes"),
)  # fmt: skip


def _syntax_error(document: Document, problem: Any) -> Diagnostic:
    """The parser's complaint as a diagnostic with a hint where a usual mistake is behind it."""
    mark = problem.problem_mark or problem.context_mark
    said = str(problem.problem or problem.context or "cannot be read")
    if mark is None:
        return error(f"{document.file}: not valid YAML: {said}")
    span = document.span_at(mark.index)
    lead = re.match(r"[ \t]*", span.source)
    if lead and "\t" in lead[0] and span.column <= len(lead[0]) + 1:
        tab = Span(span.file, span.line, lead[0].index("\t") + 1, 1, span.source)
        return error("a tab stands in the indentation", tab, "YAML indents with spaces only")
    hint = next((advice for sign, advice in _ADVICE if sign in said), "")
    return error(f"not valid YAML: {said}", span, hint)
