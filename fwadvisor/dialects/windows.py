"""Windows Firewall: a PowerShell script that replaces one group of rules and rolls itself back unless confirmed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from fwadvisor.dialects.base import Capabilities, Document, OutputFile, comment_lines, render, slug, whence
from fwadvisor.dialects.windows_compile import Fate, Plan, compile_chain
from fwadvisor.dialects.windows_rules import WindowsRule, rules_of
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.rule import PORT_PROTOCOLS, TCP, UDP, Hook, Rule, Ruleset, Verdict

_HOOKS = (Hook.INPUT, Hook.OUTPUT)
#: A list at least this long that several rules share is written once, as a variable.
_SHARED_LIST = 4
#: All characters that PowerShell takes for a single quote.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


def quote(text: str) -> str:
    """`text` as a PowerShell literal.

    Raises:
        InexpressibleError: it holds a character that may not stand in an ASCII script.
    """
    if not text.isascii() or not text.isprintable():
        raise InexpressibleError(f"windows: {slug(text)} holds characters that cannot stand in the script")
    return "'" + _QUOTES.sub(lambda found: found[0] * 2, text) + "'"


_CAPABILITIES = Capabilities(
    dialect="windows",
    title="Windows Firewall",
    systems=("Windows",),
    hooks=frozenset(_HOOKS),
    verdicts=frozenset({Verdict.ACCEPT, Verdict.DROP}),
    port_protocols=frozenset({TCP, UDP}),
    log=False,
    implicit_states=True,
    look=(
        "Get-NetFirewallRule -Group 'fwadvisor' | Format-Table Name, Enabled, Direction, Action, DisplayName",
        "Get-NetFirewallProfile | Format-Table Name, Enabled, DefaultInboundAction, DefaultOutboundAction",
    ),
    # "Any" would stand for every interface.
    interface_pattern=r"(?!(?i:any)$)[A-Za-z0-9(][A-Za-z0-9 ._:/()#-]{0,254}",
)


@dataclass(frozen=True, slots=True)
class Windows:
    """The Windows dialect."""

    capabilities: Capabilities = _CAPABILITIES
    file_names: tuple[str, ...] = ("windows.ps1",)

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The script: ASCII, CRLF line ends.

        Raises:
            InexpressibleError: a rule needs what Windows Firewall does not have.
        """
        _refuse(ruleset)
        plans = plans_of(ruleset)
        rules = [rule for plan in plans for rule in rules_of(plan)]
        sets = _Sets(rules)
        rows = [sets.row(rule) for rule in rules]
        defaults = {plan.chain.hook: "Allow" if plan.default_accept else "Block" for plan in plans}
        inbound, outbound = defaults.get(Hook.INPUT, "Block"), defaults.get(Hook.OUTPUT, "Allow")
        log = str(any(chain.default_log for chain in ruleset.chains if chain.hook in _HOOKS))
        name = slug(document.name, 40)
        content = "\n".join((name, inbound, outbound, log, *sets.lines, *rows))
        text = render(
            "windows/windows.ps1.j2",
            about=_comments(document.about),
            notes=[_comments([note.text, *note.commands]) for note in document.notes],
            name=name,
            # One group for every policy: loading another one replaces this one, as it does in the other dialects.
            group=quote("fwadvisor"),
            generation=quote(f"fwa-{name}-{sha256(content.encode()).hexdigest()[:10]}-"),
            task=quote("fwadvisor rollback"),
            backup=quote("before.wfw"),
            inbound=quote(inbound),
            outbound=quote(outbound),
            log_blocked=quote(log),
            unwritten=[line for plan in plans for line in _unwritten(plan)],
            sets=sets.lines,
            rows=rows,
        )
        return (OutputFile(self.file_names[0], text.replace("\n", "\r\n").encode("ascii")),)


def plans_of(ruleset: Ruleset) -> list[Plan]:
    """The chains that Windows has, compiled."""
    return [compile_chain(chain) for chain in ruleset.chains if chain.hook in _HOOKS]


def _refuse(ruleset: Ruleset) -> None:
    for chain in ruleset.chains:
        for rule in chain.rules:
            match = rule.match
            ports = match.source_ports is not None or match.destination_ports is not None
            if ports and not {TCP, UDP}.issuperset(PORT_PROTOCOLS.intersection(match.protocols)):
                raise InexpressibleError(f"windows: ports of other protocols than TCP and UDP ({rule.origin.text})")


def _comments(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in comment_lines(text)]


_WHY = {
    Fate.DEFAULT: "the default does the same",
    Fate.SHADOWED: "earlier rules take all of it",
    Fate.TRIMMED: "taken off later Allow rules",
}


def _unwritten(plan: Plan) -> list[str]:
    """A comment for each rule of the policy that needs none here."""
    side = "in" if plan.chain.hook is Hook.INPUT else "out"
    return [
        f"{side}-{line.index:04d} {_subject(line.rule)}: {_WHY[line.fate]}"
        for line in plan.lines
        if line.rule and line.fate in _WHY
    ]


def _subject(rule: Rule) -> str:
    return f"{rule.verdict} {slug(rule.origin.text)} ({whence(rule.origin)})"


class _Sets:
    """Rows of the rule table, with long lists that come up again kept in variables."""

    def __init__(self, rules: Sequence[WindowsRule]) -> None:
        uses: Counter[tuple[str, ...]] = Counter()
        for rule in rules:
            for entries in (rule.local_addresses, rule.remote_addresses):
                if len(entries) >= _SHARED_LIST:
                    uses[entries] += 1
        shared = [entries for entries, count in uses.items() if count > 1]
        self._names = {entries: f"$Set{number}" for number, entries in enumerate(shared, 1)}
        self.lines = [f"{name} = @({_list(entries)})" for entries, name in self._names.items()]

    def row(self, rule: WindowsRule) -> str:
        """The hashtable that is splatted to New-NetFirewallRule."""
        pairs = [
            ("Name", quote(rule.name)),
            ("Direction", "'Inbound'" if rule.inbound else "'Outbound'"),
            ("Action", "'Allow'" if rule.allow else "'Block'"),
            ("Protocol", quote(rule.protocol)),
            ("LocalPort", _list(rule.local_ports)),
            ("RemotePort", _list(rule.remote_ports)),
            ("IcmpType", _list(rule.icmp_types)),
            ("LocalAddress", self._addresses(rule.local_addresses)),
            ("RemoteAddress", self._addresses(rule.remote_addresses)),
            ("InterfaceAlias", ", ".join(map(quote, rule.interfaces))),
            ("DisplayName", quote(rule.display_name)),
            ("Description", quote(rule.description)),
        ]
        return "@{ " + "; ".join(f"{key} = {value}" for key, value in pairs if value) + " }"

    def _addresses(self, entries: tuple[str, ...]) -> str:
        return self._names.get(entries) or _list(entries)


def _list(entries: Sequence[str]) -> str:
    """Numbers, addresses and ranges as literals; they hold nothing that would need quoting."""
    return "'" + "', '".join(entries) + "'" if entries else ""


DIALECT = Windows()
