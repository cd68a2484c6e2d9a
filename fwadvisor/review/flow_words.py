"""What follows the sides of a flow: its protocol, state, interfaces and the rest, one word after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import LARGEST, PROFILES, STATES, Field
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, PROTOCOL_NAMES, Hook, State
from fwadvisor.packets.box_text import FLAGS
from fwadvisor.profile.flows import ICMP_TYPES
from fwadvisor.review.flow_ends import ANY, Ends
from fwadvisor.review.flow_scan import WORD

_PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()} | {"icmp6": ICMPV6, "ipv6-icmp": ICMPV6}
_STATES = tuple(state.value for state in STATES)
_NUMBERS = {"mark": Field.MARK, "ttl": Field.TTL, "length": Field.LENGTH, "dscp": Field.DSCP}
_LOOPBACKS = ("lo", "lo0", "loopback")
_WORDS = (
    "in", "out", *_STATES, "any state", "related to", "flags", *_NUMBERS, "connection mark", "profile", "broadcast",
    *(hook.value for hook in Hook), "ipv4", "ipv6", "when", "unless", "protocol", *_PROTOCOLS,
)  # fmt: skip
_PROTOCOL = re.compile(r"[A-Za-z0-9-]+")
_TYPE = re.compile(r"\d{1,3}(/\d{1,3})?")


@dataclass
class Said:
    """The words of a flow, as far as they were read."""

    protocols: list[tuple[str, int]] = field(default_factory=list)
    icmp: list[str] = field(default_factory=list)
    states: tuple[State, ...] | None = None
    helper: str | None = None
    interfaces: dict[str, str] = field(default_factory=dict)
    hook: Hook | None = None
    family: Family | None = None
    broadcast: bool = False
    integers: dict[Field, Intervals] = field(default_factory=dict)
    conditions: dict[str, bool] = field(default_factory=dict)
    #: Where each kind of word stands.
    places: dict[str, int] = field(default_factory=dict)


class Words(Ends):
    """Reads the words of a flow."""

    def protocols(self, said: Said) -> None:
        """A list of protocols, and the types of ICMP."""
        while True:
            at = self.at
            text = self.take(_PROTOCOL)
            said.protocols.append((text, self._protocol(text, at)))
            said.places.setdefault("protocol", at)
            if not self.next(","):
                break
            self.at += 1
        self._icmp_types(said)

    def _protocol(self, text: str, at: int) -> int:
        if text.isdecimal() and len(text) < 4 and int(text) < 256:
            return int(text)
        number = _PROTOCOLS.get(text.lower())
        if number is None:
            hint = did_you_mean(text, _PROTOCOLS) or "tcp, udp, icmp or another protocol by name or number"
            what = f'"{text}" is no protocol' if text else "a protocol is expected"
            raise self.problem(what, min(at, max(0, self.stop - 1)), hint, len(text))
        return number

    def _icmp_types(self, said: Said) -> None:
        """The types that may follow ``icmp``."""
        if said.protocols[-1][1] not in (ICMP, ICMPV6) or said.protocols[-1][0].isdecimal():
            return
        known = {name for types in ICMP_TYPES.values() for name in types}
        while True:
            before = self.at
            self.skip()
            at = self.at
            word = self.take(WORD)
            if word == "type":
                continue
            if not (word in known or _TYPE.fullmatch(word)):
                self.at = before
                if word and word not in _WORDS and (close := did_you_mean(word, known)):
                    raise self.problem(f'"{word}" is no type of ICMP', at, close, len(word))
                return
            said.icmp.append(word)
            said.places.setdefault("icmp", at)
            if not self.next(","):
                return
            self.at += 1

    def word(self, said: Said) -> bool:
        """One word after the ends, with what belongs to it; False at the end."""
        self.skip()
        if self.next(","):
            self.at += 1
            self.skip()
        at = self.at
        word = self.take(WORD)
        if not word:
            if self.at < self.stop:
                raise self.problem("a word is expected", self.at)
            return False
        lower = word.lower()
        read = self._readers.get(lower)
        if read is not None:
            kind = "state" if lower in _STATES or lower == ANY else "hook" if lower in set(Hook) else lower
            if kind in said.places and kind not in ("when", "unless"):
                raise self.problem(f'the flow says "{word}" after it said what {kind} it has', at, length=len(word))
            said.places[kind] = at
            read(said, lower)
        elif lower in _PROTOCOLS:
            if said.protocols:
                raise self.problem(f"the protocol is said twice: {said.protocols[0][0]} and {word}", at, "", len(word))
            said.protocols.append((lower, _PROTOCOLS[lower]))
            said.places["protocol"] = at
            self._icmp_types(said)
        else:
            hint = did_you_mean(word, _WORDS) or f"words are {', '.join(_WORDS[:12])} and others, see docs/flows.md"
            raise self.problem(f'"{word}" says nothing about a flow', at, hint, len(word))
        return True

    @cached_property
    def _readers(self) -> dict[str, Callable[[Said, str], None]]:
        return {
            **dict.fromkeys(("in", "out"), self._interface),
            **dict.fromkeys((*_STATES, ANY), self._state),
            **dict.fromkeys((hook.value for hook in Hook), self._hook),
            **dict.fromkeys(("ipv4", "ipv6"), self._family),
            **dict.fromkeys(("when", "unless"), self._condition),
            **dict.fromkeys((*_NUMBERS, "connection"), self._number),
            "flags": self._flags,
            "profile": self._profile,
            "broadcast": self._broadcast,
            "protocol": self._numbered,
        }

    def _value(self, what: str, example: str) -> tuple[str, int]:
        self.skip()
        at = self.at
        value = self.take(WORD)
        if not value:
            raise self.problem(f"{what} is expected", min(at, max(0, self.stop - 1)), f"such as  {example}")
        return value, at

    def _interface(self, said: Said, word: str) -> None:
        value, _ = self._value(f'the interface after "{word}"', f"{word} eth0")
        said.interfaces[word] = LOOPBACK if value in _LOOPBACKS else value

    def _state(self, said: Said, word: str) -> None:
        if word == ANY:
            value, place = self._value('"state" after "any"', "any state")
            if value != "state":
                raise self.problem(f'"any" is followed by "state", not "{value}"', place, length=len(value))
            said.states = tuple(STATES)
            return
        states = [State(word)]
        while self.next(","):
            self.at += 1
            value, place = self._value("a state", "new,established")
            if value not in _STATES:
                raise self.problem(f'"{value}" is no state', place, did_you_mean(value, _STATES), len(value))
            states.append(State(value))
        said.states = tuple(dict.fromkeys(states))
        before = self.at
        self.skip()
        if self.take(WORD) == "to":
            if said.states != (State.RELATED,):
                raise self.problem('"to" belongs to "related"', before + 1, "such as  related to RAS", 2)
            said.helper, _ = self._value("the connection-tracking helper", "related to RAS")
        else:
            self.at = before

    def _hook(self, said: Said, word: str) -> None:
        said.hook = Hook(word)

    def _family(self, said: Said, word: str) -> None:
        said.family = Family.IPV4 if word == "ipv4" else Family.IPV6

    def _broadcast(self, said: Said, _word: str) -> None:
        said.broadcast = True

    def _condition(self, said: Said, word: str) -> None:
        self.skip()
        start = self.at
        close = self.text.find('"', start + 1, self.stop) if self.next('"') else -1
        if close < 0:
            hint = f'{word} "limit 5/second burst 5 packets"'
            raise self.problem(f'a condition in quotes is expected after "{word}"', min(start, self.stop - 1), hint)
        said.conditions[self.text[start + 1 : close]] = word == "when"
        self.at = close + 1

    def _number(self, said: Said, word: str) -> None:
        name = _NUMBERS.get(word, Field.CONNECTION_MARK)
        if word == "connection":
            value, place = self._value('"mark" after "connection"', "connection mark 0x1")
            if value != "mark":
                raise self.problem(f'"connection" is followed by "mark", not "{value}"', place, length=len(value))
        value, place = self._value(f'a number after "{word}"', f"{word} 1")
        first, dash, last = value.partition("-")
        try:
            low, high = int(first, 0), int(last if dash else first, 0)
        except ValueError:
            raise self.problem(f'"{value}" is no number', place, length=len(value)) from None
        if not 0 <= low <= high <= LARGEST[name]:
            raise self.problem(f'"{value}" is not within 0-{LARGEST[name]}', place, length=len(value))
        said.integers[name] = ((low, high),)

    def _flags(self, said: Said, _word: str) -> None:
        value = 0
        while True:
            flag, place = self._value('TCP flags after "flags"', "flags syn,ack")
            if flag.lower() != "none":
                if flag.lower() not in FLAGS:
                    hint = did_you_mean(flag, FLAGS) or f"the flags are {', '.join(FLAGS)}"
                    raise self.problem(f'"{flag}" is no TCP flag', place, hint, len(flag))
                value |= 1 << FLAGS.index(flag.lower())
            if not self.next(","):
                break
            self.at += 1
        said.integers[Field.TCP_FLAGS] = ((value, value),)

    def _profile(self, said: Said, _word: str) -> None:
        value, place = self._value("a Windows network profile", "profile domain")
        if value.lower() not in PROFILES:
            hint = did_you_mean(value, PROFILES) or f"the profiles are {', '.join(PROFILES)}"
            raise self.problem(f'"{value}" is no network profile', place, hint, len(value))
        number = PROFILES.index(value.lower())
        said.integers[Field.PROFILE] = ((number, number),)

    def _numbered(self, said: Said, _word: str) -> None:
        value, place = self._value("the number of a protocol", "protocol 47")
        if said.protocols:
            raise self.problem("the protocol is said twice", place, length=len(value))
        said.protocols.append((value, self._protocol(value, place)))
