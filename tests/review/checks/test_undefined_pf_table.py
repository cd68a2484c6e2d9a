"""Tables that rules of pf ask for and nothing defines."""

from __future__ import annotations

from .conftest import at
from .rule_texts import iptables

ID = "undefined-pf-table"
ADMINS = "table <admins> persist { 10.0.0.5 }\n"


def test_a_block_of_nobody_and_what_was_meant(found) -> None:
    (only,) = found(ID, f"{ADMINS}block in quick from <admin>\npass in all\n")
    assert at(only) == ("high", "block in quick from <admin>", ["table <admins> persist { 10.0.0.5 }"])
    assert only.message == "table <admin> is not defined and so empty: this rule drops nothing"
    assert only.remedy == 'did you mean "admins"?'


def test_a_pass_of_nobody(found) -> None:
    (only,) = found(ID, "block all\npass in proto tcp from <friends> to any port 22\n")
    assert (only.severity.value, only.message.endswith("this rule accepts nothing")) == ("medium", True)
    assert "table <friends> persist { ... }" in only.remedy


def test_everybody_but_nobody(found) -> None:
    (only,) = found(ID, "block all\npass in proto tcp from ! <friends> to any port 22\n")
    assert only.severity.value == "high"
    assert only.message.endswith("this rule accepts packets of every address")


def test_every_rule_that_asks_is_named(found) -> None:
    (only,) = found(ID, "block in from <bad>\npass out all\nblock out to <bad>\n")
    assert [label.span.line for label in only.labels] == [3]
    assert len(found(ID, "block in from <bad>\nblock in from <worse>\n")) == 2


def test_tables_that_are_defined_filled_or_unknown(found) -> None:
    for text in (
        f"{ADMINS}pass in from <admins>\n",
        "table <bad> persist\nblock in from <bad>\n",
        "table <none> const { }\nblock in from <none>\n",
        "pass in proto tcp to port 22 keep state (max-src-conn 5, overload <bad>)\nblock in from <bad>\n",
    ):
        assert found(ID, text) == [], text


def test_rules_that_pfctl_printed_show_no_tables(found) -> None:
    assert found(ID, "block drop in quick from <bad:*> to any\npass in all flags S/SA\n", dialect="pf") == []


def test_other_dialects_have_no_such_tables(found) -> None:
    assert found(ID, iptables()) == []
