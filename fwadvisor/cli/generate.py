"""The `generate` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fwadvisor.cli.common import EXIT_FINDINGS, day_from, project_folders, settings_from
from fwadvisor.cli.options import KNOWLEDGE, PROFILE_DIRS, SETTINGS, TODAY
from fwadvisor.diagnostic import Color, show

if TYPE_CHECKING:
    from fwadvisor.generate import Generated


def generate(
    profiles: list[str] = typer.Argument(..., metavar="PROFILE...", help="Profile names or files."),
    settings: list[str] = SETTINGS,
    targets: list[str] = typer.Option(
        [],
        "--target",
        "-t",
        metavar="TARGET",
        help="iptables, nftables, windows, pf or all; may be repeated. All where -o is given.",
    ),
    output: str | None = typer.Option(
        None, "--output", "-o", metavar="DIR", help="Directory to write to; without it a single target goes to stdout."
    ),
    check: bool = typer.Option(
        False, "--check", help="Write nothing; exit 1 where the files in the output directory differ."
    ),
    family: str = typer.Option(
        "", "--family", metavar="4|6", help="For iptables on stdout: only the rules of one IP version."
    ),
    pf_variant: str = typer.Option(
        "portable",
        "--pf-variant",
        metavar="VARIANT",
        help="portable (loads everywhere), openbsd, freebsd or freebsd-12.",
    ),
    allow_approximate: bool = typer.Option(
        False, "--allow-approximate", help="Where a target cannot say a rule, write a narrower one and note it."
    ),
    knowledge: list[Path] = KNOWLEDGE,
    profile_dirs: list[Path] = PROFILE_DIRS,
    today: str = TODAY,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No summary."),
    color: Color = typer.Option(Color.AUTO, "--color", help="Colour of messages."),
) -> None:
    """Write firewall rules for a policy.

    Profiles are names (see "fwadvisor profiles list") or paths of YAML files. Rules of every target mean the same;
    notes.md and notes.json say what was decided, why, and what no rule can express.

    Example: fwadvisor generate h323-needed no-netmeeting --set peers=203.0.113.0/24 --target all -o out/
    """
    from fwadvisor.generate import Request
    from fwadvisor.generate import generate as run

    directory = _directory(output)
    chosen = _chosen_targets(targets, directory, family, pf_variant)
    knowledge, profile_dirs = project_folders(knowledge, profile_dirs)
    generated = run(
        Request(
            profiles=profiles,
            settings=settings_from(settings),
            targets=chosen,
            knowledge=knowledge,
            profile_dirs=profile_dirs,
            today=day_from(today),
            allow_approximate=allow_approximate,
            notes=output is not None,
            options=(("pf-variant", pf_variant),),
        )
    )
    show(generated.warnings, color)
    if directory is None:
        _print(generated, family)
        if generated.proved and not quiet:
            _say_proved(generated)
    elif check:
        _check(generated, directory)
    else:
        _write(generated, directory, quiet)


_PF_VARIANTS = ("portable", "openbsd", "freebsd", "freebsd-12")


def _directory(output: str | None) -> Path | None:
    """The directory to write to.

    Raises:
        FwadvisorError: the option is there but empty, as an unset shell variable leaves it.
    """
    if output is not None and not output.strip():
        from fwadvisor.diagnostic import error
        from fwadvisor.errors import FwadvisorError

        raise FwadvisorError(error("--output names no directory", hint="write -o . for the current directory"))
    return None if output is None else Path(output)


def _chosen_targets(targets: list[str], output: Path | None, family: str, pf_variant: str) -> list[str]:
    """The targets as the options say.

    Raises:
        FwadvisorError: the options do not fit together.
    """
    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    if family not in ("", "4", "6"):
        raise FwadvisorError(error(f'--family takes 4 or 6, not "{family}"'))
    check_pf_variant(pf_variant)
    if output is not None:
        return targets or ["all"]
    names = {name.strip() for each in targets for name in each.split(",")}
    if len(names) != 1 or "all" in names:
        raise FwadvisorError(
            error(
                "several targets need a directory to write to" if names else "no target and no directory is given",
                hint="--target nftables prints one target; -o DIR writes all of them",
            )
        )
    return targets


def check_pf_variant(name: str) -> None:
    """That the option --pf-variant names one.

    Raises:
        FwadvisorError: it does not.
    """
    from fwadvisor.diagnostic import did_you_mean, error
    from fwadvisor.errors import FwadvisorError

    if name not in _PF_VARIANTS:
        hint = did_you_mean(name, _PF_VARIANTS) or f"the variants are {', '.join(_PF_VARIANTS)}"
        raise FwadvisorError(error(f'no pf variant is called "{name}"', hint=hint))


def _print(generated: Generated, family: str) -> None:
    files = [each for files in generated.outputs.values() for each in files]
    if len(files) > 1 and family:
        files = [each for each in files if each.name.endswith(f"v{family}")]
    elif len(files) > 1:
        names = " and ".join(each.name for each in files)
        print(f"fwadvisor: {names} follow each other; choose one with --family 4 or 6 to load it", file=sys.stderr)
    for each in files:
        sys.stdout.buffer.write(each.content)
    sys.stdout.buffer.flush()


def _say_proved(generated: Generated) -> None:
    """The claim of the summary, where standard output holds the rules."""
    from fwadvisor.report.proof_text import proof_lines

    for line in proof_lines(generated.proved):
        print(line, file=sys.stderr)


def _check(generated: Generated, output: Path) -> None:
    from fwadvisor.generate import differing

    names = differing(generated.files, output)
    for name in names:
        print(f"{output / name}: differs from what the profiles say")
    if names:
        raise typer.Exit(EXIT_FINDINGS)


def _write(generated: Generated, output: Path, quiet: bool) -> None:
    from fwadvisor.generate import left_over, write_files
    from fwadvisor.report.summary import summary

    paths = write_files(generated.files, output)
    for name in left_over(generated, output):
        print(f"fwadvisor: {output / name} is of an earlier run and was not written now", file=sys.stderr)
    if not quiet:
        print(summary(generated.policy, generated.compilations, generated.outputs, paths, generated.proved))
