"""``--devices`` on ``run`` is a number; on ``sweep`` a number, or names that the jobs share."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from reidbench.errors import ReidbenchError
from tests.cli.conftest import Invoke


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let verbs tell their devices in place of computing."""

    def run(request: Any, seed: int, options: Any, *_: Any) -> NoReturn:
        raise ReidbenchError(f"together {options[1].devices}")

    def sweep(names: Any, options: Any, *_: Any) -> NoReturn:
        raise ReidbenchError(
            f"together {options.execution.devices}, jobs on {options.engine.devices}"
        )

    monkeypatch.setattr("reidbench.runs.launch.run_with_floor", run)
    monkeypatch.setattr("reidbench.runs.sweeps.run_sweep", sweep)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("run",), "together 1"),
        (("run", "--devices", 2), "together 2"),
        (("sweep",), "together 1, jobs on ()"),
        (("sweep", "--devices", "3"), "together 3, jobs on ()"),
        (("sweep", "--devices", "cuda:0,cuda:1"), "together 1, jobs on ('cuda:0', 'cuda:1')"),
    ],
)
def test_devices_are_those_that_were_named(
    invoke: Invoke, given: tuple[str, ...], expected: str
) -> None:
    done = invoke(*given, "--method", "direct")
    assert done.stderr == f"error: {expected}\n"


@pytest.mark.parametrize("devices", ["0", "cuda:0,cuda:1"])
def test_a_run_takes_a_number_of_devices_alone(invoke: Invoke, devices: str) -> None:
    done = invoke("run", "--method", "direct", "--devices", devices)
    assert done.exit_code == 2
    assert "Invalid value for '--devices'" in done.stderr
