"""The `explain` command."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fwadvisor.diagnostic import Color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwadvisor.diagnostic import Diagnostic
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.explain.page import Page
    from fwadvisor.ports.explain.subjects import Subject


class Format(StrEnum):
    """Forms of an explanation."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def explain(
    subjects: list[str] = typer.Argument(
        ...,
        metavar="SUBJECT...",
        help="1720, 1720/tcp, 3230-3253/udp, a service name, an application, an alias, a check.",
    ),
    profiles: list[str] = typer.Option(
        [], "--profile", "-p", metavar="PROFILE", help="Also say what this policy decides; may be repeated."
    ),
    settings: list[str] = typer.Option(
        [], "--set", "-s", metavar="NAME=VALUE", help="Value of a parameter of the profiles."
    ),
    format: Format = typer.Option(Format.TEXT, "--format", "-f", help="Form of the answer."),
    knowledge: list[Path] = typer.Option(
        [], "--knowledge", metavar="DIR", help="Your own additions to the port database; may be repeated."
    ),
    profile_dirs: list[Path] = typer.Option([], "--profile-dir", metavar="DIR", help="Further folders of profiles."),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", metavar="DIR", help="Where an imported registry lies, if not in the usual place."
    ),
    today: str = typer.Option("", "--today", metavar="YYYY-MM-DD", help="The day against which grants expire."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of the answer."),
) -> None:
    """Tell what a port, an application or a finding of "check" is, what it risks, and what goes with it.

    Registry fact is kept apart from actual use. With --profile, also what that policy decides for the port: in each
    direction and zone, by which rule, because of which line.

    Examples: fwadvisor explain 1720 ; fwadvisor explain netmeeting h323 ;
    fwadvisor explain 1720 --profile h323-needed --set peers=203.0.113.0/24 ; fwadvisor explain shadowed-rule
    """
    from fwadvisor.cli.common import project_folders
    from fwadvisor.diagnostic import show, use_color
    from fwadvisor.errors import UnknownNameError
    from fwadvisor.ports import load
    from fwadvisor.ports.explain import pages_of
    from fwadvisor.ports.explain.subjects import resolve
    from fwadvisor.review.pages import is_id, near, page_of

    folders, profile_folders = project_folders(knowledge, profile_dirs)
    database = load(folders, data_dir=data_dir)
    show(database.notices, color)
    found: list[Subject] = []
    problems: list[Diagnostic] = []
    checks = [word for word in subjects if is_id(word)]
    for word in subjects:
        if word in checks:
            continue
        try:
            found += resolve(word, database)
        except UnknownNameError as problem:
            problems += (near(word, each) for each in problem.diagnostics)
    if problems:
        raise UnknownNameError(problems)
    decided = [_decisions(subject, database, profiles, settings, profile_folders, today) for subject in found]
    if format is Format.JSON:
        typer.echo(_as_json(found, database, decided, checks))
        return
    pages: list[Page] = []
    for subject, decisions in zip(found, decided, strict=True):
        mine = pages_of(subject, database)
        _add_decisions(mine[0], decisions)
        pages += mine
    pages += map(page_of, checks)
    if format is Format.MARKDOWN:
        from fwadvisor.ports.explain import markdown

        typer.echo(markdown.render_pages(pages), nl=False)
        return
    from fwadvisor.ports.explain.text import render_pages

    wanted = use_color(sys.stdout, color)
    typer.echo(render_pages(pages, color=wanted), nl=False, color=True if wanted else None)


def _as_json(
    found: list[Subject], database: Database, decided: list[list[dict[str, Any]]], checks: Sequence[str]
) -> str:
    import json

    from fwadvisor.ports.explain.as_json import document
    from fwadvisor.review.pages import data_of

    data = document(found, database)
    for subject, decisions in zip(data["subjects"], decided, strict=True):
        if decisions:
            subject["decisions"] = decisions
    data["subjects"] += map(data_of, checks)
    return json.dumps(data, indent=2, ensure_ascii=False)


def _decisions(
    subject: Subject,
    database: Database,
    profiles: Sequence[str],
    settings: Sequence[str],
    profile_dirs: Sequence[Path],
    today: str,
) -> list[dict[str, Any]]:
    """What a policy decides for the ports of a subject; [] where no profile was named."""
    if not profiles:
        return []
    from fwadvisor.cli.common import day_from, settings_from
    from fwadvisor.decisions import decide_port
    from fwadvisor.ports.explain.spots import spots_of

    values, day = settings_from(settings), day_from(today)
    rows: list[dict[str, Any]] = []
    for what, protocol, ports in spots_of(subject, database):
        for row in decide_port(profiles, values, database, protocol, ports, today=day, profile_dirs=profile_dirs):
            rows.append(
                {
                    "what": what,
                    "hook": str(row.hook),
                    "verdict": str(row.verdict),
                    "ends": row.ends,
                    "ports": row.ports,
                    "reason": row.reason,
                    "place": str(row.place) if row.place else "",
                    "dialects": list(row.dialects),
                }
            )
    return rows


def _add_decisions(page: Page, decisions: list[dict[str, Any]]) -> None:
    """A section of the page for each flow or transport: read from the top, the first row that fits decides."""
    from fwadvisor.ports.explain.page import Row, Section

    sections = []
    for what in dict.fromkeys(row["what"] for row in decisions):
        rows = []
        for row in decisions:
            if row["what"] != what:
                continue
            verdict, _, limit = row["verdict"].partition(" ")
            parts = [limit.strip("()")] if limit else []
            parts.append(row["ends"])
            parts += [f"ports {row['ports']}"] if row["ports"] else []
            parts += [f"only {', '.join(row['dialects'])}"] if row["dialects"] else []
            parts.append(f"because of {row['reason']}")
            parts += [row["place"]] if row["place"] else []
            rows.append(Row(f"{row['hook']} {verdict}", "; ".join(parts), verdict))
        sections.append(Section(f"What the policy decides for {what}", tuple(rows)))
    page.sections[:0] = sections
