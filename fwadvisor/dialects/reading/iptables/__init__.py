"""What iptables-save and ``iptables -S`` print, files for iptables-restore, scripts of commands, and ipset save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fwadvisor.dialects.reading.iptables.reading import Reading
from fwadvisor.dialects.reading.iptables.recognition import recognized
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.firewall import Firewall


def recognize(source: Source) -> int:
    """How sure it is that the source is of this dialect: 0 not at all, 100 certain. Never raises, and fast."""
    return recognized(source)


def read(sources: Sequence[Source], options: Mapping[str, str]) -> Firewall:
    """What the files say together; what is only not understood becomes opaque.

    The options ``family`` and ``variant`` (4 or 6) say of which IP version files are that do not tell.

    Raises:
        ReadError: the files cannot be read.
    """
    return Reading(options.get("family", "") or options.get("variant", "")).read(sources)
