"""Conversion: a rule file of any dialect in any other, proved to decide alike before anyone sees it.

Rules are kept one to one where the chains allow it (`straight`), else the packet engine says what becomes of which
packets and the old rules say how to cut (`guided`). Neither is believed: the text is read back and compared with the
source, packet for packet (`proving`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fwadvisor import __version__
from fwadvisor.convert.making import Making
from fwadvisor.convert.proving import Shown, prove, read_back
from fwadvisor.convert.refusing import cutting, not_convertible, translating
from fwadvisor.convert.request import Converted, Request
from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Capabilities, Document, OutputFile
from fwadvisor.dialects.fit import fit
from fwadvisor.errors import BudgetError, FwadvisorError, InexpressibleError, UnknownNameError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import Firewall, FirewallRule
from fwadvisor.model.rule import Hook, Ruleset, Verdict

__all__ = ["Converted", "Request", "convert"]


def convert(request: Request) -> Converted:
    """The text in the other dialect, proved to decide as the source does.

    Raises:
        UnknownNameError: there is no such dialect.
        InexpressibleError: something cannot be said in the target; every place.
        FwadvisorError: parts are not understood or translate addresses, or the text would not decide alike.
        BudgetError: the proof would grow too large.
    """
    if request.target not in DIALECTS:
        hint = did_you_mean(request.target, DIALECTS) or f"the dialects are {', '.join(DIALECTS)}"
        raise UnknownNameError(error(f'no dialect is called "{request.target}"', hint=hint))
    problems = list(not_convertible(request))
    if problems:
        raise FwadvisorError(problems)
    try:
        return _converted(request, guided_only=False)
    except (BudgetError, InexpressibleError):
        raise
    except FwadvisorError:
        # What was taken for plain was not: the engine knows better.
        return _converted(request, guided_only=True)


def _converted(request: Request, *, guided_only: bool) -> Converted:
    source = request.firewall
    able = dialect(request.target).capabilities.under(request.options)
    making = Making(request, able, guided_only)
    ruleset = making.ruleset()
    if making.problems:
        raise InexpressibleError(dict.fromkeys(making.problems))
    ruleset, left = fit(ruleset, able, approximate=request.allow_approximate)
    notes = [*making.notes, *(each.text for each in left if each.id != "forwards-nothing"), *_silent(request, able)]
    notes = list(dict.fromkeys(notes))
    files = _written(request, ruleset, notes)
    text = read_back(request.target, files, dict(request.options))
    shown = prove(text, source, able, request.budget, approximate=request.allow_approximate)
    refused = [each for each in shown.cuts if not each.in_part]
    if refused:
        raise FwadvisorError(cutting(refused, making.lost, source.name))
    cut = list(dict.fromkeys(f"cuts {each.what} that {_at(each.rule)} accepts" for each in shown.cuts))
    if cut:
        files = _written(request, ruleset, [*cut, *notes])
    return Converted(
        files=files,
        ruleset=ruleset,
        parts=shown.comparison.parts,
        rules=(sum(1 for _ in source.rules()), sum(len(chain.rules) for chain in ruleset.chains)),
        rewritten=tuple(making.rewritten),
        narrowed=bool(shown.narrowed),
        notes=tuple(dict.fromkeys([*cut, *notes, *_shown(shown, source)])),
    )


def _at(rule: FirewallRule) -> str:
    return f"{rule.span.file}:{rule.span.line}"


def _shown(shown: Shown, source: Firewall) -> Iterator[str]:
    yield from shown.nature
    yield from (f"narrowed: {each}" for each in shown.narrowed)
    yield from (f"not compared: {each}" for each in shown.comparison.left_out)
    if any(translating(source)):
        yield "address translation is left out; filters are stated in the addresses that they see"
    for condition in shown.comparison.conditions:
        yield f"whatever may be of {condition.name}"


def _silent(request: Request, able: Capabilities) -> Iterator[str]:
    """What becomes of packets of which the source does not speak."""
    source = request.firewall
    for family in FAMILIES:
        if family not in source.families:
            verdict = request.rest or (Verdict.DROP if able.implicit_states else None)
            fate = {None: "left to other rules", Verdict.ACCEPT: "accepted"}.get(verdict, "closed")
            yield f"IPv{family.value}, of which {source.name} does not speak, is {fate}"
    for hook in Hook:
        if hook in able.hooks and hook not in source.hooks:
            fate = "closed" if able.dialect == "pf" and hook is Hook.FORWARD else "left to other rules"
            yield f"{hook}, of which {source.name} does not speak, is {fate}"


def _written(request: Request, ruleset: Ruleset, notes: Sequence[str]) -> tuple[OutputFile, ...]:
    source = request.firewall
    about = (
        f"fwadvisor {__version__}: converted from {source.name} ({source.dialect})",
        "Rules and comments are those of the source as far as they could be kept; its places are in brackets.",
        *(f"Mind: {each}" for each in notes),
    )
    document = Document(name=_name(source.name), about=about, options=request.options)
    files = dialect(request.target).write(ruleset, document)
    if request.target == "iptables" and request.rest is None:
        spoken = {Family.IPV4: ".v4", Family.IPV6: ".v6"}
        wanted = tuple(spoken[family] for family in source.families)
        files = tuple(each for each in files if each.name.endswith(wanted))
    return files


def _name(text: str) -> str:
    """A name fit for tables and headers: that of the first file, or its folder where the file's says nothing."""
    first = re.split(r" \+ |\+", text)[0]
    slug = re.sub(r"[^a-z0-9]+", "-", first.lower().rpartition("/")[2]).strip("-")
    return slug[:40].strip("-") or "converted"
