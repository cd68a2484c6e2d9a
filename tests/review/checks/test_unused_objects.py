"""What is defined and never used, in every dialect; and what may be used where nobody looks."""

from __future__ import annotations

import pytest

from .conftest import at, nft

ID = "unused-objects"
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"


def unused(findings) -> list[str]:
    return [each.message.removesuffix(" is used by nothing in these files") for each in findings]


def test_chains_that_nothing_jumps_to_and_those_behind_them(found) -> None:
    text = """table inet x {
	chain a { jump b; }
	chain b { tcp dport 22 accept; udp dport 53 accept; }
	chain c { }
	chain d { accept; }
	chain input { type filter hook input priority 0; jump d; }
}
"""
    first, second, third = found(ID, text)
    assert at(first)[:2] == ("medium", "chain a { jump b; }")
    assert first.message == "chain inet x a is unused: nothing jumps to it, so that its 1 rule does nothing"
    assert "only inet x a jumps to it, which is unused too, so that its 2 rules do nothing" in second.message
    assert (third.severity.value, third.message) == ("info", "chain inet x c is unused: nothing jumps to it")


def test_what_nftables_files_name(found) -> None:
    text = """define ADMINS = 10.0.0.0/8
define NOBODY = 10.1.0.0/16
table inet x {
	set a { type ipv4_addr; elements = { 10.0.0.1 }; }
	set b { type ipv4_addr; elements = { 10.0.0.1 }; }
	set filled { type ipv4_addr; flags dynamic; }
	map m { type inet_service : verdict; elements = { 22 : accept }; }
	map n { type inet_service : verdict; elements = { 23 : accept }; }
	ct helper ras { type "RAS" protocol udp; }
	ct helper ftp { type "ftp" protocol tcp; }
	counter c1 { packets 0 bytes 0 }
	counter c2 { packets 0 bytes 0 }
	chain input {
		type filter hook input priority 0; policy drop;
		ip saddr @a accept
		ip saddr $ADMINS counter name "c1" accept
		udp dport 1719 ct helper set "ras"
		tcp dport 25 add @filled { ip saddr } drop
		tcp dport vmap @n
	}
}
"""
    findings = found(ID, text)
    assert unused(findings) == ["variable NOBODY", "set b", "map m", "ct helper ftp", "counter c2"]
    assert [each.span.source[each.span.column - 1 :][: each.span.length] for each in findings] == [
        "NOBODY", "b", "m", "ftp", "c2"
    ]  # fmt: skip


def test_a_set_of_the_same_name_in_another_table_is_another_set(found) -> None:
    set_a = "\tset a { type ipv4_addr; elements = { 10.0.0.1 }; }\n"
    text = nft("ip saddr @a accept", before=set_a) + "table ip y {\n" + set_a + "}\n"
    (one,) = found(ID, text)
    assert one.span.line == 9


def test_definitions_of_included_files_may_be_for_others(checked, tmp_path) -> None:
    (tmp_path / "names.nft").write_text("define A = 10.0.0.1\ndefine B = 10.0.0.2\n")
    text = 'include "names.nft"\n' + nft("ip saddr $A accept")
    assert not checked({"main.nft": text}, ID).findings


def test_macros_and_tables_of_pf(found) -> None:
    text = """ext = "em0"
old = "em1"
table <good> { 10.0.0.0/8 }
table <gone> { 10.1.0.0/16 }
table <brutes> persist
block drop in on $ext all
pass in quick proto tcp from <good> to any port 22 keep state (max-src-conn-rate 3/30, overload <brutes> flush)
# <gone> and $old were for the office
"""
    assert unused(found(ID, text)) == ["macro old", "table gone"]


@pytest.mark.parametrize("anchor", ['anchor "others/*"', 'anchor "others"'])
def test_an_anchor_that_is_filled_elsewhere_may_use_tables(found, anchor: str) -> None:
    text = f"table <gone> {{ 10.1.0.0/16 }}\nblock drop in all\n{anchor}\n"
    assert not found(ID, text)


def test_sets_of_ipset(checked) -> None:
    sets = """create a hash:ip family inet
create b hash:ip family inet
create both list:set
create member hash:ip family inet
create filled hash:ip family inet
add a 10.0.0.1
add both member
"""
    rules = (
        "-A INPUT -m set --match-set a src -j ACCEPT",
        "-A INPUT -m set --match-set both src -j ACCEPT",
        "-A INPUT -p tcp --dport 25 -j SET --add-set filled src",
    )
    files = {"sets.ipset": sets, "rules.v4": HEAD + "\n".join(rules) + "\nCOMMIT\n"}
    findings = checked(files, ID, joined=True).findings
    assert unused(findings) == ["set b"]
    assert findings[0].span.source == "create b hash:ip family inet"


def test_sets_are_not_called_unused_where_a_rule_is_not_understood(checked) -> None:
    files = {
        "sets.ipset": "create b hash:ip family inet\n",
        "rules.v4": f"{HEAD}-A INPUT -m strange --set b -j ACCEPT\nCOMMIT\n",
    }
    done = checked(files, ID, joined=True)
    assert done.left_out
    assert not done.findings


def test_a_chain_that_is_asked_before_tracking_is_used(found) -> None:
    text = (
        "table inet t {\n\tchain early {\n\t\ttype filter hook prerouting priority raw; policy accept;\n"
        "\t\tct mark 0 tcp dport 25 drop\n\t}\n}\n"
    )
    assert found(ID, text) == []
    (never,) = found("never-matching-rule", text)
    assert never.message == "this rule matches no packet: one of its tests never holds for what comes to its chain"
    assert all("the default of early is" in each.message for each in found("missing-default-drop", text))
