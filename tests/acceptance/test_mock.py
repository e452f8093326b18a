"""The benchmark for trying plugins: a method runs whole on it within seconds, and never ranks."""

from __future__ import annotations

import time

from click.testing import CliRunner

from reidbench.cli import cli
from tests.acceptance.ground import SPGAN, read_result


def test_a_method_runs_whole_in_seconds_and_is_not_ranked(place):
    begun = time.process_time()
    done = place("run", "--benchmark", "mock", *SPGAN)
    assert done.exit_code == 0, done.output
    assert time.process_time() - begun < 10
    assert read_result(place.results, "spgan")["benchmark"]["name"] == "mock"
    board = CliRunner().invoke(cli, ["leaderboard", "--results", str(place.results), "--json"])
    assert '"reason": "mock is for trying plugins: its numbers mean nothing"' in board.stdout
