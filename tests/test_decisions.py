"""What a policy decides for a port, row by row."""

from datetime import date

import pytest

from fwadvisor.decisions import decide_port
from fwadvisor.errors import PolicyError, ProfileError
from fwadvisor.model.rule import TCP, UDP
from fwadvisor.ports import load

TODAY = date(2026, 11, 21)
PEERS = {"peers": "203.0.113.0/24"}


@pytest.fixture(scope="module")
def database():
    return load()


def rows(database, profiles, settings, protocol, port, **more):
    found = decide_port(profiles, settings, database, protocol, ((port, port),), today=TODAY, **more)
    return [(row.hook, row.verdict, row.ends, row.place.line if row.place else None) for row in found]


def test_need_before_forbid_until_one_speaks_for_all(database):
    found = decide_port(["h323-needed", "no-netmeeting"], PEERS, database, TCP, ((1720, 1720),), today=TODAY)
    new = [row for row in found if row.hook == "input" and not row.related]
    assert [(row.verdict, row.ends) for row in new] == [
        ("accept", "from peers (203.0.113.0/24)"),
        ("drop", "from and to anybody"),
    ]
    assert new[0].place.file.endswith("h323-needed.yaml")
    assert new[1].place.file.endswith("no-netmeeting.yaml")
    assert new[1].reason == "netmeeting call-setup: any -> self"


def test_default_where_nothing_speaks_of_the_port(database):
    assert rows(database, ["h323-needed"], PEERS, TCP, 81) == [
        ("input", "drop", "everything else", None),
        ("output", "accept", "everything else", None),
    ]


def test_rows_name_the_dialects_that_have_them(database):
    found = decide_port(["h323-needed"], PEERS, database, UDP, ((3231, 3231),), today=TODAY)
    pinned = [row for row in found if row.hook == "input" and row.verdict == "accept" and not row.related]
    tracked = [row for row in found if row.hook == "input" and row.related]
    assert [row.dialects for row in pinned] == [("windows", "pf")]
    assert [row.dialects for row in tracked] == [("iptables", "nftables")]


def test_a_range_shows_the_part_that_a_rule_speaks_of(database, tmp_path):
    (tmp_path / "part.yaml").write_text(
        "profile: part\ntitle: Part\nneed:\n  - flow: udp 3235-3239\n    from: private\n    to: self\n"
    )
    found = decide_port(["part"], {}, database, UDP, ((3230, 3253),), today=TODAY, profile_dirs=[tmp_path])
    assert [(row.ports, row.verdict) for row in found if row.hook == "input"] == [("3235-3239", "accept"), ("", "drop")]


def test_wrong_profiles_and_policies_are_errors(database):
    with pytest.raises(ProfileError):
        decide_port(["h323-neded"], {}, database, TCP, ((1720, 1720),), today=TODAY)
    with pytest.raises(PolicyError):
        decide_port(
            ["h323-needed"], {**PEERS, "media": "tracked", "tls": "true"}, database, TCP, ((1720, 1720),), today=TODAY
        )
