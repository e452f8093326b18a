"""Origin of a component: the installed distribution it came in, and its source files."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from reidbench import __version__


@dataclass(frozen=True)
class Origin:
    """The installed distribution that a plugin came in.

    Attributes:
        bundled: True for the project's own, whose components keys name without a distribution.
    """

    distribution: str
    version: str
    bundled: bool = False

    def __str__(self) -> str:
        """Return name and version, for a person."""
        return f"{self.distribution} {self.version}"


OWN = Origin("reidbench", __version__, bundled=True)

_NAMES = {
    "bot": {"learner": "bot bot-tllib"},
    "camstyle": {"translator": "camstyle", "learner": "ide-lsr", "method": "camstyle"},
    "cyclegan": {
        "translator": "cyclegan",
        "method": "cyclegan cyclegan-noidt cyclegan@official",
    },
    "espgan": {
        "constraint": "joint-learner",
        "method": "espgan espgan-naive espgan-sianet espgan@pytorch",
    },
    "hhl": {"learner": "hhl", "method": "hhl"},
    "ibn": {"learner": "ibn"},
    "ide": {"learner": "ide"},
    "ipgan": {
        "constraint": "semantic-classifier",
        "learner": "ipgan-baseline",
        "method": "ipgan ipgan-ibn",
    },
    "pcb": {"learner": "pcb"},
    "ptgan": {"constraint": "foreground", "method": "ptgan"},
    "sagan": {
        "translator": "sagan",
        "constraint": "masked-identity",
        "learner": "ide-sagan",
        "method": "sagan sagan-m10 sagan-wd sagan-wp sagan-ws",
    },
    "simpgan": {
        "constraint": "similarity-consistency",
        "learner": "siamese",
        "method": "gan simpgan simpgan-direct simpgan-features simpgan@adam",
    },
    "spgan": {"constraint": "sianet", "method": "spgan spgan@pytorch spgan@tensorflow"},
    "stargan": {"translator": "stargan", "method": "stargan stargan@official"},
    "svdnet": {"learner": "svdnet"},
    "tensorboard": {},  # it listens
}
"""The project's own plugins, each the module ``reidbench_NAME`` of the distribution
``reidbench-NAME``, and the names they register. Whatever else calls itself so is a stranger."""

BUNDLED_NAMES = {
    (kind, name): plugin
    for plugin, kinds in _NAMES.items()
    for kind, names in kinds.items()
    for name in names.split()
}
"""Plugin of each of the project's names, by kind and name: nobody else may take them, not even
where the plugin is not installed or broken."""


def origin_of(point: EntryPoint) -> Origin:
    """Return the distribution of an entry point; "?" where nobody knows it."""
    found = (point.dist.name, point.dist.version) if point.dist else (None, None)
    name, version = (part or "?" for part in found)
    ours = point.name in _NAMES and point.value == f"reidbench_{point.name}"
    plain = re.sub(r"[-_.]+", "-", name).lower()  # as package indexes compare names
    return Origin(name, version, bundled=ours and plain == f"reidbench-{point.name}")


def source_of(factory: type[Any]) -> str:
    """Return a digest of the source files that define a component.

    These are its module and whatever that imports of its own package; of the core, the module
    alone. Empty where there are no files to read.
    """
    return _digest(factory.__module__)


@cache
def _digest(module: str) -> str:
    paths = sorted(_files(module, set()))
    if not paths:
        return ""
    read = hashlib.sha256()
    for path in paths:
        read.update(f"{path.name}\n".encode() + path.read_bytes())
    return read.hexdigest()[:16]


def _files(module: str, seen: set[str]) -> Iterator[Path]:
    """Yield the file of a module, and those of the modules of its package that it imports."""
    path = getattr(sys.modules.get(module), "__file__", None)
    if module in seen or path is None or not Path(path).is_file():
        return
    seen.add(module)
    yield Path(path)
    package = module.partition(".")[0]
    if package != "reidbench":
        for name in _imported(Path(path), module, package):
            yield from _files(name, seen)


def _imported(path: Path, module: str, package: str) -> Iterator[str]:
    """Yield the names of modules of its own package that a file may import."""
    is_package = path.name == "__init__.py"
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError):  # a compiled module
        return
    names = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            up = module.split(".")[: None if is_package else -1]
            base = up[: len(up) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            names += [whole, *(f"{whole}.{a.name}" for a in node.names)]
    yield from (name for name in names if name.partition(".")[0] == package)
