"""What was read so far of files that belong together."""

from __future__ import annotations

from itertools import count

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.reading.iptables.sets import Sets
from fwadvisor.dialects.reading.iptables.state import Tables
from fwadvisor.dialects.reading.source import Problems
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Opaque


class Gathered:
    """Tables, sets, and what there is to say about them."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.warnings: list[Diagnostic] = []
        self.opaque: list[Opaque] = []
        #: What may change every rule and is not followed.
        self.tainted: list[Opaque] = []
        self.sets = Sets()
        self.tables: dict[Family, Tables] = {}
        self._sequence = count()

    def of(self, version: Family) -> Tables:
        """The tables of a family, which the files speak of from now on."""
        if version not in self.tables:
            self.tables[version] = Tables(version, self._sequence)
        return self.tables[version]
