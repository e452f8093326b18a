"""A whole run from the command, as small as the networks allow."""

import json

from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.testing.tiny import write_tiny_benchmark


def test_a_run_of_the_method(tmp_path):
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    write_tiny_benchmark(benchmark, batch=4)
    options = {"--benchmark": benchmark, "--cache": tmp_path / "cache", "--results": results}
    words = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(cli, ["run", "--method", "camstyle", *words])
    assert done.exit_code == 0, done.output
    (path,) = results.glob("tiny/camstyle-*-seed0.json")
    recipe = json.loads(path.read_text())["recipe"]
    assert recipe["translator"]["name"] == "camstyle"
    assert recipe["learner"]["name"] == "ide-lsr"
    assert recipe["rendering"] == {"cameras": "all"}
