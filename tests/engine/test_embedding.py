from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reidbench.config.benchmark import Benchmark
from reidbench.config.compose import Request
from reidbench.config.recipe import Component, Embedding
from reidbench.data.arrays import ImageArray
from reidbench.engine.embedding import Embedder, Extractor, batch_of, check, pooled
from reidbench.engine.hardware import Hardware
from reidbench.errors import UsageError
from reidbench.registry.registry import Entry, Registration, Registry
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session, run_plan
from reidbench.testing.toy_runs import CPU, make_plan, toy_benchmark, toy_plan
from reidbench.testing.toys import ToyLearner

HERE = "tests.engine.test_embedding"
BF16 = Hardware(torch.device("cpu"), "bf16")


class Mapped(ToyLearner):
    """A toy whose features are the average of its map, of half the image's rows."""

    def build(self, num_pids: int) -> nn.Module:
        layers = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Linear(8, num_pids)
        return nn.Sequential(*layers)

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model[2](self.embed(model, pixels)), pid)

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        return self.feature_map(model, pixels).mean((2, 3))

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        return model[1](model[0](pixels)).relu()


class Fussy(Mapped):
    """Cannot be built without a file that is not here, and trained models need none."""

    def build(self, num_pids: int) -> nn.Module:
        raise FileNotFoundError("initial weights")

    def blank(self, num_pids: int) -> nn.Module:
        return super().build(num_pids)


def component(kind: type) -> Component:
    return Component(Entry("learner", "mapped", f"{HERE}:{kind.__name__}", "test"), 1, {})


def images(count: int, height: int = 16, width: int = 8) -> ImageArray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, height, width, 3), np.uint8)
    return ImageArray(pixels, np.arange(count), np.zeros(count, np.int64))


def mapped_model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Mapped().build(2)
        model[1](model[0](torch.randn(4, 3, 16, 8)))
    return model.eval()


def by_hand(maps: np.ndarray, pool: str, parts: int) -> list[list[float]]:
    """Pool stripe by stripe, from the definition."""
    rows = maps.shape[2]
    features = []
    for image in maps:
        found = []
        for part in range(parts):
            first, last = math.floor(part * rows / parts), math.ceil((part + 1) * rows / parts)
            for channel in image:
                values = [v for row in range(first, last) for v in channel[row]]
                found.append(max(values) if pool == "max" else sum(values) / len(values))
        features.append(found)
    return features


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(8, 17),
    st.integers(1, 4),
    st.sampled_from(["max", "average"]),
    st.sampled_from([1, 2, 4, 8]),
)
def test_pooling_is_that_of_loops(images, channels, rows, columns, pool, parts):
    rng = np.random.default_rng(images + 10 * rows)
    maps = rng.standard_normal((images, channels, rows, columns))
    found = pooled(torch.from_numpy(maps), pool, parts)
    assert found.shape == (images, parts * channels)
    np.testing.assert_allclose(found.numpy(), by_hand(maps, pool, parts), rtol=1e-12)


def test_parts_stand_from_top_to_bottom():
    maps = torch.arange(4.0).view(1, 1, 4, 1) + torch.tensor([0.0, 100.0]).view(1, 2, 1, 1)
    assert pooled(maps, "max", 2).tolist() == [[1, 101, 3, 103]]
    assert pooled(maps, "average", 2).tolist() == [[0.5, 100.5, 2.5, 102.5]]


def test_parts_need_a_pooling():
    with pytest.raises(ValueError, match="parts=4 needs a pooling: set pool to 'max'"):
        Embedding(parts=4)


def test_a_pooling_that_the_learner_does_is_not_part_of_any_key():
    assert Embedding(flip=True).to_dict() == {"flip": True}
    assert Embedding(pool="max", parts=8).to_dict() == {"flip": False, "pool": "max", "parts": 8}


@pytest.mark.parametrize("kind", [Mapped, Fussy])
def test_as_many_parts_as_the_map_has_rows_are_allowed(kind):
    check(Embedding(pool="max", parts=8), component(kind), (16, 8))
    with pytest.raises(UsageError, match=r"learner 'mapped' has 7 rows at 14x8 pixels"):
        check(Embedding(pool="max", parts=8), component(kind), (14, 8))


def test_a_learner_without_a_map_is_refused_before_anything_is_planned(
    registry: Registry,
) -> None:
    with pytest.raises(UsageError, match="ToyLearner gives no feature map to pool"):
        make_plan(registry, toy_benchmark(), embedding__pool="max")
    assert make_plan(registry, toy_benchmark(), embedding__flip=True)


@pytest.fixture
def mapped(registry: Registry) -> Registry:
    more = Registration("mapped")
    more.learner("mapped", f"{HERE}:Mapped")
    registry.add(more)
    return registry


def run(registry: Registry, benchmark: Benchmark, **options: object) -> Plan:
    return make_plan(registry, benchmark, 0, Request("direct", learner="mapped"), **options)


def stage_features(session: Session, plan: Plan, split: str = "query") -> np.ndarray:
    embedded = plan.evaluations[0].embedded
    folder = run_plan(plan, session).artifact(embedded).path
    return np.load(folder / f"{split}_features.npy")


def test_the_stage_pools_as_the_recipe_says(mapped, benchmark_, session):
    plain = stage_features(session, run(mapped, benchmark_))
    average = run(mapped, benchmark_, embedding__pool="average")
    np.testing.assert_allclose(stage_features(session, average), plain, rtol=1e-5)
    parts = run(mapped, benchmark_, embedding__pool="average", embedding__parts=2)
    halves = stage_features(session, parts)
    assert halves.shape == (len(plain), 16)
    np.testing.assert_allclose((halves[:, :8] + halves[:, 8:]) / 2, plain, rtol=1e-5)
    largest = run(mapped, benchmark_, embedding__pool="max")
    assert (stage_features(session, largest) >= plain).all()


def test_only_what_follows_the_embedding_has_another_key(mapped, benchmark_):
    plain = run(mapped, benchmark_)
    other = run(mapped, benchmark_, embedding__pool="max", embedding__parts=4)
    kept = {s.key for s in plain.stages} & {s.key for s in other.stages}
    assert {k.partition("/")[0] for k in kept} == {"decode", "learn"}
    assert len(kept) == len(plain.stages) - 2


def plainly(model: nn.Module, array: ImageArray) -> np.ndarray:
    pixels = array.images(np.arange(len(array)), torch.device("cpu")).pixels.contiguous()
    with torch.no_grad():
        return Mapped().embed(model, pixels).numpy()


def test_features_are_those_of_the_learner_whatever_the_batch():
    model, array = mapped_model(), images(7)
    expected = plainly(copy.deepcopy(model), array)
    for batch in (1, 3, 7, None):
        embedder = Embedder(Mapped(), copy.deepcopy(model), Embedding())
        found = Extractor(embedder, CPU, batch=batch)(array)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_batch_normalisation_is_folded_away():
    embedder = Embedder(Mapped(), mapped_model(), Embedding())
    Extractor(embedder, CPU)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in embedder.modules())


def test_flipping_adds_the_mirrored_images():
    array = images(3)
    mirrored = ImageArray(array.pixels[:, :, ::-1].copy(), array.pids, array.cams)
    model = mapped_model()
    found = Extractor(Embedder(Mapped(), copy.deepcopy(model), Embedding()), CPU, flip=True)(array)
    np.testing.assert_allclose(found, plainly(model, array) + plainly(model, mirrored), rtol=1e-5)


def test_bf16_is_near_and_gives_float32():
    array, model = images(5), mapped_model()
    expected = plainly(copy.deepcopy(model), array)
    found = Extractor(Embedder(Mapped(), model, Embedding()), BF16)(array)
    assert found.dtype == np.float32
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert 0 < error < 0.02


def test_progress_counts_over_all_sets():
    told = []
    extractor = Extractor(Embedder(Mapped(), mapped_model(), Embedding()), CPU, batch=2)
    sets = {"query": images(3), "gallery": images(2)}
    found = dict(extractor.sets(sets, lambda done, total, log: told.append((done, total))))
    assert told == [(2, 5), (3, 5), (5, 5)]
    assert [len(f) for f in found.values()] == [3, 2]


def test_batches_on_a_cpu_are_of_so_many_bytes():
    assert batch_of(CPU, (256, 128)) == 15
    assert batch_of(BF16, (256, 128)) == 30
    assert batch_of(CPU, (4000, 4000)) == 1
    assert batch_of(Hardware(torch.device("cuda")), (256, 128)) == 128


class Wandering(nn.Module):
    """Cannot be traced: which way it goes depends on its input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x)).mean((2, 3)) * (2 if x.mean() > 0 else 3)


def test_a_model_that_cannot_be_traced_is_embedded_as_it_is():
    model = Wandering().eval()
    pixels = images(2).images(np.arange(2), torch.device("cpu")).pixels
    expected = model(pixels).detach().numpy()
    np.testing.assert_allclose(Extractor(model, CPU)(images(2)), expected, rtol=1e-5)


def test_fine_tuning_and_embedding_need_no_initial_weights(session, registry, monkeypatch):
    """Initial weights may go once the first model is learned."""
    plan = toy_plan()
    learned = plan.learned
    assert learned.start is not None
    built, build = [], ToyLearner.build

    def counting(name: str) -> None:
        def instead(self: ToyLearner, num_pids: int) -> nn.Module:
            built.append(name)
            return build(self, num_pids)

        monkeypatch.setattr(ToyLearner, name, instead)

    counting("build")
    counting("blank")
    run_plan(plan, session)
    assert built.count("build") == 1  # on the source
    assert built.count("blank") >= 2  # to fine-tune, to embed, to measure
