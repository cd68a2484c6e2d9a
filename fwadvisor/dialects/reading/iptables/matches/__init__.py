"""The match modules of iptables and what each asks of a packet, as iptables-extensions(8) and the kernel say.

To add one: a `Match` in the module that it belongs to, and it is in `MATCHES`.
"""

from __future__ import annotations

from fwadvisor.dialects.reading.iptables.matches import (
    addresses,
    connections,
    headers,
    lookups,
    outside,
    ports,
    rates,
    times,
    worded,
)
from fwadvisor.dialects.reading.iptables.parts import Match

MATCHES: dict[str, Match] = {
    match.name: match
    for module in (ports, headers, addresses, connections, lookups, rates, times, outside, worded)
    for match in module.MATCHES
}
#: Other names of modules.
ALIASES = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "ctstate": "conntrack"}
#: Modules that other packages add to iptables; what they ask is not known here.
FOREIGN = frozenset(
    {
        "account", "asn", "childlevel", "condition", "connrate", "dhcpmac", "dstlimit", "fuzzy", "geoip", "gradm",
        "iface", "ipp2p", "ipv4options", "layer7", "length2", "lscan", "lua", "mport", "ndpi", "nth", "pknock", "proto",
        "psd", "quota2", "random", "tls", "unclean", "web", "webmon", "webstr", "weburl", "bm", "id", "l2tp",
    }
)  # fmt: skip
#: The module that an option of a protocol belongs to where no -m names it.
OF_PROTOCOL = {
    1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 50: "esp", 51: "ah", 58: "icmp6", 108: "ipcomp", 132: "sctp", 135: "mh",
}  # fmt: skip
