"""pf.conf of OpenBSD and FreeBSD, and what ``pfctl -sr`` prints, as chains ``in`` and ``out``.

How pf is told in the model:

- ``in`` is a base chain at PREROUTING, ``out`` one at POSTROUTING; a forwarded packet passes both, and its tag with it.
  A rule without ``quick`` leaves its verdict standing. Where nothing matches, the packet passes.
- Packets of known states pass unasked, so only new ones are compared; where a rule passes some with ``no state``, what
  becomes of answers is unknown. New TCP packets are those that open a connection, unless a rule asks for other flags
  or passes TCP without a state. Packets with IP options, packets that pf finds malformed, and ICMP of
  the wrong family, which pf drops whatever the rules say, are outside of the packet space.
- Which pf the file is for is told by what only one accepts, or by the option ``variant``. Where the meaning differs
  and nothing tells, a part becomes opaque or a warning says so. Answers of ICMP that belong to no state are an
  example: OpenBSD's rules that keep state never match them; they are left out where the file is certainly OpenBSD's.
- The contents of a table that lists none, and of an anchor that neither the file nor ``load anchor`` fills, are given
  on the machine: conditions that are not understood.
- Interfaces whose names end in a digit are interfaces, other names are groups, whose members are not in the file:
  ``interface group egress in``. ``lo`` and ``lo0`` are the loopback interface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fwadvisor.diagnostic import Span, did_you_mean, error, warning
from fwadvisor.dialects.reading.pf.building import Building
from fwadvisor.dialects.reading.pf.declared import declared
from fwadvisor.dialects.reading.pf.files import Reading
from fwadvisor.dialects.reading.pf.variants import ALL
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import BaseChain, Firewall, Point
from fwadvisor.model.rule import State, Verdict

_LOOKED_AT = 1 << 16
_RULE = re.compile(
    rb"^[ \t]*(?:@\d+(?:\(\d+\))? )?(?:(?:pass|block|match)(?:[ \t]+(?:drop|return(?:-rst|-icmp6?)?))?"
    rb"(?:[ \t]+(?:in|out|log|quick|on|inet6?|proto|from|to|all|route-to|reply-to|flags|tag))*"
    rb"[ \t]*(?:[\s#\\({$!]|$)"
    rb"|(?:nat|rdr|binat)(?:[ \t]+pass)?[ \t]+on[ \t]|scrub[ \t]+(?:in|out|on|all|from)|antispoof[ \t]"
    rb"|(?:nat-|rdr-)?anchor[ \t]+[\"\w])",
    re.MULTILINE,
)
_DEFINITION = re.compile(
    rb"^[ \t]*(?:table[ \t]*<|set[ \t]+(?:skip[ \t]+on|block-policy|state-policy|limit|timeout|optimization|reassemble"
    rb"|loginterface)\b|include[ \t]+\"|load[ \t]+anchor)",
    re.MULTILINE,
)


def recognize(source: Source) -> int:
    """How sure it is that the source is a pf.conf or pfctl's output: by words that begin its lines."""
    start = source.content[:_LOOKED_AT]
    rules, definitions = bool(_RULE.search(start)), bool(_DEFINITION.search(start))
    if rules:
        return 95 if definitions else 85
    return 70 if definitions else 0


def read(sources: Sequence[Source], options: Mapping[str, str]) -> Firewall:
    """What the files say together, one after the other as if they were one file.

    The option ``variant`` says which pf it is: openbsd, freebsd, freebsd-12.

    Raises:
        ReadError: pfctl would refuse them, or limits of size are passed.
    """
    variant = options.get("variant", "")
    if variant and variant not in ALL:
        hint = did_you_mean(variant, ALL) or f"the variants are {', '.join(sorted(ALL))}"
        raise ReadError(error(f'no variant of pf is called "{variant}"', hint=hint))
    reading = Reading(variant)
    for source in sources:
        reading.read(source)
    reading.load()
    reading.close()
    building = Building(reading)
    building.build()
    name = ", ".join(source.name for source in sources)
    warnings = [*reading.warnings, *building.warnings]
    if reading.printed:
        place = Span(sources[0].name, 1)
        text = "rules that pfctl printed show neither tables nor set skip nor the contents of anchors"
        warnings.append(warning(text, place, "read the pf.conf that they were loaded from to know these"))
    return Firewall(
        name=name,
        dialect="pf",
        chains=building.chains,
        bases=(
            BaseChain(point=Point.PREROUTING, chain="in", default=Verdict.ACCEPT),
            BaseChain(point=Point.POSTROUTING, chain="out", default=Verdict.ACCEPT),
        ),
        states=frozenset({State.NEW, State.ESTABLISHED}),
        implicit=frozenset({State.ESTABLISHED}) if building.passes_known else frozenset(),
        opening_only=not building.every_flag,
        routed_groups=False,
        opaque=tuple(building.opaque),
        warnings=tuple(warnings),
        declared=tuple(declared(reading)),
    )
