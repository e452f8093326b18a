"""``reidbench evaluate``: scores of features that any program made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.results.measures import BY_KEY, MEASURES

if TYPE_CHECKING:
    from reidbench.config.recipe import Component
    from reidbench.evaluation import Features, RankingOptions
    from reidbench.evaluation.verification import Verification
    from reidbench.runs.feature_scores import FeatureScores

FILE = options.HomePath(path_type=Path)


@click.command("evaluate")
@click.option("--query", type=FILE, help="Features of the queries: .npz, .mat, .pt or .csv.")
@click.option("--gallery", type=FILE, help="Features of the gallery.")
@click.option(
    "--multi-query",
    "--boxes",
    type=FILE,
    help="Features of further images of the queries' persons; --boxes is its old name.",
)
@click.option("--features", type=FILE, help="One file of queries and gallery, in place of two.")
@click.option(
    "--protocol",
    default="market1501",
    show_default=True,
    metavar="NAME",
    help="What is looked for in which gallery.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="protocol.PARAMETER=VALUE",
    help="Set a parameter of the protocol, e.g. protocol.repeats=20; repeatable.",
)
@click.option("--distance", metavar="NAME", help="euclidean (the default) or cosine.")
@click.option("--normalise/--no-normalise", default=None, help="Features at unit length (default).")
@click.option("--expansion", type=int, metavar="K", help="Average K neighbours into each query.")
@click.option("--rerank", is_flag=True, default=None, help="Re-rank by k-reciprocal neighbours.")
@click.option("--k1", type=int, help="Neighbours that make reciprocal sets (default 20).")
@click.option("--k2", type=int, help="Neighbours that re-ranking averages over (default 6).")
@click.option("--lambda", "lambda_value", type=float, help="Weight of the distance (default 0.3).")
@click.option("--ties", metavar="RULE", help="stable (default), optimistic or pessimistic.")
@click.option(
    "--ranking",
    "listed",
    type=FILE,
    metavar="FILE",
    help="Write the ranked list of each query: .csv, .jsonl or, with pyarrow, .parquet.",
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    metavar="K",
    help="Images of each ranked list; 0 for the whole gallery.",
)
@click.option(
    "--verification",
    is_flag=True,
    help="Tell how well a threshold on the distance verifies persons: ROC, EER, threshold.",
)
@click.option("--output", type=FILE, help="Write the scores as JSON too, for 'reidbench compare'.")
@options.as_json
def command(
    query: Path | None,
    gallery: Path | None,
    multi_query: Path | None,
    features: Path | None,
    protocol: str,
    settings: Sequence[str],
    listed: Path | None,
    top: int,
    verification: bool,
    output: Path | None,
    as_json: bool,
    **ranking: Any,
) -> None:
    """Rank a gallery by features that any program made, and score the ranking.

    A file holds features (N x D), pids and cams: as .npz, .mat (also the common PyTorch
    baseline's pytorch_result.mat), .pt or .csv (pid,cam,f0,f1,...). One file serves for both sets
    if their names stand before: query_features, gallery_pids. Nothing is ever unpickled.

    pid -1 is junk, pid 0 a distractor. Cameras may be numbered from 0 or 1, or be left out
    for the protocols no-camera and all-but-self.

    A line of a ranked list has query, rank, gallery image (both numbered from 0, as their files
    have them), distance, and whether that is right, wrong or junk (the query's person in its
    camera, which takes no rank).

    \b
    Examples:
      reidbench evaluate --query query.npz --gallery gallery.npz
      reidbench evaluate --features pytorch_result.mat --rerank --output reranked.json
      reidbench evaluate --features both.npz --multi-query gt_bbox.npz --protocol multi-query
      reidbench evaluate --features both.npz --protocol single-gallery-shot
      reidbench evaluate --features both.npz --ranking lists.csv --top 20 --verification
      reidbench evaluate --query all.npz --gallery all.npz --protocol all-but-self
    """
    from reidbench.config.compose import parse_setting
    from reidbench.evaluation import RankingOptions
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.feature_scores import protocol_of, score_features, sets_of

    chosen = RankingOptions(**_given(ranking))
    by_hand = dict(map(parse_setting, settings))
    component = protocol_of(protocol, by_hand, load_plugins().registry)
    sets = sets_of(component, query, gallery, multi_query, features)
    asked = Asked(component, chosen, listed, top, verification)
    asked.check()
    found = score_features(sets, component, chosen)
    verified = asked.answer(sets)
    if output is not None:
        found.save(output)
    if as_json:
        more = {} if verified is None else {"verification": verified.to_dict()}
        click.echo(json.dumps({**found.to_dict(), **more}, indent=2))
        return
    _show(found)
    if verified is not None:
        _show_verification(verified)


@dataclass(frozen=True)
class Asked:
    """Wishes beyond the scores.

    Attributes:
        listed: file of ranked lists to write.
        top: images of each.
        verification: whether persons are to be verified.
    """

    protocol: Component
    ranking: RankingOptions
    listed: Path | None
    top: int
    verification: bool

    def check(self) -> None:
        """Refuse what cannot be done before anything is computed."""
        from reidbench.evaluation.ranked import across_cameras
        from reidbench.evaluation.ranking_files import writer_of

        if self.listed is not None:
            writer_of(self.listed)
        if self.listed is not None or self.verification:
            across_cameras(self.protocol.build())

    def answer(self, sets: Mapping[str, Features]) -> Verification | None:
        """Write the ranked lists and return the verification, as far as they are asked for."""
        from reidbench.evaluation.ranked import ranked_lists
        from reidbench.evaluation.ranking_files import write_lists
        from reidbench.evaluation.verification import verify
        from reidbench.runs.feature_scores import compared_sets

        if self.listed is None and not self.verification:
            return None
        protocol = self.protocol.build()
        ready = compared_sets(sets, protocol, self.ranking)
        if self.listed is not None:
            lists = ranked_lists(ready, protocol, ties=self.ranking.ties, top=self.top)
            write_lists(lists, self.listed)
        return verify(ready, protocol) if self.verification else None


def _given(ranking: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; those of re-ranking do nothing without it."""
    from reidbench.errors import UsageError

    given = {name: value for name, value in ranking.items() if value is not None}
    if not given.get("rerank") and given.keys() & {"k1", "k2", "lambda_value"}:
        raise UsageError("--k1, --k2 and --lambda go with --rerank")
    return given


def _show(found: FeatureScores) -> None:
    from reidbench.cli.tables import console, show_table

    scores = found.scores
    valid, every = scores.measures("valid"), scores.measures("all")
    over = (f"over {scores.valid_queries} with a match", f"over all {scores.queries}")
    rows = (
        (BY_KEY[m].label, f"{100 * valid[m]:.2f}", f"{100 * every[m]:.2f}", BY_KEY[m].meaning)
        for m in MEASURES
    )
    show_table(found.title, ("", *over, ""), rows, over)
    console().print(
        "In percent. Most released code divides by the queries that have a match, the "
        f"Market-1501 package by all.\nRanking: {_listed(found.ranking.to_dict())}.",
        style="dim",
        markup=False,
    )


def _show_verification(found: Verification) -> None:
    from reidbench.cli.tables import show_table
    from reidbench.evaluation.verification import FALSE_MATCHES

    rows = (
        ("equal error rate", f"{100 * found.equal_error:.2f} %", "as many missed as wrongly taken"),
        ("threshold", f"{found.threshold:.6g}", "distance up to which two images are one person"),
        ("area under ROC", f"{100 * found.area:.2f} %", "right order of a same and another pair"),
        *(
            (f"true matches at {100 * rate:g} %", f"{100 * found.at(rate):.2f} %", "false matches")
            for rate in FALSE_MATCHES
        ),
    )
    title = f"verification: {found.same} pairs of one person, {found.different} of two"
    show_table(title, ("", "value", ""), rows, ("value",))


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
