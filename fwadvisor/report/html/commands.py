"""Commands to load the new rules so that they undo themselves, to go back, and to see that all is well."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import Firewall
from fwadvisor.report.html.cards import Card
from fwadvisor.report.html.flow_spelling import spelled
from fwadvisor.review.changes import Kind, Review

#: After so many minutes everything is as before, unless somebody keeps the new rules.
_MINUTES = 5
#: So many witnesses are asked about.
_FLOWS = 8
_LINUX = ("iptables", "nftables")
_NO_FILE = "reviewed-rules"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_PLAIN = re.compile(r"[\w.\\/:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and the commands, each on its own line."""

    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps for one thing."""

    heading: str
    lead: str
    steps: tuple[Step, ...]


def plans(review: Review, cards: Sequence[Card]) -> tuple[Plan, ...]:
    """How to load the new version, to go back, and to verify; nothing where the files are the same."""
    if review.same and not (review.edits.lines or review.edits.added or review.edits.removed or review.edits.moved):
        return ()
    return tuple(plan for plan in (_loading(review), _back(review), _checking(review, cards)) if plan.steps)


def _loading(review: Review) -> Plan:
    new = review.new
    writers = {"nftables": _load_nftables, "iptables": _load_iptables, "pf": _load_pf, "windows": _load_windows}
    lead = (
        f"Whatever happens, the rules of before come back after {_MINUTES} minutes, unless someone keeps the new ones. "
        "Paths are suggestions."
    )
    if new.dialect not in writers:
        text = "The new version is a profile: write its rules with the settings of this review, and load those files."
        return Plan("Load with a way back", "", (Step(text, (f"fwadvisor generate {_word(new.name)} -o rules/",)),))
    return Plan("Load with a way back", lead, (*_fetch(new), *writers[new.dialect](review)))


def _fetch(firewall: Firewall) -> Iterator[Step]:
    """Files that do not lie on the disk are put there first."""
    commands = tuple(f"git show {_word(name)} > {_word(_file(name))}" for name in _names(firewall) if _in_git(name))
    if commands:
        yield Step("Take the new rules out of the repository.", commands)


def _load_nftables(review: Review) -> Iterator[Step]:
    (file, *_), timer = _files(review.new), _timer(review)
    yield Step("Check the new rules; nothing is loaded.", (f"nft -c -f {file}",))
    yield _save_linux(review)
    yield Step("Set the timer that goes back.", (timer,))
    yield Step("Load, in one step.", (f"nft -f {file}",))
    yield _keep_linux()


def _load_iptables(review: Review) -> Iterator[Step]:
    families = _families(review.new)
    tests = tuple(f"{_tool(family)}-restore --test < {file}" for file, family in families)
    loads = tuple(f"{_tool(family)}-restore < {file}" for file, family in families)
    yield Step("Check the new rules; nothing is loaded.", tests)
    yield _save_linux(review)
    yield Step("Set the timer that goes back.", (_timer(review),))
    yield Step("Load.", loads)
    yield _keep_linux()
    alone = tuple(f"{_tool(family)}-apply -t {_MINUTES * 60} {file}" for file, family in families)
    yield Step("Or, where it is installed, let iptables-apply do all of that, one IP version after the other.", alone)


def _load_pf(review: Review) -> Iterator[Step]:
    (file, *_) = _files(review.new)
    yield Step("Check the new rules; nothing is loaded.", (f"pfctl -nf {file}",))
    yield Step("Keep the rules of before.", ("cp -p /etc/pf.conf /root/firewall-before.conf",))
    back = f'echo "pfctl -f /root/firewall-before.conf" | at now + {_MINUTES} minutes'
    yield Step("Set the timer that goes back; note the number of the job.", (back,))
    yield Step("Load, in one step; states of known connections stay.", (f"pfctl -f {file}",))
    yield Step("Log in again over a NEW connection. Only if that works, keep the new rules.", ("atq", "atrm JOB"))
    yield Step("For the next start of the machine:", (f"cp {file} /etc/pf.conf",))


def _load_windows(review: Review) -> Iterator[Step]:
    (name, *_) = _names(review.new)
    file = _windows_word(_file(name))
    yield Step(
        "In PowerShell as administrator, keep the rules of before.",
        (r"netsh advfirewall export C:\firewall-before.wfw",),
    )
    yield Step(
        "Set the timer that goes back.",
        (
            r"$back = New-ScheduledTaskAction -Execute netsh -Argument 'advfirewall import C:\firewall-before.wfw'",
            f"$when = New-ScheduledTaskTrigger -Once -At (Get-Date).AddMinutes({_MINUTES})",
            "Register-ScheduledTask -TaskName firewall-rollback -User SYSTEM -Action $back -Trigger $when",
        ),
    )
    if name.lower().endswith(".ps1"):
        yield Step("Load.", (f"powershell -ExecutionPolicy Bypass -File {file}",))
    else:
        yield Step(f"Load {name} with the tool that it is made for.", ())
    yield Step(
        "Log in again over a NEW connection. Only if that works, keep the new rules.",
        ("Unregister-ScheduledTask -TaskName firewall-rollback -Confirm:$false",),
    )
    if name.lower().endswith(".ps1"):
        text = "A script that fwadvisor wrote goes back by itself after some minutes; that one is kept with:"
        yield Step(text, (f"powershell -ExecutionPolicy Bypass -File {file} -Commit",))


def _save_linux(review: Review) -> Step:
    commands = []
    if "nftables" in _dialects(review):
        commands.append("{ echo 'flush ruleset'; nft -s list ruleset; } > /root/firewall-before.nft")
        commands.append("nft -c -f /root/firewall-before.nft")
    if "iptables" in _dialects(review):
        commands.append("iptables-save > /root/firewall-before.v4")
        commands.append("ip6tables-save > /root/firewall-before.v6")
    return Step("Keep what runs now, and see that it can be loaded again.", tuple(commands))


def _keep_linux() -> Step:
    text = (
        "Log in again over a NEW connection. Only if that works, keep the new rules; for the next start of the "
        "machine, put them where the system loads them from."
    )
    return Step(text, ("systemctl stop firewall-rollback.timer",))


def _timer(review: Review) -> str:
    back = "; ".join(_restore_linux(review))
    command = back if ";" not in back and "<" not in back else f"sh -c {shlex.quote(back)}"
    return f"systemd-run --unit=firewall-rollback --on-active={_MINUTES}min {command}"


def _restore_linux(review: Review) -> list[str]:
    """Puts back what ran; where the new rules are of another kind, these go first."""
    old = review.old.dialect
    if old == "nftables":
        return ["nft -f /root/firewall-before.nft"]
    found = ["nft flush ruleset"] if review.new.dialect == "nftables" else []
    return [
        *found,
        "iptables-restore < /root/firewall-before.v4",
        "ip6tables-restore < /root/firewall-before.v6",
    ]


def _dialects(review: Review) -> tuple[str, ...]:
    """What must be kept on Linux: what ran there, or where that is not known, what is loaded."""
    return (review.old.dialect,) if review.old.dialect in _LINUX else (review.new.dialect,)


def _back(review: Review) -> Plan:
    heading = "Go back later"
    match review.new.dialect:
        case "nftables" | "iptables":
            commands = _restore_linux(review) if review.old.dialect in _LINUX else _undo(review.new.dialect)
        case "pf":
            commands = ["pfctl -nf /root/firewall-before.conf", "pfctl -f /root/firewall-before.conf"]
        case "windows":
            commands = [r"netsh advfirewall import C:\firewall-before.wfw"]
        case _:
            commands = []
    step = Step("Load what was kept before the change.", tuple(commands))
    return Plan(heading, "", (step,) if commands else ())


def _undo(dialect: str) -> list[str]:
    if dialect == "nftables":
        return ["nft -f /root/firewall-before.nft"]
    return ["iptables-restore < /root/firewall-before.v4", "ip6tables-restore < /root/firewall-before.v6"]


def _checking(review: Review, cards: Sequence[Card]) -> Plan:
    new = f"fwadvisor equal {_argument(review.new)}"
    lists: dict[str, tuple[str, ...]] = {
        "nftables": ("nft -s list ruleset > loaded.nft", f"{new} loaded.nft"),
        "iptables": (
            "iptables-save > loaded.v4",
            "ip6tables-save > loaded.v6",
            f"{new} {'+'.join(dict.fromkeys(f'loaded.v{family.value}' for _, family in _families(review.new)))}",
        ),
        "pf": ("pfctl -sr > loaded.txt", f"{new} loaded.txt"),
        "windows": (
            "fwadvisor export-script > export-rules.ps1",
            "powershell -ExecutionPolicy Bypass -File export-rules.ps1 > loaded.json",
            f"{new} loaded.json",
        ),
    }
    steps = []
    if review.new.dialect in lists:
        text = "What is loaded decides every packet as the reviewed file does: the answer is “equal”."
        steps.append(Step(text, lists[review.new.dialect]))
    flows = tuple(_tests(review, cards)) if review.new.dialect in lists else ()
    if flows:
        steps.append(
            Step(
                "Some of the changed packets get the verdict that is expected of them: each command exits with 0.",
                flows,
            )
        )
    return Plan("Verify", "", tuple(steps))


def _tests(review: Review, cards: Sequence[Card]) -> Iterator[str]:
    """A test of the new rules for the witness of each change that is known, the first ones."""
    found = 0
    for card in cards:
        for change in card.entry.changes[:1]:
            text = spelled(change)
            if not text or change.kind in (Kind.UNKNOWN, Kind.RELOGGED) or found == _FLOWS:
                continue
            found += 1
            verdict = change.outcomes[1].partition(" ")[0]
            yield f"fwadvisor test {_argument(review.new)} --flow {_quoted(f'{verdict}: {text}')}"


def _quoted(text: str) -> str:
    return f'"{text}"' if not set(text) & set('"$`\\!') else shlex.quote(text)


# --- the files of a version -------------------------------------------------------------------------------


def _names(firewall: Firewall) -> list[str]:
    """The files as they were named, those of one firewall one by one."""
    spans = (base.span for base in firewall.bases)
    files = list(dict.fromkeys(span.file for span in spans if span is not None))
    return files or [firewall.name]


def _in_git(name: str) -> bool:
    """Whether it is ``REV:path`` or ``:path``, and no path of another system."""
    return ":" in name and not _DRIVE.match(name)


def _file(name: str) -> str:
    """Where the rules lie: of those that came from elsewhere, a name to put them under, which overwrites nothing."""
    if name == "-":
        return _NO_FILE
    return f"reviewed-{name.rpartition(':')[2].rpartition('/')[2]}" if _in_git(name) else name


def _files(firewall: Firewall) -> list[str]:
    return [_word(_file(name)) for name in _names(firewall)]


def _argument(firewall: Firewall) -> str:
    """The version as `fwadvisor` takes it on a command line."""
    return _word("+".join(_file(name) for name in _names(firewall)))


def _families(firewall: Firewall) -> list[tuple[str, Family]]:
    """Each file with the IP version that it holds."""
    found: dict[str, Family] = {}
    for base in firewall.bases:
        if base.span is not None:
            found.setdefault(_word(_file(base.span.file)), base.families[0])
    return list(found.items()) or [(_files(firewall)[0], FAMILIES[0])]


def _tool(family: Family) -> str:
    return "iptables" if family is Family.IPV4 else "ip6tables"


def _word(text: str) -> str:
    """A word for a shell."""
    return shlex.quote(text)


def _windows_word(text: str) -> str:
    """A word for PowerShell."""
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"
