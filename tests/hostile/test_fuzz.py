"""Damaged and hostile input of every kind ends in success or in one clear error.

Each test tries as many inputs as ``INPUTS`` says, drawn anew from equal seeds, each within the time
and memory of ``limits``. A failure names the seed, the exit code and what was said.
"""

from __future__ import annotations

import base64
import json
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from reidbench.cli import cli
from reidbench.config.compose import Request, compose, parse_setting
from reidbench.errors import ReidbenchError
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import WeightsFile, load_weights
from reidbench.storage.artifacts import Store
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.toy_runs import toy_benchmark, toy_registry
from tests.made_results import make_result

from .limits import SECONDS, problems
from .mutations import HOSTILE, altered, damaged

Mutate = Callable[[random.Random], bytes]

INPUTS = {
    ".npz": 110, ".mat": 110, ".pt": 80, ".csv": 110, "results": 260, "many results": 60,
    "packed columns": 160,
    "manifest.csv": 100, "manifest.jsonl": 100, "benchmarks": 120, "store": 150,
    "checkpoints": 130, ".pth": 90, ".safetensors": 90, "settings": 250,
}  # fmt: skip
"""Inputs of each kind."""


def said(*args: object) -> str:
    """Return why a command ended badly; empty if it ended as it should."""
    result = CliRunner().invoke(cli, [str(a) for a in args])
    text = result.stdout + result.stderr
    if result.exit_code not in (0, 1, 2):
        return f"exit code {result.exit_code}: {text[-300:]!r}"
    for bad in ("Traceback", "fault of the software", "out of memory", "\x1b", "\u202e", "\x00"):
        if bad in text:
            return f"{bad!r} in {text[-600:]!r}"
    if result.exit_code and result.stderr.count("error: ") != 1:
        return f"not one error: {result.stderr[-300:]!r}"
    return ""


def all_end_well(kind: str, attempt: Callable[[random.Random], str]) -> None:
    """Try as many seeds as inputs of a kind are due."""
    found = problems(INPUTS[kind], lambda seed: attempt(random.Random(seed)))
    assert not found, "\n".join(f"seed {s}: {p}" for s, p in list(found.items())[:9])


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return a whole file of features in each format."""
    home = tmp_path_factory.mktemp("features")
    rows, pids, cams = np.eye(4, 3, dtype="f4"), np.array([1, 1, 2, 2]), np.array([1, 2, 1, 2])
    table = {"features": rows, "pids": pids, "cams": cams}
    np.savez(home / "f.npz", **table)
    scipy.io.savemat(home / "f.mat", table)
    torch.save({k: torch.from_numpy(v) for k, v in table.items()}, home / "f.pt")
    lines = [f"{p},{c},{','.join(map(str, r))}" for p, c, r in zip(pids, cams, rows, strict=True)]
    (home / "f.csv").write_text("\n".join(["pid,cam,f0,f1,f2", *lines]) + "\n")
    return {p.suffix: p.read_bytes() for p in home.iterdir()}


def test_the_inputs_are_many():
    assert sum(INPUTS.values()) >= 1500


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".pt", ".csv"])
def test_feature_files(tmp_path, features, suffix):
    path = tmp_path / f"f{suffix}"
    assert said("evaluate", "--query", _written(path, features[suffix]), "--gallery", path) == ""

    def attempt(rng):
        _written(path, damaged(features[suffix], rng))
        return said("evaluate", "--query", path, "--gallery", path)

    all_end_well(suffix, attempt)


def test_result_files(tmp_path):
    whole = make_result().to_dict()
    make_result(recipe="good").save(tmp_path)
    path = tmp_path / "synthetic" / "bad.json"

    def attempt(rng):
        record = json.dumps(altered(whole, rng)).encode()
        _written(path, damaged(record, rng) if rng.random() < 0.3 else record)
        verb = rng.choice(("leaderboard", "leaderboard", "compare"))
        rest = {"leaderboard": ("--results", tmp_path), "compare": (path, path)}[verb]
        return said(verb, *rest)

    all_end_well("results", attempt)


def test_packed_columns(tmp_path):
    """Damage of a column's table, of its text, and of what is compressed in that."""
    ap = [None, *(number / 100 for number in range(100))]
    scores = {**make_result().scores, "cmc": ap[1:], "per_query": {"first": [*range(99)], "ap": ap}}
    path = replace(make_result(), scores=scores).save(tmp_path)
    whole = path.read_bytes()

    def attempt(rng):
        record = json.loads(whole)
        name = rng.choice(("cmc", "first", "ap"))
        table = record["scores"] if name == "cmc" else record["scores"]["per_query"]
        column = table[name]
        match rng.randrange(3):
            case 0:
                table[name] = altered(column, rng)
            case 1:
                column["data"] = damaged(column["data"].encode(), rng).decode(errors="replace")
            case 2:
                content = damaged(base64.b64decode(column["data"]), rng)
                column["data"] = base64.b64encode(content).decode()
        _written(path, json.dumps(record).encode())
        return said("compare", path, path)

    all_end_well("packed columns", attempt)


def test_bad_results_lose_no_other(tmp_path):
    """Ten of them at a time."""
    whole = make_result().to_dict()
    make_result(recipe="good").save(tmp_path)

    def attempt(rng):
        for number in range(10):
            record = json.dumps(altered(whole, rng)).encode()
            _written(tmp_path / "synthetic" / f"bad{number}.json", record)
        shown = CliRunner().invoke(cli, ["leaderboard", "--results", str(tmp_path)])
        return "" if "good" in shown.stdout else (shown.stdout + shown.stderr)[-300:]

    all_end_well("many results", attempt)


@pytest.mark.parametrize("name", ["manifest.csv", "manifest.jsonl"])
def test_manifests(tmp_path, name):
    rows = [("train", 1, 1), ("train", 2, 2), ("query", 3, 1), ("gallery", 3, 2)]
    records = []
    for number, (split, pid, cam) in enumerate(rows):
        Image.new("RGB", (4, 8), (40 * number, 9, 9)).save(tmp_path / f"{number}.png")
        records.append({"path": f"{number}.png", "pid": pid, "cam": cam, "split": split})
    if name.endswith("csv"):
        lines = [",".join(records[0]), *(",".join(map(str, r.values())) for r in records)]
    else:
        lines = [json.dumps(r) for r in records]
    whole = "\n".join(lines).encode()
    check = ("data", "check", "manifest", "--data-root", tmp_path, "--set", f"dataset.file={name}")
    _written(tmp_path / name, whole)
    assert said(*check) == ""

    def attempt(rng):
        _written(tmp_path / name, damaged(whole, rng))
        return said(*check)

    all_end_well(name, attempt)


def test_benchmark_files(tmp_path):
    from reidbench.config.benchmark import available

    whole = available()["synthetic"].read_bytes()
    path = tmp_path / "mine.toml"

    def attempt(rng):
        _written(path, damaged(whole, rng))
        return said("list", "--diff", "cyclegan", "spgan", "--benchmark", path)

    all_end_well("benchmarks", attempt)


def test_manifests_of_the_store(tmp_path):
    store = Store(tmp_path)
    artifact, _ = store.make("decode/" + "a" * 32, {"title": "decode"}, _one_file)
    path = artifact.path / "manifest.json"
    whole = json.loads(path.read_text())

    def attempt(rng):
        record = json.dumps(altered(whole, rng)).encode()
        _written(path, damaged(record, rng) if rng.random() < 0.3 else record)
        return said("cache", "ls", "--cache", tmp_path)

    all_end_well("store", attempt)
    assert said("cache", "rm", "--all", "--cache", tmp_path) == ""
    assert not path.exists()


def test_checkpoints(tmp_path):
    network = torch.nn.Linear(2, 2)
    state = {"network": network, "optimiser": torch.optim.Adam(network.parameters())}
    network(torch.ones(1, 2)).sum().backward()
    state["optimiser"].step()
    path = tmp_path / "state.safetensors"
    save_state(path, state, {"step": 3})
    whole = path.read_bytes()

    def attempt(rng):
        _written(path, damaged(whole, rng))
        return _refused(lambda: load_state(path, state))

    all_end_well("checkpoints", attempt)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights(tmp_path, suffix):
    network = torch.nn.Linear(2, 2)
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": network.state_dict()}, path)
    else:
        save_file(network.state_dict(), path)
    whole = path.read_bytes()
    backbone = Backbone(network, 2, "none")

    def attempt(rng):
        _written(path, damaged(whole, rng))
        return _refused(lambda: load_weights(backbone, WeightsFile("w", path)))

    load_weights(backbone, WeightsFile("w", path))
    all_end_well(suffix, attempt)


NAMES = st.sampled_from(
    ["budget.steps", "budget.batch", "ranking.k1", "ranking.lambda_value", "kept.weight", "toy.lr",
     "embedding.flip", "embedding.parts", "rendering.codes", "toy.x", "nobody.at", "x", ".", "a.b."]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["1", "-1", "1e400", "9" * 401, "NaN", "[" * 3000, "{}", "null", "\ud800", ""]),
    st.sampled_from([json.dumps(v) for v in HOSTILE]),
    st.text(max_size=6),
    st.floats().map(str),
)


def test_settings():
    registry = toy_registry()

    def composed(pairs: list[tuple[str, str]]) -> None:
        changes = dict(parse_setting(f"{name}={value}") for name, value in pairs)
        compose(Request("toy-kept"), toy_benchmark(), registry, changes)

    @settings(max_examples=INPUTS["settings"], deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=2))
    def drawn(pairs: list[tuple[str, str]]) -> None:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        assert _refused(lambda: composed(pairs)) == ""

    def attempt(_: int) -> str:
        drawn()
        return ""

    assert problems(1, attempt) == {}


def _refused(call: Callable[[], Any]) -> str:
    """Return what was raised but the errors a user may see, in a line each."""
    try:
        call()
    except ReidbenchError as error:
        return "" if len(str(error)) < 2000 else f"{len(str(error))} characters: {str(error)[:99]}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:400]
    return ""


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _one_file(folder: Path) -> dict[str, Any]:
    (folder / "images.npy").write_bytes(b"content")
    return {}
