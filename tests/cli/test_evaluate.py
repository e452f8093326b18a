from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from reidbench.evaluation import (
    Features,
    MultiQuery,
    RankingOptions,
    SingleGalleryShot,
    evaluate,
)
from reidbench.evaluation.files import write_features

# Two queries and a line of gallery images at growing distance; both APs worked by hand below.
QUERY = Features(np.array([[0.0], [10.0]], np.float32), np.array([1, 2]), np.array([1, 1]))
GALLERY = Features(
    np.array([[0.1], [0.2], [0.3], [0.4], [10.1]], np.float32),
    np.array([1, 2, 1, -1, 3]),
    np.array([2, 2, 3, 2, 2]),
)


def many(rows, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 6)).astype(np.float32)
    return Features(features, rng.integers(1, 9, rows), rng.integers(1, 4, rows))


@pytest.fixture
def both(tmp_path):
    """One file of random queries, gallery and multi_query, and the sets in it."""
    query, gallery = many(20, 0), many(90, 1)
    noise = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)
    boxes = Features(noise, np.tile(query.pids, 2), np.tile(query.cams, 2))
    path = tmp_path / "both.npz"
    write_features(path, {"query": query, "gallery": gallery, "multi_query": boxes}, None, {})
    return path, query, gallery, boxes


@pytest.fixture
def by_hand(tmp_path):
    """Files of ``QUERY`` and ``GALLERY``."""
    paths = tmp_path / "q.npz", tmp_path / "g.csv"
    write_features(paths[0], {"": QUERY}, None, {})
    with paths[1].open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["pid", "cam", "f0"])
        writer.writerows(zip(GALLERY.pids, GALLERY.cams, GALLERY.features[:, 0], strict=True))
    return "--query", paths[0], "--gallery", paths[1]


def printed(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_measures_by_hand(invoke, by_hand):
    """The first query meets its matches at ranks 1 and 3, the second its one at rank 3.

    From 10.0 the images are 10.1, 0.4, 0.3 and then 0.2, the match; 0.4 is junk, and left out.
    """
    record = printed(invoke("evaluate", *by_hand, "--no-normalise", "--json"))
    first, second = (1 + 2 / 3) / 2, 1 / 3
    assert record["mAP"] == pytest.approx((first + second) / 2)
    trapezoid = ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2) / 2, (0 + 1 / 3) / 2
    assert record["mAP_trapezoid"] == pytest.approx(sum(trapezoid) / 2)
    assert record["mINP"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert (record["rank1"], record["rank5"], record["gallery"]) == (0.5, 1, 4)


def test_the_table_names_conventions_and_denominators(invoke, tmp_path):
    stranger = Features(
        np.append(QUERY.features, [[5]], 0).astype(np.float32), np.array([1, 2, 9]), np.ones(3, int)
    )
    write_features(tmp_path / "f.npz", {"query": stranger, "gallery": GALLERY}, None, {})
    result = invoke("evaluate", "--features", tmp_path / "f.npz", "--no-normalise")
    assert result.exit_code == 0
    lines = {" ".join(line.split()[:2]): line.split() for line in result.stdout.splitlines()}
    assert "market1501: 3 queries, gallery of 4" in result.stdout
    assert "over 2 with a match" in result.stdout
    assert "over all 3" in result.stdout
    assert lines["mAP 58.33"][2] == "38.89"
    assert lines["rank-1 50.00"][2] == "33.33"
    assert "precision taken at the hits" in result.stdout
    assert "the Market-1501 package by all" in result.stdout
    assert "normalise False" in result.stdout


@pytest.mark.parametrize(
    ("options", "ranking"),
    [
        ([], {}),
        (["--distance", "cosine"], {"distance": "cosine"}),
        (["--no-normalise"], {"normalise": False}),
        (["--expansion", 3], {"expansion": 3}),
        (["--ties", "pessimistic"], {"ties": "pessimistic"}),
        (
            ["--rerank", "--k1", 5, "--k2", 2, "--lambda", 0.5],
            {"rerank": True, "k1": 5, "k2": 2, "lambda_value": 0.5},
        ),
    ],
)
def test_options_reach_the_evaluation(invoke, both, options, ranking):
    path, query, gallery, _ = both
    record = printed(invoke("evaluate", "--features", path, *options, "--json"))
    chosen = RankingOptions(**ranking)
    origin = record.pop("evaluation")
    assert record == evaluate(query, gallery, options=chosen).to_dict()
    assert origin["ranking"] == chosen.to_dict()
    assert origin["protocol"] == {"name": "market1501", "version": 1, "parameters": {}}


def test_protocols_and_their_parameters(invoke, both):
    path, query, gallery, boxes = both
    shots = ("--protocol", "single-gallery-shot", "--set", "protocol.repeats=3")
    record = printed(invoke("evaluate", "--features", path, *shots, "--json"))
    origin = record.pop("evaluation")
    assert record == evaluate(query, gallery, SingleGalleryShot(repeats=3)).to_dict()
    assert origin["protocol"]["parameters"] == {"repeats": 3, "seed": 0}
    pooled = evaluate(query, gallery, MultiQuery(), multi_query=boxes).to_dict()
    multi = ("--protocol", "multi-query", "--json")
    for files in (
        ("--features", path),
        ("--features", path, "--multi-query", path),
        ("--query", path, "--gallery", path, "--boxes", path),
    ):
        record = printed(invoke("evaluate", *files, *multi))
        assert set(record.pop("evaluation")["labels"]) == {"query", "gallery", "multi_query"}
        assert record == pooled


def test_output_is_what_json_prints(invoke, both, tmp_path):
    output = tmp_path / "scores" / "new.json"
    record = printed(invoke("evaluate", "--features", both[0], "--json", "--output", output))
    assert json.loads(output.read_text()) == record
    assert invoke("evaluate", "--features", both[0], "--output", both[0] / "x").exit_code == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "name --query and --gallery, or one file of both with --features"),
        (["--query", "q.npz"], "name --query and --gallery"),
        (["--features", "both.npz", "--query", "q.npz"], "name --query and --gallery"),
        (["--features", "both.h5"], "known: .csv, .mat, .npz"),
        (["--features", "both.npz", "--protocol", "market"], "did you mean 'market1501'?"),
        (["--features", "both.npz", "--distance", "cosin"], "did you mean 'cosine'?"),
        (["--features", "both.npz", "--expansion", "-1"], "expansion must be at least 0"),
        (["--features", "both.npz", "--k1", "3"], "go with --rerank"),
        (["--features", "both.npz", "--set", "ide.epochs=3"], "protocol.PARAMETER"),
        (["--features", "both.npz", "--set", "protocol.repeats=3"], "no parameter 'repeats'"),
        (
            ["--features", "both.npz", "--protocol", "single-gallery-shot", "--set",
             "protocol.repeats=0"],
            "repeats must be at least 1",
        ),
        (
            ["--features", "both.npz", "--multi-query", "both.npz"],
            "Market1501 has no use for further images",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_has_exit_code_2(invoke, both, monkeypatch, options, error):
    monkeypatch.chdir(both[0].parent)
    result = invoke("evaluate", *options)
    assert result.exit_code == 2
    assert error in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_fails_has_exit_code_1(invoke, both, tmp_path):
    missing = invoke("evaluate", "--features", tmp_path / "none.npz")
    assert missing.exit_code == 1
    assert f"cannot read {tmp_path / 'none.npz'}" in missing.stderr
    lone = tmp_path / "lone.npz"
    write_features(lone, {"": many(4, 0)}, None, {})
    result = invoke("evaluate", "--features", lone)
    assert result.exit_code == 1
    assert "give each set a file of its own" in result.stderr


def test_torch_is_imported_for_its_own_files_only(both, tmp_path):
    path, query, _, _ = both
    torch.save(
        {"features": torch.from_numpy(query.features), "pids": query.pids.tolist(),
         "cams": query.cams.tolist()},
        tmp_path / "q.pt",
    )  # fmt: skip
    code = (
        "import sys\nfrom reidbench.cli import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n    print(e.code or 0, 'torch' in sys.modules)"
    )
    for file, heavy in ((path, "False"), (tmp_path / "q.pt", "True")):
        args = ["evaluate", "--query", file, "--gallery", path, "--output", tmp_path / "s.json"]
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, args)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == f"0 {heavy}"


def test_ranked_lists_and_verification(invoke, by_hand, tmp_path):
    path = tmp_path / "lists.csv"
    more = ("--ranking", path, "--top", "2", "--verification", "--no-normalise")
    record = printed(invoke("evaluate", *by_hand, *more, "--json"))
    lines = path.read_text().splitlines()
    assert (
        lines[0] == "query,query_pid,query_cam,rank,gallery,gallery_pid,gallery_cam,distance,mark"
    )
    told = [line.split(",") for line in lines[1:]]
    kept = [(q, rank, image, mark) for q, _, _, rank, image, _, _, _, mark in told]
    assert kept == [
        ("0", "1", "0", "right"),
        ("0", "2", "1", "wrong"),
        ("1", "1", "4", "wrong"),
        ("1", "2", "2", "wrong"),
    ]
    assert (record["verification"]["same"], record["verification"]["different"]) == (3, 5)
    shown = invoke("evaluate", *by_hand, *more).stdout
    assert "equal error rate" in shown
    assert "3 pairs of one person, 5 of two" in shown


@pytest.mark.parametrize("option", [("--ranking", "lists.csv"), ("--verification",)])
def test_drawn_galleries_have_no_lists(invoke, both, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ("--features", both[0], "--protocol", "single-gallery-shot")
    result = invoke("evaluate", *args, *option)
    assert result.exit_code == 2
    assert "no one ranking" in result.stderr
