from __future__ import annotations

import os
import signal
import time

from .limits import GIB, problems


def test_nothing_is_found_where_all_end_well():
    assert problems(3, lambda number: "") == {}


def test_each_input_s_problem_is_told_and_the_others_are_tried():
    def attempt(number: int) -> str:
        if number == 1:
            raise ValueError("x" * 9999)
        return "odd" if number == 2 else ""

    found = problems(4, attempt)
    assert found.keys() == {1, 2}
    assert found[1].strip().endswith("xxx")
    assert found[2] == "odd"


def test_an_input_that_takes_too_long_is_named():
    started = time.monotonic()
    found = problems(3, lambda number: time.sleep(60) or "" if number else "", seconds=0.2)
    assert time.monotonic() - started < 10
    assert found.keys() == {1}
    assert f"ended with -{signal.SIGALRM}" in found[1]


def test_an_input_that_asks_for_too_much_is_named():
    found = problems(2, lambda number: str(len(bytes(2 * GIB)) and "") if number else "")
    assert found.keys() == {1}
    assert "MemoryError" in found[1]


def test_an_input_that_kills_the_process_is_named():
    found = problems(3, lambda number: os.kill(os.getpid(), signal.SIGSEGV) or "")
    assert found == {
        0: f"the process ended with -{signal.SIGSEGV} (-{signal.SIGALRM} is a timeout)"
    }
