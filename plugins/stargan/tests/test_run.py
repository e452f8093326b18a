"""A whole run from the command, as small as the networks allow."""

import json

import pytest
from click.testing import CliRunner

from reidbench.cli import cli

DOMAIN = "ids = 8\ncameras = 2\nimages_per_camera = 2\nheight = 32\nwidth = 16"
TINY = f"""
version = 1
summary = "as small as the networks allow"
seeds = [0]
image_size = [32, 16]

[source]
name = "synthetic"
domain = "a"
{DOMAIN}

[target]
name = "synthetic"
domain = "b"
{DOMAIN}

[protocol]
name = "market1501"

[budget]
steps = 4
batch = 4

[translator]
blocks = 1
width = 4
discriminator_width = 4

[learner]
backbone = "small-resnet"
bottleneck = 0
epochs = 1
batch = 8
"""


@pytest.mark.parametrize("cameras", ["all", "one"])
def test_a_run_with_sianet(tmp_path, cameras):
    pytest.importorskip("reidbench_spgan")
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    benchmark.write_text(TINY)
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
