"""Divisions of persons into training and test, where the literature draws them at random.

They are drawn once, by hash so that no library decides them, and committed with a checksum.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.storage.keys import JSON, digest

FOLDER = Path(__file__).with_name("splits")
SPLIT_COUNT = 10
DRAWS = 840  # divisible by 1 to 8, so that a draw chooses evenly among so many images


@dataclass(frozen=True)
class DivisionPlan:
    """The random divisions to draw for a dataset.

    Attributes:
        name: the dataset's and the file's.
        persons: number of persons to divide; they are numbered from 1.
        trained: number of those for training.
        shots: draw images of each person as well.
    """

    name: str
    persons: int
    trained: int
    shots: bool = False

    @property
    def path(self) -> Path:
        """The committed file."""
        return FOLDER / f"{self.name}.json"


PLANS = {
    plan.name: plan
    for plan in (
        DivisionPlan("cuhk01", 971, 485, shots=True),
        DivisionPlan("grid", 250, 125),
        DivisionPlan("ilids", 119, 59, shots=True),
        DivisionPlan("prid2011", 200, 100),
        DivisionPlan("prid450s", 450, 225),
        DivisionPlan("viper", 632, 316),
    )
}


@dataclass(frozen=True)
class Divisions:
    """The divisions of a committed file.

    Attributes:
        file: its name.
        sha256: checksum over all divisions.
        train: the training persons of each split, in order.
        draws: for each split a number below ``DRAWS`` for each person, where images are drawn.
    """

    file: str
    sha256: str
    train: tuple[tuple[int, ...], ...]
    draws: tuple[tuple[int, ...], ...]

    def label(self, split: int) -> str:
        """Return the name of a split in results."""
        return f"reidbench {self.file} sha256:{self.sha256[:8]} split {split}"


def committed_text(plan: DivisionPlan) -> str:
    """Return the text of a plan's file, drawn anew: one line a split.

    ``plan.path.write_text(committed_text(plan))`` writes the file of a new plan.
    """
    sections = {"train": [_trained(plan, split) for split in range(SPLIT_COUNT)]}
    if plan.shots:
        sections["draws"] = [_draws(plan, split) for split in range(SPLIT_COUNT)]
    parts = [f'"{name}": [\n{_lines(splits)}\n]' for name, splits in sections.items()]
    body = ",\n ".join([f'"sha256": "{_checksum(list(sections.values()))}"', *parts])
    return f"{{{body}}}\n"


@cache
def load_divisions(path: Path) -> Divisions:
    """Return the divisions of a committed file.

    Raises:
        ReidbenchError: if the file does not match its checksum.
    """
    try:
        content = json.loads(path.read_text())
        sections = {name: content[name] for name in ("train", "draws") if name in content}
        whole = content["sha256"] == _checksum(list(sections.values()))
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ReidbenchError(f"{path} does not match its checksum; reinstall reidbench")
    train, draws = (tuple(map(tuple, sections.get(name, ()))) for name in ("train", "draws"))
    return Divisions(path.name, content["sha256"], train, draws)


def _trained(plan: DivisionPlan, split: int) -> list[int]:
    def order(person: int) -> str:
        return digest([plan.name, split, person])

    return sorted(sorted(range(1, plan.persons + 1), key=order)[: plan.trained])


def _draws(plan: DivisionPlan, split: int) -> list[int]:
    persons = range(1, plan.persons + 1)
    return [int(digest([plan.name, split, person, "images"]), 16) % DRAWS for person in persons]


def _lines(splits: list[list[int]]) -> str:
    return ",\n".join("  " + json.dumps(split) for split in splits)


def _checksum(sections: list[JSON]) -> str:
    return hashlib.sha256("".join(map(json.dumps, sections)).encode()).hexdigest()
