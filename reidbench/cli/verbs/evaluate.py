"""``reidbench evaluate``: scores of features that any program made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.results.measures import BY_KEY, MEASURES

if TYPE_CHECKING:
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
@click.option("--output", type=FILE, help="Write the scores as JSON too, for 'reidbench compare'.")
@options.as_json
def command(
    query: Path | None,
    gallery: Path | None,
    multi_query: Path | None,
    features: Path | None,
    protocol: str,
    settings: Sequence[str],
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

    \b
    Examples:
      reidbench evaluate --query query.npz --gallery gallery.npz
      reidbench evaluate --features pytorch_result.mat --rerank --output reranked.json
      reidbench evaluate --features both.npz --multi-query gt_bbox.npz --protocol multi-query
      reidbench evaluate --features both.npz --protocol single-gallery-shot
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
    found = score_features(sets, component, chosen)
    if output is not None:
        found.save(output)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    _show(found)


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


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
