"""Independent work in two processes, for what takes seconds and has a processor to spare."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all jobs, in order; a forked process does every second one where the system can fork.

    Jobs change nothing that others see, and their results can be pickled. What the other process cannot bring
    home, for whatever reason, is done here again: so errors are raised here, as they would be without it.
    """
    if len(jobs) < 2 or not _can_fork():
        return [job() for job in jobs]
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _bring(jobs[1::2], sink)
    os.close(sink)
    try:
        with os.fdopen(source, "rb") as stream:
            mine = [job() for job in jobs[::2]]
            sent = stream.read()
    finally:
        _, status = os.waitpid(child, 0)
    theirs: list[T] = pickle.loads(sent) if status == 0 else [job() for job in jobs[1::2]]  # noqa: S301  from ourselves
    results = [*mine, *theirs]
    results[::2], results[1::2] = mine, theirs
    return results


def _can_fork() -> bool:
    """Whether there is another processor, and forking is safe."""
    if sys.platform == "win32" or not hasattr(os, "sched_getaffinity"):
        return False
    import threading

    return len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


def _bring(jobs: Sequence[Callable[[], T]], sink: int) -> None:
    """The life of the other process: it ends here, and flushes nothing that it inherited."""
    status = 1
    try:
        with os.fdopen(sink, "wb") as stream:
            stream.write(pickle.dumps([job() for job in jobs], pickle.HIGHEST_PROTOCOL))
        status = 0
    finally:
        os._exit(status)
