"""Modules whose question is no part of the packet space and has one spelling: it is a condition of its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.numbers import PROTOCOLS, maybe_number, number
from fwadvisor.dialects.reading.iptables.parts import (
    ChangingTest,
    Context,
    Given,
    MarkWrite,
    Match,
    Option,
    Part,
    condition,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field

_HEX = re.compile(r"\|([0-9A-Fa-f \t]*)\|")
_BOTH = tuple(Family)
_V6 = (Family.IPV6,)
_NODES = ("local-node", "local-nodemask")
#: Extension headers by their names; 255 is the protocol after them.
_HEADERS = {
    "hop-by-hop": 0, "hop": 0, "dst": 60, "route": 43, "frag": 44, "auth": 51, "esp": 50, "none": 59, "protocol": 255,
    "prot": 255,
}  # fmt: skip
_RATEEST = (
    "rateest", "rateest1", "rateest2", "rateest-bps", "rateest-bps1", "rateest-bps2", "rateest-pps", "rateest-pps1",
    "rateest-pps2",
)  # fmt: skip


def _worded(
    name: str,
    words: Sequence[str],
    flags: Sequence[str] = (),
    *,
    families: tuple[Family, ...] = _BOTH,
    changes: bool = False,
    turns: bool = False,
    needs: bool = True,
) -> Match:
    """A module that makes one condition; what is negated is part of its words unless it stands alone.

    Args:
        name: what the module is called.
        words: its options with a value.
        flags: its options without.
        families: the IP versions that it is for.
        changes: whether its truth changes by being asked.
        turns: whether flags can be negated.
        needs: whether it needs an option.
    """

    def read(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
        if needs and not given:
            raise RefusedError(f"{name} needs an option such as --{(*words, *flags)[0]}")
        alone = len(given) == 1
        said = sorted(" ".join(("!",) * (g.negated and not alone) + (g.name[2:], *g.values)) for g in given)
        text = " ".join((name, *said))
        holds = not (alone and given[0].negated)
        return (ChangingTest(text, holds) if changes else condition(text, holds),)

    listed = (*(Option(f"--{each}") for each in words), *(Option(f"--{each}", 0, negatable=turns) for each in flags))
    return Match(name, options(*listed), read, families=families)


def _string(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    texts = [each for each in given if each.name in ("--string", "--hex-string")]
    if len(texts) != 1 or "--algo" not in found:
        raise RefusedError("string needs --algo, and --string or --hex-string")
    text = texts[0]
    raw = text.value.encode() if text.name == "--string" else _hex(text.value)
    words = [f"string {_shown(raw)}"]
    for name in ("--from", "--to"):
        if name in found:
            words.append(f"{name[2:]} {number(found[name].value, 65535, 'offset')}")
    if "--icase" in found:
        words.append("icase")
    return (condition(" ".join(words), not text.negated),)


def _hex(text: str) -> bytes:
    parts = _HEX.split(text)
    try:
        raw = [bytes.fromhex(part) if place % 2 else part.encode() for place, part in enumerate(parts)]
    except ValueError:
        raise RefusedError(f'"{text}" has an odd number of digits between bars', text) from None
    if any("|" in part for part in parts[::2]):
        raise RefusedError(f'"{text}" has a bar without its pair', text, "hexadecimal digits stand between two bars")
    return b"".join(raw)


def _shown(raw: bytes) -> str:
    """Printable text in quotes, else hexadecimal digits."""
    text = raw.decode("latin-1")
    return f'"{text}"' if text.isascii() and text.isprintable() and '"' not in text else f"0x{raw.hex()}"


def _cluster(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name.removeprefix("--cluster-"): each for each in given}
    nodes = [found[name] for name in _NODES if name in found]
    if len(nodes) != 1 or not {"total-nodes", "hash-seed"} <= found.keys():
        raise RefusedError("cluster needs --cluster-total-nodes, --cluster-local-node and --cluster-hash-seed")
    total = number(found["total-nodes"].value, 32, "number of nodes", 1)
    mask = number(nodes[0].value, 2**32 - 1, "node", 1)
    mask = mask if "local-nodemask" in found else 1 << min(mask - 1, 31)
    seed = number(found["hash-seed"].value, 2**32 - 1, "seed")
    return (condition(f"cluster node {mask:#x} of {total} by {seed:#x}", not nodes[0].negated),)


def _ipv6header(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    if "--header" not in found:
        raise RefusedError("ipv6header needs --header")
    each = found["--header"]
    numbers = set()
    for word in each.value.split(","):
        value = _HEADERS.get(word, PROTOCOLS.get(word, maybe_number(word)))
        if value is None:
            raise RefusedError(f'no header is called "{word}"', each.value, did_you_mean(word, _HEADERS))
        numbers.add(value)
    soft = " among others" if "--soft" in found else ""
    return (condition(f"ipv6 headers {','.join(map(str, sorted(numbers)))}{soft}", not each.negated),)


def _socket(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    name = conditions.socket(sorted(each.name[2:] for each in given))
    if any(each.name == "--restore-skmark" for each in given):
        return condition(name), MarkWrite(Field.MARK)
    return (condition(name),)


_STRING = tuple(Option(f"--{each}") for each in ("algo", "from", "to", "string", "hex-string"))
_SOCKET = tuple(Option(f"--{each}", 0, negatable=False) for each in ("transparent", "nowildcard", "restore-skmark"))
MATCHES = (
    Match(
        "string",
        options(*_STRING, Option("--icase", 0)),
        _string,
    ),
    Match(
        "socket", options(*_SOCKET), _socket
    ),
    _worded("bpf", ("bytecode", "object-pinned")),
    Match(
        "cluster",
        options(*(Option(f"--cluster-{e}", negatable=e in _NODES) for e in ("total-nodes", *_NODES, "hash-seed"))),
        _cluster,
    ),
    _worded("osf", ("genre", "ttl", "log")),
    _worded("ipvs", ("vproto", "vaddr", "vport", "vdir", "vmethod", "vportctl"), ("ipvs",), turns=True),
    _worded(
        "rateest",
        _RATEEST,
        ("rateest-delta", "rateest-lt", "rateest-gt", "rateest-eq"),
        changes=True,
        turns=True,
    ),
    _worded("eui64", (), needs=False, families=_V6),
    _worded("frag", ("fragid", "fraglen"), ("fragres", "fragfirst", "fragmore", "fraglast"), needs=False, families=_V6),
    _worded("rt", ("rt-type", "rt-segsleft", "rt-len", "rt-0-addrs"), ("rt-0-res", "rt-0-not-strict"), needs=False,
            families=_V6),
    _worded("dst", ("dst-len", "dst-opts"), needs=False, families=_V6),
    _worded("hbh", ("hbh-len", "hbh-opts"), needs=False, families=_V6),
    _worded("mh", ("mh-type",), needs=False, families=_V6),
    Match("ipv6header", options("--header", Option("--soft", 0, negatable=False)), _ipv6header, (), _V6),
    _worded(
        "srh",
        (
            "srh-next-hdr", "srh-hdr-len-eq", "srh-hdr-len-gt", "srh-hdr-len-lt", "srh-segs-left-eq",
            "srh-segs-left-gt", "srh-segs-left-lt", "srh-last-entry-eq", "srh-last-entry-gt", "srh-last-entry-lt",
            "srh-tag", "srh-psid", "srh-nsid", "srh-lsid",
        ),
        needs=False,
        families=_V6,
    ),
)  # fmt: skip
