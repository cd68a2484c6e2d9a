"""Lists that rules fill: a verdict that depends on one is the same only where the same packets fill it."""

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.packets import Budget
from fwadvisor.proof.comparison import Answer, compare_firewalls
from fwadvisor.proof.filling import filled_otherwise

KNOCK = """*filter
:INPUT DROP [0:0]
-A INPUT -p tcp --dport 7000 -m recent --name KNOCK --set -j DROP
-A INPUT -p tcp --dport 22 -m recent --name KNOCK --rcheck --seconds 30 -j ACCEPT
COMMIT
"""
SET = """table inet f {
 set a { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
 chain input { type filter hook input priority 0; policy drop;
  ip saddr @a accept
  tcp dport 1234 add @a { ip saddr }
 }
}
"""
TARGET = """*filter
:INPUT DROP [0:0]
-A INPUT -m set --match-set a src -j ACCEPT
-A INPUT -p tcp --dport 1234 -j SET --add-set a src
COMMIT
"""


def read(text):
    return read_firewall([Source("rules", text.encode())])


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (KNOCK, "--dport 7000", "--dport 80"),
        (KNOCK, "-A INPUT -p tcp --dport 7000", "-A INPUT -p tcp --dport 7000 -j DROP\n-A INPUT -p tcp --dport 7000"),
        (KNOCK, "--set -j DROP", "--remove -j DROP"),
        (SET, "1234 add", "80 add"),
        (SET, "add @a", "delete @a"),
        (SET, "tcp dport 1234", "tcp dport 1234 drop\n  tcp dport 1234"),
        (TARGET, "--dport 1234", "--dport 80"),
        (TARGET, "--add-set", "--del-set"),
    ],
)
def test_other_packets_that_open_a_door_are_no_equality(text, before, after):
    assert before in text
    old, new = read(text), read(text.replace(before, after))
    assert list(filled_otherwise(old, new))
    assert list(filled_otherwise(new, old))
    assert compare_firewalls(old, new, Budget()).answer is not Answer.EQUAL


@pytest.mark.parametrize("text", [KNOCK, SET, TARGET])
def test_the_same_packets_are(text):
    again = text.replace("tcp --dport 22", "tcp --dport 22 -m comment --comment x").replace(
        "1234 add", "1234 counter add"
    )
    assert not list(filled_otherwise(read(text), read(again)))


def test_a_list_that_nothing_asks_does_not_count():
    text = KNOCK.replace("-A INPUT -p tcp --dport 22 -m recent --name KNOCK --rcheck --seconds 30 -j ACCEPT\n", "")
    assert not list(filled_otherwise(read(text), read(text.replace("7000", "80"))))
