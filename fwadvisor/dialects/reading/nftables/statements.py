"""Statements of rules: what is done with a packet besides asking about it."""

from __future__ import annotations

from collections.abc import Callable

from fwadvisor.diagnostic import warning
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import datatypes
from fwadvisor.dialects.reading.nftables.building import CONNECTED
from fwadvisor.dialects.reading.nftables.expressions import asks_connection
from fwadvisor.dialects.reading.nftables.lookups import unknown_content
from fwadvisor.dialects.reading.nftables.marks import mark_value, mark_write
from fwadvisor.dialects.reading.nftables.rules import RuleReader
from fwadvisor.dialects.reading.nftables.selecting import dimensions, is_selector
from fwadvisor.dialects.reading.nftables.text import unquoted
from fwadvisor.dialects.reading.nftables.translations import destination, source, transparent
from fwadvisor.dialects.reading.nftables.values import Words
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    Condition,
    ConditionTest,
    Decide,
    FamilyTest,
    Field,
    IntegerTest,
    Return,
    Unknown,
    Write,
)
from fwadvisor.model.rule import TCP, State, Verdict

_BYTES = {"bytes": 1, "kbytes": 1024, "mbytes": 1024**2, "gbytes": 1024**3}
_NUMBER = datatypes.QUAD


def _accept(rule: RuleReader) -> None:
    rule.end(Decide(Verdict.ACCEPT))


def _drop(rule: RuleReader) -> None:
    rule.end(Decide(Verdict.DROP))


def _return(rule: RuleReader) -> None:
    rule.end(Return())


def _continue(_: RuleReader) -> None:
    """Says only what happens anyway."""


def _jump(rule: RuleReader) -> None:
    rule.jump(goto=False)


def _goto(rule: RuleReader) -> None:
    rule.jump(goto=True)


def _reject(rule: RuleReader) -> None:
    """``reject [with icmp type host-unreachable]``; nft adds a test of what the answer is good for."""
    if rule.skip("with"):
        word = rule.take()
        if word == "tcp":
            rule.expect("reset")
            if rule.known.protocols != ((TCP, TCP),):
                rule.add((IntegerTest(Field.PROTOCOL, ((TCP, TCP),)),))
        elif word in ("icmp", "icmpv6", "icmpx"):
            rule.skip("type")
            family = {"icmp": Family.IPV4, "icmpv6": Family.IPV6}.get(word)
            if family is not None and rule.known.family is not family:
                rule.add((FamilyTest(family),))
            rule.take()
        else:
            rule.at -= 1
            raise rule.refuse("a rejection is with icmp, icmpv6, icmpx or tcp reset")
    rule.end(Decide(Verdict.REJECT))


def _queue(rule: RuleReader) -> None:
    rule.rest()
    rule.end(Unknown("a program in user space decides (queue)"), opaque=True)


def _synproxy(rule: RuleReader) -> None:
    rule.rest()
    rule.end(Unknown("the kernel answers in place of the server (synproxy)"), opaque=True)


def _counter(rule: RuleReader) -> None:
    if rule.skip("name"):
        rule.take()
    while rule.word in ("packets", "bytes"):
        rule.at += 2


def _log(rule: RuleReader) -> None:
    prefix = ""
    while rule.word in ("prefix", "group", "level", "flags", "snaplen", "queue-threshold"):
        word = rule.take()
        value = rule.take()
        if word == "prefix":
            prefix = unquoted(value)
        elif word == "flags":
            if value in ("tcp", "ip", "ether"):
                rule.take() if value != "ether" else ""
            while rule.skip(","):
                rule.take()
    rule.write(Write(Field.LOG, prefix))


def _limit(rule: RuleReader) -> None:
    """``limit rate [over] 5/second [burst 5 packets]``, or a limit with a name."""
    if rule.skip("name"):
        _declared(rule, "limit")
        return
    name, over = _rate(rule)
    rule.ask_each_time(name, not over)


def _rate(rule: Words) -> tuple[str, bool]:
    rule.expect("rate")
    over = rule.skip("over")
    rule.skip("until")
    amount = rule.number(_NUMBER)
    what = "packets"
    token = rule.word
    if "/" in token[1:]:
        unit, _, per = token.partition("/")
        rule.at += 1
    else:
        unit = rule.take() if token in _BYTES else ""
        rule.expect("/")
        per = rule.take()
    if unit:
        what, amount = "bytes", amount * _factor(rule, unit)
    if per not in conditions.UNITS:
        rule.at -= 1
        raise rule.refuse(f'"{per}" is no unit of time')
    burst = 0 if unit else 5
    if rule.skip("burst"):
        burst = rule.number(_NUMBER)
        if rule.word in ("packets", *_BYTES):
            word = rule.take()
            burst *= _BYTES.get(word, 1)
    if amount == 0:
        raise rule.refuse("a limit is more than 0")
    return conditions.limit(amount, per, burst, what), over


def _factor(rule: Words, unit: str) -> int:
    factor = _BYTES.get(unit)
    if factor is None:
        rule.at -= 1
        raise rule.refuse(f'"{unit}" is no unit of a rate')
    return factor


def _quota(rule: RuleReader) -> None:
    """``quota [over] 5 mbytes``, or a quota with a name."""
    if rule.skip("name"):
        _declared(rule, "quota")
        return
    name, over = _amount(rule)
    rule.ask_each_time(name, not over)


def _amount(rule: Words) -> tuple[str, bool]:
    over = rule.skip("over")
    rule.skip("until")
    amount = rule.number(_NUMBER) * _factor(rule, rule.take())
    if rule.skip("used"):
        rule.at += 2
    return conditions.quota(amount), over


def _declared(rule: RuleReader, kind: str) -> None:
    """A limit or quota that is declared in the table: all its uses empty one bucket."""
    if is_selector(rule.word):
        raise rule.unknown(f"a {kind} from a map is not followed")
    label = unquoted(rule.word)
    words = Words(rule.declared(kind, label))
    rule.at += 1
    words.skip("{")
    name, over = _rate(words) if kind == "limit" else _amount(words)
    rule.ask_each_time(f"{name} named {label}", not over)


def _ct(rule: RuleReader) -> None:
    """Statements that begin with ``ct``, else a comparison."""
    word, after = rule.tokens[rule.at], rule.tokens[rule.at + 1] if rule.word else ""
    if word == "count":
        rule.at += 1
        over = rule.skip("over")
        most = rule.number(datatypes.LONG)
        rule.add((ConditionTest(Condition(conditions.connections_above(most, "")), over),))
    elif after == "set" and word == "helper":
        rule.at += 2
        _set_helper(rule)
    elif after == "set" and word == "mark":
        rule.at += 2
        _set_mark(rule, Field.CONNECTION_MARK)
    elif after == "set" and word in ("zone", "timeout", "expectation", "event", "label"):
        rule.at += 2
        rule.value()
    elif word in ("original", "reply") and rule.tokens[rule.at + 2 :][:1] == ["set"]:
        rule.at += 3
        rule.value()
    else:
        rule.at -= 1
        rule.compare()


def _set_helper(rule: RuleReader) -> None:
    if is_selector(rule.word):
        raise rule.unknown("a helper from a map is not followed")
    name = unquoted(rule.word)
    piece = rule.declared("ct helper", name)
    rule.at += 1
    tokens = piece.tokens
    kernel = unquoted(tokens[tokens.index("type") + 1]) if "type" in tokens else name
    rule.write(Write(Field.ASSIGNED_HELPER, kernel))


def _set_mark(rule: RuleReader, field: Field) -> None:
    begin, context = rule.at, rule.place.context
    context.found_written.add(field)
    value = mark_value(rule)
    made = mark_write(field, value)
    if rule.word in ("map", "."):
        rule.at = begin
        over = dimensions(rule)
        elements = rule.mapped(over)
        if field not in context.unsure and (elements is None or not rule.write_each(field, over, elements)):
            context.found_unsure.add(field)
        return
    if value.source is not None and asks_connection(value.source):
        rule.add((CONNECTED,))
    if made is None:
        context.found_unsure.add(field)
    elif field not in context.unsure:
        rule.write(made)


def _notrack(rule: RuleReader) -> None:
    rule.write(Write(Field.STATE, STATES.index(State.UNTRACKED)))


def _flow(rule: RuleReader) -> None:
    rule.take()
    name = rule.take()
    if name[:1] == "@":
        rule.declared("flowtable", name[1:], 1)
    message = "packets of established connections that are offloaded here pass no chain of the forward hook any more"
    rule.place.context.warnings.append(warning(message, rule.piece.whole()))


def _meter(rule: RuleReader) -> None:
    """``meter name { key limit rate 5/second }``: a limit for each key."""
    rule.take()
    if rule.skip("size"):
        rule.take()
    _stateful(rule)


def _update(rule: RuleReader) -> None:
    """``add @name { key [timeout 5m] [limit ...] }``."""
    name = rule.take()
    if name[:1] != "@":
        rule.at -= 1
        raise rule.refuse("the name of a set is expected, as @name")
    rule.at -= 1
    rule.place.contents.get(name[1:], rule)
    rule.at += 1
    _stateful(rule)


def _stateful(rule: RuleReader) -> None:
    rule.expect("{")
    over = dimensions(rule)
    rule.add(rule.implied(over))
    key = unknown_content("", over).partition(" ")[2].strip()
    while rule.word not in ("}", ""):
        word = rule.take()
        if word in ("timeout", "comment"):
            rule.take()
        elif word == "counter":
            _counter(rule)
        elif word == "limit":
            name, above = _rate(rule)
            rule.ask_each_time(f"{name} by {key}", not above)
        elif word == "ct" and rule.skip("count"):
            above = rule.skip("over")
            most = rule.number(datatypes.LONG)
            by = {"ip saddr": "source/32", "ip6 saddr": "source/128"}.get(over[0].selector.text, key)
            rule.add((ConditionTest(Condition(conditions.connections_above(most, by)), above),))
        elif word == ":":
            while rule.word not in ("}", ""):
                rule.at += 1
        else:
            rule.at -= 1
            raise rule.unknown(f'"{word}" is not known in an element')
    rule.expect("}")


def _old_set(rule: RuleReader) -> None:
    """``set add ip saddr @name``, the older form of ``add @name { ip saddr }``."""
    rule.take()
    over = dimensions(rule)
    rule.add(rule.implied(over))
    if rule.skip("timeout"):
        rule.take()
    rule.take()


def _reset(rule: RuleReader) -> None:
    rule.rest()


def _duplicate(rule: RuleReader) -> None:
    rule.expect("to")
    rule.value()
    if rule.skip("device"):
        rule.value()


def _comment(rule: RuleReader) -> None:
    token = rule.take()
    if token[:1] != '"' and not token[:1].isalnum():
        raise rule.piece.error("a comment is text between quotes", max(0, rule.at - 1))
    rule.comment = unquoted(token)
    if rule.word:
        raise rule.refuse("nothing follows a comment")


_SET = {"ip dscp": Field.DSCP, "ip6 dscp": Field.DSCP, "ip ttl": Field.TTL, "ip6 hoplimit": Field.TTL}
#: What can be written without any test of this model seeing it, and conditions by other names.
_UNSEEN = ("meta priority", "meta nftrace", "secmark", "ip ecn", "ip6 ecn", "ip6 flowlabel", "ip id", "tcp option")


def set_value(rule: RuleReader, text: str) -> None:
    """``meta mark set 1``, ``ip dscp set cs1``: the packet is another one from here on.

    Raises:
        ReadError, NotUnderstoodError: the value cannot be read, or what it changes is not followed.
    """
    if text == "meta mark":
        _set_mark(rule, Field.MARK)
    elif text in _SET:
        field = _SET[text]
        rule.write(Write(field, rule.number(datatypes.DSCP if field is Field.DSCP else datatypes.BYTE)))
    elif text.startswith(_UNSEEN):
        rule.value()
    else:
        raise rule.unknown(f'what "{text}" becomes is not followed')


STATEMENTS: dict[str, Callable[[RuleReader], None]] = {
    "accept": _accept, "drop": _drop, "return": _return, "continue": _continue, "jump": _jump, "goto": _goto,
    "reject": _reject, "queue": _queue, "synproxy": _synproxy, "counter": _counter, "log": _log, "limit": _limit,
    "quota": _quota, "ct": _ct, "notrack": _notrack, "flow": _flow, "meter": _meter, "add": _update,
    "update": _update, "delete": _update, "set": _old_set, "reset": _reset, "dup": _duplicate, "comment": _comment,
    "dnat": destination, "redirect": destination, "snat": source, "masquerade": source, "tproxy": transparent,
}  # fmt: skip
