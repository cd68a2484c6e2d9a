"""The words of pf.conf: reserved words, and the names of protocols, ports, ICMP types and codes, flags and tos."""

from __future__ import annotations

#: Words that pfctl's lexers know in every variant; they name no macro, table or interface unless quoted.
RESERVED = frozenset({
    "all", "allow-opts", "altq", "anchor", "antispoof", "any", "bandwidth", "binat", "binat-anchor", "bitmask",
    "block", "block-policy", "cbq", "code", "debug", "divert-reply", "divert-to", "drop", "dup-to", "file",
    "fingerprints", "flags", "floating", "flush", "for", "fragment", "from", "global", "group", "hfsc", "hostid",
    "icmp-type", "icmp6-type", "if-bound", "in", "include", "inet", "inet6", "keep", "label", "limit", "linkshare",
    "load", "log", "loginterface", "max", "max-mss", "max-src-conn", "max-src-conn-rate", "max-src-nodes",
    "max-src-states", "min-ttl", "modulate", "nat", "nat-anchor", "no", "no-df", "no-route", "no-sync", "on",
    "optimization", "os", "out", "overload", "pass", "port", "prio", "priority", "priq", "probability", "proto",
    "qlimit", "queue", "quick", "random", "random-id", "rdr", "rdr-anchor", "realtime", "reassemble", "reply-to",
    "require-order", "return", "return-icmp", "return-icmp6", "return-rst", "round-robin", "route-to", "rtable",
    "rule", "ruleset-optimization", "scrub", "set", "set-tos", "skip", "sloppy", "source-hash", "source-track",
    "state", "state-defaults", "state-policy", "static-port", "sticky-address", "synproxy", "table", "tag",
    "tagged", "target", "timeout", "to", "tos", "ttl", "upperlimit", "urpf-failed", "user",
})  # fmt: skip
#: Words that a statement begins with.
STATEMENTS = (
    "pass", "block", "match", "anchor", "table", "set", "antispoof", "include", "load", "nat", "rdr", "binat", "no",
    "nat-anchor", "rdr-anchor", "binat-anchor", "scrub", "altq", "queue", "ether",
)  # fmt: skip
#: What may follow the addresses of a rule.
OPTIONS = (
    "user", "group", "flags", "icmp-type", "icmp6-type", "prio", "tos", "keep", "no", "modulate", "synproxy",
    "fragment", "allow-opts", "label", "queue", "tag", "tagged", "probability", "rtable", "divert-to", "divert-reply",
    "divert-packet", "set", "nat-to", "rdr-to", "binat-to", "af-to", "scrub", "route-to", "reply-to", "dup-to",
    "received-on", "once", "max-pkt-rate", "max-pkt-size", "dnpipe", "dnqueue", "ridentifier",
)  # fmt: skip
#: Protocols as /etc/protocols of the BSDs names them; 0 (ip) is refused by pfctl.
PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33, "ipv6": 41,
    "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "mobile": 55, "ipv6-icmp": 58,
    "icmp6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "ipip": 94, "etherip": 97, "encap": 98,
    "pim": 103, "ipcomp": 108, "carp": 112, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136, "pfsync": 240,
}  # fmt: skip
#: The services that rule files name most; the rest is asked for by number.
SERVICES = {
    "echo": 7, "discard": 9, "systat": 11, "daytime": 13, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23,
    "smtp": 25, "time": 37, "whois": 43, "tacacs": 49, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69,
    "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88, "hostname": 101, "pop3": 110, "sunrpc": 111,
    "auth": 113, "ident": 113, "nntp": 119, "ntp": 123, "epmap": 135, "netbios-ns": 137, "netbios-dgm": 138,
    "netbios-ssn": 139, "imap": 143, "snmp": 161, "snmptrap": 162, "snmp-trap": 162, "bgp": 179, "irc": 194,
    "ldap": 389, "https": 443, "microsoft-ds": 445, "kpasswd": 464, "smtps": 465, "isakmp": 500, "exec": 512,
    "login": 513, "shell": 514, "syslog": 514, "printer": 515, "route": 520, "router": 520, "rip": 520,
    "dhcpv6-client": 546, "dhcpv6-server": 547, "rtsp": 554, "nntps": 563, "submission": 587, "ipp": 631,
    "ldaps": 636, "domain-s": 853, "rsync": 873, "ftps-data": 989, "ftps": 990, "telnets": 992, "imaps": 993,
    "pop3s": 995, "socks": 1080, "openvpn": 1194, "ms-sql-s": 1433, "ms-sql-m": 1434, "l2tp": 1701,
    "h323gatedisc": 1718, "h323gatestat": 1719, "h323hostcall": 1720, "pptp": 1723, "radius": 1812,
    "radius-acct": 1813, "nfs": 2049, "nfsd": 2049, "squid": 3128, "mysql": 3306, "rdp": 3389, "svn": 3690,
    "diameter": 3868, "ipsec-nat-t": 4500, "ipsec-msft": 4500, "sip": 5060, "sips": 5061, "postgresql": 5432,
    "x11": 6000, "spamd": 8025, "ftp-proxy": 8021, "hunt": 26740,
}  # fmt: skip
#: ICMP types of pfctl (pfctl_parser.c's names, listed in pf.conf(5) and by ``pfctl -sr``).
ICMP_TYPES = {
    "echorep": 0, "unreach": 3, "squench": 4, "redir": 5, "althost": 6, "echoreq": 8, "routeradv": 9, "routersol": 10,
    "timex": 11, "paramprob": 12, "timereq": 13, "timerep": 14, "inforeq": 15, "inforep": 16, "maskreq": 17,
    "maskrep": 18, "trace": 30, "dataconv": 31, "mobredir": 32, "ipv6-where": 33, "ipv6-here": 34, "mobregreq": 35,
    "mobregrep": 36, "skip": 39, "photuris": 40,
}  # fmt: skip
ICMP6_TYPES = {
    "unreach": 1, "toobig": 2, "timex": 3, "paramprob": 4, "echoreq": 128, "echorep": 129, "groupqry": 130,
    "listqry": 130, "grouprep": 131, "listenrep": 131, "groupterm": 132, "listendone": 132, "routersol": 133,
    "routeradv": 134, "neighbrsol": 135, "neighbradv": 136, "redir": 137, "routrrenum": 138, "wrureq": 139,
    "fqdnreq": 139, "niqry": 139, "wrurep": 140, "fqdnrep": 140, "nirep": 140, "listenrepv2": 143,
    "mtraceresp": 200, "mtrace": 201,
}  # fmt: skip
#: Codes by type and name.
ICMP_CODES = {
    (3, "net-unr"): 0, (3, "host-unr"): 1, (3, "proto-unr"): 2, (3, "port-unr"): 3, (3, "needfrag"): 4,
    (3, "srcfail"): 5, (3, "net-unk"): 6, (3, "host-unk"): 7, (3, "isolate"): 8, (3, "net-prohib"): 9,
    (3, "host-prohib"): 10, (3, "net-tos"): 11, (3, "host-tos"): 12, (3, "filter-prohib"): 13,
    (3, "host-preced"): 14, (3, "cutoff-preced"): 15, (5, "redir-net"): 0, (5, "redir-host"): 1,
    (5, "redir-tos-net"): 2, (5, "redir-tos-host"): 3, (9, "normal-adv"): 0, (9, "common-adv"): 16,
    (11, "transit"): 0, (11, "reassemb"): 1, (12, "badhead"): 0, (12, "optmiss"): 1, (12, "badlen"): 2,
    (40, "unknown-ind"): 1, (40, "auth-fail"): 2, (40, "decrypt-fail"): 3,
}  # fmt: skip
ICMP6_CODES = {
    (1, "noroute-unr"): 0, (1, "admin-unr"): 1, (1, "beyond-unr"): 2, (1, "addr-unr"): 3, (1, "port-unr"): 4,
    (3, "transit"): 0, (3, "reassemb"): 1, (4, "badhead"): 0, (4, "nxthdr"): 1, (4, "nxtopt"): 2,
    (137, "redironlink"): 0, (137, "redirrouter"): 1,
}  # fmt: skip
#: What OpenBSD's rules that keep state never match: answers to queries (pf_icmp_mapping in pf.c).
ICMP_ANSWERS = ((0, 0), (9, 9), (14, 14), (16, 16), (18, 18), (34, 34), (36, 36))
ICMP6_ANSWERS = ((129, 129), (140, 140), (200, 200))
#: Letters of TCP flags, as bits of the flags byte.
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "W": 128}
#: Names of the tos byte.
TOS = {
    "lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "critical": 0xA0, "inetcontrol": 0xC0,
    "netcontrol": 0xE0, "ef": 0xB8, "va": 0xB0,
    **{f"cs{n}": n << 5 for n in range(8)},
    **{f"af{c}{d}": (c << 5) | (d << 3) for c in range(1, 5) for d in range(1, 4)},
}  # fmt: skip
TIMEOUTS = (
    "tcp.first", "tcp.opening", "tcp.established", "tcp.closing", "tcp.finwait", "tcp.closed", "tcp.tsdiff",
    "sctp.first", "sctp.opening", "sctp.established", "sctp.closing", "sctp.closed", "udp.first", "udp.single",
    "udp.multiple", "icmp.first", "icmp.error", "other.first", "other.single", "other.multiple", "frag", "interval",
    "adaptive.start", "adaptive.end", "src.track",
)  # fmt: skip
LIMITS = ("states", "frags", "src-nodes", "tables", "table-entries", "anchors", "eth-anchors", "pktdelay-pkts",
          "syncookies")  # fmt: skip
