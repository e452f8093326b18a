"""Rendering synthetic pedestrians, by one process."""

from __future__ import annotations

import pytest

from reidbench.data.synthetic import Synthetic

IMAGES = 12


@pytest.mark.parametrize("size", [(64, 32), (128, 64)])
def test_rendering(benchmark, size):
    data = Synthetic(domain="b", ids=40, height=size[0], width=size[1])

    def render() -> None:
        for index in range(IMAGES):
            data.read("train", index)

    benchmark.pedantic(render, rounds=3, warmup_rounds=1)
    benchmark.extra_info["images/s"] = round(IMAGES / benchmark.stats.stats.min, 1)
