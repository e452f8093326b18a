"""Runs that end early: the same command takes them up and comes to the same result."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.acceptance.conftest import Place, make_place
from tests.acceptance.ground import SPGAN, read_result, timeless, weights
from tests.acceptance.started import start

# Long enough that the signal finds the training under way.
LONG = ("run", *SPGAN, "--set", "budget.steps=20")
CHECKPOINT = "partial/translator/*/resume/translator.safetensors"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("whole"))
    assert place(*LONG).exit_code == 0
    return timeless(read_result(place.results, "spgan")), weights(place.cache)


def begin(place: Place, folder: Path) -> BaseProcess:
    """Start the command and return once the translator's first checkpoint is written."""
    process = start(folder, *LONG, "--checkpoint-every", "0", *place.options())
    while process.is_alive() and not list(place.cache.glob(CHECKPOINT)):
        time.sleep(0.005)
    assert process.is_alive(), "the run ended before its checkpoint was seen"
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_the_same_command_resumes_to_the_same_result(place, uninterrupted, sent, tmp_path):
    process = begin(place, tmp_path / "told")
    os.kill(process.pid, sent)
    process.join(timeout=60)
    if sent == signal.SIGINT:
        told = (tmp_path / "told" / "stderr").read_text()
        assert process.exitcode == 130, told
        assert "error: interrupted; the same command resumes" in told
        assert "Traceback" not in told
    else:
        assert process.exitcode == -signal.SIGKILL
    assert not list(place.cache.glob("objects/translator/*"))
    assert list(place.cache.glob(CHECKPOINT))
    resumed = place(*LONG)
    assert resumed.exit_code == 0, resumed.stderr
    result, trained = uninterrupted
    assert timeless(read_result(place.results, "spgan")) == result
    assert weights(place.cache) == trained
    assert not list(place.cache.glob("partial/*/*"))
