"""One rule: its tests in order, what it writes, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.nftables.building import NEVER, Known
from fwadvisor.dialects.reading.nftables.context import Place
from fwadvisor.dialects.reading.nftables.expressions import BARE_META
from fwadvisor.dialects.reading.nftables.lookups import (
    Dimension,
    TooManyError,
    by_result,
    catch_all,
    key_tests,
    unknown_content,
)
from fwadvisor.dialects.reading.nftables.marks import constant
from fwadvisor.dialects.reading.nftables.matching import Matching
from fwadvisor.dialects.reading.nftables.selecting import dimensions, is_selector
from fwadvisor.dialects.reading.nftables.text import NotUnderstoodError, Piece
from fwadvisor.dialects.reading.nftables.values import Element, Key, Result, Words
from fwadvisor.dialects.reading.source import MOST_PROBLEMS
from fwadvisor.model.firewall import (
    Action,
    AnyOf,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    Field,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Opaque,
    Return,
    Test,
    Unknown,
    Write,
)
from fwadvisor.model.rule import Verdict

_VERDICTS: dict[str, Action] = {
    "accept": Decide(Verdict.ACCEPT), "drop": Decide(Verdict.DROP), "return": Return(), "continue": Continue(),
}  # fmt: skip
#: Fields that rules write and that later tests of the same packet see.
_WRITTEN = frozenset({Field.MARK, Field.CONNECTION_MARK, Field.STATE, Field.DSCP, Field.TTL})


class RuleReader(Matching):
    """Reads one rule into one or more rules of the model."""

    def __init__(self, place: Place, piece: Piece) -> None:
        super().__init__(place, Words(piece))
        self.span = piece.whole()
        self.text = piece.quote()
        self.comment = ""
        self.found: list[FirewallRule] = []
        self._tests: tuple[Test, ...] = ()
        self._writes: list[Write] = []
        self._ended = False
        #: Chains made for this rule, from the outermost; what follows goes into the last.
        self._inner: list[tuple[str, list[FirewallRule]]] = []

    # --- what statements do ------------------------------------------------------------------------

    def add(self, tests: Sequence[Test]) -> None:
        """Go on only where the tests hold."""
        if self._writes:
            self._flush()
        self._tests += tuple(tests)
        self._learn(tuple(tests))

    def write(self, write: Write) -> None:
        """Write a field where everything so far holds."""
        self._writes.append(write)

    def ask_each_time(self, name: str, holds: bool) -> None:
        """Go on only where a condition holds whose truth changes by being asked."""
        self.add((ConditionTest(Condition(self.place.context.asked(name)), holds),))

    def end(self, action: Action, opaque: bool = False) -> None:
        """Take an action where everything so far holds; the rule is over."""
        if opaque and isinstance(action, Unknown):
            self.place.context.opaque.append(Opaque(self.span, action.reason))
        self._emit(self._tests, action)
        self._ended = True

    def jump(self, goto: bool) -> None:
        """Go on in the chain whose name follows."""
        name = self.chain_name()
        self.at -= 1
        action = self._jump(name, goto)
        self.at += 1
        self.end(action)

    def compare(self) -> None:
        """An expression, then a comparison, a verdict map or a new value."""
        place = self._clause()
        if place is not None and (made := self.place.context.clauses.get(place)) is not None:
            tests, family, protocols, asked, length = made
            if self._writes:
                self._flush()
            self._tests += tests
            self.known = Known(family, protocols, asked)
            self.at += length
            return
        begin = self.at
        over = dimensions(self)
        word = self.word
        if word == "vmap":
            self.at += 1
            self._verdict_map(over)
        elif word == "set":
            self.at += 1
            self._set(over)
        elif word == "map":
            raise self.unknown("the value of a map is not compared")
        else:
            if self._writes:
                self._flush()
            tests = self.comparison(over)
            self._tests += tests
            if place is not None and self.at - begin == len(place) - 3:
                known = self.known
                made = (tests, known.family, known.protocols, known.asked_protocol, self.at - begin)
                self.place.context.clauses[place] = made

    def _clause(self) -> tuple[object, ...] | None:
        """What the meaning of a short comparison depends on: its words, and what is known before them."""
        tokens, at = self.tokens, self.at
        length = 2 if tokens[at] in BARE_META else 3 if tokens[at] in _LONG else 0
        if not length or at + length >= len(tokens) or tokens[at + length] in _JOINS:
            return None
        words = tokens[at : at + length]
        if words[-1][:1] in ("@", "{", "(") or words[-1] in _JOINS or "random" in words:
            return None
        if "mark" in words and self.place.context.written:
            return None  # it may be a condition that is another one each time
        return (self.known.family, self.known.protocols, self.known.asked_protocol, *words)

    def declared(self, kind: str, name: str, skip: int = 0) -> Piece:
        """The body of what the table declares under a name.

        Raises:
            ReadError: it declares none.
        """
        found = self.place.table.declared.get((kind, name))
        if found is None:
            known = [each for of, each in self.place.table.declared if of == kind]
            at = self.at - (1 if skip else 0)
            message = f'table "{self.place.table.label}" has no {kind} "{name}"'
            raise self.piece.error(message, at, did_you_mean(name, known))
        return found

    def value(self) -> None:
        """Pass a value that is of no importance, up to the next statement."""
        depth = 0
        while self.word and (depth or self.at == 0 or not self._next_statement()):
            depth += (self.word == "{") - (self.word == "}")
            self.at += 1

    def rest(self) -> None:
        """Pass everything up to a comment."""
        while self.word and self.word != "comment":
            self.at += 1

    def _next_statement(self) -> bool:
        return self.word in _VERDICTS or self.word in _OTHERS

    # --- reading -----------------------------------------------------------------------------------

    def read(self) -> list[FirewallRule]:
        """The rules that stand for this one.

        Raises:
            ReadError: nft refuses the text.
        """
        from fwadvisor.dialects.reading.nftables.statements import STATEMENTS

        statements = STATEMENTS
        tokens = self.tokens
        parts = 0
        try:
            while word := tokens[self.at]:
                parts += 1
                if parts > _MOST_PARTS:
                    raise self.refuse(f"a rule has at most {_MOST_PARTS} expressions")
                statement = statements.get(word)
                if self._ended and word != "comment":
                    raise self.refuse("nothing follows a verdict but a comment")
                if statement is not None:
                    self.at += 1
                    statement(self)
                elif is_selector(word):
                    self.compare()
                else:
                    raise self.unknown(f'"{word}" is not known', statements)
        except NotUnderstoodError as problem:
            self._not_understood(problem)
        if not self._ended:
            self._emit(self._tests, Continue())
        return self._finished()

    def _not_understood(self, problem: NotUnderstoodError) -> None:
        span = self.piece.span(problem.at)
        opaque, reason = self.place.context.opaque, problem.reason
        # Looking for near words takes longer than reading a rule.
        if len(opaque) < MOST_PROBLEMS and (hint := did_you_mean(self.tokens[problem.at], problem.known)):
            reason = f"{reason}, {hint}"
        opaque.append(Opaque(span, reason))
        if self._writes:
            self._flush()
        self._tests += (ConditionTest(Condition(self.text, understood=False)),)
        self._emit(self._tests, Unknown(reason))
        self._ended = True

    def _finished(self) -> list[FirewallRule]:
        found = self.found
        for name, rules in self._inner:
            self.place.context.chains[name] = FirewallChain(name, tuple(rules), self.span)
        if self.comment:
            found = [_commented(each, self.comment) for each in found]
        return found

    # --- rules of the model ------------------------------------------------------------------------

    def _emit(self, tests: tuple[Test, ...], action: Action) -> None:
        rule = FirewallRule(
            tests=tests,
            action=action,
            span=self.span,
            text=self.text,
            writes=tuple(self._writes),
            comment=self.comment,
        )
        self._writes = []
        if self._inner and (isinstance(action, Return) or (isinstance(action, Jump) and action.goto)):
            reason = "the rule changes what it asks for, and then leaves the chain"
            self.place.context.opaque.append(Opaque(self.span, reason))
            rule = FirewallRule(tests=tests, action=Unknown(reason), span=self.span, text=self.text)
        (self._inner[-1][1] if self._inner else self.found).append(rule)

    def _flush(self) -> None:
        """Make a rule of the writes so far, for the tests that follow are not theirs."""
        written = {each.field for each in self._writes} & _WRITTEN
        if any(_asks(test, written) for test in self._tests):
            self._enter()
        else:
            self._emit(self._tests, Continue())

    def _enter(self) -> None:
        """Go on in a chain of its own: what was asked so far is not asked again."""
        name = self._inner_name()
        self._emit(self._tests, Jump(name))
        self._inner.append((name, []))
        self._tests = ()

    def _inner_name(self) -> str:
        number = sum(1 for each in self.place.context.chains if each.startswith(f"{self.place.name} (")) + 1
        return f"{self.place.name} (rule in line {self.span.line}, part {number + len(self._inner)})"

    def _jump(self, name: str, goto: bool) -> Jump:
        chains = self.place.table.chains
        if name not in chains:
            hint = did_you_mean(name, chains)
            raise self.refuse(f'table "{self.place.table.label}" has no chain "{name}"', hint)
        if chains[name].base is not None:
            raise self.refuse(f'chain "{name}" is a base chain, which only the kernel asks')
        return Jump(f"{self.place.table.label} {name}", goto)

    # --- verdict maps ------------------------------------------------------------------------------

    def _verdict_map(self, over: list[Dimension]) -> None:
        self.add(self.implied(over))
        self.sure_of(over)
        if self.word[:1] == "@":
            content = self.place.contents.get(self.word[1:], self)
            self._fits(content, over)
            if content.mapping != "verdict":
                raise self.refuse(f'"{content.text.name}" is no map of verdicts')
            self.at += 1
            if content.text.dynamic:
                name = unknown_content(self.place.set_name(content.text.name), over)
                self.add((ConditionTest(Condition(name, understood=False)),))
                self.end(Unknown("the verdicts of this map come and go while it is in use"), opaque=True)
                return
            elements = content.elements
        else:
            elements = []
            self.elements(tuple(each.type for each in over), "verdict", elements)
        try:
            self._verdicts(over, elements)
        except TooManyError:
            raise self.unknown("the mask makes too many values") from None

    def _verdicts(self, over: list[Dimension], elements: list[Element]) -> None:
        """One rule for each verdict; then only what has the verdict continue goes on in this rule."""
        groups = by_result(elements)
        other = catch_all(elements)
        keys = [key for some in groups.values() for key in some]
        last = self.at
        actions = [(self._action(result, last), key_tests(over, self.known, some)) for result, some in groups.items()]
        if other is not None:
            actions.append((self._action(other, last), key_tests(over, self.known, keys, False) if keys else ()))
        before = self._tests
        going = [tests for action, tests in actions if isinstance(action, Continue)]
        jumps = [(action, tests) for action, tests in actions if isinstance(action, Jump) and not action.goto]
        for action, tests in actions:
            if not isinstance(action, Continue) and not (isinstance(action, Jump) and not action.goto):
                self._emit((*before, *tests), action)
        if len(jumps) > 1 and any(_asks(test, _WRITTEN) for _, tests in jumps for test in tests):
            self._jump_once(before, jumps)
        else:
            for action, tests in jumps:
                self._emit((*before, *tests), action)
        rest = self.word not in ("", "comment")
        if going and rest:
            self._tests += going[0] if len(going) == 1 else (AnyOf(tuple(going)),)
        else:
            self._ended = True

    def _jump_once(self, before: tuple[Test, ...], jumps: list[tuple[Jump, tuple[Test, ...]]]) -> None:
        """Jumps whose chains may change what is asked: one chain of gotos is asked once."""
        name = self._inner_name()
        rules = [
            FirewallRule(tests=tests, action=Jump(action.chain, goto=True), span=self.span, text=self.text)
            for action, tests in jumps
        ]
        self.place.context.chains[name] = FirewallChain(name, tuple(rules), self.span)
        self._emit(before, Jump(name))

    def _action(self, result: Result, at: int) -> Action:
        word, name = result
        if word in ("jump", "goto"):
            self.at = max(0, at - 1)
            action = self._jump(name, word == "goto")
            self.at = at
            return action
        if word == "queue":
            reason = "a program in user space decides (queue)"
            self.place.context.opaque.append(Opaque(self.span, reason))
            return Unknown(reason)
        return _VERDICTS[word]

    # --- new values --------------------------------------------------------------------------------

    def _set(self, over: list[Dimension]) -> None:
        from fwadvisor.dialects.reading.nftables.statements import set_value

        if len(over) > 1:
            raise self.unknown("a concatenation cannot be written")
        self.add(self.implied(over))
        set_value(self, over[0].selector.text)

    def write_each(self, field: Field, over: list[Dimension], elements: list[Element]) -> bool:
        """Write what the element of the packet's key says; False where that cannot be said as constant writes."""
        groups: dict[int, list[Key]] = {}
        for each in elements:
            value = constant(each.result[0]) if each.result is not None else None
            if each.key is None or value is None:
                return False
            groups.setdefault(value, []).append(each.key)
        asked = {value: key_tests(over, self.known, keys) for value, keys in groups.items()}
        if any(_asks(test, {field}) for tests in asked.values() for test in tests):
            return False
        if self._writes:
            self._flush()
        if any(_asks(test, {field}) for test in self._tests):
            self._enter()
        for value, tests in asked.items():
            self._writes = [Write(field, value)]
            self._emit((*self._tests, *tests), Continue())
        return True

    def mapped(self, over: list[Dimension]) -> list[Element] | None:
        """``map { key : value }``: go on only where the map has a value; its elements, or None where nobody knows."""
        self.add(self.implied(over))
        self.expect("map")
        self.sure_of(over)
        if self.word[:1] == "@":
            content = self.place.contents.get(self.word[1:], self)
            self._fits(content, over)
            self.at += 1
            if content.text.dynamic:
                self.add(self.dynamic(content, over))
                return None
            elements = content.elements
        else:
            elements = []
            self.elements(tuple(each.type for each in over), "data", elements)
        if any(each.key is None for each in elements) or over[0].selector.text.startswith(
            ("numgen", "jhash", "symhash")
        ):
            return None
        keys = [each.key for each in elements if each.key is not None]
        try:
            self.add(key_tests(over, self.known, keys) if keys else (NEVER,))
        except TooManyError:
            raise self.unknown("the mask makes too many values") from None
        return elements


def _asks(test: Test, fields: frozenset[Field] | set[Field]) -> bool:
    if isinstance(test, (IntegerTest, NameTest)):
        return test.field in fields
    return isinstance(test, AnyOf) and any(_asks(each, fields) for tests in test.alternatives for each in tests)


def _commented(rule: FirewallRule, comment: str) -> FirewallRule:
    return FirewallRule(
        tests=rule.tests, action=rule.action, span=rule.span, text=rule.text, writes=rule.writes, comment=comment
    )


#: The kernel's NFT_RULE_MAXEXPRS.
_MOST_PARTS = 128
#: Words after which a comparison of three words may begin, and those that make one longer.
_LONG = frozenset(("ip", "ip6", "tcp", "udp", "icmp", "icmpv6", "th", "meta", "ct"))
_JOINS = frozenset(
    (
        "-", "/", ",", ".", "|", "&", "^", "or", "and", "xor", "set", "vmap", "map", "==", "!=", "<", ">", "<=", ">=",
        "!", "eq", "ne", "lt", "gt", "le", "ge", "not", "(", "{", "}", ":", "random", "<<", ">>",
    )
)  # fmt: skip
#: Statements that may follow a value.
_OTHERS = frozenset(
    {
        "reject", "jump", "goto", "queue", "counter", "log", "limit", "quota", "ct", "meta", "notrack", "comment",
        "ip", "ip6", "tcp", "udp", "icmp", "icmpv6", "dnat", "snat", "masquerade", "redirect", "mark", "add", "update",
        "flow", "iifname", "oifname", "iif", "oif", "device",
    }
)  # fmt: skip
