"""Independent work in two processes, for what takes seconds and has a processor to spare."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all jobs, in order; where the system can fork, a second process takes its share.

    Jobs change nothing that others see, and their results can be pickled. Each process takes the next job when it is
    free, so long ones belong first. What the other process cannot bring home, for whatever reason, is done here again:
    so errors are raised here, as they would be without it.
    """
    if not 2 <= len(jobs) <= _MOST_JOBS or not _can_fork():
        return [job() for job in jobs]
    tickets, box = os.pipe()
    os.write(box, bytes(range(len(jobs))))
    os.close(box)
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _bring(jobs, tickets, sink)
    os.close(sink)
    try:
        with os.fdopen(source, "rb") as stream:
            found = _share(jobs, tickets)
            sent = stream.read()
    finally:
        os.read(tickets, _MOST_JOBS)  # After an error here the rest is nobody's work.
        os.close(tickets)
        _, status = os.waitpid(child, 0)
    if status == 0:
        found |= pickle.loads(sent)  # noqa: S301  from ourselves
    return [found[number] if number in found else job() for number, job in enumerate(jobs)]


#: A ticket is a byte.
_MOST_JOBS = 256


def _share(jobs: Sequence[Callable[[], T]], tickets: int) -> dict[int, T]:
    """Do jobs as long as there are tickets."""
    found: dict[int, T] = {}
    while ticket := os.read(tickets, 1):
        found[ticket[0]] = jobs[ticket[0]]()
    return found


def _can_fork() -> bool:
    """Whether there is another processor, and forking is safe."""
    if sys.platform == "win32" or not hasattr(os, "sched_getaffinity"):
        return False
    import threading

    return len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


def _bring(jobs: Sequence[Callable[[], T]], tickets: int, sink: int) -> None:
    """The life of the other process: it ends here, and flushes nothing that it inherited."""
    status = 1
    try:
        with os.fdopen(sink, "wb") as stream:
            stream.write(pickle.dumps(_share(jobs, tickets), pickle.HIGHEST_PROTOCOL))
        status = 0
    finally:
        os._exit(status)
