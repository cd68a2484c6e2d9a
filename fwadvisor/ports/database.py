"""The port database in memory: lookups by id, alias, number and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwadvisor.model.interval import Intervals, contains, intersect
from fwadvisor.ports.facts import (
    Application,
    Ephemeral,
    Flow,
    HelperFacts,
    Listing,
    MediaPreset,
    Port,
    Risk,
    Source,
    Transport,
)

if TYPE_CHECKING:
    from fwadvisor.diagnostic import Diagnostic
    from fwadvisor.ports.call_facts import CallEnd, Conversation
    from fwadvisor.ports.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Database:
    """Everything known about ports. Mappings keep the order of the data files."""

    ports: Mapping[str, Port]
    applications: Mapping[str, Application]
    helpers: Mapping[str, HelperFacts]
    presets: Mapping[str, MediaPreset]
    sources: Mapping[str, Source]
    risk_meaning: Mapping[Risk, str]
    #: System -> transport -> command with ``{port}``; systems linux, macos, windows, windows_cmd, freebsd, remote.
    listener_commands: Mapping[str, Mapping[str, str]]
    #: What everybody who assigns a helper should know.
    helper_note: str = ""
    #: What systems hand to programs that ask for any port.
    ephemeral: tuple[Ephemeral, ...] = ()
    #: The data sections of that name; built when somebody asks.
    call_data: Sequence[Mapping[str, Any]] = ()
    call_end_data: Sequence[Mapping[str, Any]] = ()
    as_of: str = ""
    #: Id of a port or application -> the overlay file it comes from.
    overlaid: Mapping[str, str] = field(default_factory=dict)
    #: What an administrator should hear about overlays, such as overridden ids.
    notices: tuple[Diagnostic, ...] = ()
    #: Where an imported registry may lie; None: the platform's place.
    data_dir: Path | None = None

    @cached_property
    def registry(self) -> Registry:
        """IANA's table: the imported one where the user has one, else the shipped one."""
        from fwadvisor.ports.registry import load_registry

        return load_registry(self.data_dir)

    @cached_property
    def conversations(self) -> Mapping[str, Conversation]:
        """Application id -> how it talks, for those that negotiate ports."""
        from fwadvisor.ports.call_facts import conversations

        return conversations(self.call_data)

    @cached_property
    def call_ends(self) -> Mapping[str, CallEnd]:
        """Dialect -> when its firewall forgets a connection."""
        from fwadvisor.ports.call_facts import call_ends

        return call_ends(self.call_end_data)

    @cached_property
    def _names(self) -> dict[str, Application]:
        names = {
            alias.lower(): application for application in self.applications.values() for alias in application.aliases
        }
        names.update(self.applications)
        return names

    def application(self, name: str) -> Application | None:
        """The application of that id or alias, whatever the case, or None."""
        return self._names.get(name.lower())

    def application_names(self) -> tuple[str, ...]:
        """Every id and alias, for did-you-mean."""
        return tuple(self._names)

    def entries_at(self, transport: str, port: int, *, hidden: bool = False) -> list[Port]:
        """The known uses of one port number, the most likely first.

        Wide ranges that are negotiated at run time are left out unless `hidden`.
        """
        order = {Listing.PRIMARY: 0, Listing.SECONDARY: 1, Listing.HIDDEN: 2}
        found = [
            entry
            for entry in self.ports.values()
            if (hidden or entry.listing is not Listing.HIDDEN)
            and contains(entry.match.get(Transport(transport), ()), port)
        ]
        return sorted(found, key=lambda entry: order[entry.listing])

    def flow_ports(self, flow: Flow) -> Intervals | None:
        """The destination ports of a flow, or None where its IP protocol has no ports."""
        if flow.transport is Transport.IP:
            return None
        ports = self.ports[flow.port].match[flow.transport]
        return ports if flow.only is None else intersect(ports, flow.only)

    def negotiated(self, flow: Flow) -> bool:
        """Whether the flow's numbers are agreed at run time, inside the flow that opens it."""
        return bool(flow.opened_by) and self.ports[flow.port].negotiated

    def flow_helper(self, application: Application, flow: Flow) -> HelperFacts | None:
        """The connection-tracking helper that can follow a flow: the one that reads the flow at its root."""
        seen = {flow.id}
        while flow.opened_by and flow.opened_by not in seen:
            opener = application.flow(flow.opened_by)
            if opener is None:
                return None
            flow = opener
            seen.add(flow.id)
        return self.helpers.get(self.ports[flow.port].helper)

    def applications_using(self, port_id: str) -> list[Application]:
        """The applications that have a flow on a port entry."""
        return [a for a in self.applications.values() if any(flow.port == port_id for flow in a.flows)]
