"""Ladders of what was written: the texts of each dialect, read back, with the conversations of the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fwadvisor.calls.ladder import CallLadder
from fwadvisor.calls.making import Wanted, ladders
from fwadvisor.calls.talks import talks
from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import OutputFile
from fwadvisor.model.policy import Policy
from fwadvisor.ports.database import Database
from fwadvisor.proof.written import read_written


def written_ladders(
    policy: Policy,
    database: Database,
    outputs: Mapping[str, Sequence[OutputFile]],
    options: tuple[tuple[str, str], ...],
    wanted: Wanted,
) -> dict[str, list[CallLadder]]:
    """Dialect -> its ladders, in the order of `outputs`.

    Raises:
        FwadvisorError: a text cannot be read back, which is a defect.
    """
    found: dict[str, list[CallLadder]] = {}
    for name, files in outputs.items():
        capabilities = dialect(name).capabilities.under(options)
        found[name] = []
        # Texts without such conversations are not read a second time.
        if talks(policy, database, capabilities):
            firewall = read_written(name, files, dict(options))
            found[name] = ladders(policy, database, capabilities, firewall, wanted)
    return found
