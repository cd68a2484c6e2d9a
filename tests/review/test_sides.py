"""What the arguments of a comparison stand for: files, folders, profiles, versions of a repository."""

import io
import subprocess
import sys
from datetime import date

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressTest
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.ports import load
from fwadvisor.proof.files import forced
from fwadvisor.review.sides import Given, pairs

IPTABLES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport {} -j ACCEPT
COMMIT
"""
NFTABLES = """table inet f {{
\tchain input {{
\t\ttype filter hook input priority 0; policy drop;
\t\ttcp dport {} accept
\t}}
}}
"""
PROFILE = """profile: {name}
title: A profile
parameters:
  hosts: {{type: addresses, help: Who may come.}}
zones:
  hosts: $hosts
need:
  - flow: tcp {port}
    from: hosts
    to: self
"""
NO_PARAMETERS = PROFILE.replace("parameters:\n  hosts: {{type: addresses, help: Who may come.}}\n", "").replace(
    "$hosts", "203.0.113.0/24"
)


@pytest.fixture(scope="module")
def database():
    return load()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current directory, in no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return tmp_path


def git(*words):
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *words], check=True, capture_output=True
    )


@pytest.fixture
def repository(here):
    """A repository: rules in sub/rules.nft accept port 1, then 2; in the index 3, on disk 4."""
    git("init", "-q", ".")
    (here / "sub").mkdir()
    for port in (1, 2, 3, 4):
        (here / "sub" / "rules.nft").write_text(NFTABLES.format(port))
        if port < 4:
            git("add", ".")
        if port < 3:
            git("commit", "-qm", str(port))
    return here


def asked(database, **more):
    return Given(database=database, today=date(2026, 1, 1), **more)


def refusal(old, new, given):
    with pytest.raises(FwadvisorError) as caught:
        pairs(old, new, given)
    return caught.value.diagnostics


def ports(firewall):
    """The TCP ports that are accepted, among a few."""
    return [
        port
        for port in (1, 2, 3, 4, 22, 23)
        if evaluate(
            firewall,
            Packet(
                hook=Hook.INPUT, family=Family.IPV4, protocol=6, source=0xCB007105, destination=1,
                destination_port=port, in_interface="eth0", destination_type=0,
            ),
        ).verdict is Verdict.ACCEPT
    ]  # fmt: skip


# files


def test_two_files_are_one_pair_with_their_lines(here, database):
    (here / "a").write_text(IPTABLES.format(22))
    (here / "b").write_text(IPTABLES.format(23) + "# more\n")
    (pair,) = pairs("a", "b", asked(database)).pairs
    assert (pair.name, pair.old.name, pair.new.name, pair.lines) == ("a -> b", "a", "b", 2)
    assert (ports(pair.old), ports(pair.new)) == ([22], [23])


def test_dialects_may_differ_and_files_be_joined(here, database):
    for name in ("v4", "v6"):
        (here / name).write_text(IPTABLES.format(22))
    (here / "n").write_text(NFTABLES.format(22))
    with pytest.raises(FwadvisorError, match="several dialects"):
        pairs("v4+n", "n", asked(database))
    (pair,) = pairs("v4+v6", "n", asked(database)).pairs
    assert (pair.old.dialect, pair.new.dialect) == ("iptables", "nftables")


def test_a_file_with_a_plus_or_a_colon_in_its_name_is_that_file(repository, database):
    (repository / "a+b").write_text(NFTABLES.format(22))
    (repository / "HEAD:sub").write_text(NFTABLES.format(23))
    (pair,) = pairs("a+b", "HEAD:sub", asked(database)).pairs
    assert (ports(pair.old), ports(pair.new)) == ([22], [23])


def test_standard_input_is_one_side(here, database, monkeypatch):
    (here / "a").write_text(NFTABLES.format(22))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(NFTABLES.format(23).encode())))
    (pair,) = pairs("-", "a", asked(database)).pairs
    assert (ports(pair.old), ports(pair.new)) == ([23], [22])
    assert "named twice" in refusal("-", "-", asked(database))[0].message


def test_the_dialect_can_be_forced_and_must_name_a_file(here, database):
    (here / "a").write_text("# nothing here\n")
    (here / "b").write_text(NFTABLES.format(22))
    assert "no dialect" in refusal("a", "b", asked(database))[0].message
    (pair,) = pairs("a", "b", asked(database, said=forced(["a=nftables"]))).pairs
    assert pair.old.dialect == "nftables"
    (problem,) = refusal("a", "b", asked(database, said=forced(["a=nftables", "c=pf"])))
    assert problem.message == "--from names c, which is none of the files"


def test_everything_that_is_wrong_on_both_sides_is_said_at_once(here, database):
    problems = refusal("nothing", "x/y.nft", asked(database))
    assert [each.message for each in problems] == [
        'there is no file and no profile "nothing"',
        "cannot read x/y.nft: No such file or directory",
    ]


def test_an_empty_word_and_an_empty_file_are_refused(here, database):
    (here / "a").write_text("")
    assert "no name" in refusal("", "a", asked(database))[0].message
    assert "no dialect" in refusal("a", "a", asked(database))[0].message


# folders


def test_folders_are_compared_file_by_file(here, database):
    for folder, port in (("old", 22), ("new", 23)):
        (here / folder / "deep").mkdir(parents=True)
        for name in ("iptables.v4", "iptables.v6"):
            (here / folder / name).write_text(IPTABLES.format(port))
        (here / folder / "deep" / "host.nft").write_text(NFTABLES.format(port))
        (here / folder / "notes.md").write_text("no rules")
        (here / folder / ".hidden").write_text("no rules")
    (here / "new" / "README").write_text("no rules")
    (here / "old" / "nftables.nft").write_text(NFTABLES.format(1))
    (here / "new" / "more.nft").write_text(NFTABLES.format(1))
    found = pairs("old", "new", asked(database))
    assert [pair.name for pair in found.pairs] == ["iptables.v4 + iptables.v6", "deep/host.nft"]
    assert all((ports(pair.old), ports(pair.new)) == ([22], [23]) for pair in found.pairs)
    assert found.alone == (
        "old/nftables.nft: new has nothing to compare it with",
        "new/more.nft: old has nothing to compare it with",
    )
    (warned,) = found.warnings
    assert warned.message == "new: not compared, as they are recognized as no dialect: README"


def test_folders_of_one_firewall_each_are_compared_whatever_they_are_called(here, database):
    for name, text in (("old/iptables.v4", IPTABLES), ("new/nftables.nft", NFTABLES)):
        (here / name).parent.mkdir()
        (here / name).write_text(text.format(22))
    found = pairs("old", "new", asked(database))
    assert [(pair.name, pair.old.dialect, pair.new.dialect) for pair in found.pairs] == [
        ("old -> new", "iptables", "nftables")
    ]
    assert found.alone == ()


def test_a_folder_beside_a_file_is_its_file_of_that_dialect(here, database):
    (here / "d").mkdir()
    (here / "d" / "iptables.v4").write_text(IPTABLES.format(22))
    (here / "d" / "nftables.nft").write_text(NFTABLES.format(23))
    (here / "x").write_text(NFTABLES.format(1))
    (pair,) = pairs("d", "x", asked(database)).pairs
    assert (pair.name, pair.old.dialect) == ("d -> x", "nftables")
    (here / "d" / "other.nft").write_text(NFTABLES.format(24))
    assert "several firewalls" in refusal("x", "d", asked(database))[0].message


def test_a_folder_without_rules_is_refused(here, database):
    (here / "d").mkdir()
    (here / "d" / "README").write_text("nothing")
    assert refusal("d", "d", asked(database))[0].message == "d holds no rule files"


# profiles


@pytest.fixture
def profiles(here):
    (here / "one.yaml").write_text(PROFILE.format(name="one", port=22))
    (here / "two.yaml").write_text(PROFILE.format(name="two", port=23).replace("hosts", "others"))
    return here


def test_profiles_are_their_policies(profiles, database):
    settings = {"hosts": "203.0.113.0/24", "others": "203.0.113.0/24"}
    found = pairs("one.yaml", "two.yaml", asked(database, settings=settings))
    (pair,) = found.pairs
    assert (pair.old.dialect, pair.new.dialect, pair.lines) == ("policy", "policy", 5)
    assert (ports(pair.old), ports(pair.new)) == ([22], [23])
    assert pair.old.name == "one.yaml"


def test_a_setting_that_neither_side_has_is_refused(profiles, database):
    settings = {"hosts": "203.0.113.0/24", "others": "203.0.113.0/24", "ohters": "x"}
    (problem,) = refusal("one.yaml", "two.yaml", asked(database, settings=settings))
    assert problem.message == 'there is no parameter "ohters"'
    (problem,) = refusal("one.yaml", "one.yaml", asked(database))
    assert "hosts" in problem.message


def test_a_setting_may_bind_one_side_which_must_know_it(profiles, database):
    both = {"hosts": "203.0.113.0/24"}
    (pair,) = pairs("one.yaml", "one.yaml", asked(database, settings=both | {"new:hosts": "192.0.2.0/24"})).pairs
    addresses = [
        {test.v4 for rule in side.rules() for test in rule.tests if isinstance(test, AddressTest) and test.v4}
        for side in (pair.old, pair.new)
    ]
    assert addresses == [{((0xCB007100, 0xCB0071FF),)}, {((0xC0000200, 0xC00002FF),)}]
    one_each = {"old:hosts": "203.0.113.0/24", "new:others": "203.0.113.0/24"}
    assert len(pairs("one.yaml", "two.yaml", asked(database, settings=one_each)).pairs) == 1
    (problem,) = refusal("one.yaml", "two.yaml", asked(database, settings=one_each | {"new:hosts": "192.0.2.1"}))
    assert problem.message == 'there is no parameter "hosts"'


def test_two_sides_that_are_one_are_refused_however_they_are_named(profiles, database):
    same = asked(database, settings={"hosts": "203.0.113.0/24"}, profile_dirs=[profiles])
    (problem,) = refusal("one.yaml", "one", same)
    assert problem.message == "both sides are the same profiles with the same settings"
    (problem,) = refusal("one", "one", asked(database, settings={"old:hosts": "192.0.2.1", "new:hosts": "192.0.2.1"}))
    assert "no file and no profile" in problem.message


def test_profiles_are_found_by_name_and_joined(profiles, database):
    settings = {"one.hosts": "203.0.113.0/24"}
    found = pairs("one", "one+no-netmeeting", asked(database, settings=settings, profile_dirs=[profiles]))
    assert [pair.name for pair in found.pairs] == ["one -> one+no-netmeeting"]
    (problem,) = refusal("on", "one", asked(database, settings=settings, profile_dirs=[profiles]))
    assert "no profile" in problem.message
    (profiles / "rules").write_text(NFTABLES.format(1))
    assert "joins profiles with rule files" in refusal("one.yaml+rules", "rules", asked(database))[0].message


def test_a_profile_beside_rules_is_what_their_dialect_must_say(profiles, database):
    from fwadvisor.generate import Request, generate, write_files

    settings = {"hosts": "203.0.113.0/24"}
    write_files(generate(Request(profiles=["one.yaml"], settings=settings)).files, profiles / "out")
    found = pairs("one.yaml", "out", asked(database, settings=settings))
    assert [pair.name for pair in found.pairs] == ["iptables", "nftables", "windows", "pf"]
    assert all(ports(pair.old) == ports(pair.new) == [22] for pair in found.pairs)
    (pair,) = pairs("out/pf.conf", "one.yaml", asked(database, settings=settings)).pairs
    assert (pair.old.dialect, pair.new.name) == ("pf", "one.yaml")


# versions of a repository


def test_a_revision_the_index_and_the_disk(repository, database, monkeypatch):
    for old, new, before, after in (
        ("HEAD~1:sub/rules.nft", "sub/rules.nft", [1], [4]),
        ("HEAD:sub/rules.nft", ":sub/rules.nft", [2], [3]),
        (":0:sub/rules.nft", "HEAD:./sub/rules.nft", [3], [2]),
    ):
        (pair,) = pairs(old, new, asked(database)).pairs
        assert (ports(pair.old), ports(pair.new)) == (before, after)
        assert (pair.lines, pair.old.name) == (1, old)
        assert next(pair.old.rules()).span.file == old
    monkeypatch.chdir(repository / "sub")
    (pair,) = pairs("HEAD:./rules.nft", "HEAD:../sub/rules.nft", asked(database)).pairs
    assert ports(pair.old) == ports(pair.new) == [2]
    (problem,) = refusal("HEAD:rules.nft", "rules.nft", asked(database))
    assert problem.hint == "paths count from the top of the repository; write HEAD:./rules.nft"


def test_folders_of_a_revision_and_of_the_index(repository, database):
    for old, new, before, after in (("HEAD~1:sub", "sub", [1], [4]), (":sub", "HEAD:sub/", [3], [2])):
        (pair,) = pairs(old, new, asked(database)).pairs
        assert (ports(pair.old), ports(pair.new)) == (before, after)


def test_files_that_a_version_includes_are_of_that_version(repository, database):
    included = repository / "sub" / "parts" / "one.nft"
    included.parent.mkdir()
    (repository / "sub" / "main.nft").write_text('#!/usr/sbin/nft -f\nflush ruleset\ninclude "parts/*.nft"\n')
    for port in (22, 23):
        included.write_text(NFTABLES.format(port))
        git("add", ".")
        git("commit", "-qm", "more")
    included.write_text(NFTABLES.format(1))
    (pair,) = pairs("HEAD~1:sub/main.nft", "HEAD:sub/main.nft", asked(database)).pairs
    assert (ports(pair.old), ports(pair.new)) == ([22], [23])
    assert next(pair.old.rules()).span.file == "HEAD~1:sub/parts/one.nft"
    included.write_text("table inet f { chain c { nonsense }\n")
    git("commit", "-qam", "broken")
    (problem,) = refusal("HEAD:sub/main.nft", "sub/rules.nft", asked(database))
    assert problem.span.file == "HEAD:sub/parts/one.nft"


def test_a_profile_of_a_revision_includes_those_of_that_revision(repository, database):
    folder = repository / "profiles"
    folder.mkdir()
    (folder / "one.yaml").write_text("profile: one\ntitle: One\ninclude: [base, ../sub/near.yaml]\n")
    for port in (22, 23):
        (folder / "base.yaml").write_text(NO_PARAMETERS.format(name="base", port=port))
        (repository / "sub" / "near.yaml").write_text("profile: near\ntitle: Near\ninclude: [no-netmeeting]\n")
        git("add", ".")
        git("commit", "-qm", "profiles")
    found = pairs("HEAD~1:profiles/one.yaml", "profiles/one.yaml", asked(database, profile_dirs=[folder]))
    (pair,) = found.pairs
    assert (ports(pair.old), ports(pair.new)) == ([22], [23])
    files = {rule.span.file for rule in pair.old.rules()}
    assert "HEAD~1:profiles/base.yaml" in files
    assert not any("fwadvisor-" in file for file in files)
    (folder / "base.yaml").write_text("profile: base\ntitle: One\nnede: []\n")
    git("commit", "-qam", "broken")
    problems = refusal("HEAD:profiles/one.yaml", "HEAD~1:profiles/one.yaml", asked(database))
    assert {each.span.file for each in problems} == {"HEAD:profiles/base.yaml"}


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("HAED:sub/rules.nft", 'no revision is called "HAED"', "a branch, a tag or a commit"),
        ("HEAD:sub/rule.nft", "there is no HEAD:sub/rule.nft", 'did you mean "sub/rules.nft"'),
        ("HEAD:../x", "lies outside of the repository", ""),
        (":/2", "there is no :/2", ""),
        ("--upload-pack=x:y", "no file and no profile", ""),
        ("HEAD:sub/link", "is a symbolic link", "name the file itself: rules.nft"),
        ("HEAD:big", "too large", ""),
        ("HEAD\n:x", "no revision", ""),
        (r"C:\rules", "no file and no profile", ""),
    ],
)
def test_what_is_in_no_version(repository, database, word, message, hint):
    (repository / "sub" / "link").symlink_to("rules.nft")
    (repository / "big").write_bytes(b"#" * (16 * 2**20 + 1))
    git("add", ".")
    git("commit", "-qm", "more")
    (problem,) = refusal(word, "sub/rules.nft", asked(database))
    assert message in problem.message
    assert hint in problem.hint


def test_there_is_no_repository_and_no_git(here, database, monkeypatch):
    (here / "a").write_text(NFTABLES.format(1))
    (problem,) = refusal("HEAD:a", "a", asked(database))
    assert "not a git repository" in problem.message
    assert "REV:path needs a git repository" in problem.hint
    monkeypatch.setenv("PATH", str(here))
    (problem,) = refusal("HEAD:a", "a", asked(database))
    assert "git, which is not installed" in problem.message
