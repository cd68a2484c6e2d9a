"""One use of a profile, and its small sections: header, defaults, log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from fwadvisor.decode import Mapping, Node, Scalar
from fwadvisor.decode.ignores import IgnoreRow
from fwadvisor.model.policy import DefaultVerdict, Kind
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.profile.search import Found
from fwadvisor.profile.statements import Header, StatementReader, read_expiry
from fwadvisor.profile.values import ProfileReader

DEFAULT_FIELDS = ("verdict", "log")
LOG_FIELDS = ("rate",)
NO_LIMIT = "unlimited"
#: What a profile may be called.
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MOST_LOG_LINES = 60_000


@dataclass(slots=True)
class Use:
    """One use of a profile in a run."""

    found: Found
    reader: ProfileReader
    included_by: str = ""
    header: Header = field(default_factory=Header)
    kind: Kind | None = None
    kind_node: Node | None = None
    statements: StatementReader | None = None
    defaults: list[DefaultVerdict] = field(default_factory=list)
    log_rate: int | None = None
    log_unlimited: bool = False
    dhcp_client: bool = True
    ignores: tuple[IgnoreRow, ...] = ()


def read_header(use: Use, fields: dict[str, Node], today: date) -> None:
    """Who the profile is and what it is for."""
    reader, header = use.reader, use.header
    header.name = use.found.name
    if "profile" in fields and (name := reader.scalar(fields["profile"], "profile")) is not None:
        if not NAME.fullmatch(name.text):
            reader.error(name, f'"{name.text}" cannot be the name of a profile', "lower-case letters, digits and -")
        elif name.text != use.found.name:
            message = f'the profile calls itself "{name.text}", but its file is {use.found.path.name}'
            reader.error(name, message, f"write  profile: {use.found.name}, or rename the file")
    for field_name, node in reader.written(fields, "title", "description", "owner", "reason", "ticket"):
        setattr(header, field_name, reader.text(node, field_name) or "")
    if "expires" in fields:
        header.expires = read_expiry(reader, fields["expires"], "this profile", today)
    if "kind" in fields:
        word = reader.word(fields["kind"], "kind", tuple(Kind))
        use.kind, use.kind_node = (Kind(word), fields["kind"]) if word is not None else (None, None)


def read_defaults(use: Use, node: Node) -> None:
    """What becomes of packets that no statement speaks of."""
    reader = use.reader
    for name, value in reader.fields(node, "defaults", tuple(Hook)).items():
        if reader.absent(value):
            continue
        log: bool | None = False
        said: Node | None = value
        if isinstance(value, Mapping):
            fields = reader.fields(value, f"the default of {name}", DEFAULT_FIELDS, ("verdict",))
            said = fields.get("verdict")
            log = reader.boolean(fields["log"], "log") if "log" in fields else False
        word = reader.word(said, f"the default of {name}", tuple(Verdict)) if said is not None else None
        if word is not None:
            place = reader.place(value)
            default = DefaultVerdict(
                hook=Hook(name), verdict=Verdict(word), log=bool(log), profile=use.found.name, place=place
            )
            use.defaults.append(default)


def read_log(use: Use, node: Node) -> None:
    """How many lines a minute a logging rule may write."""
    rate = use.reader.fields(node, "log", LOG_FIELDS, LOG_FIELDS).get("rate")
    if isinstance(rate, Scalar) and rate.text == NO_LIMIT:
        use.log_unlimited = True
    elif rate is not None:
        use.log_rate = use.reader.integer(rate, "rate (lines a minute)", 1, MOST_LOG_LINES)
