"""Names of two versions: conditions that count their questions, and chains."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.packets import Budget
from fwadvisor.ports import load
from fwadvisor.review.changes import Kind
from fwadvisor.review.conditions import conditions_of, matched
from fwadvisor.review.diff import review
from fwadvisor.review.naming import in_names_of

LIMIT = "limit 5/second burst 5 packets"
LOG = 'limit rate 5/second burst 5 packets log prefix "{}"'


@pytest.fixture(scope="module")
def database():
    return load()


def nft(*rules, chain="c", more="", table="f"):
    lines = "\n    ".join(rules)
    text = f"""table inet {table} {{
  chain {chain} {{
    type filter hook input priority 0; policy drop;
    {lines}
  }}
{more}}}
"""
    return read_firewall([Source("f.nft", text.encode())], "nftables")


def names(firewall):
    return [test.condition.name for test in conditions_of(firewall)]


def test_readers_number_them():
    assert names(nft(LOG.format("a"), LOG.format("b"))) == [LIMIT, f"{LIMIT} (2)"]


def test_a_limited_rule_above_others_takes_no_name_away():
    old = nft(LOG.format("a"), LOG.format("b"))
    new = nft(LOG.format("new"), LOG.format("a"), LOG.format("b"))
    assert names(matched(old, new)) == [f"{LIMIT} (3)", LIMIT, f"{LIMIT} (2)"]


def test_a_limited_rule_that_goes_gives_no_name_away():
    old = nft(LOG.format("a"), LOG.format("b"), LOG.format("c"))
    assert names(matched(old, nft(LOG.format("b"), LOG.format("c")))) == [f"{LIMIT} (2)", f"{LIMIT} (3)"]


def test_an_edited_rule_keeps_its_limit():
    old = nft(LOG.format("a"), "tcp dport 22 " + LOG.format("b"))
    new = nft(LOG.format("a"), "tcp dport 23 " + LOG.format("b"))
    assert names(matched(old, new)) == [LIMIT, f"{LIMIT} (2)"]


def test_a_moved_rule_keeps_its_limit():
    rules = [LOG.format("a"), "tcp dport 1 accept", "tcp dport 2 accept", "tcp dport 3 accept", LOG.format("b")]
    old, new = nft(*rules), nft(*rules[1:], rules[0])
    assert names(matched(old, new)) == [f"{LIMIT} (2)", LIMIT]


def test_limits_of_other_rates_are_others():
    old = nft(LOG.format("a"), "limit rate 9/second accept", LOG.format("b"))
    new = nft("limit rate 9/second accept", LOG.format("b"))
    assert names(matched(old, new)) == ["limit 9/second burst 5 packets", f"{LIMIT} (2)"]


def test_without_numbers_and_between_dialects_nothing_is_renamed():
    old, new = nft(LOG.format("a")), nft(LOG.format("b"))
    assert matched(old, new) is new
    other = read_firewall([Source("v4", b"*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")], "iptables")
    assert names(matched(other, nft(LOG.format("a"), LOG.format("b")))) == [LIMIT, f"{LIMIT} (2)"]


def test_negations_and_alternatives_are_renamed_too():
    rule = "limit rate over 5/second burst 5 packets drop"
    old, new = nft(rule, rule), nft(LOG.format("a"), rule, rule)
    assert names(matched(old, new)) == [f"{LIMIT} (3)", LIMIT, f"{LIMIT} (2)"]
    assert [test.holds for test in conditions_of(matched(old, new))] == [True, False, False]


def test_only_what_is_logged_differs(database):
    limited = "limit rate 5/second burst 5 packets accept"
    old = nft(f"tcp dport 22 {limited}", f"tcp dport 23 {limited}")
    new = nft(LOG.format("new "), f"tcp dport 22 {limited}", f"tcp dport 23 {limited}")
    found = review(old, new, database, Budget())
    assert {each.kind for each in found.changes} == {Kind.RELOGGED}
    back = review(new, old, database, Budget())
    assert {each.kind for each in back.changes} == {Kind.RELOGGED}


# chains


def test_renamed_chains_are_the_same(database):
    inside = (
        "  chain {0} {{\n    tcp dport 22 accept\n    jump {1}\n  }}\n  chain {1} {{\n    tcp dport 23 accept\n  }}\n"
    )
    old = nft("jump a", more=inside.format("a", "b"))
    new = nft("jump x", more=inside.format("x", "y"), chain="entry", table="g")
    found = in_names_of(old, new)
    assert set(found.firewall.chains) == set(old.chains)
    assert {found.chain(name) for name in found.firewall.chains} == set(new.chains)
    known = {id(rule) for rule in new.rules()}
    assert all(id(found.rule(rule)) in known for rule in found.firewall.rules())
    same = review(old, new, database, Budget())
    assert same.same
    assert (same.edits.added, same.edits.removed, same.edits.moved) == (0, 0, 0)


def test_deciders_have_the_names_of_their_own_file(database):
    old = nft("jump a", more="  chain a {\n    tcp dport 22 accept\n  }\n")
    new = nft("jump b", more="  chain b {\n    tcp dport 22 drop\n  }\n", chain="entry")
    (v4, v6) = review(old, new, database, Budget()).changes
    for change in (v4, v6):
        (before,), (after,) = change.deciders
        assert (before.chain, after.chain) == ("inet f a", "inet f b")
        assert any(after.rule is rule for rule in new.rules())
        assert (before.edited, after.edited) == (True, True)


def test_chains_of_the_same_name_are_the_same_even_where_others_fit_better():
    one = "  chain {0} {{\n    tcp dport {1} accept\n  }}\n"
    old = nft("jump a", "jump b", more=one.format("a", 1) + one.format("b", 2))
    new = nft("jump b", "jump a", more=one.format("b", 1) + one.format("a", 2))
    assert in_names_of(old, new).firewall is new


def test_base_chains_that_are_more_or_fewer_are_not_guessed():
    second = "  chain {0} {{\n    type filter hook input priority 10; policy accept;\n  }}\n"
    old, new = nft("accept"), nft("accept", chain="x", more=second.format("y"))
    assert in_names_of(old, new).firewall is new
