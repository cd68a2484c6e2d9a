"""Compiled rule templates, kept as Python keeps byte code: in `__pycache__` beside them, where that can be written."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache


class TemplateCache(BytecodeCache):
    """Spares a run the reading and compiling of templates that another has compiled.

    A compiled template counts only for the very text, Python and Jinja version that it was made from.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "__pycache__"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket where there is a file for it; what does not fit is ignored."""
        with suppress(OSError, EOFError, ValueError), self._path(bucket).open("rb") as stream:
            bucket.load_bytecode(stream)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the bucket's template, unless Python keeps no byte code either."""
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket)
        written = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            with written.open("wb") as stream:
                bucket.write_bytecode(stream)
            written.replace(path)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja"
