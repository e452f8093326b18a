"""The library as users install it: from wheels, away from the checkout.

It is run by ``make test-wheels`` and not with the other tests, as it builds every distribution.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import reidbench

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(p.parent for p in (ROOT / "plugins").glob("*/pyproject.toml"))
LISTENERS = ["tensorboard"]
"""Plugins that are no paper's: each has an extra of its own name."""
TINY = (
    *("--set", "source.ids=4", "--set", "target.ids=4", "--set", "budget.steps=2"),
    *("--set", "ide.epochs=1", "--set", "budget.batch=2", "--device", "cpu"),
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Return a folder of all wheels, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation")
    subprocess.run([*pip, "-w", folder, ROOT, *PLUGINS], check=True, timeout=280)
    return folder


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """Return a function that runs the installed program in a clean folder."""
    site, place = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site)
    subprocess.run([*pip, *wheels.iterdir()], check=True, timeout=280)
    variables = {"PYTHONPATH": str(site), "REIDBENCH_CACHE": str(place / "cache")}

    def run(*arguments):
        command = [sys.executable, "-m", "reidbench", *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=place,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [sys.executable, "-c", "import reidbench, reidbench_ide; print(reidbench.__file__)"]
    told = subprocess.run(
        where,
        cwd=place,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(str(site))
    return run


def test_every_distribution_has_the_one_version(wheels):
    names = {p.name.split("-")[0]: p.name.split("-")[1] for p in wheels.iterdir()}
    assert len(names) == len(PLUGINS) + 1
    assert set(names.values()) == {reidbench.__version__}


def test_the_extra_brings_every_bundled_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    papers = [p.name for p in PLUGINS if p.name not in LISTENERS]
    assert extras["papers"] == [f"reidbench-{name}" for name in papers]
    assert all(f"reidbench-{name}" in extras[name] for name in LISTENERS)


def test_what_is_installed_knows_its_parts(installed):
    listed = installed("list")
    assert all(name in listed for name in ("spgan", "sagan", "market1501-to-prid2011", "no-camera"))
    plugins = json.loads(installed("plugin", "list", "--json"))
    assert {p["name"] for p in plugins if not p["error"]} >= {p.name for p in PLUGINS}


def test_the_main_job_runs_from_what_is_installed(installed):
    installed("run", "--translator", "cyclegan", "--constraint", "sianet", *TINY)
    assert "spgan" in installed("leaderboard", "--markdown")
    # A tiny budget is never ranked: the committed results are drawn.
    shown = ("--results", ROOT / "results", "--benchmark", "synthetic", "--output", "all.svg")
    installed("plot", *shown)


def test_the_source_distribution_has_plugins_and_tests(tmp_path):
    build = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path)
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=280)
    (made,) = tmp_path.iterdir()
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "constraints.txt", "constraints-oldest.txt", "tests/wheels.py"} <= names
    assert {f"plugins/{p.name}/pyproject.toml" for p in PLUGINS} <= names
    assert not any(name.startswith((".venv", "results/synthetic")) for name in names)
