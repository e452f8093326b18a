"""Features of image files by ResNet-50 at 256x128, against torchreid's FeatureExtractor.

Both read the same JPEG files, of the network's own size so that neither resizes, and end with
features as an array; torchreid is given 100 files at a time, the batch of its own tests. Ours goes
the way of a run: decode to arrays (here in one process, as torchreid does), then embed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from benchmarks.perf import peers
from reidbench.data.arrays import ImageArray
from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.data.decode import decode
from reidbench.data.image_files import read_rgb
from reidbench.engine.embedding import Extractor
from reidbench.engine.hardware import Hardware
from reidbench.extraction.external_models import Ranged
from reidbench.nn.backbones import build_backbone

IMAGES, BATCH, SIZE = 100, 100, (256, 128)


class Files(Dataset):
    """JPEG files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*.jpg"))

    def samples(self, split: Split) -> Samples:
        zeros = np.zeros(len(self.paths), np.int64)
        return Samples([p.name for p in self.paths], zeros, zeros)

    def read(self, split: Split, index: int) -> np.ndarray:
        return read_rgb(self.paths[index])

    def fingerprint(self) -> str:
        return "files"

    def check(self) -> list[str]:
        return []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for number in range(IMAGES):
        coarse = Image.fromarray(rng.integers(0, 256, (32, 16, 3), np.uint8))
        image = coarse.resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC)
        image.save(folder / f"{number:03}.jpg", quality=90)
    return Files(folder)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """ResNet-50 without its classifier, whose normalisation is far from the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_backbone("resnet50").network.eval()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1)
    return network


@pytest.fixture(scope="module")
def theirs(
    files: Files, network: nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], np.ndarray]:
    weights = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(network.state_dict(), weights)
    extractor = peers.torchreid().FeatureExtractor(
        "resnet50", str(weights), image_size=SIZE, device="cpu", verbose=False
    )
    names = [str(path) for path in files.paths]

    def run() -> np.ndarray:
        batches = [names[i : i + BATCH] for i in range(0, len(names), BATCH)]
        return torch.cat([extractor(batch) for batch in batches]).numpy()

    return run


def ours(
    files: Files, network: nn.Module, precision: str, folder: Path
) -> Callable[[], np.ndarray]:
    hardware = Hardware(torch.device("cpu"), precision)
    extractor = Extractor(Ranged(copy.deepcopy(network), "imagenet"), hardware)

    def run() -> np.ndarray:
        decode(files, "query", SIZE, folder, workers=1)
        return extractor(ImageArray.open(folder))

    return run


@pytest.mark.parametrize(("precision", "error"), [("float32", 2e-6), ("bf16", 2e-2)])
def test_extraction(benchmark, fastest, files, network, theirs, tmp_path, precision, error):
    run = ours(files, network, precision, tmp_path)
    features, expected = benchmark.pedantic(run), theirs()
    norms = np.linalg.norm(expected, axis=1)
    assert norms.min() > 0
    difference = (np.abs(features - expected).max(1) / norms).max()
    assert difference <= error
    peer, own = fastest(theirs, run, rounds=3)
    benchmark.extra_info |= {
        f"torchreid's time in float32 / ours in {precision}": round(peer / own, 2),
        "images a second": round(IMAGES / own, 1),
        "largest difference of a value, by the feature's norm": f"{difference:.1e}",
    }
