"""What rule files can be held against, and the kinds of findings that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fwadvisor.review.checks.base import Check, Page
from fwadvisor.review.findings import Severity

WIDENED = Check(
    id="policy-widened",
    title="More is accepted than the policy says",
    severity=Severity.HIGH,
    page=Page(
        what="The rules accept packets that the policy drops or rejects. All such packets are listed, with one of "
        "them as a witness, the rule that lets them in, and the line of the profile that says otherwise.",
        why="What nobody asked for is open, and nobody who reads the profile knows of it.",
        example="profile: need ssh from 192.0.2.0/24\nnft: ip saddr 192.0.0.0/16 tcp dport 22 accept",
        remedy="Narrow the rule, or say in the profile that this is needed",
    ),
)
NARROWED = Check(
    id="policy-narrowed",
    title="Less is accepted than the policy says",
    severity=Severity.MEDIUM,
    page=Page(
        what="The rules block packets that the policy accepts. All such packets are listed, with one of them as a "
        "witness, the rule or default that blocks them, and the line of the profile that needs them.",
        why="Something that the profile calls needed does not work, or works only at times.",
        example="profile: need dns-server from any\nnft: udp dport 53 accept   (and no rule for tcp)",
        remedy="Accept what the profile needs, or take it out of the profile",
    ),
)
CHANGED = Check(
    id="policy-changed",
    title="Packets are treated otherwise than the policy says",
    severity=Severity.LOW,
    page=Page(
        what="The rules accept and block the packets that the policy does, but drop where it rejects, reject where it "
        "drops, or give a connection another connection-tracking helper or translation.",
        why="A reject tells the sender at once, a drop lets it wait; a missing helper stops what is negotiated.",
        example="profile: forbid netmeeting, verdict reject\nnft: tcp dport 1503 drop",
        remedy="Use the verdict and the helper that the profile asks for",
    ),
)
UNKNOWN = Check(
    id="policy-unknown",
    title="Not known to be what the policy says",
    severity=Severity.MEDIUM,
    page=Page(
        what="Whether the rules do what the policy says depends on parts that were not understood, or on what they "
        "do not show, such as the contents of a set that another program fills.",
        why="What cannot be told is not promised: the rules may do anything with these packets.",
        example="nft: ip saddr @filled_at_run_time accept",
        remedy="Give the missing file with the others (A+B), or write the rule in a way that can be read",
    ),
)
NEVER = Check(
    id="never-violated",
    title="A never statement is violated",
    severity=Severity.HIGH,
    page=Page(
        what="The rules accept packets that open a connection and that a never statement of a profile rules out. All "
        "such packets are listed, with a witness, the rule that lets them in and the line of the profile.",
        why="Never has no exceptions: it is what the owner of the policy promised, whatever else the rules do.",
        example="profile: never risk critical from internet\nnft: tcp dport 445 accept",
        remedy="Close it, or take the guardrail away deliberately, where its owner agrees",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Profiles that rule files are held against, as a command line names them."""

    policies: Sequence[str] = ()
    guardrails: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    profile_dirs: Sequence[Path] = ()
    allow_approximate: bool = False
