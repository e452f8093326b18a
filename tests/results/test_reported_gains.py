from __future__ import annotations

import json

import pytest

from reidbench.results.reported import Reported, load_reported
from reidbench.results.reported_gains import ReportedGain, gains_of

DUKE_TO_MARKET = ("dukemtmc", "market1501")


@pytest.fixture(scope="module")
def shipped() -> list[ReportedGain]:
    return gains_of(load_reported(), *DUKE_TO_MARKET)


def row(label: str, rank1: float, place: str = "table 1", **changes: object) -> Reported:
    fields = {"source": "a", "target": "b", "protocol": "single-query", "tested": "target"}
    return Reported("p", "paper", place, label, measures={"rank1": rank1}, **fields | changes)


@pytest.mark.parametrize(
    ("table", "label", "gain"),
    [
        # Gains that the papers' texts quote, read there.
        ("spgan/table 1", "CycleGAN", 3.5),
        ("spgan/table 1", "SPGAN", 6.5),
        ("ipgan/table 1", "Baseline+CycleGAN", 5.6),
        ("sagan/table I", "CycleGAN", 3.7),
    ],
)
def test_gains_are_those_that_the_papers_texts_tell(shipped, table, label, gain):
    (found,) = (g for g in shipped if (g.row.table, g.row.label) == (table, label))
    assert found.gains["rank1"] == gain


def test_each_learner_is_held_against_its_own_baseline(shipped):
    told = {
        g.row.label: g.baseline.label if g.baseline else None
        for g in shipped
        if g.row.table == "spgan/figure 10"
    }
    assert told["IDE+, SPGAN"] == "IDE+, Direct Transfer"
    assert told["PCB, SPGAN"] == "PCB, Direct Transfer"
    assert told["SVDNet, SPGAN"] is None  # its baseline's bar cannot be told


def test_what_a_paper_cites_gains_nothing_over_that_paper_s_baseline(shipped):
    cited = [g for g in shipped if g.row.cited]
    assert {"TJ-AIDL", "HHL", "SPGAN"} <= {g.row.label for g in cited}
    assert all(g.baseline is None and not g.gains for g in cited)
    assert not any(
        g.row.cited for g in shipped if g.row.label == "SPGAN" and "spgan/" in g.row.table
    )


def test_queries_of_several_images_are_held_against_their_like(shipped):
    (found,) = (g for g in shipped if g.row.label == "SPGAN, multi-query")
    assert found.baseline is not None
    assert found.baseline.label == "Direct transfer, multi-query"
    assert found.gains == {"mAP": 4.6, "rank1": 5.7, "rank5": 4.6, "rank10": 6.0}


def test_tables_settings_and_protocols_are_not_mixed():
    rows = [
        row("Direct Transfer", 10.0),
        row("GAN", 20.0),
        row("GAN", 90.0, protocol="other"),
        row("GAN", 90.0, place="table 2"),
        row("GAN", 90.0, target="c"),
        row("GAN", 90.0, tested="source"),
        row("Supervised", 90.0, source=""),
    ]
    found = gains_of(rows)
    assert [(g.row.label, dict(g.gains)) for g in found] == [
        ("Direct Transfer", {}),
        ("GAN", {"rank1": 10.0}),
    ]
    assert gains_of(rows, "b", "a") == []
    assert json.loads(json.dumps(found[1].to_dict()))["baseline"] == "Direct Transfer"
