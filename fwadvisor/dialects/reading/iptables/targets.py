"""The targets of iptables and what each does to a packet, as iptables-extensions(8) and the kernel say."""

from __future__ import annotations

import re
from collections.abc import Callable

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.iptables.addresses import NotResolvedError, address_range
from fwadvisor.dialects.reading.iptables.matches.headers import dscp_class, service
from fwadvisor.dialects.reading.iptables.matches.lookups import dimensions
from fwadvisor.dialects.reading.iptables.numbers import number, port_range, value_and_mask
from fwadvisor.dialects.reading.iptables.parts import (
    Context,
    Effect,
    Given,
    MarkWrite,
    Option,
    Outcome,
    SetWrite,
    Target,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family, format_address
from fwadvisor.model.firewall import STATES, Continue, Decide, Field, Return, Unknown, Write
from fwadvisor.model.interval import format_ports
from fwadvisor.model.rule import State, Verdict

_FULL = 2**32 - 1
_NAT = ("nat",)
_MANGLE = ("mangle",)
_SECURITY = ("mangle", "security")
_FILTER = ("filter",)
_V4, _V6 = (Family.IPV4,), (Family.IPV6,)
_ENDPOINT = re.compile(r"(?P<v6>\[[0-9A-Fa-f:.-]*\])?(?P<v4>[^:\[\]]*)?(?::(?P<ports>[0-9-]+)(?:/\d+)?)?")
#: What --reject-with takes, and in which family; the short forms are older.
_REFUSALS = {
    Family.IPV4: ("icmp-net-unreachable", "net-unreach", "icmp-host-unreachable", "host-unreach",
                  "icmp-proto-unreachable", "proto-unreach", "icmp-port-unreachable", "port-unreach",
                  "icmp-net-prohibited", "net-prohib", "icmp-host-prohibited", "host-prohib", "tcp-reset", "tcp-rst",
                  "icmp-admin-prohibited", "admin-prohib"),
    Family.IPV6: ("icmp6-no-route", "no-route", "icmp6-adm-prohibited", "adm-prohibited", "icmp6-addr-unreachable",
                  "addr-unreach", "icmp6-port-unreachable", "port-unreach", "tcp-reset", "icmp6-policy-fail",
                  "policy-fail", "icmp6-reject-route", "reject-route"),
}  # fmt: skip
_RESETS = ("tcp-reset", "tcp-rst")
_ACCEPT = Decide(Verdict.ACCEPT)


def _does(outcome: Outcome) -> Callable[[tuple[Given, ...], Context], Outcome]:
    return lambda _given, _context: outcome


def _goes_on(*effects: Effect) -> Outcome:
    return Outcome(Continue(), effects)


def _reject(given: tuple[Given, ...], context: Context) -> Outcome:
    for each in given:
        if each.value not in _REFUSALS[context.family]:
            known = _REFUSALS[context.family]
            hint = did_you_mean(each.value, known) or f"expected one of {', '.join(known)}"
            raise RefusedError(f'"{each.value}" is no way to reject', each.value, hint)
    return Outcome(Decide(Verdict.REJECT))


def resets(given: tuple[Given, ...]) -> bool:
    """Whether the options of a REJECT answer with a TCP reset."""
    return any(each.value in _RESETS for each in given)


def _log(given: tuple[Given, ...], _context: Context) -> Outcome:
    prefix = next((each.value for each in given if each.name.endswith("-prefix")), "")
    return _goes_on(Write(Field.LOG, prefix))


def _translates(word: str) -> Outcome:
    return Outcome(_ACCEPT, (Write(Field.TRANSLATION, word),))


def _to(kind: str) -> Callable[[tuple[Given, ...], Context], Outcome]:
    """DNAT and SNAT: ``--to-destination 192.0.2.1-192.0.2.9:80-90``."""

    def read(given: tuple[Given, ...], context: Context) -> Outcome:
        places = [each for each in given if each.values]
        if not places:
            raise RefusedError(f"{kind.upper()} needs --to-{'destination' if kind == 'dnat' else 'source'}")
        return _translates(f"{kind} to {','.join(_endpoint(each.value, context.family) for each in places)}")

    return read


def _endpoint(text: str, family: Family) -> str:
    """An address or range with ports, in its canonical text."""
    found = _ENDPOINT.fullmatch(text)
    if family is Family.IPV6 and (not found or (not found["v6"] and ":" in text)):
        address, ports = text, ""
    elif found:
        address, ports = (found["v6"] or found["v4"] or "").strip("[]"), found["ports"] or ""
    else:
        raise RefusedError(f'"{text}" is no address to translate to', text)
    shown = _addresses(address, family) if address else ""
    shown = f"[{shown}]" if ports and ":" in shown else shown
    return f"{shown}:{format_ports(port_range(ports.replace('-', ':')))}" if ports else shown


def _addresses(text: str, family: Family) -> str:
    try:
        ((first, last),) = address_range(text, family)
    except NotResolvedError as problem:
        raise RefusedError(problem.reason, text) from None
    return (
        format_address(first, family)
        if first == last
        else f"{format_address(first, family)}-{format_address(last, family)}"
    )


def _masquerade(given: tuple[Given, ...], _context: Context) -> Outcome:
    ports = [format_ports(port_range(each.value.replace("-", ":"))) for each in given if each.name == "--to-ports"]
    return _translates(f"masquerade to :{ports[0]}" if ports else "masquerade")


def _redirect(given: tuple[Given, ...], _context: Context) -> Outcome:
    ports = [format_ports(port_range(each.value.replace("-", ":"))) for each in given if each.name == "--to-ports"]
    return _translates(f"redirect to :{ports[0]}" if ports else "redirect")


def _netmap(given: tuple[Given, ...], _context: Context) -> Outcome:
    if not given:
        raise RefusedError("NETMAP needs --to")
    return _translates(f"netmap to {given[0].value}")


def _connection(given: tuple[Given, ...], _context: Context) -> Outcome:
    """CT: what connection tracking is to do with the packet."""
    effects: list[Effect] = []
    for each in given:
        if each.name == "--notrack":
            effects.append(Write(Field.STATE, STATES.index(State.UNTRACKED)))
        elif each.name == "--helper":
            effects.append(Write(Field.ASSIGNED_HELPER, each.value))
    return _goes_on(*effects)


def _marks(field: Field) -> Callable[[tuple[Given, ...], Context], Outcome]:
    """MARK and CONNMARK: constants, or copies of one another."""

    def read(given: tuple[Given, ...], _context: Context) -> Outcome:
        if not given:
            raise RefusedError("the target needs an option such as --set-mark")
        copied = {"--save-mark": Field.CONNECTION_MARK, "--restore-mark": Field.MARK}
        for each in given:
            if each.name in copied:
                return _goes_on(MarkWrite(copied[each.name]))
        marks = [_mark(field, each) for each in given if each.name in _MARK_OPTIONS]
        return _goes_on(*marks)

    return read


_MARK_OPTIONS = ("--set-xmark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark")


def _mark(field: Field, each: Given) -> Write:
    if each.name in ("--set-xmark", "--set-mark"):
        value, mask = value_and_mask(each.value, 32, "mark")
        if each.name == "--set-mark":
            mask |= value
    else:
        bits = number(each.value, _FULL, "mark")
        value, mask = {"--and-mark": (0, ~bits & _FULL), "--or-mark": (bits, bits), "--xor-mark": (bits, 0)}[each.name]
    return Write(field, value, None if mask == _FULL else mask)


def _hops(given: tuple[Given, ...], _context: Context) -> Outcome:
    if len(given) != 1:
        raise RefusedError("the target needs one of its options")
    (each,) = given
    value = number(each.value, 255, "number of hops")
    return _goes_on(Write(Field.TTL, value) if each.name.endswith("-set") else MarkWrite(Field.TTL))


def _dscp(given: tuple[Given, ...], _context: Context) -> Outcome:
    if not given:
        raise RefusedError("DSCP needs --set-dscp or --set-dscp-class")
    (each,) = given
    return _goes_on(
        Write(Field.DSCP, number(each.value, 63, "DSCP") if each.name == "--set-dscp" else dscp_class(each.value))
    )


def _tos(given: tuple[Given, ...], _context: Context) -> Outcome:
    if len(given) != 1:
        raise RefusedError("TOS needs one of --set-tos, --and-tos, --or-tos and --xor-tos")
    (each,) = given
    if each.name == "--set-tos":
        value, mask = service(each.value)
    else:
        bits = number(each.value, 255, "type of service")
        value, mask = {"--and-tos": (0, ~bits & 255), "--or-tos": (bits, bits), "--xor-tos": (bits, 0)}[each.name]
    return _goes_on(Write(Field.DSCP, value >> 2, mask >> 2))


def _set(given: tuple[Given, ...], _context: Context) -> Outcome:
    effects: list[Effect] = []
    for each in given:
        if len(each.values) == 2:
            dimensions(each.values[1])
            if each.name != "--map-set":
                effects.append(SetWrite(each.values[0]))
        elif each.name == "--map-mark":
            effects.append(MarkWrite(Field.MARK))
    return _goes_on(*effects)


def _unknown(reason: str) -> Callable[[tuple[Given, ...], Context], Outcome]:
    return _does(Outcome(Unknown(reason), opaque=reason))


def _flags(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name, 0, negatable=False) for name in names)


def _plain(name: str, outcome: Outcome, tables: tuple[str, ...] = ()) -> Target:
    return Target(name, {}, _does(outcome), tables)


def _continues(name: str, *listed: Option | str, tables: tuple[str, ...] = ()) -> Target:
    """A target that changes nothing that rules ask for."""
    return Target(name, options(*listed), _does(_goes_on()), tables)


_RANDOM = _flags("--random", "--random-fully", "--persistent")
_QUEUE = "a program decides about packets of a queue"
_MASKS = ("--nfmask", "--ctmask", "--mask")
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _plain("ACCEPT", Outcome(_ACCEPT)),
        # iptables refuses DROP in the nat table.
        _plain("DROP", Outcome(Decide(Verdict.DROP)), ("filter", "mangle", "raw", "security")),
        _plain("RETURN", Outcome(Return())),
        Target("QUEUE", {}, _unknown(_QUEUE)),
        Target(
            "NFQUEUE",
            options("--queue-num", "--queue-balance", *_flags("--queue-bypass", "--queue-cpu-fanout")),
            _unknown(_QUEUE),
        ),
        Target("REJECT", options("--reject-with"), _reject, _FILTER),
        Target(
            "LOG",
            options(
                "--log-level",
                "--log-prefix",
                *_flags(
                    "--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid", "--log-macdecode"
                ),
            ),
            _log,
        ),
        Target("NFLOG", options(*(f"--nflog-{w}" for w in ("group", "prefix", "range", "size", "threshold"))), _log),
        Target("ULOG", options(*(f"--ulog-{w}" for w in ("nlgroup", "prefix", "cprange", "qthreshold"))), _log),
        Target("DNAT", options(Option("--to-destination", repeats=True), *_RANDOM), _to("dnat"), _NAT),
        Target("SNAT", options(Option("--to-source", repeats=True), *_RANDOM), _to("snat"), _NAT),
        Target("MASQUERADE", options("--to-ports", *_RANDOM), _masquerade, _NAT),
        Target("REDIRECT", options("--to-ports", *_RANDOM), _redirect, _NAT),
        Target("NETMAP", options("--to"), _netmap, _NAT),
        Target(
            "CT",
            options(
                "--helper", "--timeout", "--ctevents", "--expevents", "--zone", "--zone-orig", "--zone-reply",
                *_flags("--notrack"),
            ),
            _connection,
            ("raw",),
        ),
        _plain("NOTRACK", _goes_on(Write(Field.STATE, STATES.index(State.UNTRACKED))), ("raw",)),
        Target("MARK", options(*_MARK_OPTIONS), _marks(Field.MARK)),
        Target(
            "CONNMARK",
            options(*_MARK_OPTIONS, *_flags("--save-mark", "--restore-mark"), *_MASKS, "--left-shift-mark",
                    "--right-shift-mark"),
            _marks(Field.CONNECTION_MARK),
        ),
        Target(
            "HMARK",
            options(*(f"--hmark-{w}" for w in (
                "src-prefix", "dst-prefix", "sport-mask", "dport-mask", "spi-mask", "sport", "dport", "spi",
                "proto-mask", "rnd", "mod", "offset", "tuple",
            ))),
            _does(_goes_on(MarkWrite(Field.MARK))),
        ),
        Target(
            "SET",
            options(
                *(Option(name, 2, negatable=False) for name in ("--add-set", "--del-set", "--map-set")), "--timeout",
                *_flags("--exist", "--map-mark", "--map-prio", "--map-queue"),
            ),
            _set,
        ),
        Target("TTL", options("--ttl-set", "--ttl-dec", "--ttl-inc"), _hops, _MANGLE, _V4),
        Target("HL", options("--hl-set", "--hl-dec", "--hl-inc"), _hops, _MANGLE, _V6),
        Target("DSCP", options("--set-dscp", "--set-dscp-class"), _dscp, _MANGLE),
        Target("TOS", options("--set-tos", "--and-tos", "--or-tos", "--xor-tos"), _tos, _MANGLE),
        _continues("ECN", *_flags("--ecn-tcp-remove"), "--ecn-tcp-cwr", "--ecn-tcp-ece", "--ecn-ip-ect"),
        _continues("TCPMSS", "--set-mss", *_flags("--clamp-mss-to-pmtu")),
        _continues("TCPOPTSTRIP", "--strip-options", tables=_MANGLE),
        _continues("CLASSIFY", "--set-class"),
        _continues("CHECKSUM", *_flags("--checksum-fill"), tables=_MANGLE),
        _continues("TRACE", tables=("raw",)),
        _continues("AUDIT", "--type"),
        _continues("IDLETIMER", "--timeout", "--label", *_flags("--alarm", "--send_nl_msg")),
        _continues("RATEEST", "--rateest-name", "--rateest-interval", "--rateest-ewmalog"),
        _continues("LED", "--led-trigger-id", "--led-delay", *_flags("--led-always-blink")),
        _continues("TEE", "--gateway", "--oif"),
        _continues("SECMARK", "--selctx", tables=_SECURITY),
        _continues("CONNSECMARK", *_flags("--save", "--restore"), tables=_SECURITY),
        Target(
            "TPROXY",
            options("--on-port", "--on-ip", "--tproxy-mark"),
            _unknown("the packet is accepted where a proxy listens, and dropped where none does"),
            _MANGLE,
        ),
        Target(
            "SYNPROXY",
            options("--mss", "--wscale", *_flags("--sack-perm", "--timestamp", "--ecn")),
            _unknown("the kernel answers in place of the server"),
            ("filter",),
        ),
        Target("CLUSTERIP", options(
            *_flags("--new"), "--hashmode", "--clustermac", "--total-nodes", "--local-node", "--hash-init",
        ), _unknown("the nodes of a cluster share the packets"), families=_V4),
        Target("SNPT", options("--src-pfx", "--dst-pfx"), _unknown("it rewrites addresses on the way"), _MANGLE, _V6),
        Target("DNPT", options("--src-pfx", "--dst-pfx"), _unknown("it rewrites addresses on the way"), _MANGLE, _V6),
    )
}  # fmt: skip
for _name, _other, _own in (
    ("MASQUERADE", "--to-port", "--to-ports"),
    ("REDIRECT", "--to-port", "--to-ports"),
):
    TARGETS[_name] = Target(
        _name, {**TARGETS[_name].options, _other: Option(_own)}, TARGETS[_name].read, TARGETS[_name].tables
    )
#: Targets that other packages add to iptables; what they do is not known here.
FOREIGN = frozenset(
    {
        "ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "FLOWOFFLOAD", "FULLCONENAT", "IMQ", "IPMARK",
        "LOGMARK", "MIRROR", "NDPI", "PROTO", "RAWDNAT", "RAWSNAT", "ROUTE", "RTPENGINE", "SAME", "STEAL", "SYSRQ",
        "TARPIT", "WEBMON", "XOR", "ASTERISK", "NAT46", "NAT64", "JOOL", "JOOL_SIIT",
    }
)  # fmt: skip
