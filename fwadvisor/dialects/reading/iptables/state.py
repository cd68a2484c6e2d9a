"""The tables of one family while commands change them, as the kernel would hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fwadvisor.diagnostic import Span, did_you_mean
from fwadvisor.dialects.reading.iptables.command import Command
from fwadvisor.dialects.reading.iptables.drafts import Reader
from fwadvisor.dialects.reading.iptables.lines import Line
from fwadvisor.dialects.reading.iptables.parts import Draft, Leads
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.targets import FOREIGN, TARGETS
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Point, Unknown
from fwadvisor.model.rule import Verdict

_PRE, _IN, _FWD, _OUT, _POST = Point.PREROUTING, Point.INPUT, Point.FORWARD, Point.OUTPUT, Point.POSTROUTING
#: The built-in chains of each table, where they are asked and when.
BUILTIN: dict[str, dict[str, tuple[Point, int]]] = {
    "raw": {"PREROUTING": (_PRE, -300), "OUTPUT": (_OUT, -300)},
    "mangle": {
        "PREROUTING": (_PRE, -150), "INPUT": (_IN, -150), "FORWARD": (_FWD, -150), "OUTPUT": (_OUT, -150),
        "POSTROUTING": (_POST, -150),
    },
    "nat": {"PREROUTING": (_PRE, -100), "INPUT": (_IN, 100), "OUTPUT": (_OUT, -100), "POSTROUTING": (_POST, 100)},
    "filter": {"INPUT": (_IN, 0), "FORWARD": (_FWD, 0), "OUTPUT": (_OUT, 0)},
    "security": {"INPUT": (_IN, 50), "FORWARD": (_FWD, 50), "OUTPUT": (_OUT, 50)},
}  # fmt: skip
#: More rules than this are not read; the largest real files have a tenth of it.
MOST_RULES = 200_000
_MOST_CHAINS = 65_536
#: How many rules may be looked at to find those that commands delete, insert or rename.
_MOST_WORK = 5_000_000
_POLICIES = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP}
_NO_WAY_OUT = ("PREROUTING", "INPUT")
_NO_WAY_IN = ("POSTROUTING", "OUTPUT")


class TooMuchError(Exception):
    """The files are larger than what is read in reasonable time."""


class FailedError(RefusedError):
    """The command is well-formed, but the chains are not such that it succeeds."""


@dataclass(slots=True)
class Placed:
    """A rule in a chain, the line that it came from, and its number among all rules that were read."""

    draft: Draft
    line: Line
    order: int


@dataclass(slots=True)
class Chain:
    """A chain, with the policy of a built-in one."""

    name: str
    rules: list[Placed] = field(default_factory=list)
    policy: Verdict = Verdict.ACCEPT
    #: Where the policy or the chain is said.
    line: Line | None = None
    #: Two variants of iptables disagree on the policy.
    disputed: bool = False


@dataclass(slots=True)
class Table:
    """A table and its chains."""

    name: str
    chains: dict[str, Chain]

    def built_in(self, name: str) -> bool:
        """Whether the machine itself asks the chain."""
        return name in BUILTIN[self.name]


class Tables:
    """The tables of one family."""

    def __init__(self, family: Family, sequence: Iterator[int]) -> None:
        self.family = family
        self.reader = Reader(family)
        self.tables: dict[str, Table] = {}
        self._sequence = sequence
        self._rules = self._work = 0

    def table(self, name: str, at: int = -1) -> Table:
        """A table, made with its empty built-in chains where it was not spoken of before.

        Raises:
            RefusedError: there is no such table.
        """
        found = self.tables.get(name)
        if found is None:
            if name not in BUILTIN:
                hint = did_you_mean(name, BUILTIN) or f"the tables are {', '.join(BUILTIN)}"
                raise RefusedError(f'no table is called "{name}"', name, hint, at)
            found = self.tables[name] = Table(name, {each: Chain(each) for each in BUILTIN[name]})
        return found

    def chain(self, table: Table, name: str, at: int = -1) -> Chain:
        """A chain of a table.

        Raises:
            FailedError: there is none.
        """
        found = table.chains.get(name)
        if found is None:
            hint = did_you_mean(name, table.chains)
            raise FailedError(f'the table {table.name} has no chain "{name}"', name, hint, at)
        return found

    def spend(self, steps: int) -> None:
        """Count work that grows with the number of rules.

        Raises:
            TooMuchError: it is too much.
        """
        self._work += steps
        if self._work > _MOST_WORK:
            raise TooMuchError("the commands delete, insert and rename among too many rules")

    # Commands

    def apply(self, command: Command, line: Line, table_name: str = "filter") -> None:
        """Do what a command says.

        Raises:
            RefusedError: iptables refuses it; `FailedError` where other chains would let it succeed.
            TooMuchError: there are too many rules.
        """
        table = self.table(command.table or table_name)
        if self.family not in command.families:
            return
        match command.letter:
            case "A" | "I" | "R" | "C" | "D":
                self._rule(command, table, line)
            case "P":
                self._policy(command, table, line)
            case "N":
                self.create(table, command.chain, line, command.chain_at)
            case "X":
                self._delete_chain(command, table)
            case "F":
                self._flush(command, table)
            case "E":
                self._rename(command, table)
            case "":
                raise RefusedError("the line has no command", hint="expected one such as -A CHAIN")
            case _:
                if command.chain:
                    self.chain(table, command.chain, command.chain_at)

    def _rule(self, command: Command, table: Table, line: Line) -> None:
        chain = self.chain(table, command.chain, command.chain_at)
        if command.letter == "D" and command.number:
            del chain.rules[self._index(chain, command.number, command)]
            return
        drafts = self.reader.read(command, table.name)
        self._check_sides(command)
        for draft in drafts:
            if isinstance(draft.action, Leads):
                self._check_lead(draft, draft.action, table, command)
        if command.letter == "A":
            for draft in drafts:
                self.add(chain, draft, line)
        elif command.letter in "DC":
            for draft in drafts:
                place = self._find(chain, draft)
                if place is None:
                    raise FailedError(f"{chain.name} has no such rule", command.chain, at=command.chain_at)
                if command.letter == "D":
                    del chain.rules[place]
        else:
            self._put(command, chain, drafts, line)

    def add(self, chain: Chain, draft: Draft, line: Line) -> None:
        """Append a rule.

        Raises:
            TooMuchError: there are too many.
        """
        self._count(1)
        chain.rules.append(Placed(draft, line, next(self._sequence)))

    def _put(self, command: Command, chain: Chain, drafts: list[Draft], line: Line) -> None:
        placed = [Placed(draft, line, next(self._sequence)) for draft in drafts]
        self._count(len(drafts))
        self.spend(len(chain.rules) // 64)
        if command.letter == "R":
            if len(placed) > 1:
                raise RefusedError("one rule cannot be replaced by several", command.chain)
            chain.rules[self._index(chain, command.number, command)] = placed[0]
            return
        if command.number > len(chain.rules) + 1:
            raise FailedError(f"{chain.name} has only {len(chain.rules)} rules", command.chain, at=command.chain_at)
        for each in placed:
            chain.rules.insert(command.number - 1, each)

    def _count(self, rules: int) -> None:
        self._rules += rules
        if self._rules > MOST_RULES:
            raise TooMuchError(f"there are more than {MOST_RULES} rules")

    def _index(self, chain: Chain, number: int, command: Command) -> int:
        self.spend(len(chain.rules) // 64)
        if number > len(chain.rules):
            raise FailedError(f"{chain.name} has no rule {number}", command.chain, at=command.chain_at)
        return number - 1

    def _find(self, chain: Chain, wanted: Draft) -> int | None:
        for place, each in enumerate(chain.rules):
            if each.draft.action == wanted.action and each.draft.same_as(wanted):
                self.spend(place + 1)
                return place
        self.spend(len(chain.rules))
        return None

    def _check_sides(self, command: Command) -> None:
        for chains, letter in ((_NO_WAY_OUT, "o"), (_NO_WAY_IN, "i")):
            value = command.plain.get(letter)
            if value is not None and command.chain in chains:
                message = f"packets in {command.chain} have no {'outgoing' if letter == 'o' else 'incoming'} interface"
                raise RefusedError(message, value.text, at=value.at)

    def _check_lead(self, draft: Draft, leads: Leads, table: Table, command: Command) -> None:
        name, at = leads.chain, command.leads.at if command.leads else -1
        if name in table.chains:
            if table.built_in(name):
                raise RefusedError(f"a rule cannot lead to the built-in chain {name}", name, at=at)
            return
        if name in FOREIGN and not leads.goto:
            reason = f"the target {name} is not known"
            draft.action = Unknown(reason)
            draft.opaque.append(reason)
            return
        known = [*table.chains, *(() if leads.goto else TARGETS)]
        hint = did_you_mean(name, known) or f"a chain is declared before rules lead to it (-N {name})"
        raise RefusedError(f'no chain or target is called "{name}"', name, hint, at)

    def _policy(self, command: Command, table: Table, line: Line) -> None:
        self.set_policy(table, command.chain, command.argument, line)

    def set_policy(self, table: Table, name: str, text: str, line: Line) -> None:
        """Set what happens at the end of a built-in chain.

        Raises:
            RefusedError: it is no built-in chain, or no policy.
        """
        chain = self.chain(table, name)
        if not table.built_in(name):
            raise RefusedError(f"{name} is no built-in chain and has no policy", name)
        if text not in _POLICIES:
            raise RefusedError(f'"{text}" is no policy', text, "a policy is ACCEPT or DROP")
        chain.policy, chain.line, chain.disputed = _POLICIES[text], line, False

    def create(self, table: Table, name: str, line: Line, at: int = -1) -> None:
        """Make a chain.

        Raises:
            RefusedError: a target has its name; `FailedError` where there is such a chain.
            TooMuchError: there are too many.
        """
        if name in TARGETS:
            raise RefusedError(f'a chain cannot be called as the target "{name}"', name, at=at)
        if name in table.chains:
            raise FailedError(f'the table {table.name} has a chain "{name}" already', name, at=at)
        if len(table.chains) >= _MOST_CHAINS:
            raise TooMuchError(f"there are more than {_MOST_CHAINS} chains")
        table.chains[name] = Chain(name, line=line)

    def _delete_chain(self, command: Command, table: Table) -> None:
        names = [command.chain] if command.chain else [name for name in table.chains if not table.built_in(name)]
        led_to = self._led_to(table) if names else set()
        for name in names:
            chain = self.chain(table, name, command.chain_at)
            if table.built_in(name):
                raise FailedError(f"{name} is built in and stays", name, at=command.chain_at)
            if chain.rules or name in led_to:
                why = "is not empty" if chain.rules else "is led to by a rule"
                raise FailedError(f'the chain "{name}" {why}, so it is not deleted', name, at=command.chain_at)
        for name in names:
            del table.chains[name]

    def _led_to(self, table: Table) -> set[str]:
        self.spend(sum(len(chain.rules) for chain in table.chains.values()))
        actions = (each.draft.action for chain in table.chains.values() for each in chain.rules)
        return {action.chain for action in actions if isinstance(action, Leads)}

    def _flush(self, command: Command, table: Table) -> None:
        if command.chain:
            self.chain(table, command.chain, command.chain_at).rules.clear()
        else:
            for chain in table.chains.values():
                chain.rules.clear()

    def _rename(self, command: Command, table: Table) -> None:
        chain = self.chain(table, command.chain, command.chain_at)
        new = command.argument
        if table.built_in(command.chain):
            raise FailedError(f"{command.chain} is built in and keeps its name", command.chain, at=command.chain_at)
        if new in table.chains or new in TARGETS:
            raise FailedError(f'"{new}" is the name of a chain or target already', new)
        table.chains = {new if name == command.chain else name: each for name, each in table.chains.items()}
        chain.name = new
        self.spend(sum(len(each.rules) for each in table.chains.values()))
        for each in table.chains.values():
            for placed in each.rules:
                action = placed.draft.action
                if isinstance(action, Leads) and action.chain == command.chain:
                    placed.draft.action = replace(action, chain=new)

    def begin(self, name: str) -> bool:
        """Empty a table as iptables-restore does before its lines; whether it held something.

        Raises:
            RefusedError: there is no such table.
        """
        known = name in self.tables
        table = self.table(name)
        held = known and any(chain.rules or chain.policy is not Verdict.ACCEPT for chain in table.chains.values())
        for chain in list(table.chains.values()):
            if not table.built_in(chain.name):
                del table.chains[chain.name]
                continue
            chain.rules.clear()
            # One variant keeps the policy, the other begins with ACCEPT.
            chain.disputed = chain.policy is not Verdict.ACCEPT
        return held


def place_of(line: Line | None) -> Span | None:
    """The span of a line, where there is one."""
    return line.span() if line else None
