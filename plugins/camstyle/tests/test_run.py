"""A whole run from the command, as small as the networks allow."""

import json

from click.testing import CliRunner

from reidbench.cli import cli

DOMAIN = "ids = 8\ncameras = 2\nimages_per_camera = 2\nheight = 32\nwidth = 24"
TINY = f"""
version = 1
summary = "as small as the networks allow"
seeds = [0]
image_size = [32, 24]

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


def test_a_run_of_the_method(tmp_path):
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    benchmark.write_text(TINY)
    options = {"--benchmark": benchmark, "--cache": tmp_path / "cache", "--results": results}
    words = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(cli, ["run", "--method", "camstyle", *words])
    assert done.exit_code == 0, done.output
    (path,) = results.glob("tiny/camstyle-*-seed0.json")
    recipe = json.loads(path.read_text())["recipe"]
    assert recipe["translator"]["name"] == "camstyle"
    assert recipe["learner"]["name"] == "ide-lsr"
    assert recipe["rendering"] == {"cameras": "all"}
