"""``nft list ruleset``, hand-written files and ``nft -j`` JSON."""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fwadvisor.dialects.reading.nftables.assembly import assemble
from fwadvisor.dialects.reading.nftables.chains import read_chains
from fwadvisor.dialects.reading.nftables.script import Script
from fwadvisor.dialects.reading.nftables.text import Text
from fwadvisor.dialects.reading.nftables.variables import Variables
from fwadvisor.dialects.reading.source import Problems, Source
from fwadvisor.model.firewall import Declared, Firewall

_START = 20_000
_BLANK = b"\xef\xbb\xbf \t\r\n"
_TABLE = re.compile(
    rb"^[ \t]*(?:(?:add|create|flush|delete|destroy)[ \t]+)?table[ \t]+"
    rb"(?:(?:ip6?|inet|arp|bridge|netdev)[ \t]+)?[A-Za-z_][\w.-]*[ \t]*(?:[{;]|\r?$)",
    re.MULTILINE,
)
_COMMAND = re.compile(
    rb"^[ \t]*(?:flush[ \t]+ruleset|(?:add|insert)[ \t]+(?:rule|chain|set|map|element)[ \t])", re.MULTILINE
)
_FIRST_LINE = re.compile(rb"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?\S*\bnft\b")
_INCLUDES = re.compile(rb"^[ \t]*(?:define[ \t]+\w+[ \t]*=|include[ \t]+\")", re.MULTILINE)


def recognize(source: Source) -> int:
    """How sure it is that the source is nftables: 0 not at all, 100 certain."""
    start = source.content[:_START]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", "replace").encode()
    if start.lstrip(_BLANK).startswith(b"{"):
        return 100 if b'"nftables"' in start else 0
    if _FIRST_LINE.match(start):
        return 100
    if _TABLE.search(start):
        return 90
    if _COMMAND.search(start):
        return 70
    return 30 if _INCLUDES.search(start) else 0


def read(sources: Sequence[Source], options: Mapping[str, str]) -> Firewall:  # noqa: ARG001
    """What the files say together, one after the other, to a machine without rules; there are no options.

    Families ip, ip6 and inet are evaluated. Tables of bridge and arp are opaque; chains at ingress and egress are
    opaque too, and where they may drop, what happens to their packets is unknown. A set that rules or timeouts
    change is a condition ``set <name> (<key>)``. ``ip6 nexthdr`` is the protocol where there are no extension
    headers, which is a condition. Base chains of equal priority are asked the last one first, as the kernel does.

    Raises:
        ReadError: nft would refuse the text, or it is too large or too deep to be read.
    """
    collects = gc.isenabled()
    # What is made here stays and forms no cycles; looking for cycles meanwhile takes almost half of the time.
    gc.disable()
    try:
        return _read(sources)
    finally:
        if collects:
            gc.enable()


def _read(sources: Sequence[Source]) -> Firewall:
    problems = Problems()
    script = Script(problems)
    variables = Variables()
    for source in sources:
        if source.content.lstrip(_BLANK)[:1] == b"{":
            from fwadvisor.dialects.reading.nftables.json_text import from_json

            text = from_json(source, problems)
        else:
            text = Text(source.name, source.text())
        script.read(source, text, variables)
    context = read_chains(script.tables.values(), problems)
    problems.raise_any()
    context.opaque[:0] = script.opaque
    context.warnings[:0] = script.warnings
    firewall = assemble(", ".join(source.name for source in sources), script.tables.values(), context, problems)
    # What is included may be there for many files.
    own = {source.name for source in sources}
    named = (Declared(each.name, "variable", each.span, each.used) for each in variables.all if each.span.file in own)
    return replace(firewall, declared=(*named, *firewall.declared))
