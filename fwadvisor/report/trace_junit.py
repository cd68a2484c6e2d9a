"""Tested flows as JUnit XML: a suite for each firewall, a case for each flow, as CI servers read them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fwadvisor.diagnostic import printable
from fwadvisor.proof.words import decider, flow
from fwadvisor.review.trace import Fate, Tested, Trace


def render(tested: Sequence[Tested]) -> str:
    """The document. A flow of which nothing is expected, or that a firewall does not speak of, counts as skipped."""
    root = Element("testsuites", {"name": "fwadvisor test"})
    for number, first in enumerate(tested[0].traces):
        _suite(root, first.firewall.name, [(each, each.traces[number]) for each in tested])
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode")


def _suite(root: Element, name: str, cases: Sequence[tuple[Tested, Trace]]) -> None:
    failed = sum(trace in tested.failures for tested, trace in cases)
    skipped = sum(_skipped(tested, trace) for tested, trace in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    suite = SubElement(root, "testsuite", {"name": printable(name), **counts})
    for tested, trace in cases:
        case = tested.case
        title = f"{case.expected}: {case.flow.text}" if case.expected else case.flow.text
        title += f" ({case.name})" if case.name else ""
        span = case.flow.span
        where = {"name": title, "classname": name, "file": span.file, "line": str(span.line)}
        where = {key: printable(text) for key, text in where.items()}
        entry = SubElement(suite, "testcase", where)
        if trace in tested.failures:
            message = f"expected {case.expected}, but {trace.fate}"
            SubElement(entry, "failure", {"message": message, "type": trace.fate.value}).text = "\n".join(
                _details(trace)
            )
        elif _skipped(tested, trace):
            reason = "; ".join(trace.unasked) if trace.fate is Fate.UNASKED else f"nothing is expected: {trace.fate}"
            SubElement(entry, "skipped", {"message": printable(reason)})


def _skipped(tested: Tested, trace: Trace) -> bool:
    return trace not in tested.failures and (tested.case.expected is None or trace.fate is Fate.UNASKED)


def _details(trace: Trace) -> list[str]:
    lines = []
    for part in trace.parts:
        step = part.deciders[0]
        lines.append(f"{part.verdict or Fate.UNKNOWN}: {flow(part.witness)}: {decider(trace.firewall, step)}")
    lines += trace.unasked
    lines += [f"not understood: {each.span}: {each.reason}" for each in trace.doubts]
    return [printable(line) for line in lines]
