"""What a rule can ask of a packet: nftables' expressions, their types, and what they imply."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import building, datatypes, names
from fwadvisor.dialects.reading.nftables.building import Builder, field_text
from fwadvisor.dialects.reading.nftables.datatypes import Datatype
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field

_V4, _V6 = Family.IPV4, Family.IPV6
_PACKET_TYPES = {"unicast": 0, "broadcast": 1, "multicast": 2, "other": 3, "loopback": 5}


@dataclass(frozen=True, slots=True, eq=False)
class Selector:
    """One expression on the left of a comparison."""

    #: As nft writes it.
    text: str
    type: Datatype
    build: Builder
    #: Implied: nft adds a test of the family and of the protocol where the rule has none.
    family: Family | None = None
    protocol: int | None = None
    #: For bit sets that are conditions: the condition of one bit.
    bit: Builder | None = None


def _named(number: int, table: dict[str, int]) -> str:
    return next((name for name, each in table.items() if each == number), str(number))


def _interfaces(word: str) -> dict[str, Selector]:
    field = Field.IN_INTERFACE if word == "iif" else Field.OUT_INTERFACE
    direction = "in" if word == "iif" else "out"
    return {
        word: Selector(word, datatypes.INTERFACE, building.interface(field)),
        f"{word}name": Selector(f"{word}name", datatypes.INTERFACE, building.interface(field)),
        f"{word}group": Selector(
            f"{word}group",
            datatypes.DEVICE_GROUP,
            building.single(lambda number: conditions.interface_group(direction, number)),
        ),
        f"{word}type": Selector(f"{word}type", datatypes.NAME, building.named(lambda name: f"{word}type {name}")),
        f"{word}kind": Selector(f"{word}kind", datatypes.NAME, building.named(lambda name: f"{word}kind {name}")),
    }


def _text_names(*words: str) -> dict[str, Selector]:
    return {
        word: Selector(word, datatypes.NAME, building.named(lambda name, word=word: f"{word} {name}"))  # type: ignore[misc]
        for word in words
    }


def _numbers(of: Datatype, *words: str) -> dict[str, Selector]:
    return {word: Selector(f"meta {word}", of, field_text(f"meta {word}")) for word in words}


#: nft(8), "Meta expressions".
META: dict[str, Selector] = {
    **_interfaces("iif"),
    **_interfaces("oif"),
    **_text_names("ibrname", "obrname", "sdif", "sdifname", "ibrpvid", "secmark"),
    **_numbers(datatypes.LONG, "random", "nftrace", "ibrvproto"),
    "mark": Selector("meta mark", datatypes.MARK, building.integer(Field.MARK)),
    "l4proto": Selector("meta l4proto", datatypes.PROTOCOL, building.integer(Field.PROTOCOL)),
    "nfproto": Selector("meta nfproto", datatypes.FAMILY, building.family({2: _V4, 10: _V6})),
    "protocol": Selector("meta protocol", datatypes.ETHER_TYPE, building.family({0x0800: _V4, 0x86DD: _V6})),
    "length": Selector("meta length", datatypes.LONG, building.integer(Field.LENGTH)),
    "skuid": Selector("meta skuid", datatypes.USER, building.owner(conditions.owner_user)),
    "skgid": Selector("meta skgid", datatypes.GROUP, building.owner(conditions.owner_group)),
    "pkttype": Selector(
        "meta pkttype",
        datatypes.PACKET_TYPE,
        building.single(lambda number: conditions.packet_type(_named(number, _PACKET_TYPES))),
    ),
    "cpu": Selector("meta cpu", datatypes.LONG, building.single(conditions.processor)),
    "cgroup": Selector(
        "meta cgroup", datatypes.LONG, building.single(lambda number: conditions.control_group(str(number)))
    ),
    "priority": Selector("meta priority", datatypes.CLASS, field_text("meta priority")),
    "rtclassid": Selector("meta rtclassid", datatypes.REALM, building.single(conditions.realm)),
    "hour": Selector(
        "meta hour",
        datatypes.CLOCK,
        building.listed(lambda first, last: conditions.time_of_day(first, last, "local")),
    ),
    "time": Selector(
        "meta time",
        datatypes.MOMENT,
        building.listed(
            lambda first, last: conditions.time_date(
                datatypes.moment_text(first) if first else "", datatypes.moment_text(last), "local"
            )
        ),
    ),
    "day": Selector("meta day", datatypes.DAY, building.single(lambda day: conditions.time_day((day + 6) % 7))),
    "secpath": Selector("meta secpath", datatypes.BOOLEAN, building.listed(lambda *_: conditions.ipsec("in"))),
}
META["ipsec"] = META["secpath"]
#: Expressions of `META` that stand without the word ``meta``.
BARE_META = frozenset(
    {
        "mark", "iif", "iifname", "iiftype", "iifgroup", "oif", "oifname", "oiftype", "oifgroup", "skuid", "skgid",
        "rtclassid", "pkttype", "cpu", "cgroup", "ibrname", "obrname", "nftrace", "random",
    }
)  # fmt: skip


def _bit(of: Datatype, name: str) -> Builder:
    known = {number: word for word, number in of.symbols.items()}
    make = conditions.connection_status if name == "status" else conditions.connection_label
    return building.single(lambda bit: make(known.get(1 << bit, str(bit))))


def asks_connection(text: str) -> bool:
    """Whether an expression has a value only where the packet is of a connection, which its tests do not say."""
    return text.startswith("ct ") and text not in ("ct state", "ct helper")


_VOLUMES = {"bytes": "bytes", "packets": "packets", "avgpkt": "average"}


def ct_selector(key: str, direction: str) -> Selector | None:
    """The ``ct`` expression of a key such as ``state`` or ``ip saddr``; `direction` is original, reply or ""."""
    if key in _VOLUMES:
        return Selector(
            f"ct {key}",
            datatypes.QUAD,
            building.listed(
                lambda first, last: conditions.connection_volume(_VOLUMES[key], direction or "both", ((first, last),))
            ),
        )
    found = _CT.get(key)
    if key in ("protocol", "l3proto"):
        direction = "original"  # Both have the same, and nft lists them without a direction.
    if found is not None or not direction:
        return found
    return _ct_tuple(key, direction)


_CT = {
    "state": Selector("ct state", datatypes.CT_STATE, building.state),
    "helper": Selector("ct helper", datatypes.NAME, building.helper()),
    "mark": Selector("ct mark", datatypes.MARK, building.integer(Field.CONNECTION_MARK)),
    "direction": Selector(
        "ct direction",
        datatypes.DIRECTION,
        building.single(lambda number: conditions.connection_direction(_named(number, names.DIRECTIONS))),
    ),
    "status": Selector(
        "ct status",
        datatypes.CT_STATUS,
        field_text("connection status"),
        bit=_bit(datatypes.CT_STATUS, "status"),
    ),
    "label": Selector(
        "ct label", datatypes.CT_LABEL, field_text("connection label bits"), bit=_bit(datatypes.CT_LABEL, "label")
    ),
    "zone": Selector("ct zone", datatypes.SHORT, building.single(conditions.connection_zone, 1024)),
    "expiration": Selector(
        "ct expiration",
        datatypes.DURATION,
        building.listed(lambda first, last: conditions.connection_expiry(((first, last),))),
    ),
    "id": Selector("ct id", datatypes.LONG, field_text("connection id")),
}


def _ct_tuple(key: str, direction: str) -> Selector | None:
    text = f"ct {direction} {key}"
    ends = {"saddr": "source", "daddr": "destination"}
    word, _, side = key.rpartition(" ")
    if side in ends and word in ("ip", "ip6"):
        version = _V4 if word == "ip" else _V6
        kind = datatypes.IPV4 if word == "ip" else datatypes.IPV6
        return Selector(text, kind, building.connection_address(direction, ends[side], version), version)
    numbers = {
        "proto-src": ("source port", datatypes.PORT),
        "proto-dst": ("destination port", datatypes.PORT),
        "protocol": ("protocol", datatypes.PROTOCOL),
        "l3proto": ("family", datatypes.FAMILY),
    }
    if key not in numbers:
        return None
    what, of = numbers[key]

    def name(first: int, last: int) -> str:
        shown = str(first) if first == last else f"{first}-{last}"
        return conditions.connection_tuple(direction, what, shown)

    return Selector(text, of, building.listed(name))


def _header(
    word: str, fields: str, *, family: Family | None = None, protocol: int | None = None
) -> dict[str, Selector]:
    """Fields that are no part of the packet space, with their bits: ``id:16``."""
    found = {}
    for each in fields.split():
        name, _, bits = each.partition(":")
        text = f"{word} {name}"
        found[name] = Selector(text, Datatype("number", int(bits)), field_text(text), family, protocol)
    return found


def _ip(version: Family) -> dict[str, Selector]:
    word, kind = ("ip", datatypes.IPV4) if version is _V4 else ("ip6", datatypes.IPV6)
    return {
        "saddr": Selector(f"{word} saddr", kind, building.address(Field.SOURCE, version), version),
        "daddr": Selector(f"{word} daddr", kind, building.address(Field.DESTINATION, version), version),
        "dscp": Selector(f"{word} dscp", datatypes.DSCP, building.integer(Field.DSCP), version),
        "version": Selector(
            f"{word} version", Datatype("number", 4), building.family({int(version): version}), version
        ),
    }


def _ported(word: str, protocol: int, fields: str = "") -> dict[str, Selector]:
    return {
        **_header(word, fields, protocol=protocol),
        "sport": Selector(f"{word} sport", datatypes.PORT, building.integer(Field.SOURCE_PORT), None, protocol),
        "dport": Selector(f"{word} dport", datatypes.PORT, building.integer(Field.DESTINATION_PORT), None, protocol),
    }


def _icmp(version: Family) -> dict[str, Selector]:
    word, protocol = ("icmp", 1) if version is _V4 else ("icmpv6", 58)
    kinds = (datatypes.ICMP_TYPE, datatypes.ICMP_CODE)
    if version is _V6:
        kinds = (datatypes.ICMPV6_TYPE, datatypes.ICMPV6_CODE)
    return {
        **_header(
            word, "checksum:16 id:16 sequence:16 mtu:32 gateway:32 parameter-problem:32 packet-too-big:32 max-delay:16",
            family=version, protocol=protocol,
        ),
        "type": Selector(f"{word} type", kinds[0], building.icmp(version, False), version, protocol),
        "code": Selector(f"{word} code", kinds[1], building.icmp(version, True), version, protocol),
    }  # fmt: skip


def _spi(word: str, protocol: int) -> Selector:
    return Selector(
        f"{word} spi",
        datatypes.LONG,
        building.listed(lambda first, last: conditions.security_parameter_index(word, ((first, last),))),
        None,
        protocol,
    )


def _mac(word: str) -> Selector:
    def name(first: int, last: int) -> str:
        texts = [":".join(f"{each:012x}"[at : at + 2] for at in range(0, 12, 2)) for each in (first, last)]
        shown = texts[0] if first == last else "-".join(texts)
        return conditions.source_mac(shown) if word == "saddr" else f"destination mac {shown}"

    return Selector(f"ether {word}", datatypes.HARDWARE, building.listed(name))


#: nft(8), "Payload expressions".
HEADERS: dict[str, dict[str, Selector]] = {
    "ip": {
        **_header("ip", "hdrlength:4 id:16 checksum:16 ecn:2", family=_V4),
        **_ip(_V4),
        "length": Selector("ip length", datatypes.SHORT, building.integer(Field.LENGTH), _V4),
        "ttl": Selector("ip ttl", datatypes.BYTE, building.integer(Field.TTL), _V4),
        "protocol": Selector("ip protocol", datatypes.PROTOCOL, building.integer(Field.PROTOCOL), _V4),
        "frag-off": Selector("ip frag-off", datatypes.SHORT, field_text("ip frag-off"), _V4),
    },
    "ip6": {
        **_header("ip6", "flowlabel:20 ecn:2", family=_V6),
        **_ip(_V6),
        "length": Selector("ip6 length", datatypes.SHORT, building.integer(Field.LENGTH, 40), _V6),
        "hoplimit": Selector("ip6 hoplimit", datatypes.BYTE, building.integer(Field.TTL), _V6),
        "nexthdr": Selector("ip6 nexthdr", datatypes.PROTOCOL, building.next_header, _V6),
    },
    "tcp": {
        **_ported("tcp", 6, "sequence:32 ackseq:32 doff:4 window:16 checksum:16 urgptr:16"),
        "flags": Selector("tcp flags", datatypes.TCP_FLAG, building.integer(Field.TCP_FLAGS), None, 6),
    },
    "udp": _ported("udp", 17, "length:16 checksum:16"),
    "udplite": _ported("udplite", 136, "csumcov:16 checksum:16"),
    "sctp": _ported("sctp", 132, "vtag:32 checksum:32"),
    "dccp": _ported("dccp", 33, "type:4"),
    "th": {
        "sport": Selector("th sport", datatypes.PORT, building.ports(Field.SOURCE_PORT, "th sport")),
        "dport": Selector("th dport", datatypes.PORT, building.ports(Field.DESTINATION_PORT, "th dport")),
    },
    "icmp": _icmp(_V4),
    "icmpv6": _icmp(_V6),
    "igmp": _header("igmp", "type:8 mrt:8 checksum:16 group:32", family=_V4, protocol=2),
    "ah": {**_header("ah", "hdrlength:8 reserved:16 sequence:32", protocol=51), "spi": _spi("ah", 51)},
    "esp": {**_header("esp", "sequence:32", protocol=50), "spi": _spi("esp", 50)},
    "comp": _header("comp", "nexthdr:8 flags:8 cpi:16", protocol=108),
    "ether": {
        "saddr": _mac("saddr"),
        "daddr": _mac("daddr"),
        "type": Selector("ether type", datatypes.ETHER_TYPE, field_text("ether type")),
    },
    "vlan": _header("vlan", "id:12 pcp:3 dei:1 cfi:1 type:16"),
    "frag": _header("frag", "nexthdr:8 reserved:8 frag-off:13 more-fragments:1 id:32", family=_V6),
    "hbh": _header("hbh", "nexthdr:8 hdrlength:8", family=_V6),
    "dst": _header("dst", "nexthdr:8 hdrlength:8", family=_V6),
    "mh": _header("mh", "nexthdr:8 hdrlength:8 type:8 checksum:16", family=_V6),
    "rt0": {},
    "srh": _header("srh", "last-entry:8 flags:8 tag:16", family=_V6),
}  # fmt: skip
FRAGMENT_OFFSET = Selector("ip frag-off & 0x1fff", Datatype("fragment offset", 13), building.fragment_offset, _V4)
PORT_PAIR = Selector(
    "@th,0,32", Datatype("number", 32), building.port_pair(HEADERS["th"]["sport"].build, HEADERS["th"]["dport"].build)
)
