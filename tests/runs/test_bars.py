from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reidbench.runs.bars import Bars
from reidbench.runs.courses import summary
from reidbench.runs.durations import duration, shown
from reidbench.runs.notes import Note
from reidbench.runs.parallel import Course


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def lines(watch: Watch) -> Iterator[tuple[Bars, io.StringIO]]:
    file = io.StringIO()
    return Bars(Console(file=file, width=40), every=10, clock=watch), file


def run(bars: Bars, watch: Watch, steps: range, total: int, seconds: float, **log: float) -> None:
    with bars.stage("train cyclegan") as progress:
        for step in steps:
            watch.now += seconds
            progress(step + 1, total, log)


def test_a_file_gets_a_line_now_and_then_and_one_at_the_end(lines, watch):
    bars, file = lines
    run(bars, watch, range(25), 25, 1, cycle=0.31415)
    assert file.getvalue().splitlines() == [
        "train cyclegan: 10/25, 15 s left, cycle 0.314",
        "train cyclegan: 20/25, 5 s left, cycle 0.314",
        "train cyclegan: done in 25.0 s",
    ]


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_stage_may_say_what_is_no_progress(kind, watch):
    file = kind()
    bars = Bars(Console(file=file, width=80), every=10, clock=watch)
    with bars.stage("train cyclegan"):
        bars.say("train [cyclegan]: waiting")
    assert file.getvalue().count("train [cyclegan]: waiting\n") == 1
    assert file.getvalue().endswith("train cyclegan: done in 0.0 s\n")


def test_a_quick_stage_is_one_line(lines, watch):
    bars, file = lines
    run(bars, watch, range(9), 9, 1)
    assert file.getvalue() == "train cyclegan: done in 9.0 s\n"


def test_a_stage_that_tells_nothing_is_one_line(lines, watch):
    bars, file = lines
    with bars.stage("evaluate"):
        watch.now += 3
    assert file.getvalue() == "evaluate: done in 3.0 s\n"


def test_steps_of_an_earlier_run_do_not_hasten_the_time_left(lines, watch):
    bars, file = lines
    run(bars, watch, range(500, 521), 600, 1)  # 501 steps are done when the first is told of
    assert "510/600, 1 min 30 s left" in file.getvalue()


def test_each_phase_has_a_time_left_of_its_own(lines, watch):
    bars, file = lines
    with bars.stage("learn") as progress:
        for step in range(9):
            watch.now += 0.1
            progress(step + 1, 30, {})
        for step in range(30):
            watch.now += 1
            progress(step + 1, 30, {})
    assert "10/30, 20 s left" in file.getvalue()


def test_a_failed_stage_is_not_said_to_be_done(lines):
    bars, file = lines
    with pytest.raises(KeyboardInterrupt), bars.stage("train"):
        raise KeyboardInterrupt
    assert file.getvalue() == ""


def test_names_in_brackets_are_shown_as_they_are(lines):
    bars, file = lines
    with bars.stage("train [red]x[/red]"):
        pass
    assert file.getvalue().startswith("train [red]x[/red]: done")


def test_a_terminal_gets_a_bar_with_losses_and_time_left():
    file = Terminal()
    bars = Bars(Console(file=file, width=120, force_terminal=True, _environ={"TERM": "xterm"}))
    with bars.stage("train [x] cyclegan") as progress:
        for step in range(40):
            progress(step + 1, 80, {"cycle": 0.25})
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert "train [x] cyclegan ━" in text
    assert "40/80" in text
    assert "cycle 0.25" in text
    assert "train [x] cyclegan: done in" in text.splitlines()[-1]


def test_a_dumb_terminal_gets_lines(watch):
    file = Terminal()
    console = Console(file=file, width=80, force_terminal=True, _environ={"TERM": "dumb"})
    run(Bars(console, every=10, clock=watch), watch, range(20), 20, 1)
    assert "train cyclegan: 10/20" in file.getvalue()


def test_a_log_file_gets_lines_even_if_colour_is_forced(watch):
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    run(Bars(console, every=10, clock=watch), watch, range(20), 20, 1)
    assert "train cyclegan: 10/20" in file.getvalue()
    assert "━" not in file.getvalue()


@pytest.mark.parametrize("installed", [True, False])
def test_a_notebook_gets_bars_if_it_can_draw_them(installed, monkeypatch):
    from reidbench.runs import bars

    monkeypatch.setattr(bars, "find_spec", lambda name: object() if installed else None)
    console = Console(file=io.StringIO(), force_jupyter=True)
    assert bars._draws_bars(console) is installed


def test_everything_goes_to_standard_error(capsys):
    with Bars().stage("train"):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("train: done in")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (185, "3 min 5 s"),
        (3599.6, "1 h 0 min"),
        (7620, "2 h 7 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@given(st.floats(0, 1e6))
def test_no_duration_has_sixty_of_anything(seconds):
    assert "60" not in re.findall(r"\d+", duration(seconds))[1:]


def test_values_have_three_digits():
    assert shown({"a": 1234.5, "b": 0.000123456}) == "a 1.23e+03  b 0.000123"


def course(running: bool = True) -> Course:
    note = Note("translator/ab", "train [toy]", "here", 1, 0.0, 10.0, 20, 100, 0, {})
    return Course(54, 3, 1, 311, 40, [("spgan seed 0", note)] if running else [])


def test_a_file_gets_lines_of_a_sweep_on_several_workers_now_and_then(lines, watch):
    bars, file = lines
    with bars.course() as show:
        show(course())
        watch.now += 10
        show(course())
        watch.now += 9
        show(course())
    assert file.getvalue().splitlines() == [
        "spgan seed 0: train [toy], 20/100, 40 s left",
        "runs: 3 of 54 done, 1 failed; stages: 40 of 311 computed",
    ]


def test_a_terminal_gets_a_table_of_what_is_computed(watch):
    file = Terminal()
    bars = Bars(Console(file=file, width=100, force_terminal=True, color_system=None))
    with bars.course() as show:
        show(course())
        bars.say("direct seed 0: done, 1 of 54 runs")
    told = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert re.search(r"spgan seed 0 +train \[toy\] +20/100 +2/s +40 s", told)
    assert "runs: 3 of 54 done, 1 failed; stages: 40 of 311 computed" in told
    assert "direct seed 0: done, 1 of 54 runs" in told


def test_a_stage_that_does_not_tell_has_neither_rate_nor_time_left():
    note = Note("decode/ab", "decode", "here", 1, 0.0, 10.0)
    assert (note.rate, note.left) == (None, None)
    assert summary(course(running=False)) == (
        "runs: 3 of 54 done, 1 failed; stages: 40 of 311 computed"
    )
