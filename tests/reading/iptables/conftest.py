"""The language of rows is test code and no installed package; tests of this folder import it as `rows`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "kernel"))
