"""A benchmark: the fixed setting that every method on it shares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from reidbench.errors import UsageError, did_you_mean
from reidbench.storage.keys import JSON, digest
from reidbench.storage.schema import Text, convert, read_toml, reading

ROLES = ("translator", "constraint", "learner", "segmenter")
SECTIONS = ("budget", "rendering", "perspective", "embedding", "ranking")

Interpolation = Literal["bicubic", "bilinear"]
Tested = Literal["target", "source"]

_Section = dict[str, JSON] | None
_Pixels = Annotated[int, Meta(ge=1, description="one pixel at least")]


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset by name, with the parameters the benchmark fixes.

    Attributes:
        folder: folder of the file that names it, from which a relative ``root`` starts.
    """

    name: str
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Benchmark:
    """The setting that every method on it shares.

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
            "rendering", "perspective", "embedding" and "ranking". A table in a role's section is
            of the one component of that name.
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

    def fixed(self, role: str, component: str, known: Collection[str]) -> dict[str, JSON]:
        """Return the parameters that are fixed for a component.

        Args:
            role: of the component.
            component: its name.
            known: the parameters that it has; a value for all of its role that is none of them is
                left out, one for itself is not.
        """
        section = self.settings.get(role, {})
        shared = {k: v for k, v in section.items() if k in known}
        own = section.get(component)
        return {**shared, **own} if isinstance(own, dict) else shared

    def located(self, given: Mapping[str, JSON], files: Collection[str]) -> dict[str, JSON]:
        """Return parameters with relative paths taken from the folder of the benchmark's file.

        Args:
            given: parameters of a component.
            files: those that may name a file; a name of torchvision's is none.
        """
        return {k: self._path(v) if k in files else v for k, v in given.items()}

    def _path(self, value: JSON) -> JSON:
        if not isinstance(value, str) or self.source.folder is None or value.startswith("~"):
            return value
        path = self.source.folder / value
        return str(path) if "/" in value or path.suffix or path.exists() else value

    @cached_property
    def digest(self) -> str:
        """Digest of the whole setting, so that an edited copy is not taken for the original."""
        # What is left at its default says nothing: a new option leaves old benchmarks as they are.
        defaults = {f.name: f.default for f in fields(self)}
        parts = {k: v for k, v in vars(self).items() if k in defaults and v != defaults[k]}
        parts.pop("summary")
        plain = {
            k: {"name": v.name, "parameters": v.parameters} if isinstance(v, DatasetSpec) else v
            for k, v in parts.items()
        }
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

    Args:
        name: of the benchmark, or the path of a file.

    Returns:
        The benchmark; none of its datasets is opened.

    Raises:
        UsageError: if there is none, or the file is not a benchmark.

    Example:
        >>> import reidbench
        >>> benchmark = reidbench.load_benchmark("synthetic")
        >>> benchmark.source.name, benchmark.seeds
        ('synthetic', (0, 1, 2))
    """
    known = available()
    path = known.get(name, Path(name).expanduser())
    if not (name in known or path.suffix == ".toml"):
        raise UsageError(f"no benchmark is named '{name}'{did_you_mean(name, known)}")
    with reading(path, "a benchmark", UsageError):
        raw = read_toml(path)
        return _benchmark(path, raw, convert(raw, _File))


def load_all() -> Iterator[Benchmark]:
    """Yield the shipped benchmarks in the order of their names."""
    return (load_benchmark(name) for name in sorted(available()))


class _Named(Struct, frozen=True):
    """A table that has a name beside parameters of any kind."""

    name: Text


class _File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A benchmark's file: the keys that it may have."""

    version: int
    summary: str
    source: _Named
    target: _Named
    protocol: _Named
    seeds: Annotated[tuple[int, ...], Meta(min_length=1, description="whole numbers, at least one")]
    image_size: Annotated[
        tuple[_Pixels, _Pixels], Meta(description="height and width in pixels, as [256, 128]")
    ]
    splits: tuple[int, ...] = ()
    interpolation: Interpolation = "bicubic"
    tested: Tested = "target"
    translator: _Section = None
    constraint: _Section = None
    learner: _Section = None
    segmenter: _Section = None
    budget: _Section = None
    rendering: _Section = None
    perspective: _Section = None
    embedding: _Section = None
    ranking: _Section = None


def _benchmark(path: Path, raw: Mapping[str, JSON], file: _File) -> Benchmark:
    folder = path.parent.absolute()
    return Benchmark(
        name=path.stem,
        version=file.version,
        summary=file.summary,
        source=_spec(raw["source"], folder),
        target=_spec(raw["target"], folder),
        protocol=_spec(raw["protocol"]),
        seeds=file.seeds,
        image_size=file.image_size,
        settings={s: raw[s] for s in (*ROLES, *SECTIONS) if s in raw},
        splits=file.splits,
        interpolation=file.interpolation,
        tested=file.tested,
    )


def _spec(raw: Mapping[str, JSON], folder: Path | None = None) -> DatasetSpec:
    return DatasetSpec(raw["name"], {k: v for k, v in raw.items() if k != "name"}, folder)
