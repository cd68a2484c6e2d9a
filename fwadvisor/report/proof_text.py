"""What `generate` proved, in the words of its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import Intervals, size, union
from fwadvisor.model.rule import TCP, UDP, Hook
from fwadvisor.packets.box import readable_boxes
from fwadvisor.proof.comparison import Difference
from fwadvisor.proof.written import Proved
from fwadvisor.report.comparison_text import parts_in_words

#: So many regions of an exposure are shown; the notes hold all.
_REGIONS = 2


def proof_lines(proved: Sequence[Proved]) -> list[str]:
    """``proved: iptables = nftables = pf = windows = policy (input, output; IPv4, IPv6)``, and each exposure."""
    exact = [each.dialect for each in proved if not each.exposure]
    exposed = [each.dialect for each in proved if each.exposure]
    claims = [" = ".join([*exact, "policy"])] if exact else []
    claims += [" = ".join([*exposed, "policy with exposure"])] if exposed else []
    common = [part for part in proved[0].parts if all(part in each.parts for each in proved)]
    more = _elsewhere(proved, common)
    lines = [f"proved: {'; '.join(claims)} ({parts_in_words(common)}){more}"]
    for dialects, differences in _exposures(proved):
        lines += [f"  exposure of {', '.join(dialects)}: {text}" for text in exposure(differences)]
    return lines


def _elsewhere(proved: Sequence[Proved], common: Sequence[tuple[Hook, Family]]) -> str:
    """What only some dialects speak of."""
    rest: dict[Hook, list[str]] = {}
    for each in proved:
        for hook in dict.fromkeys(hook for hook, _ in each.parts if all(hook is not known for known, _ in common)):
            rest.setdefault(hook, []).append(each.dialect)
    return "".join(f"; {' = '.join([*names, 'policy'])} ({hook})" for hook, names in rest.items())


def _exposures(proved: Sequence[Proved]) -> list[tuple[list[str], tuple[Difference, ...]]]:
    """The exposures, those of dialects that have the same one together."""
    found: dict[tuple[str, ...], tuple[list[str], tuple[Difference, ...]]] = {}
    for each in proved:
        if each.exposure:
            key = tuple(exposure(each.exposure))
            found.setdefault(key, ([], each.exposure))[0].append(each.dialect)
    return list(found.values())


def exposure(differences: Iterable[Difference]) -> list[str]:
    """For each hook and way: what is accepted besides, or not accepted, in numbers and boxes."""
    lines = []
    for hook in Hook:
        for wider in (True, False):
            sets = [each for each in differences if each.hook is hook and (each.outcomes[0] == "accept") is wider]
            if sets:
                lines.append(_line(hook, sets, wider))
    return lines


def _line(hook: Hook, differences: Sequence[Difference], wider: bool) -> str:
    boxes = [box for each in differences for box in readable_boxes(each.packets.boxes())]
    shown = "; ".join(box.line() for box in boxes[:_REGIONS])
    more = f"; and {len(boxes) - _REGIONS} more regions" if len(boxes) > _REGIONS else ""
    ports = " and ".join(_ports(differences)) if wider else ""
    verb = "accepts at all times" if wider else "does not accept"
    return f"{hook} {verb} {ports + ': ' if ports else ''}{shown}{more}"


def _ports(differences: Sequence[Difference]) -> Iterator[str]:
    """How many ports of each transport, over all families."""
    for protocol, name in ((TCP, "TCP"), (UDP, "UDP")):
        ports: Intervals = ()
        for each in differences:
            for box in each.packets.boxes():
                protocols = box.integers.get(Field.PROTOCOL)
                if protocols is not None and any(first <= protocol <= last for first, last in protocols):
                    ports = union(ports, box.integers.get(Field.DESTINATION_PORT, ((0, 65535),)))
        if ports:
            yield f"{size(ports)} {name} ports"
