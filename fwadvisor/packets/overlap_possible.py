"""Boxes that hold no possible packet, as far as they can make a rule unreachable.

The packets of a hook are fewer than the combinations of all fields: nothing leaves the machine at INPUT, and a
destination is of type multicast exactly where its address is in 224.0.0.0/4 or ff00::/8. A rule that is left with
impossible packets alone is never reached. Listed here is what ties fields together that rules do test together.
Left out is what ties ports, ICMP types and TCP flags to protocols: rules ask for them only together with their
protocol, so where such a packet is left over, one with port 0 is too. Leaving out a box is always safe: what is
claimed of more packets holds of the possible ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, AddressType, Field, Firewall, Names, Write
from fwadvisor.model.interval import Intervals, normalize, subtract
from fwadvisor.model.rule import LOOPBACK, TCP, Hook, State
from fwadvisor.packets.rawbox import RawBox

MULTICAST: dict[Family, Intervals] = {
    Family.IPV4: ((0xE0000000, 0xEFFFFFFF),),
    Family.IPV6: ((0xFF << 120, (1 << 128) - 1),),
}
BROADCAST: Intervals = ((0xFFFFFFFF, 0xFFFFFFFF),)
#: Destinations that packets of a hook can have; those that are routed onwards can come from no address of our own.
DESTINATION_TYPES = {
    Hook.INPUT: (AddressType.LOCAL, AddressType.BROADCAST, AddressType.MULTICAST),
    Hook.FORWARD: (AddressType.UNICAST, AddressType.MULTICAST),
    Hook.OUTPUT: tuple(AddressType),
}
SOURCE_TYPES = {
    Hook.INPUT: tuple(AddressType),
    Hook.FORWARD: (AddressType.UNICAST, AddressType.BROADCAST, AddressType.MULTICAST),
    Hook.OUTPUT: tuple(AddressType),
}
NOWHERE = {Hook.INPUT: Field.OUT_INTERFACE, Hook.OUTPUT: Field.IN_INTERFACE}
_FLAGS_ASKED, _SYN = 1 | 2 | 4 | 16, 2
#: The flags of a TCP packet that opens a connection: SYN, and neither ACK, FIN nor RST.
OPENING: Intervals = normalize((flags, flags) for flags in range(256) if flags & _FLAGS_ASKED == _SYN)


def types(values: tuple[AddressType, ...], family: Family) -> Intervals:
    """Address types as a set of integers, in a family that may have no broadcast."""
    return normalize((t, t) for t in values if family is Family.IPV4 or t is not AddressType.BROADCAST)


def impossible(hook: Hook, family: Family) -> Iterator[RawBox]:
    """Boxes without any packet that a machine can see at the hook."""
    everywhere, multicast = family.universe, MULTICAST[family]
    all_types: Intervals = ((0, len(AddressType) - 1),)
    one: Intervals = ((AddressType.MULTICAST, AddressType.MULTICAST),)
    if hook in NOWHERE:
        yield RawBox(hook, family, names={NOWHERE[hook]: (Names(frozenset({""}), inverted=True),)})
    for field, possible in (
        (Field.DESTINATION_TYPE, types(DESTINATION_TYPES[hook], family)),
        (Field.SOURCE_TYPE, types(SOURCE_TYPES[hook], family)),
    ):
        rest = subtract(all_types, possible)
        if rest:
            yield RawBox(hook, family, {field: rest})
    apart = subtract(everywhere, multicast)
    yield RawBox(hook, family, {Field.DESTINATION_TYPE: one, Field.DESTINATION: apart})
    yield RawBox(hook, family, {Field.DESTINATION_TYPE: subtract(all_types, one), Field.DESTINATION: multicast})
    yield RawBox(hook, family, {Field.SOURCE_TYPE: one, Field.SOURCE: apart})
    if family is Family.IPV4:
        limited = subtract(all_types, ((AddressType.BROADCAST, AddressType.BROADCAST),))
        yield RawBox(hook, family, {Field.DESTINATION_TYPE: limited, Field.DESTINATION: BROADCAST})
        if hook is Hook.FORWARD:
            yield RawBox(hook, family, {Field.DESTINATION: BROADCAST})


def unasked(firewall: Firewall, hook: Hook, family: Family) -> Iterator[RawBox]:
    """Boxes of packets that the firewall does not speak of, or that pass without being asked."""
    loopback = Names(frozenset({LOOPBACK}))
    if not firewall.loopback:
        for field in (Field.IN_INTERFACE, Field.OUT_INTERFACE):
            yield RawBox(hook, family, names={field: (loopback,)})
    if any(_writes_state(write) for rule in firewall.rules() for write in rule.writes):
        return
    asked = firewall.states - firewall.implicit
    unseen = normalize((n, n) for n, state in enumerate(STATES) if state not in asked)
    if unseen:
        yield RawBox(hook, family, {Field.STATE: unseen})
    if firewall.opening_only:
        tcp: dict[Field, Intervals] = {
            Field.PROTOCOL: ((TCP, TCP),),
            Field.TCP_FLAGS: subtract(((0, 255),), OPENING),
        }
        new = STATES.index(State.NEW)
        yield RawBox(hook, family, {**tcp, Field.STATE: ((new, new),)})
        if asked == {State.NEW}:
            yield RawBox(hook, family, tcp)


def _writes_state(write: Write) -> bool:
    return write.field is Field.STATE
