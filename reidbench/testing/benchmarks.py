"""The smallest benchmark that a whole run of real components goes through."""

from __future__ import annotations

from pathlib import Path

TINY = """
version = 1
summary = "as small as the networks allow"
seeds = [0]
image_size = [{height}, {width}]

[source]
name = "synthetic"
domain = "a"
{domain}

[target]
name = "synthetic"
domain = "b"
{domain}

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
DOMAIN = "ids = 8\ncameras = 2\nimages_per_camera = 2\nheight = {height}\nwidth = {width}"


def write_tiny_benchmark(path: Path, size: tuple[int, int] = (32, 24)) -> None:
    """Write the TOML file of two rendered domains of eight persons, for ``--benchmark``.

    Args:
        path: the file; its stem is the benchmark's name.
        size: height and width of the images.
    """
    sides = dict(zip(("height", "width"), size, strict=True))
    path.write_text(TINY.format(**sides, domain=DOMAIN.format(**sides)))
