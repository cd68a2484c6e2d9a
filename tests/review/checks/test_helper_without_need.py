"""Helpers that serve nothing that is accepted."""

from __future__ import annotations

from .conftest import at
from .rule_texts import iptables, nftables

ID = "helper-without-need"
FTP = "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"
RAW = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{}\nCOMMIT\n"
RELATED = "-A INPUT -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT"


def test_a_helper_for_a_closed_port(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 22 -j ACCEPT", raw=RAW.format(FTP)))
    assert at(only) == ("low", FTP, [])
    assert only.message == "helper ftp is assigned, and no connection that is accepted gets it"


def test_a_helper_that_is_needed(found) -> None:
    assert found(ID, iptables("-A INPUT -p tcp --dport 21 -j ACCEPT", raw=RAW.format(FTP))) == []
    assert found(ID, iptables("-A FORWARD -p tcp --dport 21 -j ACCEPT", raw=RAW.format(FTP))) == []


def test_a_helper_of_another_port_than_the_open_one(found) -> None:
    (only,) = found(ID, iptables("-A INPUT -p tcp --dport 2121 -j ACCEPT", raw=RAW.format(FTP)))
    assert at(only)[1] == FTP


def test_the_source_counts(found) -> None:
    text = iptables(
        "-A INPUT -s 10.0.0.0/8 -p tcp --dport 21 -j ACCEPT", raw=RAW.format(FTP.replace(" -p", " -s 10.9.0.0/16 -p"))
    )
    assert found(ID, text) == []
    text = iptables(
        "-A INPUT -s 10.0.0.0/8 -p tcp --dport 21 -j ACCEPT", raw=RAW.format(FTP.replace(" -p", " -s 192.0.2.1 -p"))
    )
    assert len(found(ID, text)) == 1


def test_nftables(found) -> None:
    helper = '\tct helper f {\n\t\ttype "ftp" protocol tcp;\n\t}\n'
    chain = '\tchain p {\n\t\ttype filter hook prerouting priority 0;\n\t\ttcp dport 21 ct helper set "f"\n\t}\n'
    chain += "\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n"
    assert len(found(ID, nftables(before=helper, more=chain))) == 1
    assert found(ID, nftables("tcp dport 21 accept", before=helper, more=chain)) == []


def test_where_it_is_not_known_what_is_accepted(found) -> None:
    assert found(ID, iptables("-A INPUT -p tcp --dport 21 -j NFQUEUE", raw=RAW.format(FTP))) == []
