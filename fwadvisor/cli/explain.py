"""The `explain` command."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fwadvisor.cli.options import PROFILE_DIRS, TODAY
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
    profile_dirs: list[Path] = PROFILE_DIRS,
    data_dir: Path | None = typer.Option(
        None, "--data-dir", metavar="DIR", help="Where an imported registry lies, if not in the usual place."
    ),
    today: str = TODAY,
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
    calls = [_calls(subject, database, profiles, settings, folders, profile_folders, today) for subject in found]
    if format is Format.JSON:
        typer.echo(_as_json(found, database, decided, calls, checks))
        return
    pages: list[Page] = []
    for subject, decisions, steps in zip(found, decided, calls, strict=True):
        mine = pages_of(subject, database)
        _add_calls(mine[0], steps)
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
    found: list[Subject],
    database: Database,
    decided: list[list[dict[str, Any]]],
    calls: list[list[dict[str, Any]]],
    checks: Sequence[str],
) -> str:
    import json

    from fwadvisor.ports.explain.as_json import document
    from fwadvisor.review.pages import data_of

    data = document(found, database)
    for subject, decisions, steps in zip(data["subjects"], decided, calls, strict=True):
        if decisions:
            subject["decisions"] = decisions
        if steps:
            subject["calls"] = steps
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


def _calls(
    subject: Subject,
    database: Database,
    profiles: Sequence[str],
    settings: Sequence[str],
    knowledge: Sequence[Path],
    profile_dirs: Sequence[Path],
    today: str,
) -> list[dict[str, Any]]:
    """The steps of the policy's conversations at the ports of a subject, and the rules that decide in each dialect."""
    if not profiles:
        return []
    from fwadvisor.calls.at_ports import meetings
    from fwadvisor.calls.making import Wanted
    from fwadvisor.calls.written import written_ladders
    from fwadvisor.cli.common import day_from, settings_from
    from fwadvisor.dialects import DIALECTS
    from fwadvisor.errors import FwadvisorError
    from fwadvisor.generate import Request, generate
    from fwadvisor.ports.explain.spots import spots_of

    spots = [(protocol, ports) for _, protocol, ports in spots_of(subject, database)]
    rows: list[dict[str, Any]] = []
    for target in DIALECTS:
        request = Request(
            profiles=profiles,
            settings=settings_from(settings),
            targets=(target,),
            knowledge=knowledge,
            profile_dirs=profile_dirs,
            today=day_from(today),
            notes=False,
        )
        try:
            made = generate(request)
        except FwadvisorError as refusal:
            rows.append({"dialect": target, "refused": [each.message for each in refusal.diagnostics]})
            continue
        ladders = written_ladders(made.policy, database, made.outputs, (), Wanted())[target]
        for met in meetings(ladders, spots):
            deciders = met.step.answer.deciders if met.step.answer else ()
            rows.append(
                {
                    "dialect": target,
                    "way": met.ladder.way,
                    "application": met.ladder.application,
                    "variant": met.ladder.form,
                    "step": met.step.number,
                    "says": met.step.says,
                    "fate": met.step.fate.value,
                    "expected_by": met.step.answer.packet.helper if met.step.answer else "",
                    "rules": [{"place": rule.place, "text": rule.text} for rule in deciders],
                }
            )
    return rows if any("step" in row for row in rows) else []


def _add_calls(page: Page, steps: list[dict[str, Any]]) -> None:
    """A section with each step at the ports of the page; "fwadvisor ladder" has the whole conversations."""
    from fwadvisor.ports.explain.page import Row, Section

    rows = []
    for each in steps:
        if "refused" in each:
            rows.append(Row(each["dialect"], f"cannot be written: {'; '.join(each['refused'])}"))
            continue
        rules = "; ".join(f"{rule['place']}: {rule['text']}".removeprefix(": ") for rule in each["rules"])
        by = f", expected by helper {each['expected_by']}" if each["expected_by"] else ""
        style = "accept" if each["fate"] == "passes" else "drop"
        text = f"step {each['step']} of {each['variant']}, {each['says']} {each['fate']}{by}: {rules}"
        rows.append(Row(f"{each['dialect']} {each['way']}", text, style))
    if rows:
        page.sections[:0] = [Section("Calls under this policy", tuple(rows))]


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
