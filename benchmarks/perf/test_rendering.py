"""Rendering synthetic pedestrians, by one process."""

from __future__ import annotations

import pytest

from reidbench.data.synthetic import Synthetic

IMAGES = 12
MARKET1501 = 12_936 + 3_368 + 19_732
EVERYTHING = {
    "domain": "d", "camera_gap": 2.0, "occluders": 1.0, "back": 0.5, "sides": "by-camera",
    "ids": 1501, "cameras": 6, "distractors": 2_798,
}  # fmt: skip


@pytest.mark.parametrize("size", [(64, 32), (128, 64)])
def test_rendering(benchmark, size):
    data = Synthetic(domain="b", ids=40, height=size[0], width=size[1])

    def render() -> None:
        for index in range(IMAGES):
            data.read("train", index)

    benchmark.pedantic(render, rounds=3, warmup_rounds=1)
    benchmark.extra_info["images/s"] = round(IMAGES / benchmark.stats.stats.min, 1)


def test_rendering_at_market1501_size(benchmark):
    """Pictures and masks with every option on take under three minutes on two cores."""
    data = Synthetic(**EVERYTHING, height=128, width=64)
    rows = range(0, len(data.samples("train")), 60)

    def render() -> None:
        for index in rows:
            data.read("train", index)
            data.read_mask("train", index)

    benchmark.pedantic(render, rounds=2, warmup_rounds=0)
    seconds = benchmark.stats.stats.min / len(rows) * MARKET1501 / 2
    benchmark.extra_info["seconds at Market-1501's size, by two processes"] = round(seconds)
    assert seconds < 180
