"""pf of OpenBSD and FreeBSD: one file that both load, every deciding rule quick.

pf sees a forwarded packet twice, coming in and going out, and does not know which chain it is in. Tags tell:
the first rules mark every packet that comes in, the mark stays with it, and what goes out without a mark is the
machine's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.dialects.base import Capabilities, Document, OutputFile, comment_lines, render, slug
from fwadvisor.dialects.pf_match import (
    TABLE_LIMIT,
    Direction,
    Tables,
    Writer,
    applies,
    by_family,
    verdict,
)
from fwadvisor.errors import UnknownNameError
from fwadvisor.model.rule import LOOPBACK, SCTP, TCP, UDP, Chain, Hook, Log, Rule, Ruleset, Verdict

#: What reassembles fragments, which port rules never match otherwise. OpenBSD does so by itself; the older and
#: the newer FreeBSD each refuse the other's word for it.
_VARIANTS = {
    "portable": (),
    "openbsd": ("set reassemble yes",),
    "freebsd": ("set reassemble yes",),
    "freebsd-12": ("scrub in all fragment reassemble",),
}
_SHORT = {Hook.INPUT: "in", Hook.OUTPUT: "out", Hook.FORWARD: "fwd"}
#: Marks of packets that came in: for this machine, for others, and for others with leave.
_SELF, _TRANSIT, _LEAVE = "fwa_self", "fwa_transit", "fwa_leave"
#: A file with more addresses than this asks for a higher limit (pf's own is 200000, a reload may hold them twice).
_MANY_ENTRIES = 90_000

_CAPABILITIES = Capabilities(
    dialect="pf",
    title="pf",
    systems=("FreeBSD", "OpenBSD"),
    systems_under=(
        (("pf-variant", "openbsd"), ("OpenBSD",)),
        (("pf-variant", "freebsd"), ("FreeBSD",)),
        (("pf-variant", "freebsd-12"), ("FreeBSD",)),
    ),
    hooks=frozenset(Hook),
    verdicts=frozenset(Verdict),
    port_protocols=frozenset({TCP, UDP}),
    port_protocols_under=((("pf-variant", "freebsd"), frozenset({SCTP})),),
    implicit_states=True,
    look=("pfctl -vvsr", "pfctl -sl", "pfctl -ss"),
    interface_pattern=r"[A-Za-z][A-Za-z0-9_.]{0,14}",
)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rules under a heading."""

    title: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """The pf dialect; the option ``pf-variant`` chooses how fragments are reassembled."""

    capabilities: Capabilities = _CAPABILITIES
    file_names: tuple[str, ...] = ("pf.conf",)

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The rule file: ASCII, line feeds, loaded as the whole main rule set.

        Raises:
            UnknownNameError: the option ``pf-variant`` names no variant.
            InexpressibleError: a rule needs what pf does not have.
        """
        variant = _variant(document)
        chains = {hook: _chain(ruleset, hook) for hook in Hook}
        matches = [part for chain in chains.values() for _, rule in _numbered(chain) for part in by_family(rule.match)]
        tables = Tables(matches, TABLE_LIMIT if variant == "portable" else None)
        writer = Writer(tables, sctp_ports=variant == "freebsd")
        text = render(
            "pf/pf.conf.j2",
            name=slug(document.name, 40),
            variant=variant,
            about=_comments(document.about),
            notes=[_comments([note.text, *note.commands]) for note in document.notes],
            options=_options(variant, tables),
            normalization=[line for line in _VARIANTS[variant] if line.startswith("scrub")],
            overflow=tables.overflow,
            tables=tables.lines,
            marked=_marked(chains),
            egress=_marked(chains) and _asks_egress(chains[Hook.FORWARD]),
            parts=[_Part(part.title, _without_repeats(part.lines)) for part in _parts(chains, writer)],
        )
        return (OutputFile(self.file_names[0], text.encode("ascii")),)


def _without_repeats(lines: Iterable[str]) -> list[str]:
    """The lines, a remark only where it differs from the one before."""
    kept: list[str] = []
    remark = ""
    for line in lines:
        if not line.startswith("#") or line != remark:
            kept.append(line)
        if line.startswith("#"):
            remark = line
    return kept


def _variant(document: Document) -> str:
    variant = dict(document.options).get("pf-variant", "portable")
    if variant not in _VARIANTS:
        hint = did_you_mean(variant, _VARIANTS) or f"the variants are {', '.join(_VARIANTS)}"
        raise UnknownNameError(error(f'no variant of pf is called "{variant}"', hint=hint))
    return variant


def _comments(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in comment_lines(text)]


def _options(variant: str, tables: Tables) -> list[str]:
    lines = [
        "set block-policy drop",
        "set skip on lo",
        "set timeout { udp.multiple 300 }",
        *(line for line in _VARIANTS[variant] if line.startswith("set")),
    ]
    if tables.entries > _MANY_ENTRIES:
        lines.append(f"set limit table-entries {max(200_000, 3 * tables.entries)}")
    if variant == "openbsd" and tables.count > TABLE_LIMIT:
        lines.append(f"set limit tables {3 * tables.count}")
    if tables.overflow:
        lines.append("set ruleset-optimization none")
    return lines


def _chain(ruleset: Ruleset, hook: Hook) -> Chain:
    """The chain of the hook; where the ruleset says nothing of forwarding, nothing is forwarded."""
    for chain in ruleset.chains:
        if chain.hook is hook:
            return chain
    return Chain(hook, (), Verdict.DROP if hook is Hook.FORWARD else Verdict.ACCEPT)


def _numbered(chain: Chain) -> Iterator[tuple[int, Rule]]:
    """The rules that pf needs, with their number in the chain."""
    return ((number, rule) for number, rule in enumerate(chain.rules, 1) if applies(rule.match, chain.hook))


def _forwards(chain: Chain) -> bool:
    return chain.default is Verdict.ACCEPT or any(rule.verdict is Verdict.ACCEPT for _, rule in _numbered(chain))


def _marked(chains: dict[Hook, Chain]) -> bool:
    """Whether what goes through must be told from what is for the machine itself when it comes in.

    Not where nothing goes through and what is refused coming in gets one answer, whomever it is for.
    """
    received, forward = chains[Hook.INPUT], chains[Hook.FORWARD]
    closing = {received.default, forward.default}
    closing |= {rule.verdict for chain in (received, forward) for _, rule in _numbered(chain)}
    return _forwards(forward) or len(closing - {Verdict.ACCEPT}) > 1


def _parts(chains: dict[Hook, Chain], writer: Writer) -> list[_Part]:
    forward = chains[Hook.FORWARD]
    if not _marked(chains):
        return _host_parts(chains, writer)
    if _asks_egress(forward):
        ingress, egress = _by_egress(forward, writer)
    else:
        ingress, egress = _by_ingress(forward, writer)
    received = chains[Hook.INPUT]
    mark = f" tagged {_SELF}"
    closing = _closing("in", received.default, received.default_log, mark, "in default")
    own = _Part("To this machine", [*_rules(received, writer, "in", mark), closing])
    return [_marks(forward), own, ingress, egress, _own_output(chains[Hook.OUTPUT], writer)]


def _host_parts(chains: dict[Hook, Chain], writer: Writer) -> list[_Part]:
    """A machine that forwards nothing: whatever came in may not go out again."""
    received = chains[Hook.INPUT]
    marks = ["block drop out all", f"block drop in all tag {_TRANSIT}"]
    forward = chains[Hook.FORWARD]
    through = _closing("out", forward.default, forward.default_log, f" tagged {_TRANSIT}", "fwd default")
    return [
        _Part("Everything is closed until a rule says otherwise; what comes in is marked", marks),
        _Part("To this machine", [*_rules(received, writer, "in"), _default(received, "in")]),
        _Part("Through this machine: nothing", [through]),
        _own_output(chains[Hook.OUTPUT], writer),
    ]


def _marks(forward: Chain) -> _Part:
    """Who a packet is for. Multicast and broadcasts to the own networks are never forwarded."""
    marks = ["block drop out all", f"block drop in all tag {_TRANSIT}"]
    if _asks_egress(forward):
        marks += [f"block drop in on {name} all tag {tag}" for name, tag in _ingress_tags(forward)[:-1]]
    marks += [
        f"block drop in from any to (self) tag {_SELF}",
        f"block drop in inet from any to (self:broadcast) tag {_SELF}",
        f"block drop in inet from any to {{ 224.0.0.0/4, 255.255.255.255 }} tag {_SELF}",
        f"block drop in inet6 from any to ff00::/8 tag {_SELF}",
    ]
    return _Part("Everything is closed until a rule says otherwise; what comes in is marked by whom it is for", marks)


def _asks_egress(chain: Chain) -> bool:
    return any(rule.match.out_interfaces for _, rule in _numbered(chain))


def _own_output(chain: Chain, writer: Writer) -> _Part:
    return _Part("From this machine", [*_rules(chain, writer, "out"), _default(chain, "out")])


def _default(chain: Chain, word: str) -> str:
    return _closing(word, chain.default, chain.default_log, "", f"{_SHORT[chain.hook]} default")


def _closing(word: str, wanted: Verdict, log: Log | None, tag: str, label: str) -> str:
    return f'{verdict(wanted)} {word}{" log" if log else ""} quick all{tag} label "{label}"'


def _label(chain: Chain, number: int, rule: Rule) -> str:
    return slug(f"{_SHORT[chain.hook]} {number:04d} {rule.origin.text}")


def _rules(chain: Chain, writer: Writer, word: str, tag: str = "") -> Iterator[str]:
    for number, rule in _numbered(chain):
        names = rule.match.in_interfaces if word == "in" else rule.match.out_interfaces
        yield from writer.lines(rule, Direction(word=word, tag=tag, interfaces=names), _label(chain, number, rule))


def _by_ingress(chain: Chain, writer: Writer) -> tuple[_Part, _Part]:
    """No rule asks where a packet goes out, so that all is decided where it comes in."""
    lines = []
    for number, rule in _numbered(chain):
        tag = f" tag {_LEAVE}" if rule.verdict is Verdict.ACCEPT else ""
        direction = Direction(word="in", tag=tag, interfaces=rule.match.in_interfaces)
        lines += writer.lines(rule, direction, _label(chain, number, rule))
    leave = f" tag {_LEAVE}" if chain.default is Verdict.ACCEPT else ""
    lines.append(_closing("in", chain.default, chain.default_log, leave, "fwd default"))
    out = [f'pass out quick all tagged {_LEAVE} label "fwd leave"']
    return _Part("Through this machine, coming in", lines), _Part("Through this machine, going out", out)


def _ingress_tags(chain: Chain) -> list[tuple[str, str]]:
    """Interface and mark for each interface that a rule names as ingress; last, the mark of all others."""
    names = sorted({name for _, rule in _numbered(chain) for name in rule.match.in_interfaces} - {LOOPBACK})
    return [*((name, f"{_TRANSIT}_{number}") for number, name in enumerate(names, 1)), ("", _TRANSIT)]


def _by_egress(chain: Chain, writer: Writer) -> tuple[_Part, _Part]:
    """Rules name both interfaces, and only where a packet goes out are both known.

    Coming in, a packet may pass when a rule might accept it whatever its way out; going out, the whole chain
    decides, with the way in told by the mark. What the first step blocks, the chain denies in any case, and with
    the same answer: where some rules drop and others reject, one that closes a way out lets the packet come so far.
    """
    tags = _ingress_tags(chain)
    closing = {rule.verdict for _, rule in _numbered(chain)} | {chain.default}
    mixed = len(closing - {Verdict.ACCEPT}) > 1
    ingress: list[str] = []
    egress: list[str] = []
    for number, rule in _numbered(chain):
        label, match = _label(chain, number, rule), rule.match
        accept = rule.verdict is Verdict.ACCEPT
        coming_in = Direction(word="in", interfaces=match.in_interfaces, log=not accept and not match.out_interfaces)
        if accept or not match.out_interfaces:
            ingress += writer.lines(rule, coming_in, label)
        elif mixed:
            ingress += writer.lines(replace(rule, verdict=Verdict.ACCEPT), coming_in, label)
        named = [tag for name, tag in tags if name in match.in_interfaces] if match.in_interfaces else None
        for tag in named if named is not None else [tag for _, tag in tags]:
            direction = Direction(word="out", tag=f" tagged {tag}", interfaces=match.out_interfaces)
            egress += writer.lines(rule, direction, label)
    ingress.append(_closing("in", chain.default, chain.default_log, "", "fwd default"))
    egress += [_closing("out", chain.default, chain.default_log, f" tagged {tag}", "fwd default") for _, tag in tags]
    return (
        _Part("Through this machine, coming in: what may pass on some way out", ingress),
        _Part("Through this machine, going out", egress),
    )


DIALECT = PacketFilter()
