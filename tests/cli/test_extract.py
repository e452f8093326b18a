from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from reidbench.registry.loading import Plugins
from reidbench.registry.registry import Registration
from reidbench.testing.toys import ToyDataset
from tests.cli.foreign_models import Fixed, Means, script, wrong_models
from tests.cli.onnx_file import write_onnx

TOYS = "reidbench.testing.toys"


@pytest.fixture(autouse=True)
def toys(plugins: Plugins) -> None:
    more = Registration("toys")
    more.dataset("toy", f"{TOYS}:ToyDataset")
    more.dataset("boxed", f"{__name__}:Boxed")
    more.learner("toy", f"{TOYS}:ToyLearner")
    more.learner("ide", "reidbench_ide.learner:IDE")
    plugins.registry.add(more)


class Boxed(ToyDataset):
    @property
    def has_multi_query(self) -> bool:
        return True

    def samples(self, split):
        return super().samples("gallery" if split == "multi_query" else split)


@pytest.fixture
def extract(invoke, tmp_path):
    """Run ``reidbench extract`` on the toy dataset and return the command's result and file."""

    def run(model, *options, dataset="toy"):
        output = tmp_path / "out" / "features.npz"
        place = ["--cache", tmp_path / "cache", "--device", "cpu"]
        named = ["--dataset", dataset, "-o", output, *place]
        if "--image-size" not in options:
            named += ["--image-size", "32x16"]
        return invoke("extract", model, *named, *options), output

    return run


def toy_pixels(split="query", domain="a") -> np.ndarray:
    """Return the images ``[N, 32, 16, 3]`` in [0, 1]."""
    data = ToyDataset(domain=domain)
    return np.stack([data.read(split, i) for i in range(len(data.samples(split)))]) / 255


def fields(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return dict(archive)


def evaluated(invoke, path) -> dict:
    return json.loads(invoke("evaluate", "--features", path, "--json").stdout)


@pytest.mark.parametrize("kind", ["torchscript", "onnx", "onnx of 5 images"])
def test_a_file_is_asked_for_its_features(extract, invoke, tmp_path, kind):
    if kind == "torchscript":
        model = script(tmp_path / "means.pt", Means())
    else:
        model = write_onnx(tmp_path / "means.onnx", 5 if "5" in kind else "batch")
    result, path = extract(model, "--normalise", "none")
    assert result.exit_code == 0, result.stderr
    found = fields(path)
    np.testing.assert_allclose(found["query_features"], toy_pixels().mean((1, 2)), rtol=1e-5)
    assert found["gallery_names"].tolist() == [f"gallery/{i}.png" for i in range(12)]
    assert found["query_pids"].tolist() == ToyDataset().samples("query").pids.tolist()
    assert evaluated(invoke, path)["mAP"] > 0.5  # persons are colours


@pytest.mark.parametrize(
    ("normalise", "mean", "deviation"),
    [("imagenet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ("half", 0.5, 0.5)],
)
def test_pixels_are_normalised_as_asked(extract, tmp_path, normalise, mean, deviation):
    _, path = extract(script(tmp_path / "means.pt", Means()), "--normalise", normalise)
    expected = (toy_pixels().mean((1, 2)) - mean) / deviation
    np.testing.assert_allclose(fields(path)["query_features"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_torchvision_network_with_weights(extract, tmp_path, suffix):
    torch.manual_seed(0)
    network = models.resnet18(num_classes=7).eval()
    weights = tmp_path / f"resnet18{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(network.state_dict(), weights)
    result, path = extract(
        "torchvision:resnet18", "--weights", weights, "--normalise", "none", "--json"
    )
    network.fc = nn.Identity()
    images = torch.from_numpy(toy_pixels()).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = network(images).numpy()
    np.testing.assert_allclose(fields(path)["query_features"], expected, rtol=1e-4, atol=1e-5)
    record = json.loads(result.stdout)
    assert record["model"]["weights"] == f"weights {weights.name}"
    assert len(record["model"]["sha256"]) == 64
    assert record["sets"]["query"] == {"images": 12, "dimensions": 512}


def test_random_weights_say_so_and_are_the_same_every_time(extract):
    result, path = extract("torchvision:mobilenet_v3_small")
    assert "mobilenet_v3_small, random weights" in result.stderr
    first = fields(path)["query_features"]
    extract("torchvision:mobilenet_v3_small")
    assert np.array_equal(first, fields(path)["query_features"])


def test_parts_and_flipping(extract):
    options = ("--pool", "max", "--parts", "2", "--image-size", "64x32")
    result, path = extract("torchvision:resnet18", *options)
    assert result.exit_code == 0, result.stderr
    plain = fields(path)["query_features"]
    assert plain.shape == (12, 1024)
    extract("torchvision:resnet18", *options, "--flip")
    flipped = fields(path)["query_features"]
    assert (flipped > plain).mean() > 0.4  # both are positive
    about = json.loads(str(fields(path)["about"]))
    assert about["embedding"] == {"flip": True, "pool": "max", "parts": 2}
    assert about["image_size"] == [64, 32]


def test_splits_are_those_of_the_dataset(extract):
    for name in ("multi_query", "boxes"):
        asked = ("--splits", f"{name},query")
        result, path = extract("torchvision:resnet18", *asked, dataset="boxed")
        assert result.exit_code == 0, result.stderr
        sets = {field.removesuffix("_pids") for field in fields(path) if field.endswith("_pids")}
        assert sets == {"query", "multi_query"}
    result, _ = extract("torchvision:resnet18", "--splits", "query,boxes")
    assert result.exit_code == 2
    assert "no split is named 'boxes'" in result.stderr


def test_images_are_decoded_once(extract, tmp_path):
    model = script(tmp_path / "means.pt", Means())
    extract(model)
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("pixels.npy")}
    assert len(made) == 2
    extract(model, "--normalise", "half")
    assert made == {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("pixels.npy")}


def test_bf16_is_near(extract, tmp_path):
    _, path = extract("torchvision:resnet18")
    exact = fields(path)["query_features"]
    result, _ = extract("torchvision:resnet18", "--precision", "bf16", "--json")
    near = fields(path)["query_features"]
    assert json.loads(result.stdout)["precision"] == "bf16"
    assert 0 < np.abs(near - exact).max() < 0.05 * np.abs(exact).max()


WRONG = (
    *("missing", "torchscript", "weights", "onnx", "exported", "result", "kind", "torchvision"),
    *("several", "unpooled", "onnx unpooled", "one row"),
)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_model_is_one_error_before_any_decoding(extract, tmp_path, wrong):
    model, message = wrong_models(tmp_path)[wrong]
    result, path = extract(model)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert not path.exists()
    assert not [*(tmp_path / "cache").rglob("pixels.npy")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--image-size", "64x32"), "given 2 images of 64x32 pixels, fails: "),
        (("--pool", "max"), "a model from a file gives no feature map to pool"),
        (("--parts", "2"), "parts=2 needs a pooling"),
        (("--weights", "w.pth"), "--weights are those of a torchvision:NAME"),
        (("--precision", "float16"), "--precision takes float32, tf32 or bf16"),
        (("--image-size", "64"), "'64' is not height x width"),
        (("--set", "toy.ids=3"), "only dataset.PARAMETER can be set here"),
    ],
)
def test_options_that_do_not_fit_are_refused(extract, tmp_path, options, message):
    result, _ = extract(script(tmp_path / "fixed.pt", Fixed()), *options)
    assert result.exit_code in (1, 2)
    assert message in result.stderr


def test_more_parts_than_rows_are_refused(extract):
    result, _ = extract("torchvision:resnet18", "--pool", "max", "--parts", "4")
    assert result.exit_code == 2
    assert "the feature map of resnet18, random weights has 1 row at 32x16 pixels" in result.stderr


def test_the_file_must_be_one_that_is_written(extract, invoke, tmp_path):
    result = invoke("extract", "torchvision:resnet18", "--dataset", "toy", "-o", tmp_path / "f.mat")
    assert result.exit_code == 2
    assert "features are written to .npz files" in result.stderr


@pytest.fixture
def ran(invoke, tmp_path, plugins):
    """Run direct transfer between the toy domains; give the result file."""

    def run(learner, *settings):
        (tmp_path / "toy.toml").write_text(
            'version = 1\nsummary = "toys"\nseeds = [0]\nimage_size = [32, 16]\n'
            '[source]\nname = "toy"\ndomain = "a"\n[target]\nname = "toy"\ndomain = "b"\n'
            '[protocol]\nname = "market1501"\n'
        )
        folders = ["--cache", tmp_path / "cache", "--results", tmp_path / "results"]
        what = ["--translator", "none", "--learner", learner]
        done = invoke(
            "run",
            *what,
            "--benchmark",
            tmp_path / "toy.toml",
            *folders,
            "--device",
            "cpu",
            *(x for s in settings for x in ("--set", s)),
        )
        assert done.exit_code == 0, done.stderr
        (path,) = (tmp_path / "results").glob("*/*.json")
        return path

    return run


@pytest.mark.parametrize(
    "settings",
    [
        ("toy",),
        ("ide", "ide.backbone=small-resnet", "ide.epochs=1"),
        (
            "ide",
            "ide.backbone=small-resnet",
            "ide.epochs=1",
            "embedding.pool=max",
            "embedding.parts=2",
            "embedding.flip=true",
        ),
    ],
)
def test_the_model_of_a_result_gives_the_features_of_its_run(
    extract, invoke, ran, tmp_path, settings
):
    path = ran(*settings)
    domain = ("--set", "dataset.domain=b")
    result, written = extract(path, *domain)
    assert result.exit_code == 0, result.stderr
    (own,) = (tmp_path / "cache" / "objects" / "embed").iterdir()
    for split in ("query", "gallery"):
        expected = np.load(own / f"{split}_features.npy")
        assert np.array_equal(fields(written)[f"{split}_features"], expected)
    scores = json.loads(path.read_text())["scores"]
    assert evaluated(invoke, written)["mAP"] == scores["mAP"]


def test_options_prevail_over_those_of_the_run(extract, ran):
    path = ran("ide", "ide.backbone=small-resnet", "ide.epochs=1")
    _, written = extract(path, "--pool", "average", "--parts", "4")
    assert fields(written)["query_features"].shape == (12, 512)


def test_a_model_that_is_no_longer_in_the_cache_is_named(extract, invoke, ran, tmp_path):
    path = ran("toy")
    invoke("cache", "rm", "learn", "--cache", tmp_path / "cache")
    result, _ = extract(path)
    assert result.exit_code == 1
    assert "not in the cache" in result.stderr


def test_a_learner_that_changed_since_is_refused(extract, ran, monkeypatch):
    path = ran("toy")
    monkeypatch.setattr("reidbench.testing.toys.ToyLearner.version", 7)
    result, _ = extract(path)
    assert result.exit_code == 1
    assert "learned by version 1 of 'toy', and version 7 is installed" in result.stderr
