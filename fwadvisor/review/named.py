"""The firewalls that the words of a command line name: rule files of any dialect, folders, and profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.firewall import Firewall
from fwadvisor.proof.files import JOIN, Forced, check_named, firewalls_of
from fwadvisor.review.policies import Profiles, Settings, is_profile, load_side


@dataclass(frozen=True, slots=True)
class Named:
    """Firewalls, and what should be said about their files."""

    firewalls: tuple[Firewall, ...]
    warnings: tuple[Diagnostic, ...]


def firewalls_named(words: Sequence[str], said: Forced, settings: Settings) -> Named:
    """The firewalls of `words`: files of one dialect make one, and all profiles together make the policy.

    A file that exists under a word is always meant by it.

    Raises:
        FwadvisorError: a word names nothing, or what it names cannot be read.
    """
    profiles = [word for word in words if _names_profiles(word, settings)]
    files = [word for word in words if word not in profiles]
    check_named(said, files)
    firewalls = firewalls_of(files, said) if files else []
    warnings = [each for firewall in firewalls for each in firewall.warnings]
    if profiles:
        names = tuple(name for word in profiles for name in word.split(JOIN))
        side = load_side(Profiles(JOIN.join(profiles), names), settings)
        if side.unused:
            raise FwadvisorError(side.unused.values())
        firewalls.append(side.itself())
        warnings += side.warnings
    elif settings.values:
        hint = "a rule file has no parameters"
        raise FwadvisorError(error(f"--set gives {', '.join(settings.values)}, but no profile is named", hint=hint))
    return Named(tuple(firewalls), tuple(warnings))


def _names_profiles(word: str, settings: Settings) -> bool:
    return bool(word) and all(part and is_profile(part, settings.profile_dirs) for part in word.split(JOIN))
