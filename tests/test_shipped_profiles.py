"""The shipped profiles keep their promises, said by hand in `tests/cases/*/expect`, in every dialect.

tests/kernel/test_shipped_profiles.py asks the running kernel the same.
"""

from __future__ import annotations

import itertools
import re
import shlex
import sys
from datetime import date
from pathlib import Path

import pytest

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.errors import PolicyError, ProfileError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.policy import StatementKind
from fwadvisor.model.walk import decide
from fwadvisor.ports import load
from fwadvisor.profile import load_policy
from fwadvisor.profile.pages import summaries

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases"
PROFILES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
TODAY = date(2026, 11, 21)
#: What every required parameter is in these tests.
SETTINGS = {
    "h323-needed": {"peers": "203.0.113.0/24"},
    "h323-gatekeeper": {"endpoints": "10.20.0.0/16"},
    "sip-phone": {"registrar": "192.0.2.10"},
    "database-server": {"apps": "10.0.8.0/24"},
    "kubernetes-node": {"control_plane": "10.40.0.10-10.40.0.12", "nodes": "10.40.0.0/24"},
    "remote-admin": {"admins": "10.0.0.0/28"},
    "monitoring-target": {"monitors": "10.0.0.16"},
    "vpn-gateway": {"clients": "10.99.0.0/24", "networks": "10.0.0.0/16"},
    "industrial-cell": {"masters": "10.60.0.10", "controllers": "192.168.60.0/24"},
}
#: Profiles that open nothing.
CLOSING = ("no-netmeeting", "no-legacy-conferencing", "no-risky-exposure")

sys.path.insert(0, str(ROOT / "tests" / "kernel"))

from rig.sentence import probe  # noqa: E402  the rig is test code and no installed package


@pytest.fixture(scope="module")
def database():
    return load()


def of_case(case: str) -> Generated:
    """What the case's command comes to; the targets are the command's own."""
    lines = (CASES / case / "command").read_text().splitlines()
    words = shlex.split(" ".join(line.rstrip("\\") for line in lines if line and not line.startswith("#")))[2:]
    profiles, settings, targets, approximate = [], {}, [], False
    iterator = iter(words)
    for word in iterator:
        if word == "--set":
            name, _, value = next(iterator).partition("=")
            settings[name] = value
        elif word in ("-t", "--target"):
            targets += [next(iterator)]
        elif word == "--allow-approximate":
            approximate = True
        elif word in ("-o", "--today", "--profile-dir"):
            next(iterator)
        else:
            profiles.append(str(CASES / case / word) if word.endswith(".yaml") else word)
    return generate(
        Request(
            profiles=profiles,
            settings=settings,
            targets=targets,
            profile_dirs=[CASES / case],
            today=TODAY,
            allow_approximate=approximate,
        )
    )


def sentences(case: str) -> list[tuple[str, tuple[str, ...], str]]:
    """Verdict, the dialects that it holds for (all where none is named), and the packet."""
    found = []
    for line in (CASES / case / "expect").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"(accept|drop|reject) +(?:\[([a-z ]+)\] )?(.*)", line)
            assert match, line
            found.append((match[1], tuple((match[2] or " ".join(DIALECTS)).split()), match[3]))
    return found


PROMISED = sorted(path.parent.name for path in CASES.glob("*/expect"))


@pytest.mark.parametrize("case", PROMISED)
def test_profiles_keep_their_promises(case):
    generated = of_case(case)
    for verdict, dialects, sentence in sentences(case):
        asked = [name for name in dialects if name in generated.compilations]
        assert asked, sentence
        for name in asked:
            decided = decide(generated.compilations[name].ruleset, probe(sentence))
            assert decided.verdict == verdict, f"{name}: {sentence}\nby {decided.rule}"


def test_enough_is_promised():
    assert len(PROMISED) >= 25
    assert sum(len(sentences(case)) for case in PROMISED) > 200


@pytest.mark.parametrize("profile", PROFILES)
def test_reads_well(profile, database):
    text = (ROOT / "profiles" / f"{profile}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n#\n# ")
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())
    assert "\t" not in text
    policy = load_policy([profile], SETTINGS.get(profile, {}), database, today=TODAY).policy
    (use,) = [use for use in policy.profiles if use.name == profile]
    assert use.title
    assert use.description
    assert all(statement.title or statement.application for statement in policy.statements)


@pytest.mark.parametrize("profile", PROFILES)
def test_hosts_fit_every_dialect_and_gateways_all_but_windows(profile):
    settings = SETTINGS.get(profile, {})
    if profile in ("vpn-gateway", "home-gateway", "industrial-cell"):
        with pytest.raises(Exception, match="cannot filter forward") as refusal:
            generate(Request(profiles=[profile], settings=settings, today=TODAY))
        assert "iptables, nftables, pf can say it" in refusal.value.diagnostics[0].hint
        generate(Request(profiles=[profile], settings=settings, targets=["iptables,nftables,pf"], today=TODAY))
    else:
        assert set(generate(Request(profiles=[profile], settings=settings, today=TODAY)).outputs) == set(DIALECTS)


def test_every_parameter_helps():
    for profile in summaries():
        assert not profile.problem
        for parameter in profile.parameters:
            where = f"{profile.name}: {parameter.name}"
            assert len(parameter.help) > 8, where
            assert not parameter.help.endswith("."), where
            assert parameter.required or parameter.optional or parameter.default is not None, where
            if parameter.required:
                assert parameter.example is not None, where
    assert {profile.name for profile in summaries()} == set(PROFILES)


def _pairs():
    for guard in CLOSING:
        for profile in PROFILES:
            if profile != guard:
                yield guard, profile


@pytest.mark.parametrize(("guard", "profile"), list(_pairs()))
def test_what_only_closes_goes_with_everything(guard, profile, database):
    both = load_policy([guard, profile], SETTINGS.get(profile, {}), database, today=TODAY).policy
    alone = load_policy([profile], SETTINGS.get(profile, {}), database, today=TODAY).policy
    assert both.kind is alone.kind
    capabilities = dialect("nftables").capabilities
    compile_policy(both, database, capabilities)


def refusal(pair, database):
    """The problems of two profiles in one run, and whether they could be read."""
    settings = {f"{name}.{key}": value for name in pair for key, value in SETTINGS.get(name, {}).items()}
    try:
        policy = load_policy(pair, settings, database, today=TODAY).policy
    except ProfileError as problem:
        return problem.diagnostics, False
    try:
        compile_policy(policy, database, dialect("nftables").capabilities)
    except PolicyError as problem:
        return problem.diagnostics, True
    return (), True


def test_any_two_profiles_go_together_or_say_why_not(database):
    kinds = {p: load_policy([p], SETTINGS.get(p, {}), database, today=TODAY).policy for p in PROFILES}
    guarding = {p for p, policy in kinds.items() if any(s.kind is StatementKind.NEVER for s in policy.statements)}
    refused = set()
    for pair in itertools.combinations(PROFILES, 2):
        problems, read = refusal(pair, database)
        if not problems:
            continue
        refused.add(pair)
        if not read:
            assert len(problems) == 1, pair
            assert '" is for a gateway, but "' in problems[0].message or '" is for a host, but "' in problems[0].message
        else:
            assert guarding & set(pair), pair
            assert all(each.labels and "never" in each.message for each in problems)
    gateways = ("vpn-gateway", "home-gateway", "industrial-cell")
    # A home lets its inside reach the internet, which is what the cell never does.
    assert refused == {("home-gateway", "industrial-cell")} | {
        tuple(sorted((host, gateway))) for host in ("h323-needed", "workstation") for gateway in gateways
    }
