"""The tutorial holds: its code, written out from the page, is found, conforms, runs and is CUT."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.interfaces import UNLABELLED, Batch, Clock, Context, Images
from reidbench.registry.loading import load_plugins
from reidbench.testing.tensors import fixed_seed, wave

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PACKAGE = "reidbench_cut"
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "embedding": 8, "patches": 16}


def shown() -> dict[str, str]:
    """Return the page's files: the text of each, block after block."""
    files: dict[str, str] = {}
    for name, code in BLOCK.findall(PAGE.read_text()):
        files[name] = files[name] + "\n\n" + code if name in files else code
    return files


def forget() -> dict[str, Any]:
    """Take the package's modules out of those imported, and return them."""
    load_plugins.cache_clear()
    return {n: sys.modules.pop(n) for n in list(sys.modules) if n.split(".")[0] == PACKAGE}


def new_draft(into: Path) -> Path:
    """Follow step 1 and lay out beside the code what an installer makes of it."""
    begun = next(c for c in PAGE.read_text().splitlines() if c.startswith("    reidbench plugin"))
    made = CliRunner().invoke(cli, [*begun.split()[1:], "--into", str(into)])
    assert made.exit_code == 0, made.output
    folder = into / "reidbench-cut"
    info = folder / f"{PACKAGE}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reidbench-cut\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[reidbench]\ncut = {PACKAGE}\n")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of the page's text alone, where plugins are looked for."""
    folder = new_draft(tmp_path_factory.mktemp("tutorial"))
    for name, code in shown().items():
        assert (folder / name).is_file(), "step 1 does not make it"
        (folder / name).write_text(code)
    before = forget()
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(folder))
        yield folder
    forget()
    sys.modules.update(before)


def trained(cut: Any) -> list[torch.Tensor]:
    """Return what a small CUT draws and its losses of two steps, from fixed weights and draws."""
    pid, hidden, cam = torch.arange(2), torch.full((2,), UNLABELLED), torch.zeros(2).long()
    batch = Batch(Images(wave(2, 0.0), pid, cam), Images(wave(2, 1.5), hidden, cam))
    with fixed_seed(7):
        translator = cut(**SMALL)
        translator.setup(Context((32, 24), 4, 2, torch.device("cpu")))
        logs = [
            translator.training_step(batch, lambda hops: torch.zeros(()), Clock(step, 4))[1]
            for step in range(2)
        ]
    translated = translator.translate(batch.source, 0, 1).detach()
    return [translated, *(log[name] for log in logs for name in sorted(log))]


def test_the_code_shown_is_all_of_both_files(installed):
    assert set(shown()) == {f"{PACKAGE}/__init__.py", f"{PACKAGE}/translator.py"}
    assert {p.name for p in (installed / PACKAGE).glob("*.py")} == {"__init__.py", "translator.py"}


def test_the_page_is_named_by_the_lines_of_its_code():
    lines = [line for code in shown().values() for line in code.splitlines() if line.strip()]
    named = re.findall(r"(\d+) lines", PAGE.read_text())
    assert named == ["140", "140"]
    assert 130 < len(lines) <= 140


def test_the_plugin_shown_passes_every_check(installed):
    checked = CliRunner().invoke(cli, ["plugin", "check", "cut", "--json"])
    outcomes = json.loads(checked.stdout)
    assert [o["message"] for o in outcomes if o["status"] == "failed"] == []
    assert {o["part"] for o in outcomes} == {"plugin cut", "translator cut"}


def test_the_method_shown_runs_on_the_mock(installed, tmp_path):
    folders = ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(cli, ["run", "--method", "cut", "--benchmark", "mock", *folders])
    assert done.exit_code == 0, done.output
    (result,) = (tmp_path / "results" / "mock").glob("cut-*-seed0.json")
    assert json.loads(result.read_text())["recipe"]["name"] == "cut"


def test_the_method_shown_computes_what_the_example_computes(installed, monkeypatch):
    mine = trained(importlib.import_module(f"{PACKAGE}.translator").CUT)
    kept = forget()
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "reidbench-cut"))
    module = importlib.import_module(f"{PACKAGE}.translator")
    assert (ROOT / "examples") in Path(str(module.__file__)).parents
    others = trained(module.CUT)
    forget()
    sys.modules.update(kept)
    assert all(torch.equal(a, b) for a, b in zip(mine, others, strict=True))
