"""A test instrument that asks the running kernel what loaded firewall rules do with packets.

`Rig` builds a box with links in network namespaces, as root or as any user, loads rules there and tells for
thousands of packets a second whether they are accepted, dropped or rejected. `Live` sends real traffic through
them. A probe is a `fwadvisor.model.walk.Packet`.

    packets = probes_for(ruleset, rig.links)
    rig.load_nftables(text)
    for packet, seen in zip(packets, rig.verdicts(packets), strict=True):
        assert agree(decide(ruleset, packet).verdict, seen, packet)
"""

from .box import BOX
from .instrument import Outcome, Rig
from .limits import agree, silent, state_of, why_not
from .live import Live
from .places import Finished, NotPermittedError, Places, RigError
from .plain import plain
from .random_rules import random_ruleset
from .selection import interfaces_of, probes_for
from .sentence import probe, with_state

__all__ = [
    "BOX",
    "Finished",
    "Live",
    "NotPermittedError",
    "Outcome",
    "Places",
    "Rig",
    "RigError",
    "agree",
    "interfaces_of",
    "plain",
    "probe",
    "probes_for",
    "random_ruleset",
    "silent",
    "state_of",
    "why_not",
    "with_state",
]
