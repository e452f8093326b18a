"""A benchmark: the fixed setting that every method on it shares."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from reidbench.errors import UsageError, did_you_mean
from reidbench.storage.keys import JSON, digest

ROLES = ("translator", "constraint", "learner", "segmenter")
SECTIONS = ("budget", "rendering", "perspective", "embedding", "ranking")

Interpolation = Literal["bicubic", "bilinear"]
Tested = Literal["target", "source"]


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset by name, with the parameters the benchmark fixes."""

    name: str
    parameters: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """What is held equal.

    Attributes:
        version: raised whenever a number below changes; results of two versions are never ranked
            together.
        protocol: name of the evaluation protocol; empty for the target's usual one.
        seeds: every one of which a ranked method must have run.
        image_size: height and width in pixels.
        splits: values of the target's parameter ``split``; the scores are the mean over them, each
            with a training of its own. Empty: the target as it is named.
        interpolation: how images are brought to that size.
        tested: whose query and gallery the model is scored on; "source" asks what adaptation cost
            there.
        settings: parameters fixed for all components of a role ("translator", "constraint",
            "learner", "segmenter") that have them, and of the recipe's sections "budget",
            "rendering", "perspective", "embedding" and "ranking".
    """

    name: str
    version: int
    summary: str
    source: DatasetSpec
    target: DatasetSpec
    protocol: DatasetSpec
    seeds: tuple[int, ...]
    image_size: tuple[int, int]
    settings: Mapping[str, Mapping[str, JSON]]
    splits: tuple[int, ...] = ()
    interpolation: Interpolation = "bicubic"
    tested: Tested = "target"

    @cached_property
    def digest(self) -> str:
        """Digest of the whole setting, so that an edited copy is not taken for the original."""
        # What is left at its default says nothing: a new option leaves old benchmarks as they are.
        defaults = {f.name: f.default for f in fields(self)}
        parts = {k: v for k, v in vars(self).items() if k in defaults and v != defaults[k]}
        parts.pop("summary")
        plain = {k: vars(v) if isinstance(v, DatasetSpec) else v for k, v in parts.items()}
        return digest(plain, 16)


def folders() -> list[Path]:
    """Return where benchmark files ship: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return [f for f in (package / "_benchmarks", package.parent / "benchmarks") if f.is_dir()]


def available() -> dict[str, Path]:
    """Return the shipped benchmarks' files by name."""
    return {p.stem: p for folder in folders() for p in sorted(folder.glob("*.toml"))}


def load_benchmark(name: str) -> Benchmark:
    """Return a shipped benchmark by name, or anybody's by the path of its ``.toml`` file.

    Raises:
        UsageError: if there is none, or the file is not a benchmark.
    """
    known = available()
    path = known.get(name, Path(name))
    if not (name in known or path.suffix == ".toml"):
        raise UsageError(f"no benchmark is named '{name}'{did_you_mean(name, known)}")
    try:
        benchmark = _parse(path.stem, tomllib.loads(path.read_text()))
        benchmark.digest  # noqa: B018 - a value that is not JSON, such as a date, shows itself
        return benchmark
    except OSError as error:
        raise UsageError(f"cannot read the benchmark {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a benchmark: {error!r}") from error


def load_all() -> Iterator[Benchmark]:
    """Yield the shipped benchmarks in the order of their names."""
    return (load_benchmark(name) for name in sorted(available()))


def _parse(name: str, raw: dict[str, Any]) -> Benchmark:
    height, width = raw["image_size"]
    sections = (*ROLES, *SECTIONS)
    unknown = set(raw) - {*sections, *Benchmark.__dataclass_fields__} | raw.keys() & {"settings"}
    if unknown:
        raise ValueError(f"unknown section {', '.join(sorted(unknown))}")
    if not raw["seeds"] or min(height, width) < 1:
        raise ValueError("it needs a seed, and an image size of one pixel at least")
    return Benchmark(
        name=name,
        version=int(raw["version"]),
        summary=str(raw["summary"]),
        source=_spec(raw["source"]),
        target=_spec(raw["target"]),
        protocol=_spec(raw["protocol"]),
        seeds=tuple(int(s) for s in raw["seeds"]),
        image_size=(int(height), int(width)),
        settings={s: dict(raw[s]) for s in sections if s in raw},
        splits=tuple(int(s) for s in raw.get("splits", ())),
        interpolation=_one_of(Interpolation, raw, "interpolation", "bicubic"),
        tested=_one_of(Tested, raw, "tested", "target"),
    )


def _one_of(choices: Any, raw: dict[str, Any], key: str, usual: str) -> Any:
    value = raw.get(key, usual)
    if value not in get_args(choices):
        raise ValueError(f"{key} is {' or '.join(get_args(choices))}, not {value!r}")
    return value


def _spec(raw: dict[str, Any]) -> DatasetSpec:
    return DatasetSpec(raw["name"], {k: v for k, v in raw.items() if k != "name"})
