"""The measures of a device run on a CPU, at sizes that say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("benchmarks.perf.device.timing", reason="benchmarks/ lies in the checkout")
from benchmarks.perf.device import __main__ as bench
from benchmarks.perf.device.timing import Bench, Part

TINY = Bench(torch.device("cpu"), tiny=True, rounds=1, steps=1)


@pytest.mark.parametrize("name", bench.PARTS)
def test_a_part_tells_its_figures(name: str) -> None:
    told = bench.PARTS[name](TINY)
    assert told
    json.dumps(told)
    for part, path, _, _ in bench.WANTED:
        value: object = told
        for step in path if part == name else ():
            assert isinstance(value, dict)
            value = value[step]
        assert part != name or isinstance(value, int | float)
    if name == "killed and restarted":
        assert told["bitwise equal"] is True


def test_a_part_that_fails_ends_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Bench) -> Part:
        raise RuntimeError("out of memory")

    out = tmp_path / "bench.json"
    chosen = {"first": broken, "killed and restarted": lambda _: {"bitwise equal": True}}
    assert bench.measured(TINY, chosen, out) == 1
    found = json.loads(out.read_text())
    assert found["card"] == "cpu"
    assert found["parts"]["first"]["failed"] == "RuntimeError: out of memory"
    reached = {line["what"]: line["reached"] for line in found["shown"]}
    assert reached["killed and restarted: bitwise equal"] is True
    assert reached["synthetic's step: ours, ms"] is None
    assert "out of memory" in capsys.readouterr().out


def test_nothing_begins_when_the_time_is_over(tmp_path: Path) -> None:
    over = Bench(torch.device("cpu"), tiny=True, until=0.0)
    bench.measured(over, {"first": lambda _: {}}, tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text())
    assert "no time was left" in found["parts"]["first"]["failed"]
