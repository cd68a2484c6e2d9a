"""Several files together: which form each has, and the firewall that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.diagnostic import Span, error, warning
from fwadvisor.dialects.reading.iptables.early import see_early
from fwadvisor.dialects.reading.iptables.finish import Finished, finish
from fwadvisor.dialects.reading.iptables.gathered import Gathered
from fwadvisor.dialects.reading.iptables.lines import split, unread
from fwadvisor.dialects.reading.iptables.recognition import Form, family, form
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.restore import Restoring, read_listing
from fwadvisor.dialects.reading.iptables.state import TooMuchError
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import BaseChain, Declared, Firewall, FirewallChain, FirewallRule, Unknown

#: A file of more lines is not read.
_MOST_LINES = 1_000_000


def _bounded(source: Source) -> str:
    text = source.text()
    if text.count("\n") > _MOST_LINES:
        raise ReadError(error(f"{source.name} has more than {_MOST_LINES} lines, too many for a rule file"))
    return text


class Reading(Gathered):
    """One reading of files that belong together; `option` says of which IP version those are that do not tell."""

    def __init__(self, option: str) -> None:
        super().__init__()
        self.option = option

    def read(self, sources: Sequence[Source]) -> Firewall:
        """The firewall of all files.

        Raises:
            ReadError: they cannot be read.
        """
        texts = [(source, _bounded(source), form(source)) for source in sources]
        # A rule may look into a set whatever the order of the files.
        for source, text, kind in sorted(texts, key=lambda each: each[2] is not Form.SETS):
            try:
                self._one(source, text, kind)
            except TooMuchError as problem:
                self.problems.add(error(str(problem), Span(source.name, 1)))
                break
        if not self.tables and not self.problems.found:
            name = sources[0].name if sources else "-"
            self.problems.add(error("there are no rules of iptables here", Span(name, 1)))
        self.problems.raise_any()
        return self._firewall(sources)

    def _one(self, source: Source, text: str, kind: Form) -> None:
        if kind is Form.SETS:
            self._read_sets(source.name, text)
        elif kind is Form.SCRIPT:
            # Half of this package is about scripts, which our own text never is.
            from fwadvisor.dialects.reading.iptables.script import Script

            Script(self, source.name).read(text)
        else:
            version = self._family(source, text)
            if kind is Form.LISTING:
                read_listing(self.of(version), source.name, text, self.problems)
            else:
                Restoring(self, version, source.name).read(text)

    def _family(self, source: Source, text: str) -> Family:
        version, sure = family(source.name, text, self.option)
        if not sure:
            hint = "a name that ends in .v4 or .v6 tells, and so does --from iptables:6"
            self.warnings.append(warning("nothing tells the IP version; read as IPv4", Span(source.name, 1), hint))
        return version

    def _read_sets(self, file: str, text: str) -> None:
        for number, source in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
            if not source or source[0] == "#":
                continue
            try:
                words = split(source)
                if words:
                    self.sets.apply(words[words[0] == "ipset" :], Span(file, number, 1, len(source), source))
            except RefusedError as refusal:
                self.problems.add(unread(file, number, source).problem(refusal))
                if self.problems.more:
                    return

    def _firewall(self, sources: Sequence[Source]) -> Firewall:
        chains: dict[str, FirewallChain] = {}
        bases: list[BaseChain] = []
        asked: set[str] = set()
        for version in FAMILIES:
            if version not in self.tables:
                continue
            done: Finished = finish(self.tables[version], self.sets)
            for problem in done.problems:
                self.problems.add(problem)
            self.problems.raise_any()
            made, moved, warnings = see_early(done.chains, done.bases)
            chains.update(self._unknown(made, moved))
            bases += moved
            self.opaque += done.opaque
            asked |= done.asked
            self.warnings += warnings
        return Firewall(
            name=", ".join(source.name for source in sources),
            dialect="iptables",
            chains=chains,
            bases=tuple(bases),
            families=tuple(version for version in FAMILIES if version in self.tables),
            opaque=(*self.tainted, *self.opaque),
            warnings=tuple(self.warnings),
            declared=tuple(self._declared(asked)),
        )

    def _declared(self, asked: set[str]) -> Iterator[Declared]:
        """The sets, where every rule that may ask for them is understood."""
        if self.tainted or self.opaque:
            return
        named = self.sets.named.values()
        members = {str(entry.elements[0]) for each in named if each.kind == "list:set" for entry in each.entries}
        for each in named:
            if each.span is not None:
                yield Declared(each.name, "set", each.span, each.name in asked or each.name in members)

    def _unknown(self, chains: dict[str, FirewallChain], bases: Sequence[BaseChain]) -> dict[str, FirewallChain]:
        """The chains, of which nothing is known where something that was not followed may have changed them."""
        if not self.tainted:
            return chains
        first = self.tainted[0]
        rule = FirewallRule(tests=(), action=Unknown(first.reason), span=first.span, text=first.span.source.strip())
        changed = {
            base.chain: FirewallChain(base.chain, (rule, *chains[base.chain].rules), chains[base.chain].span)
            for base in bases
        }
        return {**chains, **changed}
