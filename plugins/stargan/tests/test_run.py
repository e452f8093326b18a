"""A whole run from the command, as small as the networks allow."""

import json

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.testing.tiny import write_tiny_benchmark


@pytest.mark.parametrize("cameras", ["all", "one"])
def test_a_run_with_sianet(tmp_path, cameras):
    pytest.importorskip("reidbench_spgan")
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    write_tiny_benchmark(benchmark, size=(32, 16), batch=4)
    options = {"--benchmark": benchmark, "--cache": tmp_path / "cache", "--results": results}
    words = [str(word) for option in options.items() for word in option]
    what = [
        "--method",
        "stargan",
        "--constraint",
        "sianet",
        "--set",
        f"rendering.cameras={cameras}",
    ]
    done = CliRunner().invoke(cli, ["run", *what, *words])
    assert done.exit_code == 0, done.output
    (path,) = results.glob("tiny/stargan+sianet*-seed0.json")
    recipe = json.loads(path.read_text())["recipe"]
    assert recipe["translator"]["name"] == "stargan"
    assert recipe["rendering"] == {"cameras": cameras}
    assert [c["name"] for c in recipe["constraints"]] == ["sianet"]
