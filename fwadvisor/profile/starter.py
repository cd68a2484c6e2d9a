"""The first text of a new profile."""

from __future__ import annotations

import re
from pathlib import Path

from fwadvisor.diagnostic import error
from fwadvisor.errors import ProfileError
from fwadvisor.profile.sections import NAME
from fwadvisor.resources import profiles_dir

_STARTER = """\
# yaml-language-server: $schema={schema}
#
# A profile says what this machine needs. Check it:  fwadvisor profiles check {file}
# See what it means:                                 fwadvisor profiles show {file}
# Write rules:                                       fwadvisor generate {file} --set admins=192.0.2.10 -t nftables
profile: {name}
title: What {name} is for, in a few words
description: >-
  What the machine does, who uses it, and what must stay closed.
# owner: the team that answers questions
# ticket: CHG-1234
# expires: YYYY-MM-DD     after this day the profile is an error until somebody looks at it again
kind: host                # gateway, if it forwards packets for others

# Parameters without a default must be given with --set; optional ones may be absent.
parameters:
  admins:
    type: addresses
    help: addresses from which the machine is administered
    example: 192.0.2.10
  clients:
    type: addresses
    help: addresses that may use the web server
    default: any          # any, internet, private, or addresses

# Zones name addresses and interfaces. Known without being defined:
# self (this machine), any, internet, private, link-local, multicast.
zones:
  admins: $admins
  clients: $clients
  # lan: {{addresses: [10.0.0.0/8, 2001:db8::/32], interfaces: [eth1], except: 10.9.0.0/16}}

# Another profile can be taken in, with its parameters.
# include:
#   - profile: no-netmeeting

# What must work. All else follows from forbid and defaults; the order of statements means nothing:
# never beats need beats forbid beats the default.
need:
  - application: ssh-server    # names: fwadvisor search ssh
    roles: {{client: admins, server: self}}
    reason: administration
  - flow: tcp 80,443
    from: clients
    to: self
    reason: the web site
  - flow: ping
    from: any
    to: self

# What must stay closed even if a default is open; verdict drop (the default) or reject.
forbid:
  - application: netmeeting

# What no need may ever open, here or in an included profile.
never:
  - flow: tcp 22
    from: internet
    to: self

# What becomes of packets that nothing above speaks of.
defaults: {{input: drop, output: accept, forward: drop}}
"""


def starter(name: str, file: str, source: Path | None = None) -> str:
    """The text of a new profile of that name, or `source` (a shipped profile) under the new name.

    Raises:
        ProfileError: the name cannot be one, or the source cannot be read.
    """
    if not NAME.fullmatch(name):
        raise ProfileError(error(f'"{name}" cannot be the name of a profile', None, "lower-case letters, digits and -"))
    schema = str(profiles_dir() / "schema.json")
    if source is None:
        return _STARTER.format(name=name, file=file, schema=schema)
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ProfileError(error(f"{source}: cannot be read: {problem}")) from problem
    text = re.sub(r"^(# yaml-language-server: \$schema=).*$", lambda found: found[1] + schema, text, flags=re.M)
    return re.sub(r"^profile:.*$", f"profile: {name}", text, count=1, flags=re.M)
