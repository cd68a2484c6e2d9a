"""``.reg`` files (Windows Registry Editor Version 5.00) and Group Policy's Registry.pol (MS-GPREG 2.2.1)."""

from __future__ import annotations

import re
import struct

from fwadvisor.diagnostic import Span, error
from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows.draft import Machine
from fwadvisor.dialects.reading.windows.page import Page, Place
from fwadvisor.dialects.reading.windows.registry import Registry
from fwadvisor.errors import ReadError

REG_HEADER = "Windows Registry Editor Version 5.00"
POL_HEADER = b"PReg\x01\x00\x00\x00"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"[^\r\n]*")
_DWORD = re.compile(r"dword:([0-9A-Fa-f]{1,8})\s*")
_HEX = re.compile(r"hex(?:\(([0-9A-Fa-f]+)\))?:([0-9A-Fa-f,\s]*)")
#: REG_SZ, REG_EXPAND_SZ, REG_DWORD.
_TEXTS, _NUMBER = (1, 2), 4


class _RegFile:
    """One ``.reg`` file, line by line."""

    def __init__(self, machine: Machine, page: Page) -> None:
        self.machine = machine
        self.page = page
        self.registry = Registry(machine)
        #: The firewall's key that the values are below of: store, key.
        self.below: tuple[str, str] | None = None

    def wrong(self, start: int, end: int, message: str, hint: str = "") -> None:
        self.machine.problems.add(error(message, self.page.span(start, end - start), hint))

    def read(self) -> None:
        text, position = self.page.text, 0
        header = False
        while position < len(text):
            start, end = position, self.logical_end(position)
            position = end + 1
            line = text[start:end].strip()
            start += len(text[start:end]) - len(text[start:end].lstrip())
            end = start + len(line)
            if not line or line.startswith(";"):
                continue
            if not header:
                header = line == REG_HEADER
                if not header:
                    self.wrong(start, end, f'"{REG_HEADER}" is expected first')
                    return
            elif line.startswith("["):
                self.key(line, start, end)
            else:
                self.value(start, end)

    def logical_end(self, start: int) -> int:
        """Where the line ends; lists of hexadecimal bytes go on after a backslash."""
        text = self.page.text
        while True:
            found = _LINE.match(text, start)
            end = found.end() if found else len(text)
            if end >= len(text) or text[end - 1 : end] != "\\" or end == start:
                return end
            start = end + (2 if text.startswith("\r\n", end) else 1)

    def key(self, line: str, start: int, end: int) -> None:
        if not line.endswith("]"):
            self.wrong(start, end, 'a key ends in "]"')
            self.below = None
            return
        name = line[1:-1]
        if name.startswith("-"):
            below = self.registry.key(name[1:])
            if below:
                self.registry.drop(*below)
            self.below = None
        else:
            self.below = self.registry.key(name)

    def value(self, start: int, end: int) -> None:
        text = self.page.text
        if text.startswith("@", start):
            name, after = "", start + 1
        elif (found := _STRING.match(text, start, end)) is not None:
            name, after = _unescape(found[1]), found.end()
        else:
            self.wrong(start, end, 'a value as "name"=... is expected')
            return
        if not text.startswith("=", after):
            self.wrong(after, end, '"=" is expected after the name of a value')
        elif self.below is not None:
            self.data(name, after + 1, start, end)

    def data(self, name: str, at: int, start: int, end: int) -> None:
        if self.below is None:
            return
        store, below = self.below
        data = self.page.text[at:end]
        if data == "-":
            self.registry.forget(store, below, name)
        elif data.startswith('"'):
            found = _STRING.fullmatch(data)
            if found is None:
                self.wrong(at, end, "the text does not end", 'a quote and a backslash inside are written \\" and \\\\')
            elif below == "firewallrules":
                self.registry.rule(store, name, _unescape(found[1]), Place(self.page, start, end), at + 1)
        elif (found := _DWORD.fullmatch(data)) is not None:
            self.registry.number(store, below, name, int(found[1], 16), self.page.span(at, end - at))
        elif (found := _HEX.fullmatch(data.replace("\\\r\n", "").replace("\\\n", ""))) is not None:
            self.bytes(name, found, at, end)
        else:
            self.wrong(at, end, 'the data of a value are "text", dword:..., hex:... or -')

    def bytes(self, name: str, found: re.Match[str], at: int, end: int) -> None:
        store, below = self.below or ("", "")
        try:
            raw = bytes(int(part, 16) for part in found[2].replace(" ", "").split(",") if part.strip())
        except ValueError:
            self.wrong(at, end, "bytes are two hexadecimal digits each")
            return
        kind = int(found[1] or "3", 16)
        if kind in _TEXTS and below == "firewallrules":
            text = raw.decode("utf-16-le", errors="replace").rstrip("\0")
            # The text is not in the file as such, so no part of it has a place of its own.
            self.registry.rule(store, name, text, Place(Page(self.page.name, text), 0, len(text)), 0)
        elif kind == _NUMBER and len(raw) == 4:
            number = int.from_bytes(raw, "little")
            self.registry.number(store, below, name, number, self.page.span(at, end - at))


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text


def read_reg(machine: Machine, source: Source) -> None:
    """Take the firewall's part of a ``.reg`` file.

    Raises:
        ReadError: it is no text.
    """
    page = Page(source.name, source.text())
    reader = _RegFile(machine, page)
    reader.read()
    _finish(machine, reader.registry, source.name)


def _finish(machine: Machine, registry: Registry, name: str) -> None:
    if not registry.keys and not machine.problems.found:
        hint = r"...\SharedAccess\Parameters\FirewallPolicy or ...\Policies\Microsoft\WindowsFirewall"
        machine.problems.add(error("the file holds no key of Windows Firewall", Span(name, 1), hint))
    registry.finish()


def read_pol(machine: Machine, source: Source) -> None:
    """Take the firewall's part of a Registry.pol; the line of a place is the number of the entry.

    Raises:
        ReadError: it is cut off, or its entries are not well formed.
    """
    registry = Registry(machine)
    for number, (key, name, kind, data) in enumerate(_entries(source), 1):
        below = registry.key(key)
        if below is None:
            continue
        store, rest = below
        if name.lower().startswith("**del"):
            _deletion(registry, store, rest, name)
        elif kind in _TEXTS and rest == "firewallrules":
            text = data.decode("utf-16-le", errors="replace").rstrip("\0")
            page = _Entry(source.name, text, number)
            registry.rule(store, name, text, Place(page, 0, len(text)), 0)
        elif kind == _NUMBER and len(data) == 4:
            span = Span(source.name, number, 1, max(1, len(name)), name)
            registry.number(store, rest, name, int.from_bytes(data, "little"), span)
    _finish(machine, registry, source.name)


def _deletion(registry: Registry, store: str, below: str, name: str) -> None:
    """``**Del.name`` deletes a value, ``**DelVals`` all of a key (MS-GPREG 3.2.5.1)."""
    if name.lower().startswith("**del."):
        registry.forget(store, below, name[6:])
    else:
        registry.drop(store, below)


class _Entry(Page):
    """The text of one entry, shown under the entry's number."""

    def __init__(self, name: str, text: str, number: int) -> None:
        super().__init__(name, text)
        self._number = number

    def span(self, start: int, length: int = 1) -> Span:
        found = super().span(start, length)
        return Span(found.file, self._number, found.column, found.length, found.source)


def _entries(source: Source) -> list[tuple[str, str, int, bytes]]:
    """Key, value name, type and data of every entry ``[key;value;type;size;data]``, in UTF-16LE."""
    raw, position = source.content, len(POL_HEADER)
    found: list[tuple[str, str, int, bytes]] = []
    while position < len(raw):
        try:
            position = _expect(raw, position, "[")
            key, position = _name(raw, position)
            position = _expect(raw, position, ";")
            name, position = _name(raw, position)
            position = _expect(raw, position, ";")
            kind, size = _number(raw, position), _number(raw, _expect(raw, position + 4, ";"))
            position = _expect(raw, position + 10, ";")
            if position + size > len(raw):
                raise ValueError("its data are cut off")
            found.append((key, name, kind, raw[position : position + size]))
            position = _expect(raw, position + size, "]")
        except (ValueError, struct.error) as problem:
            where = Span(source.name, len(found) + 1)
            message = "it is cut off" if isinstance(problem, struct.error) else str(problem)
            raise ReadError(error(f"entry {len(found) + 1} of the policy file is damaged: {message}", where)) from None
    return found


def _expect(raw: bytes, position: int, mark: str) -> int:
    if raw[position : position + 2] != mark.encode("utf-16-le"):
        raise ValueError(f'"{mark}" is expected at byte {position}')
    return position + 2


def _number(raw: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", raw, position)[0])


#: Names of registry keys and values are shorter.
_LONGEST_NAME = 2 * 16384


def _name(raw: bytes, position: int) -> tuple[str, int]:
    end = position
    while raw[end : end + 2] != b"\0\0":
        end = raw.find(b"\0\0", end + 1, position + _LONGEST_NAME)
        if end < 0:
            raise ValueError("a name does not end")
        end += (end - position) % 2
    return raw[position:end].decode("utf-16-le", errors="replace"), end + 2
