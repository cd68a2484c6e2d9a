"""Notes: what the administrator must know and no rule can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.model.rule import Place


class Topic(StrEnum):
    """What a note is about; notes are shown in this order."""

    DECISION = "decision"
    MEDIA = "media"
    CONFLICT = "conflict"
    EXPOSURE = "exposure"
    RISK = "risk"
    LIMIT = "limit"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One remark. `id` names its kind and is stable over versions (kebab case)."""

    id: str
    topic: Topic
    text: str
    #: The dialects that it concerns; () means all of them.
    dialects: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    #: Commands to run, shown in a code block.
    commands: tuple[str, ...] = ()
