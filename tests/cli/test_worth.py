from __future__ import annotations

import json

import pytest

from tests.made_results import save_all
from tests.results.test_worth import PLAIN, made, part


@pytest.fixture
def results(tmp_path):
    with_it = made((0.45, 0.46, 0.47), [part("sianet")], name="spgan", digest="e" * 32)
    return save_all([*made(PLAIN), *with_it], tmp_path / "results")


def test_the_table_tells_the_worth_with_its_interval(invoke, results):
    told = invoke("worth", "--results", results)
    assert told.exit_code == 0
    (row,) = (line for line in told.stdout.splitlines() if "sianet" in line)
    assert "+5.0" in row
    assert " to " in row
    assert "Holm" in told.stdout


def test_json_holds_fractions(invoke, results):
    told = json.loads(invoke("worth", "--results", results, "--json").stdout)
    assert told["measure"] == "mAP"
    assert told["rows"][0]["mean"] == pytest.approx(0.05)
    assert told["rows"][0]["setting"]["benchmark"] == "synthetic"


def test_a_grid_shows_constraints_by_translators(invoke, results):
    told = invoke("worth", "--results", results, "--grid")
    assert told.exit_code == 1
    assert "several translators" in told.stderr
    stargan = part("stargan")
    save_all(made(PLAIN, name="stargan", translator=stargan, digest="d" * 32), results)
    more = made((0.49, 0.51, 0.5), [part("sianet")], name="s", translator=stargan, digest="f" * 32)
    save_all(more, results)
    told = invoke("worth", "--results", results, "--grid")
    assert told.exit_code == 0
    (row,) = (line for line in told.stdout.splitlines() if "sianet" in line)
    assert "+5.0" in row
    assert "+9.0" in row
