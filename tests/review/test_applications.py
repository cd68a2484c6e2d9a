"""Which applications can do more or less, on firewalls as people write them."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.applications import applications_changed
from fwadvisor.review.changes import Access
from fwadvisor.review.diff import review
from fwadvisor.review.findings import Severity

PEER = "198.51.100.0/24"
HELPERS = """
  ct helper ras {{ type "RAS" protocol udp; }}
  ct helper q931 {{ type "Q.931" protocol tcp; }}
  chain early {{
    type filter hook prerouting priority -100; policy accept;
    {0}
  }}
"""


@pytest.fixture(scope="module")
def database():
    return load()


def nft(*rules, hook="input", policy="drop", more=""):
    lines = "\n    ".join(rules)
    text = f"""table inet f {{{more}
  chain c {{
    type filter hook {hook} priority 0; policy {policy};
    iifname "lo" accept
    ct state established accept
    {lines}
  }}
}}
"""
    return read_firewall([Source("f.nft", text.encode())], "nftables")


def applications(old, new, database):
    return review(old, new, database, Budget()).applications


def only(found, id):
    (one,) = (each for each in found if each.application == id)
    return one


def test_signalling_without_media(database):
    found = only(applications(nft(), nft(f"ip saddr {PEER} tcp dport 1720 accept"), database), "h323-endpoint")
    assert (found.before, found.after, found.severity) == (Access.NONE, Access.PART, Severity.MEDIUM)
    assert found.text == (
        "from 198.51.100.0/24: H.323 call signalling (1720/tcp) is open "
        "but no control and no media: call connects without media, unless H.245 is tunnelled (IPv4)"
    )


def test_pinned_ranges_are_media(database):
    rules = (f"ip saddr {PEER} tcp dport {{ 1720, 3230-3241 }} accept", f"ip saddr {PEER} udp dport 3230-3277 accept")
    found = only(applications(nft(), nft(*rules), database), "h323-endpoint")
    assert (found.after, found.severity) == (Access.WHOLE, Severity.INFO)
    few = only(
        applications(nft(), nft(rules[0], f"ip saddr {PEER} udp dport 5000-5002 accept"), database), "h323-endpoint"
    )
    assert few.after is Access.PART
    others = only(
        applications(nft(), nft(rules[0], "ip saddr 10.0.0.0/8 udp dport 3230-3277 accept"), database), "h323-endpoint"
    )
    assert others.after is Access.PART


def test_a_helper_serves_media_where_it_is_assigned_to_these_peers(database):
    signalling = f"ip saddr {PEER} tcp dport 1720 accept"
    related = 'ct state related ct helper { "RAS", "Q.931", "H.245" } accept'
    assigned = HELPERS.format(f'ip saddr {PEER} tcp dport 1720 ct helper set "q931"')
    elsewhere = HELPERS.format('ip saddr 10.0.0.0/8 tcp dport 1720 ct helper set "q931"')
    for helpers, rules, after in (
        (assigned, (related, signalling), Access.WHOLE),
        (assigned, (signalling,), Access.PART),
        (elsewhere, (related, signalling), Access.PART),
        ("", (related, signalling), Access.PART),
    ):
        old, new = nft(related, more=helpers), nft(*rules, more=helpers)
        assert only(applications(old, new, database), "h323-endpoint").after is after


def test_a_helper_that_is_taken_away_takes_the_media(database):
    signalling = f"ip saddr {PEER} tcp dport 1720 accept"
    related = 'ct state related ct helper { "RAS", "Q.931", "H.245" } accept'
    old = nft(related, signalling, more=HELPERS.format(f'ip saddr {PEER} tcp dport 1720 ct helper set "q931"'))
    new = nft(related, signalling)
    found = only(applications(old, new, database), "h323-endpoint")
    assert (found.before, found.after) == (Access.WHOLE, Access.PART)


def test_closing_says_what_it_means(database):
    (found,) = applications(nft("tcp dport { 22, 443 } accept"), nft("tcp dport 22 accept"), database)
    assert (found.application, found.before, found.after) == ("web-server", Access.WHOLE, Access.NONE)
    assert found.text == "from anybody: HTTPS (443/tcp) is closed: site is down"
    assert found.severity is Severity.MEDIUM


def test_a_lockout_is_worse(database):
    found = only(applications(nft("tcp dport 22 accept"), nft(), database), "ssh-server")
    assert found.severity is Severity.HIGH
    out = only(
        applications(
            nft(hook="output", policy="accept"), nft("tcp dport 443 drop", hook="output", policy="accept"), database
        ),
        "web-client",
    )
    assert (out.after, out.severity) == (Access.PART, Severity.MEDIUM)


def test_one_family_is_told(database):
    (found,) = applications(nft("tcp dport 443 accept"), nft("ip6 saddr ::/0 tcp dport 443 accept"), database)
    assert found.text.endswith("(IPv4)")


def test_other_hosts_that_stay_open_do_not_count(database):
    old = nft("ip saddr 10.0.0.0/8 tcp dport 443 accept", "ip saddr 192.0.2.0/24 tcp dport 443 accept")
    new = nft("ip saddr 10.0.0.0/8 tcp dport 443 accept")
    (found,) = applications(old, new, database)
    assert (found.before, found.after) == (Access.WHOLE, Access.NONE)
    assert "from 192.0.2.0/24" in found.text


def test_what_only_the_machine_itself_can_do_is_not_open(database):
    old, new = nft(policy="accept"), nft("iifname != lo tcp dport 443 drop", policy="accept")
    found = only(applications(old, new, database), "web-server")
    assert found.after is Access.NONE


def test_ranges_and_ports_of_no_application_say_nothing(database):
    assert applications(nft(), nft("udp dport 1024-65535 accept"), database) == ()
    assert applications(nft(), nft("tcp dport 61000 accept"), database) == ()
    assert applications(nft(), nft("accept"), database) == ()
    assert applications(nft("tcp dport 443 accept"), nft("tcp dport 443 counter accept"), database) == ()


def test_an_application_that_can_do_as_much_as_before_is_not_told(database):
    old = nft("tcp dport 443 accept")
    new = nft("ip saddr 10.0.0.0/8 tcp dport 443 drop", "tcp dport { 443, 80 } accept")
    found = applications(old, new, database)
    assert [each.application for each in found] == ["web-server"]
    assert "from 10.0.0.0/8" in found[0].text


def test_too_large_is_said(database):
    old, new = nft(), nft("tcp dport 443 accept")
    changes = review(old, new, database, Budget()).changes
    found, missing = applications_changed(old, new, changes, database, Budget(nodes=1))
    assert found == ()
    assert [text.split(":")[0] for text in missing] == ["input, IPv4", "input, IPv6"]


def test_through_the_machine_both_ends_count(database):
    old = nft(hook="forward")
    new = nft("ip daddr 192.0.2.10 tcp dport 1720 accept", hook="forward")
    found = only(applications(old, new, database), "h323-endpoint")
    assert found.after is Access.PART
    elsewhere = (
        "ip daddr 192.0.2.10 tcp dport { 1720, 3230-3241 } accept",
        "ip daddr 192.0.2.99 udp dport 3230-3277 accept",
    )
    assert only(applications(old, nft(*elsewhere, hook="forward"), database), "h323-endpoint").after is Access.PART
