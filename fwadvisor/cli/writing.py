"""One answer, to standard output or to the file that the user names."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STDOUT = "-"


def check_output(output: str | None, inputs: Iterable[str]) -> None:
    """That the file to write can be one: not empty, no folder, in a folder that is there, and none of the inputs.

    Raises:
        FwadvisorError: it cannot.
    """
    from pathlib import Path

    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    if output is None or output == STDOUT:
        return
    path = Path(output)
    if not output.strip():
        raise FwadvisorError(error("--output names no file", hint="write -o - for standard output"))
    if path.is_dir():
        raise FwadvisorError(error(f"{output} is a folder", hint="--output names the file to write"))
    if not path.parent.is_dir():
        raise FwadvisorError(error(f"cannot write {output}: there is no folder {path.parent}"))
    for name in (part for each in inputs for part in (each, *each.split("+"))):
        if name and path.exists() and Path(name).exists() and path.samefile(name):
            raise FwadvisorError(error(f"--output names {name}, which is read", hint="choose another file"))


def write_answer(text: str, output: str | None, *, exact: bool = False) -> None:
    """The text and a line feed, to standard output or, whole or not at all, to a file.

    A file is UTF-8. So is standard output where it is to be `exact`, for programs; else it is what a terminal can show.

    Raises:
        FwadvisorError: the file cannot be written; what was there before is still there.
    """
    if exact and (output is None or output == STDOUT):
        sys.stdout.flush()
        sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "backslashreplace"))
        return
    if output is None or output == STDOUT:
        # Not every terminal can show every character of a rule file.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        print(text)
        return
    write_bytes(f"{text}\n".encode("utf-8", "backslashreplace"), output)


def write_bytes(content: bytes, output: str) -> None:
    """The content, whole or not at all, to a file.

    Raises:
        FwadvisorError: the file cannot be written; what was there before is still there.
    """
    from pathlib import Path

    from fwadvisor.diagnostic import error
    from fwadvisor.errors import FwadvisorError

    try:
        _replace(Path(output), content)
    except OSError as problem:
        raise FwadvisorError(error(f"cannot write {output}: {problem.strerror or problem}")) from problem


def _replace(path: Path, content: bytes) -> None:
    import os
    import stat
    import tempfile

    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        mode = stat.S_IFREG | (0o666 & ~mask)
    if not stat.S_ISREG(mode):
        # A device or a pipe is written to; put in its place, a file would destroy it.
        path.write_bytes(content)
        return
    # A link stays one: what it points to is replaced.
    path = path.resolve()
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(scratch, stat.S_IMODE(mode))  # noqa: PTH101 - the name is text
        os.replace(scratch, path)  # noqa: PTH105 - as above
    except BaseException:
        os.unlink(scratch)  # noqa: PTH108 - as above
        raise
