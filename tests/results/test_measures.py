"""Measures: said once, and the formats of files agree."""

from __future__ import annotations

import subprocess
import sys

from msgspec import inspect, structs

from reidbench.results import reported
from reidbench.results.measures import (
    BY_KEY,
    COLUMNS,
    COMPARED,
    COUNTED,
    DRAWN,
    GAP_CLOSED,
    MEASURES,
    QUANTITIES,
    REPORTED,
    SHOWN,
    labels,
)
from reidbench.results.result_file import ResultFile


def places(kind: object, name: str = "") -> set[str]:
    """Return the dotted names of all numbers that a format knows."""
    if isinstance(kind, inspect.UnionType):
        return set().union(*(places(each, name) for each in kind.types))
    fields = getattr(kind, "fields", ())
    return {name}.union(*(places(f.type, f"{name}.{f.encode_name}".strip(".")) for f in fields))


def test_every_measure_and_quantity_has_a_place_that_is_checked_in_a_result_s_file() -> None:
    known = places(inspect.type_info(ResultFile))
    assert {BY_KEY[key].place for key in {*MEASURES, *QUANTITIES}} <= known


def test_every_list_of_measures_is_of_known_ones() -> None:
    for keys in (MEASURES, DRAWN, QUANTITIES, COUNTED, SHOWN, COLUMNS, COMPARED, REPORTED):
        assert set(keys) <= BY_KEY.keys()
        assert len(set(keys)) == len(keys)
    assert {*MEASURES, *QUANTITIES, GAP_CLOSED} == BY_KEY.keys()


def test_what_is_drawn_has_a_name_for_its_axis_and_is_in_percent() -> None:
    told = {key: BY_KEY[key] for key in {*MEASURES, *QUANTITIES}}
    assert {key for key, measure in told.items() if measure.axis} == set(DRAWN)
    assert {key for key, measure in told.items() if measure.percent} == set(DRAWN)
    assert all(BY_KEY[key].axis.endswith(" (%)") for key in DRAWN)


def test_reported_numbers_may_be_of_every_measure_that_papers_report() -> None:
    fields = [f.name for f in structs.fields(reported._Row)]
    assert set(REPORTED) == set(fields) - {
        *("label", "note", "cited", "source", "target", "protocol", "tested")
    }


def test_labels_are_in_the_order_asked_for() -> None:
    assert labels("rank1", "mAP") == {"rank1": "rank-1", "mAP": "mAP"}


def test_naming_measures_imports_nothing_heavy() -> None:
    code = "import sys, reidbench.results.measures, reidbench.studies.plot_kinds; "
    code += "assert not {'numpy', 'torch', 'matplotlib', 'msgspec', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
