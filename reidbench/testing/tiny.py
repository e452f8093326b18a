"""A benchmark on which a whole run takes about a second, for tests and examples."""

from __future__ import annotations

from pathlib import Path

SIZE = (32, 24)
_DOMAIN = "ids = 8\ncameras = 2\nimages_per_camera = 2\nheight = 32\nwidth = 24"

TINY = f"""
version = 1
summary = "as small as the networks allow"
seeds = [0, 1]
image_size = [32, 24]

[source]
name = "synthetic"
domain = "a"
{_DOMAIN}

[target]
name = "synthetic"
domain = "b"
{_DOMAIN}

[protocol]
name = "market1501"

[budget]
steps = 4
batch = 2

[translator]
blocks = 1
width = 4
discriminator_width = 4

[learner]
backbone = "small-resnet"
bottleneck = 0
dropout = 0.0
epochs = 1
batch = 8
"""
"""The benchmark's file."""


def write_tiny_benchmark(
    path: str | Path,
    source: str = "",
    target: str = "",
    *,
    size: tuple[int, int] = SIZE,
    batch: int = 2,
) -> Path:
    """Write a benchmark of rendered persons, of small images and four steps of training.

    Its scores say nothing of a method: nothing is learned in four steps.

    Args:
        path: of the file to write, ending in ``.toml``.
        source: name of a dataset that takes the place of the rendered source.
        target: name of a dataset that takes the place of the rendered target.
        size: height and width of the images, in pixels.
        batch: images of each domain in a step of the translator.

    Returns:
        The path, for ``benchmark=`` or ``--benchmark``.
    """
    text = TINY
    for domain, replacement in (("a", source), ("b", target)):
        if replacement:
            ours = f'name = "synthetic"\ndomain = "{domain}"\n{_DOMAIN}'
            text = text.replace(ours, f'name = "{replacement}"')
    (height, width), (usual_height, usual_width) = size, SIZE
    text = text.replace(f"[{usual_height}, {usual_width}]", f"[{height}, {width}]")
    text = text.replace(f"height = {usual_height}", f"height = {height}")
    text = text.replace(f"width = {usual_width}", f"width = {width}")
    text = text.replace("steps = 4\nbatch = 2", f"steps = 4\nbatch = {batch}")
    Path(path).write_text(text)
    return Path(path)
