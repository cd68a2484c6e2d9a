"""The generate command as a user meets it."""

import json
import os
import subprocess
import sys

import pytest

MAIN = ["generate", "h323-needed", "no-netmeeting", "--set", "peers=203.0.113.0/24"]


@pytest.fixture
def run(tmp_path):
    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "fwadvisor", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_main_job(run, tmp_path):
    done = run(*MAIN, "--target", "all", "-o", "out/")
    assert (done.returncode, done.stderr) == (0, "")
    for title in ("iptables", "nftables", "Windows", "pf", "Notes"):
        assert title in done.stdout
    assert json.loads((tmp_path / "out" / "notes.json").read_text())["version"] == 1
    assert "\x1b" not in done.stdout


def test_single_target_goes_to_stdout(run):
    done = run(*MAIN, "-t", "nftables")
    assert done.returncode == 0
    assert "table inet fwadvisor" in done.stdout
    assert done.stderr == "proved: nftables = policy (input, output, forward; IPv4, IPv6)\n"
    assert run(*MAIN, "-t", "nftables", "-q").stderr == ""


def test_iptables_on_stdout_by_family(run):
    both = run(*MAIN, "-t", "iptables")
    assert "--family" in both.stderr
    four, six = (run(*MAIN, "-t", "iptables", "--family", family) for family in "46")
    assert four.stderr == six.stderr == "proved: iptables = policy (input, output, forward; IPv4, IPv6)\n"
    assert both.stdout == four.stdout + six.stdout
    assert "203.0.113.0/24" in four.stdout
    assert "203.0.113.0/24" not in six.stdout.split("*", 1)[1]


def test_several_targets_need_a_directory(run):
    for arguments in (MAIN, [*MAIN, "-t", "all"], [*MAIN, "-t", "pf", "-t", "nftables"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "-o DIR" in done.stderr
        assert done.stdout == ""


def test_check_finds_drift(run, tmp_path):
    assert run(*MAIN, "-o", "out").returncode == 0
    fine = run(*MAIN, "-o", "out", "--check")
    assert (fine.returncode, fine.stdout) == (0, "")
    (tmp_path / "out" / "pf.conf").write_text("pass all\n")
    drift = run(*MAIN, "-o", "out", "--check")
    assert drift.returncode == 1
    assert drift.stdout == "out/pf.conf: differs from what the profiles say\n"
    assert (tmp_path / "out" / "pf.conf").read_text() == "pass all\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "h323-neded", "-t", "pf"], 'did you mean "h323-needed"?'),
        (["generate", "h323-needed", "-t", "pf"], "--set peers="),
        ([*MAIN[:-1], "peers=203.0.113.7/24", "-t", "pf"], "203.0.113.0/24"),
        ([*MAIN, "--set", "peer=1.2.3.4", "-t", "pf"], 'did you mean "peers"?'),
        ([*MAIN, "--set", "peers", "-t", "pf"], "NAME=VALUE"),
        ([*MAIN, "-t", "pf", "--pf-variant", "openbds"], 'did you mean "openbsd"'),
        ([*MAIN, "-t", "iptables", "--family", "5"], "--family takes 4 or 6"),
        ([*MAIN, "-t", "pf", "--today", "tomorrow"], "YYYY-MM-DD"),
        ([*MAIN, "-t", "pf", "--knowledge", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_wrong_input_ends_with_advice(run, arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_nothing_is_written_on_an_error(run, tmp_path):
    done = run(*MAIN, "--set", "media=tracked", "-o", "out")
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


def test_project_file_names_folders(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "intranet.yaml").write_text(
        "profile: intranet\ntitle: Intranet\nneed:\n  - flow: tcp 8443\n    from: private\n    to: self\n"
    )
    (tmp_path / "fwadvisor.yaml").write_text("profiles: [mine]\n")
    done = run("generate", "intranet", "-t", "nftables")
    assert done.returncode == 0, done.stderr
    assert "8443" in done.stdout


def test_closed_pipe_is_no_error(tmp_path):
    command = f"{sys.executable} -m fwadvisor {' '.join(MAIN)} -t windows -q | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_an_empty_directory_name_writes_nowhere(run, tmp_path):
    done = run(*MAIN, "-o", "")
    assert done.returncode == 2
    assert "--output names no directory" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_earlier_run_are_named(run):
    assert run(*MAIN, "-o", "out").stderr == ""
    done = run(*MAIN, "-t", "nftables", "-o", "out")
    left = [line.split()[1] for line in done.stderr.splitlines()]
    assert left == ["out/iptables.v4", "out/iptables.v6", "out/windows.ps1", "out/pf.conf"]


def test_a_profile_that_stands_in_for_a_shipped_one_is_named(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "no-netmeeting.yaml").write_text(
        "profile: no-netmeeting\ntitle: Mine\nforbid: [{flow: tcp 1503}]\n"
    )
    done = run(*MAIN, "--profile-dir", "mine", "-t", "nftables")
    assert done.returncode == 0
    assert 'warning: the profile "no-netmeeting" is mine/no-netmeeting.yaml, not the shipped one' in done.stderr


def test_the_summary_fits_the_terminal(run):
    done = run(*MAIN, "-o", "out")
    assert max(map(len, done.stdout.splitlines())) <= 80
