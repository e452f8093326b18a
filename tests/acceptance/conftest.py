from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reidbench.cli import cli
from reidbench.engine import flops
from reidbench.registry.loading import load_plugins
from reidbench.testing.tiny import write_tiny_benchmark
from tests.acceptance.ground import SPGAN, write_plugin

Install = Callable[[str, str], None]


@dataclass(frozen=True)
class Place:
    """A benchmark file, a cache and a folder of results."""

    benchmark: Path
    cache: Path
    results: Path

    def options(self) -> list[str]:
        folders = ["--cache", str(self.cache), "--results", str(self.results)]
        return ["--benchmark", str(self.benchmark), "--device", "cpu", *folders]

    def __call__(self, verb: str, *args: str) -> Result:
        """Run a verb of the installed command line in this process."""
        return CliRunner().invoke(cli, [verb, *self.options(), *args])

    def debug(self, verb: str, *args: str) -> Result:
        """Run a verb with ``--debug``."""
        return CliRunner().invoke(cli, ["--debug", verb, *self.options(), *args])


def make_place(folder: Path) -> Place:
    return Place(write_tiny_benchmark(folder / "tiny.toml"), folder / "cache", folder / "results")


@pytest.fixture(scope="package", autouse=True)
def _one_step_is_counted() -> Iterator[None]:
    """Count the FLOPs of one step of a translator: here all steps take the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(flops, "TRANSLATOR_STEPS", 1)
        yield


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Result]:
    """The main job on the tiny benchmark, done once; nobody may change its cache."""
    place = make_place(tmp_path_factory.mktemp("done"))
    return place, place("run", *SPGAN)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a plugin for one test."""

    def add(name: str, code: str) -> None:
        monkeypatch.syspath_prepend(str(write_plugin(tmp_path / "site", name, code)))
        load_plugins.cache_clear()

    load_plugins.cache_clear()
    yield add
    load_plugins.cache_clear()
