"""Sides of a comparison: a recipe with all its seeds, one result, or one file of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import Struct, structs

from reidbench.data.dataset import OLD_NAMES
from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.evaluation.features import JUNK, Features, Ints
from reidbench.evaluation.scores import Doubles, Scores
from reidbench.evaluation.significance import per_query
from reidbench.results.measures import COMPARED
from reidbench.results.result import Result, load_all
from reidbench.storage.keys import JSON, canonical, digest
from reidbench.storage.schema import convert, read_json, reading


@dataclass(frozen=True, eq=False)
class Queries:
    """Scores of each query that has a match; several splits stand end to end.

    Attributes:
        persons: ``[Q]`` whose query it is; a person may be in several splits.
        weights: ``[Q]`` of each in the mean, adding up to 1: every split weighs the same.
        values: ``[Q, M]`` of each measure of ``COMPARED``.
        digest: of all queries' persons and which have a match, in their order.
    """

    persons: Ints
    weights: Doubles
    values: Doubles
    digest: str

    @classmethod
    def of(cls, scores: Mapping[str, JSON]) -> Queries:
        """Return the queries of ``Scores.to_dict`` or ``Trials.to_dict``.

        Raises:
            ReidbenchError: if the values of each query are not there.
        """
        try:
            splits = [Scores.from_dict(s) for s in scores.get("splits", [scores])]
            columns = [[per_query(s, m)[s.valid] for m in COMPARED] for s in splits]
            values = np.concatenate([np.stack(c, axis=-1) for c in columns])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ReidbenchError(
                f"the values of each query are not there or damaged ({type(error).__name__}: "
                f"{error}); write the file anew"
            ) from error
        valid = [s.valid for s in splits]
        if not np.isfinite(values).all() or not all(v.any() for v in valid):
            raise ReidbenchError("queries with a match lack their values; write the file anew")
        return cls(
            np.concatenate([s.pid[v] for s, v in zip(splits, valid, strict=True)]),
            np.concatenate([np.full(v.sum(), 1 / (len(splits) * v.sum())) for v in valid]),
            values,
            digest([[s.pid.tolist(), s.valid.tolist()] for s in splits]),
        )

    @property
    def means(self) -> Doubles:
        """Each measure of ``COMPARED``, ``[M]``."""
        return self.weights @ self.values


@dataclass(frozen=True, eq=False)
class SeedScores:
    """One model's scores.

    Attributes:
        seed: it was trained with; None of a file of scores alone.
    """

    seed: int | None
    queries: Queries


@dataclass(frozen=True, eq=False)
class ComparedMethod:
    """One side of a comparison.

    Attributes:
        name: as the user gave it.
        trials: in the order of their seeds.
        conditions: what must be equal on both sides where both know it, in words.
        remarks: what may differ and should be told then, in words.
    """

    name: str
    trials: tuple[SeedScores, ...]
    conditions: Mapping[str, str]
    remarks: Mapping[str, str]

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """Seeds of the trials, in their order."""
        return tuple(t.seed for t in self.trials)

    def to_dict(self) -> dict[str, JSON]:
        """Return what was compared, ready for JSON."""
        return {
            "name": self.name,
            "seeds": list(self.seeds),
            "conditions": dict(self.conditions),
            "remarks": dict(self.remarks),
        }


def find(text: str, results: Path, benchmark: str) -> ComparedMethod:
    """Return what a user calls ``text``.

    Args:
        text: the path of a result or of scores, or a recipe's name, also with the digits that its
            files' names have (``spgan-fe14fe24``).
        results: folder of results, where names are looked up.
        benchmark: whose results are meant by a name.

    Raises:
        ReidbenchError: if a file is neither a result nor scores.
        UsageError: if the name is unknown or could mean several things.
    """
    path = Path(text)
    if path.is_file() or path.suffix == ".json" or len(path.parts) > 1:
        return _of_file(path, text)
    return _of_name(text, results, benchmark)


def refuse_unlike(first: ComparedMethod, second: ComparedMethod) -> None:
    """Raise ``ReidbenchError``, saying why, if two methods cannot be compared."""
    for what, ours in first.conditions.items():
        theirs = second.conditions.get(what, ours)
        if ours != theirs:
            raise ReidbenchError(
                f"'{first.name}' and '{second.name}' cannot be compared: they differ in {what}, "
                f"{ours} against {theirs}"
            )


def labels_of(sets: Mapping[str, Features]) -> dict[str, str]:
    """Return a digest of the labels of each set; in a gallery neither order nor junk counts."""

    def labels(role: str, images: Features) -> JSON:
        pairs = np.stack([images.pids, images.cams], axis=-1)
        if role != "query":
            pairs = pairs[images.pids != JUNK]
            pairs = pairs[np.lexsort(pairs.T)]
        return pairs.tolist()

    return {role: digest(labels(role, images)) for role, images in sets.items()}


def _of_file(path: Path, name: str) -> ComparedMethod:
    with reading(path, "a result or a file of scores"):
        record = read_json(path)
        if isinstance(record, dict) and ("per_query" in record or "splits" in record):
            return of_scores(record, name)
        return of_results([Result.from_dict(record)], name)


class _Protocol(Struct, frozen=True):
    """The protocol that scores were made by."""

    name: str
    version: int
    parameters: dict[str, JSON] = {}


class _Evaluation(Struct, frozen=True):
    """The origin of scores: what ``reidbench evaluate --output`` writes beside them."""

    protocol: _Protocol
    labels: dict[str, str]
    ranking: dict[str, JSON]


class _ScoresFile(Struct, frozen=True):
    """A file of scores; ``Scores.to_dict`` alone has no origin."""

    evaluation: _Evaluation | None = None


def of_scores(record: JSON, name: str) -> ComparedMethod:
    """Return the one trial of scores as ``reidbench evaluate --output`` writes them.

    Raises:
        ReidbenchError: if the values of each query are not there.
    """
    trial, conditions, remarks = SeedScores(None, Queries.of(record)), {}, {}
    if origin := convert(record, _ScoresFile).evaluation:
        conditions["protocol"] = _protocol(structs.asdict(origin.protocol))
        labels = {OLD_NAMES.get(role, role): of for role, of in origin.labels.items()}
        for role in ("query", "gallery", "multi_query"):
            conditions[f"{role} labels"] = labels.get(role, "none")
        remarks = _ranking(origin.ranking)
    return ComparedMethod(name, (trial,), conditions | _of_queries(record, trial), remarks)


def of_results(results: Sequence[Result], name: str) -> ComparedMethod:
    """Return the trials of results that differ in their seed alone.

    Raises:
        ReidbenchError: if they differ in more, or are not of the same queries.
    """
    seeds = [r.seed for r in results]
    if len({r.digest for r in results}) != 1 or len(set(seeds)) < len(seeds):
        raise ReidbenchError(f"'{name}' must be results that differ in their seed alone")
    ordered = sorted(results, key=lambda r: r.seed)
    trials = tuple(SeedScores(r.seed, Queries.of(r.scores)) for r in ordered)
    if len({trial.queries.digest for trial in trials}) > 1:
        raise ReidbenchError(f"the seeds of '{name}' are not of the same queries; run them anew")
    first = ordered[0]
    benchmark, recipe = first.benchmark, first.recipe
    target, source = benchmark["target"], benchmark["source"]
    conditions = {
        "benchmark": f"{benchmark['name']} version {benchmark['version']} "
        f"(definition {benchmark['digest']})",
        "target": f"{target['name']} ({target['fingerprint']})",
        "protocol": _protocol(benchmark["protocol"]),
        **_of_queries(first.scores, trials[0]),
    }
    learner: Mapping[str, JSON] = recipe.get("learner") or {}
    remarks = {
        "recipe": f"{recipe['name']} ({recipe['digest'][:8]})",
        "source": f"{source['name']} ({source['fingerprint']})",
        "target data used": _uses(first),
        "initial weights": ", ".join(map(str, recipe["provenance"].values())),
        "image size": "x".join(map(str, benchmark.get("image_size", ("unknown",)))),
        "backbone": str(learner.get("parameters", {}).get("backbone", "its own")),
        "precision": first.precision,
        "values set by hand": ", ".join(f"{k}={canonical(v)}" for k, v in first.modified.items()),
        **_ranking(recipe.get("ranking", {})),
    }
    return ComparedMethod(name, trials, conditions, remarks)


def _uses(result: Result) -> str:
    return ", ".join(u for u in ("images", "cameras", "labels") if result.uses[f"target_{u}"])


def _ranking(ranking: Mapping[str, JSON]) -> dict[str, str]:
    return {f"ranking option {option}": str(value) for option, value in ranking.items()}


def _of_queries(scores: Mapping[str, JSON], trial: SeedScores) -> dict[str, str]:
    splits = scores.get("splits", [scores])
    queries = trial.queries
    persons = len(np.unique(queries.persons))
    return {
        "queries": f"{len(queries.persons)} with a match of {persons} persons ({queries.digest})",
        "gallery": f"{', '.join(str(s['gallery']) for s in splits)} images",
        "rule of ties": ", ".join(sorted({str(s["ties"]) for s in splits})),
    }


def _protocol(identity: Mapping[str, JSON]) -> str:
    parameters = identity.get("parameters")
    with_them = f" with {canonical(parameters)}" if parameters else ""
    return f"{identity['name']} version {identity['version']}{with_them}"


def _of_name(text: str, results: Path, benchmark: str) -> ComparedMethod:
    """Return all seeds of a recipe; of several by the same name, the one that is untouched."""
    found = load_all(results).results
    if benchmark not in (known := {r.benchmark["name"] for r in found}):
        raise UsageError(
            f"there are no results of benchmark '{benchmark}' in {results}"
            f"{did_you_mean(benchmark, known) if known else ''}"
        )
    here = [r for r in found if r.benchmark["name"] == benchmark]
    named = [r for r in here if text in (r.recipe["name"], _with_digits(r))]
    if not named:
        near = did_you_mean(text, {r.recipe["name"] for r in here})
        raise UsageError(f"'{text}' is no file and no recipe with results on {benchmark}{near}")
    named = [r for r in named if not r.modified] or named
    if len({r.digest for r in named}) > 1:
        files = ", ".join(str(results / r.file_name) for r in named)
        raise UsageError(
            f"'{text}' has unequal results on {benchmark}: {files}; "
            f"name one with its digits, such as {_with_digits(named[0])}, or by its file"
        )
    by_seed: dict[int, Result] = {}
    for result in named:
        if by_seed.setdefault(result.seed, result).scores != result.scores:
            raise ReidbenchError(f"seed {result.seed} of '{text}' scored differently in two files")
    return of_results(list(by_seed.values()), text)


def _with_digits(result: Result) -> str:
    """Return the recipe's name as the files of its results begin."""
    return result.file_name.name.removesuffix(f"-seed{result.seed}.json")
