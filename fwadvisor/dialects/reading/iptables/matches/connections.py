"""What connection tracking knows: states, helpers, marks and counts.

In the raw table no connection is known yet. There and for invalid and untracked packets everything that asks about
a connection fails, negated or not, as it does in the kernel.
"""

from __future__ import annotations

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.addresses import network
from fwadvisor.dialects.reading.iptables.numbers import number, port_range, protocol, ranges, value_and_mask
from fwadvisor.dialects.reading.iptables.parts import (
    NEVER,
    ChangingTest,
    Context,
    EarlyState,
    Given,
    MaskedTest,
    Match,
    Option,
    Part,
    condition,
    one_of,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import format_ranges
from fwadvisor.model.firewall import STATES, AnyOf, Field, IntegerTest, Names, NameTest, Test
from fwadvisor.model.interval import format_ports, normalize, subtract
from fwadvisor.model.rule import State

_KNOWN = IntegerTest(Field.STATE, ((0, 2),))
_UNKNOWN = IntegerTest(Field.STATE, ((3, 4),))
_STATES = {
    "INVALID": State.INVALID, "NEW": State.NEW, "ESTABLISHED": State.ESTABLISHED, "RELATED": State.RELATED,
    "UNTRACKED": State.UNTRACKED,
}  # fmt: skip
_TRANSLATED = ("SNAT", "DNAT")
_STATUS = ("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")
_ADDRESSES = {
    "--ctorigsrc": ("original", "source"), "--ctorigdst": ("original", "destination"),
    "--ctreplsrc": ("reply", "source"), "--ctrepldst": ("reply", "destination"),
}  # fmt: skip
_PORTS = {f"{name}port": (direction, f"{what} port") for name, (direction, what) in _ADDRESSES.items()}
#: Helpers whose own name holds a hyphen, which otherwise parts a name from the port of a further helper.
_HYPHENED_HELPERS = frozenset({"netbios-ns"})
#: Helpers whose names begin with the name of another.
_LONGER_HELPERS = {"snmp_trap": "snmp"}
_VOLUMES = {"packets": "packets", "bytes": "bytes", "avgpkt": "average"}


def _named(text: str, word: str, known: tuple[str, ...]) -> str:
    """A name that may be cut short, in any case."""
    for name in known:
        if word and name.startswith(word.upper()):
            return name
    raise RefusedError(f'"{word}" is no state', text, did_you_mean(word, known) or f"expected {', '.join(known)}")


def _states(each: Given, context: Context, pseudo: bool) -> Part:
    known = (*_STATES, *_TRANSLATED) if pseudo else tuple(_STATES)
    names = [_named(each.value, word, known) for word in each.value.split(",")]
    values = normalize((STATES.index(_STATES[n]),) * 2 for n in names if n in _STATES)
    if context.table == "raw":
        return EarlyState(values, not each.negated)
    status = [name for name in dict.fromkeys(names) if name in _TRANSLATED]
    if not status:
        return IntegerTest(Field.STATE, subtract(((0, 4),), values) if each.negated else values)
    alternatives: list[tuple[Test, ...]] = [(IntegerTest(Field.STATE, values),)] if values else []
    alternatives += [(_KNOWN, condition(conditions.connection_status(name))) for name in status]
    return AnyOf(tuple(alternatives), not each.negated)


def _state(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("state needs --state")
    return tuple(_states(each, context, pseudo=False) for each in given)


def _conntrack(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("conntrack needs an option such as --ctstate")
    states = [_states(each, context, pseudo=True) for each in given if each.name == "--ctstate"]
    others = [_connection(each, context) for each in given if each.name != "--ctstate"]
    if context.table == "raw":
        return tuple(states) if states else (NEVER,)
    if not others:
        return tuple(states)
    # With a state asked for, the kernel asks nothing more of packets of no connection.
    return (*states, AnyOf(((_UNKNOWN,), tuple(others)))) if states else (_KNOWN, *others)


def _connection(each: Given, context: Context) -> Test:
    value, holds = each.value, not each.negated
    if each.name in _ADDRESSES:
        texts = format_ranges(network(value, context.family), context.family)
        return condition(conditions.connection_tuple(*_ADDRESSES[each.name], ",".join(texts)), holds)
    if each.name in _PORTS:
        return condition(conditions.connection_tuple(*_PORTS[each.name], format_ports(port_range(value))), holds)
    if each.name == "--ctproto":
        return condition(conditions.connection_tuple("original", "protocol", str(protocol(value))), holds)
    if each.name == "--ctstatus":
        return _status(each)
    if each.name == "--ctdir":
        if value.upper() not in ("ORIGINAL", "REPLY"):
            raise RefusedError(f'"{value}" is no direction', value, "expected ORIGINAL or REPLY")
        return condition(conditions.connection_direction("original"), holds is (value.upper() == "ORIGINAL"))
    return condition(conditions.connection_expiry(ranges(value, 2**32 - 1, "number of seconds")), holds)


def _status(each: Given) -> Test:
    names = [_named(each.value, word, _STATUS) for word in each.value.split(",")]
    # NONE is no bit at all, so that no connection has it.
    found: list[Test] = [
        condition(conditions.connection_status(name.replace("_", "-"))) for name in names if name != "NONE"
    ]
    return one_of(found or [NEVER], not each.negated)


def _helper(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("helper needs --helper")
    found: list[Part] = []
    for each in given:
        # The kernel compares as many letters as the helper's own name has.
        shorter = "" if each.value in _HYPHENED_HELPERS else each.value.partition("-")[0]
        also = {shorter, _LONGER_HELPERS.get(each.value, "")} - {""}
        names = Names(frozenset({each.value} | also)) if each.value else Names(frozenset({""}), inverted=True)
        held = Names(names.names, inverted=names.inverted is not each.negated)
        if context.table != "raw":
            found.append(NameTest(Field.HELPER, held))
        elif "" not in held:
            found.append(NEVER)
    return tuple(found)


def _known(context: Context, *tests: Part) -> tuple[Part, ...]:
    return (NEVER,) if context.table == "raw" else (_KNOWN, *tests)


def _connmark(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("connmark needs --mark")
    tests = [
        MaskedTest(Field.CONNECTION_MARK, *value_and_mask(each.value, 32, "mark"), not each.negated) for each in given
    ]
    return _known(context, *tests)


def _connbytes(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    if len(found) != 3:
        raise RefusedError("connbytes needs --connbytes, --connbytes-dir and --connbytes-mode")
    text = found["--connbytes"].value
    # One number alone is the lower end.
    values = ranges(text if ":" in text else f"{text}:", 2**64 - 1, "count")
    mode, direction = found["--connbytes-mode"].value, found["--connbytes-dir"].value
    if mode not in _VOLUMES:
        raise RefusedError(f'"{mode}" is no mode', mode, f"expected {', '.join(_VOLUMES)}")
    if direction not in ("original", "reply", "both"):
        raise RefusedError(f'"{direction}" is no direction', direction, "expected original, reply or both")
    name = conditions.connection_volume(_VOLUMES[mode], direction, values)
    return _known(context, condition(name, not found["--connbytes"].negated))


def _connlimit(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    counts = [each for each in given if each.name in ("--connlimit-above", "--connlimit-upto")]
    if len(counts) != 1:
        raise RefusedError("connlimit needs --connlimit-above or --connlimit-upto")
    bits = context.family.bits
    length = number(found["--connlimit-mask"].value, bits, "prefix length") if "--connlimit-mask" in found else bits
    by = f"{'destination' if '--connlimit-daddr' in found else 'source'}/{length}"
    name = conditions.connections_above(number(counts[0].value, 2**32 - 1, "count"), by)
    return (ChangingTest(name, (counts[0].name == "--connlimit-above") is not counts[0].negated),)


def _connlabel(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    labels = [each for each in given if each.name == "--label"]
    if not labels:
        raise RefusedError("connlabel needs --label")
    setting = any(each.name == "--set" for each in given)
    name, holds = conditions.connection_label(labels[0].value), not labels[0].negated
    return _known(context, ChangingTest(f"{name} set", holds) if setting else condition(name, holds))


MATCHES = (
    Match("state", options("--state"), _state),
    Match(
        "conntrack",
        options(
            "--ctstate",
            "--ctproto",
            "--ctstatus",
            Option("--ctdir", negatable=False),
            "--ctexpire",
            *_ADDRESSES,
            *_PORTS,
        ),
        _conntrack,
    ),
    Match("helper", options("--helper"), _helper),
    Match("connmark", options("--mark"), _connmark),
    Match(
        "connbytes",
        options("--connbytes", *(Option(f"--connbytes-{each}", negatable=False) for each in ("dir", "mode"))),
        _connbytes,
    ),
    Match(
        "connlimit",
        options(
            "--connlimit-above",
            "--connlimit-upto",
            Option("--connlimit-mask", negatable=False),
            Option("--connlimit-saddr", 0, negatable=False),
            Option("--connlimit-daddr", 0, negatable=False),
        ),
        _connlimit,
    ),
    Match("connlabel", options("--label", Option("--set", 0)), _connlabel),
)
