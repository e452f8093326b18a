"""A stage that several processes compute together is that of one process, but for rounding."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reidbench.engine.hardware import Hardware
from reidbench.engine.ranks import Ranks
from reidbench.errors import ReidbenchError, UsageError
from reidbench.runs import together
from reidbench.runs.recording import result_of
from reidbench.runs.runner import run_plan
from reidbench.runs.together import check_devices, compute_together
from reidbench.stages import Embed, Work
from reidbench.storage.keys import JSON
from reidbench.testing.toy_runs import make_session, toy_plan
from tests.runs.shared_trainings import TRAININGS, Ending, Trainings

pytest.importorskip("lightning_fabric")

CPU = Hardware(torch.device("cpu"))


@dataclass
class Heard:
    """What a stage tells while it is computed."""

    lines: list[str]
    done: list[tuple[int, int]]


def work_in(folder: Path, heard: Heard | None = None) -> Work:
    folder.mkdir(parents=True, exist_ok=True)
    told = heard or Heard([], [])
    return Work(
        folder,
        {},
        CPU,
        lambda done, total, log: told.done.append((done, total)),
        0.0,
        told.lines.append,
    )


@dataclass(frozen=True)
class Made:
    """The same trainings by one process and by two."""

    one: Path
    two: Path
    facts: dict[str, JSON]
    heard: Heard


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("together")
    heard = Heard([], [])
    Trainings().compute(work_in(root / "one"))
    facts = compute_together(Trainings(), work_in(root / "two", heard), 2)
    return Made(root / "one", root / "two", facts, heard)


def lines_of(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", TRAININGS)
def test_the_losses_of_two_processes_are_those_of_one(made: Made, name: str) -> None:
    one, two = (lines_of(f / f"{name}.losses.jsonl") for f in (made.one, made.two))
    assert len(one) == len(two) >= 4
    for expected, got in zip(one, two, strict=True):
        assert got == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_weights_of_two_processes_are_those_of_one(made: Made, name: str) -> None:
    one, two = (load_file(f / f"{name}.safetensors") for f in (made.one, made.two))
    assert one.keys() == two.keys()
    for key, expected in one.items():
        torch.testing.assert_close(two[key], expected, rtol=1e-5, atol=1e-5)


def test_the_losses_pull_at_the_pixels_alike(made: Made) -> None:
    one, two = (json.loads((f / "cyclegan+sianet.json").read_text()) for f in (made.one, made.two))
    assert len(one) == len(two) == 4
    for expected, got in zip(one, two, strict=True):
        for name, terms in expected["terms"].items():
            assert got["terms"][name] == pytest.approx(terms, rel=1e-4, abs=1e-6)


def test_networks_whose_rows_are_not_apart_are_told_and_no_others(made: Made) -> None:
    told = "network does not treat images one by one: each device computes it on the whole batch"
    assert made.heard.lines == [told, told]  # of "mixing" and "drawing"


@pytest.mark.parametrize("rows", [7, 1])
def test_each_image_is_embedded_once_and_in_its_place(made: Made, rows: int) -> None:
    one, two = (np.load(f / f"features{rows}.npy") for f in (made.one, made.two))
    assert one.shape == two.shape == (rows, one.shape[1])
    np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-6)


def test_the_first_process_alone_writes_and_shows(made: Made) -> None:
    assert sorted(p.name for p in made.two.iterdir()) == sorted(p.name for p in made.one.iterdir())
    trained = [done for done, total in made.heard.done if total == 4]
    assert trained == [1, 2, 3, 4] * (len(TRAININGS) - 1)  # "ide" has five


def test_facts_tell_the_devices(made: Made) -> None:
    assert (made.facts["ranks"], made.facts["execution"]) == (2, {"devices": 2})
    assert str(made.facts["device"]).startswith("2 x cpu, ")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A training of two processes, one of which was killed, and the error that this makes."""
    root = tmp_path_factory.mktemp("ended")
    with pytest.raises(ReidbenchError) as caught:
        compute_together(Ending("killed"), work_in(root), 2)
    return root, str(caught.value)


def test_a_process_that_is_killed_ends_the_stage_with_one_error(ended: tuple[Path, str]) -> None:
    root, error = ended
    assert "process 2 of 2 that computed 'make trainings' was ended by SIGKILL" in error
    assert [p.name for p in root.iterdir()] == ["resume"]


def test_any_number_of_processes_goes_on_where_another_stopped(
    ended: tuple[Path, str], tmp_path: Path
) -> None:
    root, _ = ended
    with pytest.raises(InterruptedError):
        Ending("stopped").compute(work_in(root))
    assert len(lines_of(root / "resume" / "plain.losses.jsonl")) == 5
    heard = Heard([], [])
    compute_together(Ending("goes on"), work_in(root, heard), 2)
    assert heard.done[0] == (6, 8)
    Ending("goes on").compute(work_in(tmp_path))
    whole, resumed = (load_file(f / "network.safetensors") for f in (tmp_path, root))
    for key, expected in whole.items():
        torch.testing.assert_close(resumed[key], expected, rtol=1e-5, atol=1e-6)


def test_the_error_of_any_process_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(together.START, "cpu", "spawn")  # as processes start where there is CUDA
    with pytest.raises(ReidbenchError, match=r"^the second one cannot go on$"):
        compute_together(Ending("raised"), work_in(tmp_path), 2)


def test_processes_that_compute_other_weights_are_refused(tmp_path: Path) -> None:
    error = "process 2 of 2 computed other weights of 'network' than the first one"
    with pytest.raises(ReidbenchError, match=error):
        compute_together(Ending("apart"), work_in(tmp_path), 2)


def test_ctrl_c_ends_all_processes(tmp_path: Path) -> None:
    def interrupt() -> None:
        while len([*tmp_path.glob("resume/*.waits")]) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        compute_together(Ending("waits"), work_in(tmp_path), 2)
    pids = [int(p.stem) for p in tmp_path.glob("resume/*.waits")]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_run_embeds_on_two_devices_and_its_result_tells_it(tmp_path: Path) -> None:
    plan, session = toy_plan(), make_session(tmp_path)
    (embed,) = (stage for stage in plan.stages if isinstance(stage, Embed))
    folder = run_plan(plan, session).artifact(embed).path
    one = {path.name: np.load(path) for path in folder.glob("*.npy")}
    session.store.remove(embed.key)
    session.store.remove(plan.evaluations[0].key)
    again = run_plan(plan, replace(session, devices=2))
    for name, expected in one.items():
        got = np.load(again.artifact(embed).path / name)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    stages: Any = result_of(again, datetime.now(UTC)).execution["stages"]
    shared = [(s["title"], s["devices"]) for s in stages if "devices" in s]
    assert shared == [(embed.title, 2)]


def test_lightning_fabric_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'reidbench\[ddp\]'"):
        check_devices(CPU, "cpu", 2)
    check_devices(CPU, "cpu", 1)  # nothing is missing for one


@pytest.mark.parametrize(
    ("device", "devices", "reason"),
    [
        ("cuda:1", 2, "--device cuda:1 is one device"),
        ("cuda", 4, "this machine has 2 CUDA devices"),
        ("cpu", 0, "--devices must be 1 at least"),
    ],
)
def test_devices_that_are_not_there_are_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, devices: int, reason: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match=reason):
        check_devices(Hardware(torch.device(device)), device, devices)


@pytest.mark.parametrize("rows", [2, 5, 6, 7])
def test_every_row_is_one_ranks(rows: int) -> None:
    parts = [Ranks(rank, 3).part(rows) for rank in range(3)]
    assert [n for part in parts for n in range(rows)[part]] == [*range(rows)]
    assert [len(range(rows)[part]) for part in parts] == Ranks(0, 3).sizes(rows)
