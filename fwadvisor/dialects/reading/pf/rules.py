"""``pass``, ``block``, ``match``, ``antispoof`` and ``anchor``: the grammar of a rule up to its options."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.pf import pools
from fwadvisor.dialects.reading.pf.cursor import Cursor, value
from fwadvisor.dialects.reading.pf.hosts import host, interface_name
from fwadvisor.dialects.reading.pf.options import options
from fwadvisor.dialects.reading.pf.ports import ports
from fwadvisor.dialects.reading.pf.syntax import ANY, PLAIN, End, Host, Interface, Rule, StateOptions
from fwadvisor.dialects.reading.pf.variants import NEWER, OPENBSD_ONLY
from fwadvisor.dialects.reading.pf.words import PROTOCOLS
from fwadvisor.model.rule import Verdict

_DROP, _REJECT = Verdict.DROP, Verdict.REJECT


@dataclass(slots=True)
class Defaults:
    """What earlier statements of the file set for the rules after them."""

    block: Verdict = Verdict.DROP
    states: StateOptions | None = None
    #: Whether pfctl printed the file with counts.
    printed: bool = False


def rule(cursor: Cursor, defaults: Defaults) -> Rule:
    """A filter rule, up to the end of its line; the action is the first token.

    Raises:
        ReadError: pfctl would refuse it.
    """
    tokens = cursor.t
    action = tokens[0]
    cursor.i = 1
    found = Rule(cursor.whole(), "", None)
    resets = False
    if action == "pass":
        found.verdict = Verdict.ACCEPT
    elif action == "block":
        found.verdict, resets = _block(cursor, defaults.block)
    else:
        cursor.only(NEWER, '"match"', 0)
    _direction(cursor, found)
    log_and_quick(cursor, found)
    _on(cursor, found)
    _family_to_ends(cursor, found, defaults.printed)
    if tokens[cursor.i] != "\n":
        found.options = options(cursor)
        if tokens[cursor.i] != "\n":
            raise cursor.expected("the end of the line")
        if found.options.state_options is not None or found.options.once or found.options.packet_rate:
            found.words = cursor.rest()
    found.text = cursor.quoted()
    check(cursor, found, resets)
    return found


def _family_to_ends(cursor: Cursor, found: Rule, printed: bool) -> None:
    tokens = cursor.t
    while tokens[cursor.i] in ("route-to", "reply-to", "dup-to", "fastroute"):
        cursor.i += 1
        pools.route(cursor)
    if tokens[cursor.i] == "inet":
        cursor.i, found.family = cursor.i + 1, 4
    elif tokens[cursor.i] == "inet6":
        cursor.i, found.family = cursor.i + 1, 6
    if tokens[cursor.i] == "proto":
        cursor.i += 1
        found.protocols = protocols(cursor)
    ends(cursor, found, printed)


# --- the head --------------------------------------------------------------------------------------


def _block(cursor: Cursor, policy: Verdict) -> tuple[Verdict, bool]:
    """The verdict of a block rule, and whether it only resets TCP."""
    word = cursor.t[cursor.i]
    if word == "drop":
        cursor.i += 1
        return _DROP, False
    if word == "return":
        cursor.i += 1
        return _REJECT, False
    if word == "return-rst":
        cursor.i += 1
        if cursor.skip("("):
            cursor.expect("ttl")
            cursor.number("a ttl", 255)
            cursor.expect(")")
        return _REJECT, True
    if word in ("return-icmp", "return-icmp6"):
        cursor.i += 1
        if cursor.skip("("):
            while not cursor.skip(")"):
                if cursor.t[cursor.i] in ("\n", "("):
                    raise cursor.expected('")"')
                cursor.i += 1
        return _REJECT, False
    return policy, False


def _direction(cursor: Cursor, found: Rule) -> None:
    head = cursor.t[cursor.i]
    if head in ("in", "out"):
        found.direction = head
        cursor.i += 1


def log_and_quick(cursor: Cursor, found: Rule) -> None:
    """``log quick`` or ``quick log``, each at most once and either left out."""
    tokens = cursor.t
    if tokens[cursor.i] == "quick":
        found.quick = True
        cursor.i += 1
    if tokens[cursor.i] == "log":
        found.log = _log(cursor)
        if tokens[cursor.i] == "quick" and not found.quick:
            found.quick = True
            cursor.i += 1


def _log(cursor: Cursor) -> str:
    cursor.i += 1
    interface = "pflog0"
    if not cursor.skip("("):
        return interface
    while True:
        word = cursor.t[cursor.i]
        if word == "to":
            cursor.i += 1
            interface = interface_name(cursor)
            if not interface.startswith("pflog"):
                raise cursor.fail(f"{interface} is no pflog interface", at=cursor.i - 1)
        elif word in ("all", "user", "group", "matches"):
            if word == "matches":
                cursor.only(NEWER, '"log (matches)"')
            cursor.i += 1
        else:
            raise cursor.expected("an option of log", ("all", "user", "group", "matches", "to"))
        cursor.skip(",")
        if cursor.skip(")"):
            return interface


def _on(cursor: Cursor, found: Rule) -> None:
    if cursor.t[cursor.i] != "on":
        return
    cursor.i += 1
    if cursor.t[cursor.i] == "rdomain":
        cursor.only(OPENBSD_ONLY, '"on rdomain"')
        cursor.i += 1
        found.interfaces = ((False, f"rdomain {cursor.number('a routing domain', 255)}"),)
        return
    if cursor.t[cursor.i] == "any":
        cursor.only(NEWER, '"on any"')
        cursor.i += 1
        found.interfaces = ((False, "any"),)
        return
    found.interfaces = interfaces(cursor)


def interfaces(cursor: Cursor) -> tuple[Interface, ...]:
    """``em0``, ``! em0`` or ``{ em0, em1 }``."""
    start = cursor.i

    def item() -> Interface:
        return cursor.skip("!"), interface_name(cursor)

    found = tuple(cursor.elements(item))
    if len(found) > 1 and any(negated for negated, _ in found):
        cursor.warn(
            "each element of this list is a rule of its own, so the negated one lets nearly every interface match",
            "name the interfaces that are meant, or write two rules",
            start,
        )
    return found


# --- protocol and addresses ------------------------------------------------------------------------


def protocols(cursor: Cursor) -> tuple[int, ...]:
    """``tcp``, ``58`` or ``{ tcp, udp }``."""
    number = PROTOCOLS.get(cursor.t[cursor.i])
    if number is not None:
        cursor.i += 1
        return (number,)

    def item() -> int:
        head = cursor.t[cursor.i]
        if head.isascii() and head.isdigit():
            number = cursor.number("a protocol", 255)
        else:
            name = value(head) if head != "\n" else ""
            found = PROTOCOLS.get(name) or PROTOCOLS.get(name.lower() if name.isupper() else "")
            if found is None:
                raise _no_protocol(cursor, name)
            cursor.i += 1
            number = found
        if number == 0:
            raise cursor.fail("protocol 0 cannot be used", at=cursor.i - 1)
        return number

    return tuple(dict.fromkeys(cursor.elements(item)))


def _no_protocol(cursor: Cursor, name: str) -> Exception:
    if name == "any":
        return cursor.fail('"any" is no protocol', 'leave "proto" out')
    if not name[:1].isalnum():
        return cursor.expected("a protocol")
    hint = did_you_mean(name, PROTOCOLS)
    return cursor.fail(f'the protocol "{name}" is not known here', f"{hint}{' else ' if hint else ''}write its number")


def ends(cursor: Cursor, found: Rule, printed: bool) -> None:
    """``all``, or ``from A [port P] [os S] to B [port P]``, each part of which may be left out."""
    tokens = cursor.t
    if tokens[cursor.i] == "all":
        cursor.i += 1
        return
    if tokens[cursor.i] == "from":
        found.source = end(cursor, printed)
    if tokens[cursor.i] == "os":
        cursor.i += 1
        found.systems = tuple(cursor.elements(lambda: cursor.string("an operating system")))
    if tokens[cursor.i] == "to":
        at = cursor.i
        found.destination = end(cursor, printed)
        if any(each.kind == "urpf-failed" for each in found.destination.hosts or ()):
            raise cursor.fail('"urpf-failed" is no destination', at=at)


def end(cursor: Cursor, printed: bool) -> End:
    """What stands after ``from`` or ``to``, which is the next token."""
    tokens = cursor.t
    cursor.i += 1
    head = tokens[cursor.i]
    found = End()
    if head == "any":
        cursor.i += 1
    elif head == "{":
        found.hosts = _host_list(cursor, printed)
    elif head != "port":
        found.hosts = (host(cursor, printed),)
    if tokens[cursor.i] == "port":
        cursor.i += 1
        found.ports, found.items = ports(cursor)
    elif found.hosts is None and head == "any":
        return ANY
    return found


def _host_list(cursor: Cursor, printed: bool) -> tuple[Host, ...]:
    start = cursor.i
    found = tuple(cursor.elements(lambda: host(cursor, printed)))
    if len(found) > 1 and any(each.negated for each in found):
        cursor.warn(
            "each element of this list is a rule of its own, so the negated one lets nearly every address match",
            "put the addresses into a table with ! before the exceptions, or write ! <table>",
            start,
        )
    return found


# --- what pfctl refuses about the whole rule -------------------------------------------------------------

_WITH_PORTS = frozenset({6, 17})


def check(cursor: Cursor, found: Rule, resets: bool = False) -> None:
    """What pfctl checks when a rule is complete (filter_consistent in parse.y).

    Raises:
        ReadError: it would refuse the rule.
    """
    asked, protocols = found.options, found.protocols
    has_ports = found.source.ports is not None or found.destination.ports is not None
    if has_ports:
        _check_ports(cursor, protocols)
    if resets and protocols != (6,):
        raise cursor.fail("return-rst can only be given with proto tcp", at=0)
    if (found.source.hosts or found.destination.hosts) and not families(found):
        raise cursor.fail("the rule expands to no valid combination: its parts are of different families", at=0)
    if asked is PLAIN:
        return
    if asked.flags not in (None, (0, 0)) and protocols and 6 not in protocols:
        raise cursor.fail("flags only belong to proto tcp", at=_at(cursor, "flags"))
    if asked.icmp is not None:
        _check_icmp(cursor, found)
    if asked.state not in ("", "no") and found.verdict in (_DROP, _REJECT):
        raise cursor.fail("a block rule keeps no state", at=_at(cursor, asked.state))
    if found.verdict is not Verdict.ACCEPT and "allow-opts" in cursor.t:
        raise cursor.fail('"allow-opts" can only be given on pass rules', at=_at(cursor, "allow-opts"))
    if asked.fragment and (has_ports or asked.icmp is not None or asked.flags not in (None, (0, 0))):
        raise cursor.fail("fragments have no ports, types and flags to ask for", at=_at(cursor, "fragment"))
    if found.systems and protocols and 6 not in protocols:
        raise cursor.fail("operating systems are told by TCP only", at=_at(cursor, "os"))


def _at(cursor: Cursor, word: str) -> int:
    return cursor.t.index(word) if word in cursor.t else 0


def _check_ports(cursor: Cursor, protocols: tuple[int, ...]) -> None:
    if protocols and _WITH_PORTS.issuperset(protocols):
        return
    at = _at(cursor, "port")
    if protocols and (_WITH_PORTS | {132}).issuperset(protocols):
        cursor.only(frozenset({"freebsd"}), "ports of sctp", at)
        return
    raise cursor.fail("ports need proto tcp or udp in the same rule", 'write "proto tcp" before the addresses', at)


def _check_icmp(cursor: Cursor, found: Rule) -> None:
    six = found.options.icmp6
    at = _at(cursor, "icmp6-type" if six else "icmp-type")
    if found.protocols != (58 if six else 1,):
        raise cursor.fail(f"this type needs proto {'icmp6' if six else 'icmp'} alone in the same rule", at=at)
    if found.family and (found.family == 6) is not six:
        raise cursor.fail("the type belongs to the other address family", at=at)
    if not found.family and families(found) != ({6} if six else {4}):
        raise cursor.fail(f"a type needs the address family: write inet{'6' if six else ''}", at=at)


_ONE_FAMILY = {4: frozenset({4}), 6: frozenset({6})}
_BOTH = frozenset({4, 6})


def families(found: Rule) -> frozenset[int]:
    """The families for which the rule expands to anything."""
    possible = _ONE_FAMILY.get(found.family, _BOTH)
    for side in (found.source, found.destination):
        if side.hosts is not None:
            possible &= frozenset().union(*(_families_of(each) for each in side.hosts))
    return possible


def _families_of(host: Host) -> frozenset[int]:
    if host.kind != "network":
        return _BOTH
    return _ONE_FAMILY[4 if host.v4 or host.name == "IPv4" else 6]
