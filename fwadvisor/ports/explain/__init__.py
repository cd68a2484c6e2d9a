"""Explanations of ports and applications: resolve a word, gather a page, render it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.explain.page import Page
    from fwadvisor.ports.explain.subjects import Subject


def pages_of(subject: Subject, database: Database) -> list[Page]:
    """The pages of one subject."""
    if subject.application is not None:
        from fwadvisor.ports.explain.application_page import application_page

        return [application_page(subject.application, database)]
    from fwadvisor.ports.explain.port_page import entry_page, port_pages

    if subject.entry is not None:
        return [entry_page(subject.entry, database)]
    if subject.numbers is None:
        raise ValueError("a subject is a number, an entry or an application")
    return port_pages(subject.numbers, database)
