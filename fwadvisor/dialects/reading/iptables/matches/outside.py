"""What is no part of a packet: who sent it, through which port of a bridge, under which policy."""

from __future__ import annotations

from collections.abc import Callable

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.numbers import maybe_number, number, value_and_mask
from fwadvisor.dialects.reading.iptables.parts import Context, Given, Match, Option, Part, condition, options
from fwadvisor.dialects.reading.iptables.refusal import RefusedError

_LARGEST = 2**32 - 2
_KINDS = ("unicast", "broadcast", "multicast", "host", "otherhost", "other")
_SEEN_AS = {"host": "unicast", "otherhost": "other"}


def _each(name: str, *listed: Option | str, read: Callable[[Given], Part]) -> Match:
    """A module whose options each make a test."""

    def tests(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
        if not given:
            raise RefusedError(f"{name} needs an option")
        return tuple(read(each) for each in given)

    return Match(name, options(*listed), tests)


def _account(text: str, name: Callable[[int, int], str], kind: str) -> str:
    first, dash, last = text.partition("-")
    if maybe_number(first) is None:
        # Accounts differ between machines; a name stands for itself.
        return name(0, 0) if text == "root" else f"owner {kind} {text}"
    low = number(first, _LARGEST, kind)
    return name(low, number(last, _LARGEST, kind) if dash else low)


def _owner(each: Given) -> Part:
    if each.name == "--uid-owner":
        text = _account(each.value, conditions.owner_user, "uid")
    elif each.name == "--gid-owner":
        text = _account(each.value, conditions.owner_group, "gid")
    else:
        text = conditions.OWNER_SOCKET if each.name == "--socket-exists" else "owner supplementary groups"
    return condition(text, not each.negated)


def _pkttype(each: Given) -> Part:
    kind = each.value.lower()
    if kind not in _KINDS:
        raise RefusedError(f'"{each.value}" is no packet type', each.value, did_you_mean(kind, _KINDS))
    return condition(conditions.packet_type(_SEEN_AS.get(kind, kind)), not each.negated)


def _physdev(each: Given) -> Part:
    if each.values:
        return condition(conditions.physical(each.name.removeprefix("--physdev-"), each.value), not each.negated)
    return condition(f"physdev {each.name.removeprefix('--physdev-').replace('-', ' ')}", not each.negated)


def _group(each: Given) -> Part:
    direction = "in" if each.name == "--src-group" else "out"
    return condition(
        conditions.interface_group(direction, *value_and_mask(each.value, 32, "interface group")), not each.negated
    )


def _realm(each: Given) -> Part:
    if maybe_number(each.value.partition("/")[0]) is None:
        return condition(f"realm {each.value}", not each.negated)
    return condition(conditions.realm(*value_and_mask(each.value, 32, "realm")), not each.negated)


def _cpu(each: Given) -> Part:
    return condition(conditions.processor(number(each.value, 2**31, "processor")), not each.negated)


def _cgroup(each: Given) -> Part:
    return condition(conditions.control_group(each.value), not each.negated)


def _rpfilter(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    names = {each.name for each in given}
    name = conditions.reverse_path("--loose" in names)
    more = [each[2:] for each in ("--accept-local", "--validmark") if each in names]
    return (condition(" ".join((name, *more)), "--invert" not in names),)


def _policy(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    if "--dir" not in found or found["--dir"].value not in ("in", "out"):
        raise RefusedError("policy needs --dir in or --dir out")
    direction = found["--dir"].value
    if set(found) == {"--dir", "--pol"}:
        kind = found["--pol"].value
        if kind not in ("none", "ipsec"):
            raise RefusedError(f'"{kind}" is no policy', kind, "expected none or ipsec")
        return (condition(conditions.ipsec(direction), kind == "ipsec"),)
    words = [" ".join(("!",) * each.negated + (each.name[2:], *each.values)) for each in given if each.name != "--dir"]
    return (condition(f"{conditions.ipsec(direction)} {' '.join(words)}"),)


def _nothing(_given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    return ()


MATCHES = (
    _each(
        "owner", "--uid-owner", "--gid-owner", Option("--socket-exists", 0), Option("--suppl-groups", 0), read=_owner
    ),
    _each("pkttype", "--pkt-type", read=_pkttype),
    _each(
        "physdev",
        "--physdev-in",
        "--physdev-out",
        *(Option(f"--physdev-is-{each}", 0) for each in ("in", "out", "bridged")),
        read=_physdev,
    ),
    _each("devgroup", "--src-group", "--dst-group", read=_group),
    _each("realm", "--realm", read=_realm),
    _each("cpu", "--cpu", read=_cpu),
    _each("cgroup", "--cgroup", "--path", read=_cgroup),
    Match(
        "rpfilter",
        options(
            *(Option(f"--{each}", 0, negatable=False) for each in ("loose", "validmark", "accept-local", "invert"))
        ),
        _rpfilter,
    ),
    Match(
        "policy",
        options(
            Option("--dir", negatable=False),
            Option("--pol", negatable=False),
            *(
                Option(f"--{each}", repeats=True)
                for each in ("reqid", "spi", "proto", "mode", "tunnel-src", "tunnel-dst")
            ),
            Option("--strict", 0),
            Option("--next", 0, repeats=True),
        ),
        _policy,
    ),
    # They hold for every packet.
    Match("comment", options(Option("--comment", negatable=False)), _nothing),
    Match("nfacct", options("--nfacct-name"), _nothing),
)
