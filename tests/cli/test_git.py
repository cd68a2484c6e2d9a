"""git with our textconv and diff driver, the hooks of pre-commit, and the action, each in a real repository."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "review"
OLD = """table inet x {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state established accept
		ip saddr 192.0.2.0/24 tcp dport 22 accept
		tcp dport { 80, 443 } accept
	}
}
"""
#: Says the same.
SAME = """# rules of the web server
table inet x {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 443 accept comment "web"
		tcp dport 80 accept

		ip saddr 192.0.2.0/24 tcp dport 22 accept
		ct state established accept
		iifname "lo" accept
	}
}
"""
WIDER = OLD.replace("192.0.2.0/24", "192.0.2.0/23")

pytestmark = pytest.mark.skipif(not shutil.which("git") or not shutil.which("bash"), reason="needs git and bash")


class Repository:
    """A repository of its own: no configuration of the user or the system is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        command = programs / "fwadvisor"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m fwadvisor "$@"\n')
        command.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_"))}
        self.environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PAGER": "cat",
            "LC_ALL": "C.UTF-8",
        }
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "n")
        self.git("config", "user.email", "n@example.org")

    def run(self, *words: str, fine: tuple[int, ...] = (0,), **environment: str) -> str:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment, **environment},
            timeout=200,
        )
        assert done.returncode in fine, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def commit(self, message: str = "m", **files: str) -> None:
        for name, text in files.items():
            self.write(name.replace("__", "/").replace("_", "."), text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def set_up(self, *words: str) -> None:
        (self.folder / ".gitattributes").write_text(self.run("fwadvisor", "git-setup", "--attributes"))
        self.run("sh", "-c", self.run("fwadvisor", "git-setup", "--config", *words))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_setup_prints_and_writes_nothing(repository: Repository):
    said = repository.run("fwadvisor", "git-setup", "--driver")
    assert "nftables.nft diff=fwadvisor\n" in said
    assert "git config diff.fwadvisor.textconv 'fwadvisor canon'\n" in said
    assert said.endswith("git config diff.fwadvisor.command 'fwadvisor git-driver'\n")
    assert [each.name for each in repository.folder.iterdir()] == [".git"]
    assert "fwadvisor" not in (repository.folder / ".git" / "config").read_text()
    assert repository.run("fwadvisor", "git-setup", "--attributes", "fw/*.conf") == "fw/*.conf diff=fwadvisor\n"


@pytest.mark.parametrize("words", [["--attributes", "--config"], ["a b"], [""], ["!x"], ["#x"], ["x\ny"]])
def test_setup_refuses_what_git_would_misread(words: list[str], repository: Repository):
    assert repository.run("fwadvisor", "git-setup", *words, fine=(2,)) == ""


def test_git_diff_shows_changes_of_meaning_alone(repository: Repository):
    repository.set_up()
    repository.commit(a_nft=OLD)
    repository.write("a.nft", SAME)
    shown = repository.git("diff")
    assert not [line for line in shown.split("\n") if line.startswith(("+", "-", "@"))]
    repository.write("a.nft", WIDER)
    changed = [line for line in repository.git("diff").split("\n") if line[:1] in ("+", "-")]
    assert changed == [
        "--- a/a.nft",
        "+++ b/a.nft",
        "-  IPv4  tcp  port 22  from 192.0.2.0/24: accept",
        "+  IPv4  tcp  port 22  from 192.0.2.0/23: accept",
    ]
    assert "@@ chain inet x input:" in repository.git("diff", "-U0")


def test_git_log_goes_on_over_every_kind_of_file(repository: Repository):
    repository.set_up()
    versions = [OLD, "no rules\n", "", "\0\1\2", WIDER, "table inet x {\n", SAME]
    for number, text in enumerate(versions):
        repository.commit(f"version {number}", a_nft=text)
    for _ in range(2):
        # The second time from git's cache.
        said = repository.git("log", "-p", "--format=%s")
        assert [line for line in said.split("\n") if line.startswith("version")] == [
            f"version {number}" for number in reversed(range(len(versions)))
        ]
    assert "+not in canonical form: " in said


def test_git_diff_shows_the_review_with_the_driver(repository: Repository):
    repository.set_up("--driver")
    repository.commit(a_nft=OLD)
    repository.write("a.nft", WIDER)
    said = repository.git("diff")
    assert said.startswith("fwadvisor diff a.nft\n")
    assert "192.0.3.0/24" in said
    assert "a/a.nft:6" in said or "default" in said
    assert "b/a.nft:6" in said
    assert "/tmp" not in said
    repository.write("a.nft", SAME)
    assert "0 packets" in repository.git("diff")
    assert "192.0.2.0/24" not in repository.git("diff")


def test_the_driver_never_stops_git(repository: Repository):
    repository.set_up("--driver")
    gone = "set skip on lo\nblock drop in all\npass out all\n"
    repository.commit(a_nft=gone, b_nft=OLD, c_nft=OLD, d_nft=OLD, plain_txt="x\n")
    (repository.folder / "a.nft").unlink()
    repository.write("b.nft", "table inet x {\n\tchain y {\n\t\ttcp dport\n")
    repository.git("mv", "c.nft", "e.nft")
    repository.write("e.nft", WIDER)
    repository.write("f.nft", "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n")
    (repository.folder / "d.nft").chmod(0o755)
    repository.write("plain.txt", "y\n")
    repository.git("add", "-A")
    said = repository.git("diff", "--cached", "-M")
    for text in (
        "fwadvisor diff a.nft\nThe file is gone. It said:\n\nrules of pf",
        "fwadvisor diff b.nft\nb/b.nft:",
        "git diff --no-ext-diff --no-textconv shows the lines",
        "fwadvisor diff c.nft -> e.nft\n",
        "fwadvisor diff d.nft\nOnly the mode changed, from 100644 to 100755.",
        "fwadvisor diff f.nft\nA new file. It says:\n\nrules of iptables",
        "diff --git a/plain.txt b/plain.txt",
    ):
        assert text in said


def test_the_driver_speaks_of_conflicts(repository: Repository):
    repository.set_up("--driver")
    repository.commit(a_nft=OLD)
    repository.git("checkout", "-q", "-b", "other")
    repository.commit(a_nft=WIDER)
    repository.git("checkout", "-q", "main")
    repository.commit(a_nft=OLD.replace("22", "23"))
    repository.run("git", "merge", "-q", "other", fine=(1,))
    assert "The file has conflicts that are not resolved." in repository.git("diff", "--base") + repository.git("diff")


def test_the_driver_takes_gits_arguments_only(repository: Repository):
    repository.run("fwadvisor", "git-driver", "a", "b", fine=(2,))
    repository.run("fwadvisor", "git-driver", fine=(2,))
    said = repository.run("fwadvisor", "git-driver", "-x.nft", "missing", "1", "100644", "gone", "2", "100644")
    assert said.startswith("fwadvisor diff -x.nft\nerror: cannot read")


def hook(id: str) -> list[str]:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (found,) = (each for each in hooks if each["id"] == id)
    return [*shlex.split(found["entry"]), *found.get("args", [])]


def test_hooks_look_at_names_of_rule_files():
    import re

    for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()):
        assert {"id", "name", "entry", "language", "files"} <= each.keys()
        for name in ("nftables.nft", "etc/x.nft", "rules.v4", "a/iptables.v6", "pf.conf", "etc/windows.ps1"):
            assert re.search(each["files"], name), name
        for name in ("x.txt", "nft", "deploy.ps1", "rules.v5", "pf.conf.bak", "apf.conf"):
            assert not re.search(each["files"], name), name


def test_the_check_hook_fails_on_bad_rules(repository: Repository):
    good = OLD.replace("established", "established,related").replace(
        '"lo" accept', '"lo" accept\n\t\tmeta l4proto icmpv6 accept'
    )
    repository.write("a.nft", good)
    repository.run(*hook("fwadvisor-check"), "a.nft")
    dead = good.replace("tcp dport {", "ip saddr 192.0.2.7 tcp dport 22 drop\n\t\ttcp dport {")
    repository.write("a.nft", dead)
    assert "shadowed-rule" in repository.run(*hook("fwadvisor-check"), "a.nft", fine=(1,))


def test_the_diff_hook_reviews_what_is_staged(repository: Repository):
    repository.commit(a_nft=OLD, sub__b_nft=OLD)
    words = [*hook("fwadvisor-diff")]
    words = [word if word != "--fail-on=high" else "--fail-on=any" for word in words]
    repository.write("a.nft", WIDER)
    repository.write("sub/b.nft", SAME)
    repository.write("--exit-zero.nft", OLD)
    # Nothing is staged yet.
    assert "0 packets" in repository.run(*words, "a.nft", "sub/b.nft")
    repository.git("add", "-A")
    said = repository.run(*words, "a.nft", "sub/b.nft", "--exit-zero.nft", fine=(1,))
    assert "192.0.3.0/24" in said
    assert "--exit-zero.nft: a new file, nothing to compare it with" in said
    assert "0 packets" in said


class Action:
    """The composite action, run as the runner does it, but for fetching and installing."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.files = {name: repository.folder.parent / name for name in ("summary", "output")}
        for each in self.files.values():
            each.write_text("")

    def run(self, fine: tuple[int, ...] = (0,), environment: dict[str, str] | None = None, **inputs: str) -> str:
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        values = {name: each.get("default", "") for name, each in action["inputs"].items()}
        values |= {"install": "false", "rules": "fw", **{n.replace("_", "-"): v for n, v in inputs.items()}}
        (step,) = action["runs"]["steps"]
        given = {}
        for name, expression in step["env"].items():
            given[name] = values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        return self.repository.run(
            "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"],
            fine=fine,
            GITHUB_ACTION_PATH=str(ACTION),
            GITHUB_STEP_SUMMARY=str(self.files["summary"]),
            GITHUB_OUTPUT=str(self.files["output"]),
            **given,
            **(environment or {}),
        )  # fmt: skip

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.files["output"].read_text().splitlines())


@pytest.fixture
def action(repository: Repository) -> Action:
    repository.commit(fw__a_nft=OLD, fw__b_nft=OLD, fw__readme_txt="x\n")
    repository.git("tag", "base")
    return Action(repository)


def test_the_action_interpolates_no_input_into_a_script():
    made = yaml.safe_load((ACTION / "action.yml").read_text())
    for step in made["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert "uses" not in step
        assert set(step["env"].values()) == {f"${{{{ inputs.{name} }}}}" for name in made["inputs"]}
    assert os.access(ACTION / "review.sh", os.X_OK)
    assert "${{" not in (ACTION / "review.sh").read_text()


def test_the_action_reports_a_change_everywhere(action: Action):
    action.repository.commit(fw__a_nft=WIDER, fw__b_nft=SAME)
    said = action.run(base="base", fail_on="any", sarif="out.sarif", fine=(1,))
    assert "file=fw/a.nft,line=6," in said
    assert "192.0.3.0/24" in action.files["summary"].read_text()
    assert action.outputs == {"answer": "different", "sarif": "out.sarif"}
    log = json.loads((action.repository.folder / "out.sarif").read_text())
    result = log["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "fw/a.nft"
    action.run(base="base", fail_on="never")


def test_the_action_finds_the_base_of_a_pull_request(action: Action):
    action.repository.commit(fw__a_nft=SAME)
    origin = action.repository.folder.parent / "origin"
    action.repository.git("clone", "-q", "--bare", "-b", "main", ".", str(origin))
    action.repository.run("git", "-C", str(origin), "branch", "release/1", "base")
    action.repository.git("remote", "add", "origin", origin.as_uri())
    said = action.run(environment={"GITHUB_BASE_REF": "release/1"})
    assert "::error" not in said
    assert action.outputs == {"answer": "same"}
    assert "release/1" not in action.repository.git("branch", "--list")


def test_the_action_takes_one_file(action: Action):
    action.repository.commit(fw__a_nft=WIDER)
    assert "file=fw/a.nft" in action.run(rules="fw/a.nft", base="base", fail_on="never")
    action.run(rules="fw/b.nft", base="base", fail_on="any")


def test_the_action_says_that_rules_are_new(action: Action):
    action.repository.commit(new__x_nft=OLD)
    assert "::notice title=fwadvisor::new is new" in action.run(rules="new", base="base")
    assert action.outputs == {"answer": "different"}


@pytest.mark.parametrize(
    "inputs",
    [
        {"base": "nowhere"},
        {"base": "--help"},
        {"base": ""},
        {"base": "base", "rules": "/etc"},
        {"base": "base", "rules": "--exit-zero"},
        {"base": "base", "rules": "../x"},
        {"base": "base", "rules": "a:b"},
        {"base": "base", "rules": "fw\n::warning::x"},
        {"base": "base", "rules": "fw", "fail_on": "sometimes"},
        {"base": "$(touch evil)`touch evil`;touch evil"},
        {"base": "base", "rules": "fw", "sarif": "no/such/folder/x"},
    ],
)
def test_the_action_refuses_wrong_inputs(inputs: dict[str, str], action: Action):
    said = action.run(fine=(2,), **inputs)
    commands = [line for line in said.split("\n") if line.startswith("::")]
    assert commands[-1].startswith("::error title=fwadvisor::")
    assert not any("::warning" in line[2:12] for line in commands)
    assert action.outputs["answer"] == "error"
    assert not (action.repository.folder / "evil").exists()


def test_a_file_that_is_broken_is_an_error(action: Action):
    action.repository.commit(fw__a_nft="table inet x {\n\tchain y {\n\t\ttcp dport\n")
    said = action.run(rules="fw/a.nft", base="base", fine=(2,))
    assert "::error title=fwadvisor::the rules cannot be compared" in said


@pytest.mark.parametrize("form", ["sarif", "github", "junit"])
@pytest.mark.parametrize("new", ["a.nft", "other.nft", "opaque.nft"])
def test_reviews_have_every_form(form: str, new: str, repository: Repository):
    repository.commit(a_nft=OLD)
    repository.write("other.nft", WIDER.replace("443", "444"))
    repository.write("opaque.nft", OLD.replace("tcp dport {", "strange thing accept\n\t\ttcp dport {"))
    said = repository.run("fwadvisor", "diff", "HEAD:a.nft", new, "-f", form, fine=(0, 1))
    if form == "sarif":
        run = json.loads(said)["runs"][0]
        kinds = {each["ruleId"].partition("/")[0] for each in run["results"]}
        open_results = [each for each in run["results"] if each["kind"] == "open"]
        assert bool(run["results"]) is (new != "a.nft")
        assert bool(open_results) is (new == "opaque.nft")
        assert new != "other.nft" or {"widened", "narrowed"} <= kinds
    elif form == "junit":
        root = ET.fromstring(said)
        assert int(root.get("tests")) > 0
        assert (int(root.get("failures")) > 0) is (new == "other.nft")
        assert (int(root.get("errors")) > 0) is (new == "opaque.nft")
    else:
        assert ("::" in said) is (new != "a.nft")
        assert said.split("\n")[-2].startswith("fwadvisor: ")
