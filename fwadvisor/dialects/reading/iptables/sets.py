"""Sets as ``ipset save`` prints them (ipset(8)): their entries, and the tests that a lookup stands for.

A set with a timeout, or one that rules change, holds other entries tomorrow: a lookup in it is a condition of the
set's name, and so is one in a set that no file describes; that one is opaque.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span, did_you_mean
from fwadvisor.dialects.reading.iptables.addresses import NotResolvedError
from fwadvisor.dialects.reading.iptables.entries import Element, Entry, dimension
from fwadvisor.dialects.reading.iptables.numbers import number
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family

#: The kinds of dimensions of each type.
TYPES: dict[str, tuple[str, ...]] = {
    "bitmap:ip": ("ip",), "bitmap:ip,mac": ("ip", "mac"), "bitmap:port": ("plain-port",), "hash:ip": ("ip",),
    "hash:mac": ("mac",), "hash:ip,mac": ("ip", "mac"), "hash:net": ("net",), "hash:net,net": ("net", "net"),
    "hash:ip,port": ("ip", "port"), "hash:net,port": ("net", "port"), "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"), "hash:ip,mark": ("ip", "mark"),
    "hash:net,port,net": ("net", "port", "net"), "hash:net,iface": ("net", "iface"), "list:set": ("set",),
}  # fmt: skip
#: Older names.
_OLD_TYPES = {"iphash": "hash:ip", "nethash": "hash:net", "ipporthash": "hash:ip,port", "ipmap": "bitmap:ip",
              "portmap": "bitmap:port", "macipmap": "bitmap:ip,mac", "setlist": "list:set"}  # fmt: skip
#: Options of create with and without a value.
_VALUED = {"family", "hashsize", "maxelem", "timeout", "netmask", "bitmask", "markmask", "range", "size", "bucketsize",
           "initval", "probes", "resize", "network", "from", "to"}  # fmt: skip
_FLAGS = {"counters", "comment", "skbinfo", "forceadd", "wildcard"}
_ENTRY_VALUED = {"timeout", "packets", "bytes", "comment", "skbmark", "skbprio", "skbqueue", "before", "after"}
_ENTRY_FLAGS = {"nomatch", "wildcard"}
#: Entries of all sets together.
MOST_ENTRIES = 1_000_000


@dataclass(slots=True)
class NamedSet:
    """A set: its type, family and entries."""

    name: str
    kind: str
    family: Family | None
    by_elements: dict[tuple[Element, ...], Entry] = field(default_factory=dict)
    #: Entries come and go by themselves.
    expires: bool = False
    #: Entries are cut to networks of this length.
    netmask: int = 0
    #: A mask of the marks, or of the addresses, which is not computed.
    masked: bool = False
    #: Where it was made.
    span: Span | None = None

    @property
    def entries(self) -> Collection[Entry]:
        """Its entries, in the order in which they were added."""
        return self.by_elements.values()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The kinds of its dimensions."""
        return TYPES[self.kind]


class Sets:
    """The sets that commands make."""

    def __init__(self) -> None:
        self.named: dict[str, NamedSet] = {}
        self._count = 0

    def apply(self, words: Sequence[str], span: Span | None = None) -> None:
        """Do what the words of one ipset command at `span` say (after ``ipset``).

        Raises:
            RefusedError: ipset would refuse it.
        """
        left = [word for word in words if word not in ("-exist", "-!", "-quiet", "-q")]
        exist = len(left) < len(words)
        if not left:
            raise RefusedError("the line has no command", hint="expected create, add, del, flush or destroy")
        verb = {"-N": "create", "n": "create", "-A": "add", "-D": "del", "-F": "flush", "-X": "destroy"}.get(
            left[0], left[0]
        )
        if verb in ("create", "add", "del") and len(left) < 3:
            raise RefusedError(f'"{verb}" needs a set and more', left[0], at=0)
        match verb:
            case "create":
                self._create(left[1], left[2], left[3:], exist)
                self.named[left[1]].span = self.named[left[1]].span or span
            case "add":
                self._add(left[1], left[2], left[3:])
            case "del":
                self._delete(left[1], left[2], exist)
            case "flush":
                for each in [self._of(left[1])] if len(left) > 1 else self.named.values():
                    each.by_elements.clear()
            case "destroy":
                if len(left) > 1:
                    del self.named[self._of(left[1]).name]
                else:
                    self.named.clear()
            case "swap" if len(left) > 2:
                self._count += 1
                one, other = self._of(left[1]), self._of(left[2])
                one.name, other.name = other.name, one.name
                self.named[one.name], self.named[other.name] = one, other
            case "rename" if len(left) > 2:
                one = self._of(left[1])
                del self.named[one.name]
                one.name = left[2]
                self.named[one.name] = one
            case "COMMIT" | "quit" | "save" | "list" | "test" | "version":
                return
            case _:
                hint = did_you_mean(verb, ("create", "add", "del", "flush", "destroy", "swap", "rename"))
                raise RefusedError(f'ipset has no command "{verb}"', left[0], hint)

    def _of(self, name: str) -> NamedSet:
        if name not in self.named:
            raise RefusedError(f'no set is called "{name}"', name, did_you_mean(name, self.named))
        return self.named[name]

    def _create(self, name: str, kind: str, rest: Sequence[str], exist: bool) -> None:
        kind = _OLD_TYPES.get(kind, kind)
        if kind not in TYPES:
            raise RefusedError(f'ipset has no type "{kind}"', kind, did_you_mean(kind, TYPES))
        if name in self.named and not exist:
            raise RefusedError(f'there is a set "{name}" already', name)
        if len(name) > 31 or not name:
            raise RefusedError(f'"{name}" is too long for a set', name, "at most 31 characters")
        given = _options(rest, _VALUED, _FLAGS)
        families = {"inet": Family.IPV4, "inet6": Family.IPV6, "-4": Family.IPV4, "-6": Family.IPV6}
        word = given.get("family", "inet")
        if word not in families:
            raise RefusedError(f'"{word}" is no family', word, "expected inet or inet6")
        without = {"bitmap:port", "list:set", "hash:mac"}
        made = NamedSet(name, kind, None if kind in without else families[word])
        made.expires = number(given["timeout"], 2**32 - 1, "number of seconds") > 0 if "timeout" in given else False
        made.netmask = number(given["netmask"], 128, "prefix length", 1) if "netmask" in given else 0
        made.masked = "markmask" in given or "bitmask" in given
        if name not in self.named:
            self.named[name] = made

    def _add(self, name: str, text: str, rest: Sequence[str]) -> None:
        made = self._of(name)
        given = _options(rest, _ENTRY_VALUED, _ENTRY_FLAGS) if rest else {}
        self._count += 1
        if self._count > MOST_ENTRIES:
            raise RefusedError(f"the sets have more than {MOST_ENTRIES} entries", text)
        if "timeout" in given:
            made.expires = number(given["timeout"], 2**32 - 1, "number of seconds") > 0 or made.expires
        elements = self._elements(made, text)
        made.by_elements[elements] = Entry(elements, "nomatch" in given, "wildcard" in given)

    def _delete(self, name: str, text: str, exist: bool) -> None:
        made = self._of(name)
        elements = self._elements(made, text)
        if made.by_elements.pop(elements, None) is None and not exist:
            raise RefusedError(f'the set "{name}" has no such entry', text)

    def _elements(self, made: NamedSet, text: str) -> tuple[Element, ...]:
        kinds = made.dimensions
        if kinds == ("set",):
            self._of(text)
            return (text,)
        parts = text.split(",") if len(kinds) > 1 else [text]
        if made.kind == "bitmap:ip,mac" and len(parts) == 1:
            raise RefusedError("the hardware address is left out, so the first packet decides it", text)
        if len(parts) != len(kinds):
            raise RefusedError(f'"{text}" does not fit the type {made.kind}', text)
        try:
            return tuple(
                dimension(kind, part, made.family, made.netmask) for kind, part in zip(kinds, parts, strict=True)
            )
        except RefusedError as refusal:
            raise RefusedError(refusal.message, text, refusal.hint) from None
        except NotResolvedError as problem:
            raise RefusedError(problem.reason, text, "a set holds addresses") from None


def _options(words: Sequence[str], valued: set[str], flags: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        word = words[at]
        if word in flags:
            found[word] = ""
            at += 1
        elif word in valued and at + 1 < len(words):
            found[word] = words[at + 1]
            at += 2
        elif word in ("-4", "-6"):
            found["family"] = word
            at += 1
        else:
            known = valued | flags
            raise RefusedError(f'"{word}" is not expected here', word, did_you_mean(word, known))
    return found
