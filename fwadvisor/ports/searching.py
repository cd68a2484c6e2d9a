"""Free search over names, products, applications and uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwadvisor.ports.explain.numbers import spots
from fwadvisor.ports.facts import Listing

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.facts import Application, Port


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that holds every word of the search; `where` says in which field, `explain` what to ask next."""

    kind: str
    explain: str
    numbers: str
    title: str
    where: str
    score: int


def _score(words: list[str], fields: Iterable[tuple[str, str, int]]) -> tuple[int, str]:
    """The sum over words of the best field that holds each, and the field of the first; (0, "") where one is missing.

    A whole word counts more than a part of one.
    """
    total, where = 0, ""
    fields = [(name, text.lower(), weight) for name, text, weight in fields]
    for word in words:
        best, best_name = 0, ""
        for name, text, weight in fields:
            if word in text:
                whole = f" {word} " in f" {text.replace(',', ' ').replace('(', ' ').replace(')', ' ')} "
                value = weight * (3 if text == word else 2 if whole else 1)
                if value > best:
                    best, best_name = value, name
        if not best:
            return 0, ""
        total += best
        where = where or best_name
    return total, where


def _port_fields(entry: Port) -> list[tuple[str, str, int]]:
    fields = [("id", entry.id, 9), ("title", entry.title, 8), ("registered name", " ".join(entry.registry_names), 7)]
    fields += [("product", product, 6) for product in entry.products]
    fields += [("process", name, 6) for names in entry.processes.values() for name in names]
    fields += [("advisory", advisory.id, 6) for advisory in entry.advisories]
    fields += [("use", entry.use, 3), ("risk", entry.risk_why, 2), ("pitfall", " ".join(entry.pitfalls), 1)]
    return fields


def _application_fields(application: Application) -> list[tuple[str, str, int]]:
    fields = [("id", application.id, 10), ("title", application.title, 9)]
    fields += [("alias", alias, 9) for alias in application.aliases]
    fields += [("feature", feature, 4) for feature in application.features]
    fields += [("role", f"{role} {text}", 2) for role, text in application.roles.items()]
    return fields


def search(text: str, database: Database, *, most: int | None = None) -> list[Hit]:
    """What holds every word of `text`, the best first; registered names last among equals."""
    words = text.lower().split()
    if not words:
        return []
    hits: list[Hit] = []
    for application in database.applications.values():
        score, where = _score(words, _application_fields(application))
        if score:
            hits.append(Hit("application", application.id, "", application.title, where, score))
    for entry in database.ports.values():
        score, where = _score(words, _port_fields(entry))
        if score:
            numbers = "negotiated" if entry.listing is Listing.HIDDEN else spots(entry)
            hits.append(Hit("port", entry.id, numbers, entry.title, where, score))
    if len(words) == 1:
        known = {name for entry in database.ports.values() for name in entry.registry_names}
        for line in database.registry.search(words[0]):
            if line.name not in known:
                numbers = f"{line.ports}/{','.join(line.transports)}"
                score = 8 if line.name == words[0] else 1
                hits.append(Hit("registered", line.name, numbers, line.description or line.name, "registry", score))
    hits.sort(key=lambda hit: -hit.score)
    return hits if most is None else hits[:most]
