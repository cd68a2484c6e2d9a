"""Work in two processes ends as it would in one."""

import os
import threading
import time

import pytest

from fwadvisor.parallel import at_once

ELSEWHERE = hasattr(os, "fork") and len(os.sched_getaffinity(0)) > 1


def test_results_keep_the_order_of_the_jobs():
    assert at_once([lambda number=number: number * number for number in range(5)]) == [0, 1, 4, 9, 16]
    assert at_once([]) == []


@pytest.mark.skipif(not ELSEWHERE, reason="one processor, or no fork")
def test_both_processes_take_a_share():
    def job():
        time.sleep(0.02)
        return os.getpid()

    found = at_once([job] * 20)
    assert len(set(found)) == 2
    assert os.getpid() in found


def test_stays_in_one_process_beside_other_threads():
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert set(at_once([os.getpid] * 4)) == {os.getpid()}
    finally:
        done.set()
        other.join()


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_of_either_process_is_raised_here(failing, monkeypatch):
    fork, children = os.fork, []

    def recorded():
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", recorded)

    def job(number):
        if number == failing:
            raise ValueError(f"job {number}")
        return number

    with pytest.raises(ValueError, match=f"job {failing}"):
        at_once([lambda number=number: job(number) for number in range(2)])
    assert len(children) == ELSEWHERE
    for child in children:  # nobody is left behind
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_what_cannot_be_sent_is_done_here():
    first, second = at_once([lambda: 1, lambda: (each for each in "ab")])
    assert first == 1
    assert list(second) == ["a", "b"]
