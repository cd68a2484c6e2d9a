"""A review as findings, for the forms that know no changes: one finding for each change, application and lone file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from fwadvisor.diagnostic import Label
from fwadvisor.ports.database import Database
from fwadvisor.proof.words import flow
from fwadvisor.report.findings_formats import Explained, FindingsReport
from fwadvisor.report.review_entries import Entry, closing, entries, opaque
from fwadvisor.report.review_formats import View
from fwadvisor.report.review_words import region_words, use_words
from fwadvisor.review.changes import Kind, Review
from fwadvisor.review.findings import Finding, Severity

#: Further lines about one change; what is left is counted there.
_MOST_LINES = 50
#: And so many uses of ports.
_MOST_USES = 4
APPLICATION, ALONE = "application", "one-side-only"
_EXPLAINED = {
    Kind.WIDENED.value: (
        "Packets are newly accepted",
        "The change accepts packets that were dropped or rejected before.",
        "Narrow the rule to the sources and ports that need it, or say in the change why all of them do",
    ),
    Kind.NARROWED.value: (
        "Packets are no longer accepted",
        "The change drops or rejects packets that were accepted before.",
        "Make sure that nobody needs what is now blocked",
    ),
    Kind.CHANGED.value: (
        "Packets are refused in another way",
        "The change rejects packets that were dropped before, or drops packets that were rejected.",
        "A rejected sender knows at once, a dropped one waits: choose what is meant",
    ),
    Kind.TREATED.value: (
        "Accepted packets are treated otherwise",
        "The change gives connections another connection-tracking helper or translation.",
        "Helpers open further ports and translations lead elsewhere: make sure that this is meant",
    ),
    Kind.RELOGGED.value: ("Packets are logged otherwise", "The change affects only what is logged.", ""),
    Kind.UNKNOWN.value: (
        "Not known what happens to packets",
        "At least one version holds a part that is not understood, and packets depend on it.",
        "Look at the part by eye, or write it in a way that can be read",
    ),
    APPLICATION: (
        "More or less of an application can pass",
        "The change opens or closes ports that an application needs, wholly or in part.",
        "",
    ),
    ALONE: (
        "A file that only one side has",
        "There is nothing to compare the file with, so nothing is known of what it changes.",
        "",
    ),
}


def findings_report(reviews: Sequence[Review], view: View) -> FindingsReport:
    """All reviews together, each change a finding whose first place is in the new version."""
    findings = [each for review in reviews for each in findings_of(review, view.database)]
    findings += [alone(text) for text in view.alone]
    findings.sort(key=lambda each: each.severity.rank)
    ids = dict.fromkeys(each.id for each in findings)
    return FindingsReport(
        files=tuple(review.new.name for review in reviews),
        findings=findings,
        explained=[
            Explained(id=id, title=t, text=text, remedy=remedy) for id in ids for t, text, remedy in [_EXPLAINED[id]]
        ],
        left_out=tuple(dict.fromkeys(text for review in reviews for text in not_known(review))),
        summary=closing(reviews, view.alone),
        everything=view.everything,
    )


def findings_of(review: Review, database: Database) -> Iterator[Finding]:
    """The changes of one review, then what they come to for applications."""
    for entry in entries(review):
        yield _of(entry, review, database)
    for each in review.applications:
        yield Finding(
            id=APPLICATION,
            severity=each.severity,
            message=f"{each.hook.value}: {each.title}, {each.text}",
            fingerprint=_hashed(APPLICATION, each.application, each.hook.value, each.text),
        )


def alone(text: str) -> Finding:
    """A file that only one side has."""
    return Finding(id=ALONE, severity=Severity.MEDIUM, message=text, fingerprint=_hashed(ALONE, text))


def not_known(review: Review) -> Iterator[str]:
    """What a review does not speak of, and why it does not know everything; with the places."""
    for part in opaque(review):
        yield f"{part.span}: not understood: {part.reason}"
    yield from review.doubts
    yield from review.left_out


def _of(entry: Entry, review: Review, database: Database) -> Finding:
    main = entry.main
    places = [(span, place) for place in entry.deciders(1) for span in place.spans]
    places.sort(key=lambda each: not each[1].edited)
    families = " and ".join(f"IPv{family.value}" for family in entry.families)
    before, after = main.outcomes
    # The words of one family speak for all, where there are several.
    region = region_words(main.regions[0], database).line
    more = len(entry.regions) - 1
    where = "" if places else f"{review.name}: "
    return Finding(
        id=main.kind.value,
        severity=main.severity,
        message=f"{where}{main.hook.value}, {families}: {before} -> {after} {region}"
        + (f", and {more} more" if more else ""),
        span=places[0][0] if places else None,
        note="decides now" if places else "",
        labels=tuple(Label(span, f"decides now too: {place.text}") for span, place in places[1:]),
        remedy=_EXPLAINED[main.kind.value][2],
        details=tuple(_details(entry, database)),
        fingerprint="+".join(each.id for each in entry.changes),
    )


def _details(entry: Entry, database: Database) -> Iterator[str]:
    main = entry.main
    yield from (f"why: {text}" for text in entry.why)
    yield f"for one: {flow(main.witness)}"
    regions = [
        f"IPv{c.family.value}: {region_words(box, database, None).line}" for c in entry.changes for box in c.regions
    ]
    if len(regions) > 1:
        yield from _cut(regions)
    for word, side in (("before", 0), ("now", 1)):
        yield from _cut([f"{word}: {place.line}" for place in entry.deciders(side)])
    yield from entry.limits
    yield from _cut([f"port: {use_words(use)}" for use in entry.uses], _MOST_USES)
    yield from _cut([f"breaks: {text}" for text in entry.breaks])


def _cut(lines: Sequence[str], most: int = _MOST_LINES) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {len(lines) - most:,} more, which fwadvisor diff --all shows"


def _hashed(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
