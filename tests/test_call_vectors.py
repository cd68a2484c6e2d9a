"""The messages of the calls are what their script makes, and say what their decoding shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "kernel" / "call"


def test_the_vectors_are_what_the_script_makes(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
import make_vectors
from pathlib import Path
make_vectors.VECTORS = Path({str(tmp_path)!r})
make_vectors.main()
"""
    # In a process of its own: it changes what the encoder does with extensions.
    subprocess.run([sys.executable, "-c", script], check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "vectors").iterdir()}
    assert made == kept
    assert len(made) >= 30
