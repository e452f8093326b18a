"""A tiny benchmark, and plugins made up on the spot, for tests of the whole command."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from reidbench.results.result import load

SPGAN = ("--translator", "cyclegan", "--constraint", "sianet")


def write_plugin(site: Path, name: str, code: str) -> Path:
    """Lay a distribution with one entry point out as an installer would; return ``site``."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[reidbench]\n{name} = reidbench_{name}\n")
    (site / f"reidbench_{name}.py").write_text(textwrap.dedent(code))
    return site


def computed(cache: Path, *kinds: str) -> list[str]:
    """Return the stages of those kinds of which a cache holds files, finished or begun."""
    files = (f for kind in kinds for f in cache.glob(f"*/{kind}/*/**/*") if f.is_file())
    return sorted({f.relative_to(cache).parts[2] for f in files})


def read_result(results: Path, recipe: str, seed: int = 0) -> dict[str, Any]:
    """Return the only result file of a recipe and seed, as ``--json`` prints it."""
    (path,) = results.glob(f"*/{recipe}-????????-seed{seed}.json")
    return load(path).to_dict()


def timeless(record: dict[str, Any]) -> dict[str, Any]:
    """Return a result without the part in which two runs of a seed may differ."""
    return {k: v for k, v in record.items() if k != "execution"}


def weights(cache: Path) -> dict[str, dict[str, bytes]]:
    """Return the weights of every trained network in a cache, by stage and name, bit for bit."""
    files = sorted(cache.glob("objects/*/*/*.safetensors"))
    return {
        f.relative_to(cache).as_posix(): {k: v.tobytes() for k, v in load_file(f).items()}
        for f in files
    }
