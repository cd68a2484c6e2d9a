"""The language of rows and the table of them are test code and no installed package; tests of this folder import it as `iptables_rows` and `iptables_table`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "kernel"))
