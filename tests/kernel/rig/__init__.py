"""A test instrument that asks the running kernel what loaded firewall rules do with packets.

`Rig` builds a box with links in network namespaces, as root or as any user, loads rules there and tells for
thousands of packets a second whether they are accepted, dropped or rejected.
"""

from .instrument import Outcome, Rig
from .places import Finished, NotPermittedError, Places, RigError

__all__ = ["Finished", "NotPermittedError", "Outcome", "Places", "Rig", "RigError"]
