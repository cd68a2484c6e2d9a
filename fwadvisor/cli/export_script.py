"""The `export-script` command."""

from __future__ import annotations

import sys


def export_script() -> None:
    """Print the PowerShell script that exports what Windows Firewall applies, for "equal" and "prove" to read.

    Example: fwadvisor export-script > export-rules.ps1
    """
    from fwadvisor.resources import templates_dir

    sys.stdout.buffer.write((templates_dir() / "windows" / "export-rules.ps1").read_bytes())
    sys.stdout.buffer.flush()
