"""The diff command: what reviewers see of real changes, its exit codes, its files, and wrong input of every kind."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established,related accept
		%s
	}
}
"""
OLD = "tcp dport 443 accept"


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "old.nft").write_text(NFT % OLD)

    def call(*words: str, new: str | None = None, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        if new is not None:
            (tmp_path / "new.nft").write_text(NFT % new)
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", "diff", *words],
            cwd=tmp_path,
            input=stdin,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "defect" not in done.stderr, done.stderr
        return done

    return call


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """A folder `out` with the rules of a shipped policy in all dialects."""
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run(
        [sys.executable, "-m", "fwadvisor", "generate", "h323-needed", "no-netmeeting", "--set",
         "peers=203.0.113.0/24", "-t", "all", "-o", "out", "-q"],
        cwd=folder, check=True, timeout=300,
    )  # fmt: skip
    return folder


def edited(generated: Path, tmp_path: Path, name: str, *edits: tuple[str, str]) -> tuple[str, str]:
    """Copies of a generated file, before and after edits by hand (regular expressions, each must match)."""
    text = (generated / "out" / name).read_text()
    (tmp_path / f"before-{name}").write_text(text)
    for pattern, new in edits:
        text, count = re.subn(pattern, new, text, count=1, flags=re.M)
        assert count == 1, pattern
    (tmp_path / f"after-{name}").write_text(text)
    return f"before-{name}", f"after-{name}"


# --- answers and exit codes -----------------------------------------------------------------------


def test_the_same_meaning_is_one_sentence_and_exit_0(run, tmp_path: Path) -> None:
    new = 'tcp dport 443 accept comment "renamed"\n\t\tudp dport 5 counter comment "nothing"'
    done = run("old.nft", "new.nft", new=new)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("same: old.nft and new.nft decide every packet alike (")
    assert " changed, 0 packets" in " ".join(done.stdout.split())
    assert len(done.stdout.strip().splitlines()) <= 2


def test_an_opened_port_is_widened_with_both_rules_and_a_summary(run) -> None:
    done = run("old.nft", "new.nft", new=OLD + "\n\t\ttcp dport 3389 accept")
    assert done.returncode == 1
    text = done.stdout
    assert "WIDENED: accepted now, not before" in text
    assert "input, IPv4 and IPv6: drop -> accept" in text
    assert re.search(r"from anywhere to this machine, tcp 3389 \(.*\)", text)
    assert "    - old.nft:2: the default of inet x input: drop\n" in text
    assert "    + new.nft:7: tcp dport 3389 accept\n" in text
    assert re.search(r"    for one  tcp 198\.51\.100\.1:40000 -> 192\.0\.2\.1:3389, new", text)
    last = text.strip().splitlines()[-1]
    assert re.fullmatch(r"1 widened( \(1 \w+\))?; 1 of 1 edited rule matters; worst: \w+", last)


def test_a_closed_port_says_what_breaks(run, generated: Path, tmp_path: Path) -> None:
    old, new = edited(
        generated, tmp_path, "nftables.nft", (r"^\t\tip saddr 203\.0\.113\.0/24 tcp dport 1720 accept.*\n", "")
    )
    done = run(old, new)
    assert done.returncode == 1
    assert "NARROWED: accepted before, not now" in done.stdout
    assert "from 203.0.113.0/24 to this machine, tcp 1720 (H.323 call signalling)" in done.stdout
    assert re.search(r"^    breaks   .*H\.323", done.stdout, flags=re.M)


def test_drop_to_reject_is_a_change_of_its_own_kind(run) -> None:
    done = run("old.nft", "new.nft", new=OLD + "\n\t\ttcp dport 113 reject")
    assert "CHANGED: refused in another way" in done.stdout
    assert "drop -> reject" in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("1 changed; ")


def test_only_a_log_is_relogged(run) -> None:
    done = run("old.nft", "new.nft", new='tcp dport 443 log prefix "web " accept')
    assert "RELOGGED: only what is logged differs" in done.stdout


def test_another_helper_is_treated(run, generated: Path, tmp_path: Path) -> None:
    old, new = edited(generated, tmp_path, "iptables.v4", (r"^-A FWA-PREROUTING .* --helper \"Q\.931\"\n", ""))
    done = run(old, new)
    assert "TREATED: accepted as before, with another helper or translation" in done.stdout
    assert "accept with helper Q.931 -> accept" in done.stdout


def test_moved_and_split_rules_are_counted_and_not_shown(run) -> None:
    done = run(
        "old.nft",
        "new.nft",
        new="tcp dport 443 ip saddr 0.0.0.0/1 accept\n\t\ttcp dport 443 accept\n\t\tudp dport 9 accept",
    )
    text = done.stdout
    assert text.count("drop -> accept") == 1
    assert "without effect: 1 edited rule of 2 added, 0 removed" in text
    assert "1 of " in text.strip().splitlines()[-1]


V4 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
{}-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
STRANGE = V4.format("-A INPUT -m set --match-set friends src -j ACCEPT\n")


@pytest.mark.parametrize("words", [(), ("--fail-on", "never"), ("--fail-on", "critical")])
def test_opaque_parts_are_unknown_with_their_places_whatever_is_asked(run, tmp_path: Path, words) -> None:
    (tmp_path / "plain.v4").write_text(V4.format(""))
    (tmp_path / "strange.v4").write_text(STRANGE)
    done = run("plain.v4", "strange.v4", *words)
    assert done.returncode == 1
    assert "UNKNOWN: nobody can say what happens to these" in done.stdout
    assert "  not understood: strange.v4:5:" in done.stdout
    assert (
        done.stdout.strip().splitlines()[-1].startswith("unknown: 1 possible change (1 high); 1 part not understood; ")
    )
    assert run("plain.v4", "strange.v4", "--exit-zero", *words).returncode == 0


def test_an_opaque_file_is_the_same_as_itself_and_says_what_nobody_read(run, tmp_path: Path) -> None:
    (tmp_path / "strange.v4").write_text(STRANGE)
    done = run("strange.v4", "strange.v4")
    assert done.returncode == 0
    assert "1 part is not understood, and the same in both versions (strange.v4:5)" in " ".join(done.stdout.split())
    assert done.stdout.strip().splitlines()[-1].endswith("1 part not understood, the same in both")


CHANGES = {
    "nothing": "tcp dport 443 counter accept",
    "narrowed": "tcp dport 443 ip saddr 192.0.2.0/24 accept",
    "opened": OLD + "\n\t\ttcp dport 445 accept",
    "one host": OLD + "\n\t\tip saddr 192.0.2.7 tcp dport 4433 accept",
}


@pytest.mark.parametrize(
    ("change", "fail_on", "code"),
    [
        ("nothing", "any", 0),
        ("narrowed", "any", 1),
        ("narrowed", "widened", 0),
        ("narrowed", "never", 0),
        ("opened", "any", 1),
        ("opened", "widened", 1),
        ("opened", "high", 1),
        ("opened", "never", 0),
        ("one host", "widened", 1),
        ("one host", "critical", 0),
    ],
)
def test_fail_on(run, change: str, fail_on: str, code: int) -> None:
    done = run("old.nft", "new.nft", "--fail-on", fail_on, new=CHANGES[change])
    assert done.returncode == code
    assert run("old.nft", "new.nft", "--fail-on", fail_on, "--exit-zero").returncode == 0
    assert done.stdout.strip().splitlines()[-1].startswith("same" if change == "nothing" else "1 ")


def test_quiet_is_the_exit_code_alone(run) -> None:
    done = run("old.nft", "new.nft", "-q", new=CHANGES["opened"])
    assert (done.returncode, done.stdout) == (1, "")


# --- real files -------------------------------------------------------------------------------------


def test_twin_rules_of_iptables_are_one_entry_with_both_places(run, generated: Path, tmp_path: Path) -> None:
    rule = (r"^-A FWA-INPUT ", "-A FWA-INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A FWA-INPUT ")
    pairs = [edited(generated, tmp_path, f"iptables.v{family}", rule) for family in (4, 6)]
    done = run(*("+".join(names) for names in zip(*pairs, strict=True)))
    assert "input, IPv4 and IPv6: drop -> accept" in done.stdout
    assert re.search(
        r"\+ after-iptables\.v4:\d+, after-iptables\.v6:\d+: -A FWA-INPUT -p tcp -m tcp --dport 22", done.stdout
    )
    assert done.stdout.strip().splitlines()[-1].startswith("1 widened")


def test_a_move_to_another_dialect_changes_nothing(run, generated: Path) -> None:
    out = generated / "out"
    done = run(f"{out}/iptables.v4+{out}/iptables.v6", f"{out}/nftables.nft")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("same: ")
    assert "changed, 0 packets" not in done.stdout


def test_a_profile_against_its_rules(run, generated: Path) -> None:
    done = run("h323-needed+no-netmeeting", f"{generated}/out/nftables.nft", "--set", "peers=203.0.113.0/24")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("h323-needed+no-netmeeting", f"{generated}/out/nftables.nft", "--set", "peers=203.0.113.0/25")
    assert done.returncode == 1
    assert "from 203.0.113.128/25 to this machine, tcp 1720 (H.323 call signalling)" in done.stdout


def test_a_setting_of_one_side_shows_what_it_changes(run) -> None:
    done = run("web-server", "web-server", "--set", "new:also_ports=8443")
    assert done.returncode == 1, done.stderr
    assert "WIDENED" in done.stdout
    assert "8443" in done.stdout
    assert run("web-server", "web-server", "--set", "old:also_ports=8443").stdout.startswith("NARROWED")


def test_folders_are_compared_file_by_file(run, generated: Path, tmp_path: Path) -> None:
    for side in ("one", "two"):
        (tmp_path / side).mkdir()
        for name in ("nftables.nft", "pf.conf"):
            (tmp_path / side / name).write_bytes((generated / "out" / name).read_bytes())
    (tmp_path / "two" / "windows.ps1").write_bytes((generated / "out" / "windows.ps1").read_bytes())
    text = (tmp_path / "two" / "pf.conf").read_text()
    (tmp_path / "two" / "pf.conf").write_text(text.replace("from 203.0.113.0/24", "from 203.0.112.0/23"))
    done = run("one", "two")
    assert done.returncode == 1
    assert "== nftables.nft\nsame: " in done.stdout
    assert "== pf.conf\n" in done.stdout
    assert "from 203.0.112.0/24 to this machine" in done.stdout
    assert "windows.ps1" in done.stdout
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("3 files: 1 same, 1 different, 1 on one side only; ")


def test_a_revision_in_git(run, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "add", "old.nft"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "rules"], cwd=tmp_path, check=True)
    (tmp_path / "old.nft").write_text(NFT % CHANGES["opened"])
    done = run("HEAD:old.nft", "old.nft")
    assert done.returncode == 1
    assert "- HEAD:old.nft:2: " in done.stdout
    assert "+ old.nft:7: tcp dport 445 accept" in done.stdout


# --- how it is shown --------------------------------------------------------------------------------

MANY = OLD + "".join(f"\n\t\tip saddr 10.{n}.0.0/16 tcp dport {1000 + 2 * n} accept" for n in range(40))


def test_long_lists_are_cut_with_a_count_and_all_shows_everything(run) -> None:
    done = run("old.nft", "new.nft", new=MANY)
    assert "  and 28 more widened" in done.stdout
    assert "see with --all" in done.stdout
    whole = run("old.nft", "new.nft", "--all").stdout
    assert "see with --all" not in whole
    assert all(f"from 10.{n}.0.0/16 to this machine" in whole for n in range(40))
    assert done.stdout.strip().splitlines()[-1] == whole.strip().splitlines()[-1]


def test_lines_fit_the_terminal_but_rules_are_never_broken(run) -> None:
    rule = "ip saddr { " + ", ".join(f"10.{n}.0.0/16" for n in range(0, 40, 2)) + " } tcp dport 22 accept"
    done = run("old.nft", "new.nft", new=OLD + "\n\t\t" + rule, COLUMNS="60")
    rules = [line for line in done.stdout.splitlines() if line.startswith(("    - ", "    + "))]
    assert any(rule in line for line in rules)
    assert all(len(line) <= 60 for line in done.stdout.splitlines() if line not in rules)


def test_colour_only_adds(run) -> None:
    plain = run("old.nft", "new.nft", new=CHANGES["opened"]).stdout
    painted = run("old.nft", "new.nft", "--color", "always").stdout
    assert "\x1b[" not in plain
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_title_stands_above(run) -> None:
    done = run("old.nft", "new.nft", "--title", "CHG-7\x1b[31m", new=CHANGES["opened"])
    assert done.stdout.startswith("CHG-7\\x1b[31m\n")


def test_rule_texts_cannot_forge_output(run) -> None:
    done = run("old.nft", "new.nft", new=OLD + '\n\t\ttcp dport 22 log prefix "\u202e\x07" accept')
    assert "\u202e" not in done.stdout
    assert "\x07" not in done.stdout


@pytest.mark.parametrize("format", ["text", "json", "markdown", "html", "sarif", "github", "junit"])
def test_every_format_works(run, format: str) -> None:
    done = run("old.nft", "new.nft", "-f", format, new=CHANGES["opened"])
    assert done.returncode == 1, done.stderr
    assert "445" in done.stdout
    same = run("old.nft", "old.nft", "-f", format)
    assert same.returncode == 0, same.stderr


@pytest.mark.parametrize("format", ["text", "json", "markdown", "html"])
def test_terminals_that_show_few_characters_get_an_answer(run, format: str) -> None:
    done = run(
        "old.nft", "new.nft", "-f", format, "--title", "Änderung", new=CHANGES["opened"], PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 1
    assert "nderung" in done.stdout


# --- files --------------------------------------------------------------------------------------------


def test_output_goes_to_the_file_and_the_summary_to_the_terminal(run, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()} | {"new.nft", "review.json"}
    done = run("old.nft", "new.nft", "-f", "json", "-o", "review.json", new=CHANGES["opened"])
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert json.loads((tmp_path / "review.json").read_text())["summary"] == done.stdout.strip()
    assert {path.name for path in tmp_path.iterdir()} == before
    assert run("old.nft", "new.nft", "-o", "review.json", "-q").stdout == ""
    assert "\x1b" not in (tmp_path / "review.json").read_text()


def test_output_replaces_a_file_and_keeps_its_mode(run, tmp_path: Path) -> None:
    (tmp_path / "review.txt").write_text("before")
    (tmp_path / "review.txt").chmod(0o640)
    (tmp_path / "link.txt").symlink_to("review.txt")
    run("old.nft", "new.nft", "-o", "link.txt", new=CHANGES["opened"])
    assert (tmp_path / "link.txt").is_symlink()
    assert "WIDENED" in (tmp_path / "review.txt").read_text()
    assert stat.S_IMODE((tmp_path / "review.txt").stat().st_mode) == 0o640


def test_output_to_a_device_leaves_the_device(run) -> None:
    done = run("old.nft", "new.nft", "-o", "/dev/null", new=CHANGES["opened"])
    assert done.returncode == 1
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert run("old.nft", "new.nft", "-o", "-").stdout.startswith("WIDENED")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("old.nft", "new.nft", "-o", "old.nft"), "--output names old.nft, which is read"),
        (("old.nft", "new.nft", "-o", "./new.nft"), "--output names new.nft, which is read"),
        (("old.nft+new.nft", "new.nft", "-o", "old.nft"), "--output names old.nft, which is read"),
        (("old.nft", "new.nft", "-o", "."), ". is a folder"),
        (("old.nft", "new.nft", "-o", ""), "--output names no file"),
        (("old.nft", "new.nft", "-o", "nowhere/x"), "there is no folder nowhere"),
        (("old.nft", "missing.nft"), "missing.nft"),
        (("old.nft", ""), "no name"),
        (("empty.nft", "old.nft"), "empty.nft"),
        (("binary.nft", "old.nft"), "binary.nft"),
        (("broken.nft", "old.nft"), "broken.nft:"),
        (("-", "-"), "standard input"),
        (("huge.nft", "old.nft"), "huge.nft is larger than 16 MiB"),
        (("folder", "old.nft"), "folder"),
        (("folder", "folder"), "folder"),
        (("old.nft", "old.nft+"), "old.nft+"),
        (("old.nft", "new.nft", "--from", "cisco"), "cisco"),
        (("old.nft", "new.nft", "--from", "other.nft=pf"), "other.nft"),
        (("old.nft", "new.nft", "--set", "peers"), "--set takes NAME=VALUE"),
        (("old.nft", "new.nft", "--set", "a=b"), "--set a=b is for nothing: neither side is a profile"),
        (
            ("web-server", "new.nft", "--set", "new:also_ports=1"),
            "--set new:also_ports=1 is for nothing: new.nft is no",
        ),
        (("web-server", "web-server", "--set", "also_ports=8443"), "--set new:also_ports=VALUE is for the new side"),
        (("web-server", "web-server"), "both sides are the same profiles with the same settings"),
        (("old.nft", "new.nft", "--today", "tomorrow"), "--today takes YYYY-MM-DD"),
        (("old.nft", "new.nft", "--knowledge", "nowhere"), "nowhere is not a folder"),
        (("old.nft", "new.nft", "--profile-dir", "nowhere"), "nowhere is not a folder"),
        (("old.nft", "new.nft", "--budget", "1"), "--budget"),
        (("old.nft", "new.nft", "--format", "yaml"), "--format"),
        (("old.nft", "new.nft", "--fail-on", "bad"), "--fail-on"),
        (("old.nft",), "NEW"),
        (("old.nft", "new.nft", "old.nft"), "unexpected"),
        (("old.nft", "nosuchprofile"), "nosuchprofile"),
        (("old.nft", "HEAD:old.nft"), "git"),
    ],
)
def test_wrong_input_is_exit_2_with_a_message(run, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    (tmp_path / "new.nft").write_text(NFT % OLD)
    (tmp_path / "empty.nft").write_text("")
    (tmp_path / "binary.nft").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "broken.nft").write_text(NFT % "tcp dport {")
    with (tmp_path / "huge.nft").open("wb") as stream:
        stream.truncate(17 * 2**20)
    (tmp_path / "folder").mkdir()
    contents = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = run(*words, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert done.returncode == 2, done.stdout
    assert done.stdout == ""
    assert message in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == contents


# --- the manual -----------------------------------------------------------------------------------------

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "review.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ["severity", "reach", "exposed"])
def test_the_manual_has_the_rule_of_severity_as_the_code_says_it(module: str) -> None:
    from importlib import import_module

    text = import_module(f"fwadvisor.review.{module}").__doc__ or ""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 5
    assert "\n".join(rows[:2]) in MANUAL
    assert [row for row in rows if row not in MANUAL.splitlines()] == []


def test_the_manual_names_every_kind_format_and_word() -> None:
    from fwadvisor.cli.diff import FailOn, ReviewFormat
    from fwadvisor.report.review_formats import FORMATS
    from fwadvisor.review.changes import Kind
    from fwadvisor.review.findings import Severity

    assert {each.value for each in ReviewFormat} == set(FORMATS)
    for word in (*Kind, *ReviewFormat, *FailOn, *Severity):
        assert f"`{word}`" in MANUAL, word


def test_the_manual_names_no_option_that_is_not_there(run) -> None:
    done = run("--help")
    for option in set(re.findall(r"`(--[a-z-]+)", MANUAL)):
        assert option in done.stdout, option


def test_the_manuals_example_does_what_it_shows(tmp_path: Path) -> None:
    block = re.search(r"^```console\n(.*?)^```$", MANUAL, flags=re.M | re.S)[1].replace("\\\n", "")
    examples = [part.partition("\n")[::2] for part in re.split(r"^\$ fwadvisor ", block, flags=re.M)[1:]]
    assert [command.split()[0] for command, _ in examples] == ["generate", "generate", "diff", "diff"]
    for command, expected in examples:
        done = subprocess.run(
            [sys.executable, "-m", "fwadvisor", *command.split()],
            cwd=tmp_path, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == (1 if expected else 0), done.stderr
        pattern = re.escape(expected.strip("\n")).replace(re.escape("..."), "(?:.|\n)*?")
        assert re.fullmatch(pattern, done.stdout.strip("\n")), done.stdout
