"""The constraint on translators of other plugins, and as a run."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request, compose
from reidbench.engine.gan import train_step
from reidbench.engine.hardware import Hardware
from reidbench.errors import UsageError
from reidbench.interfaces import UNLABELLED, Batch, Clock, Images
from reidbench.progress import Silent
from reidbench.registry.loading import load_from
from reidbench.registry.registry import Registration
from reidbench.runs.plan import plan
from reidbench.runs.runner import Session, run_plan
from reidbench.runs.setting import open_setting
from reidbench.storage.artifacts import Store

STEPS = 3
TOYS = "reidbench.testing.toys"
CPU = Hardware(torch.device("cpu"))
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4}


def cyclegan(**parameters):
    owner = pytest.importorskip("reidbench_cyclegan.translator")
    return owner.CycleGAN(pool=2, **SMALL, **parameters)


def descended_by_sgd():
    return cyclegan(optimizer="sgd", lr=2e-3, identity=0.0)


def stargan():
    return pytest.importorskip("reidbench_stargan.translator").StarGAN(**SMALL)


def stargan_release():
    owner = pytest.importorskip("reidbench_stargan.translator")
    return owner.StarGAN(destinations="any", **SMALL)


def images(seed, pid):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(4, 3, 32, 24, generator=generator) * 2 - 1
    return Images(pixels, torch.tensor(pid), torch.arange(4) % 3)


def trained(context, build, constraints):
    torch.manual_seed(7)
    translator = build()
    cameras = 4 if translator.split == "camera" else 2
    translator.setup(replace(context, num_domains=cameras))
    for step in range(STEPS):
        batch = Batch(images(0, [1, 1, 2, 0]), images(1, [UNLABELLED] * 4))
        log = train_step(translator, constraints, batch, Clock(step, STEPS), seed=5)
    assert all(torch.isfinite(torch.as_tensor(value)) for value in log.values())
    return [p.detach() for p in translator.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("build", [cyclegan, descended_by_sgd, stargan, stargan_release])
def test_weight_0_leaves_the_translator_bit_identical(make, context, build):
    plain = trained(context, build, {})
    assert equal(plain, trained(context, build, {"similarity-consistency": make(weight=0.0)}))
    constraint = make(weight=5.0)
    before = [p.clone() for p in constraint.parameters()]
    assert not equal(plain, trained(context, build, {"similarity-consistency": constraint}))
    assert equal(before, constraint.parameters())


@pytest.fixture
def toys():
    """Return what discovery gives, where nothing but toys and this plugin is installed."""
    found, more = load_from([]), Registration("toys")
    more.dataset("toy", f"{TOYS}:ToyDataset")
    more.translator("toy", f"{TOYS}:ToyTranslator")
    more.learner("toy", f"{TOYS}:ToyLearner")
    more.constraint("similarity-consistency", "reidbench_simpgan.constraint:SimilarityConsistency")
    more.learner("siamese", "reidbench_simpgan.learner:Siamese")
    found.registry.add(more)
    return found


def planned(toys, request, **settings):
    benchmark = Benchmark(
        "toy",
        1,
        "toys",
        *(DatasetSpec("toy", {"domain": domain}) for domain in "ab"),
        DatasetSpec("market1501"),
        (0,),
        (16, 8),
        {
            "budget": {"steps": 4, "batch": 8},
            "learner": {"epochs": 2, "batch": 8, "backbone": "small-resnet", "dropout": 0.0},
        },
    )
    recipe = compose(request, benchmark, toys.registry, settings)
    return plan(recipe, open_setting(benchmark, toys.registry, None, {}), 0, "float32")


def run(toys, found, folder):
    return run_plan(found, Session(Store(folder), CPU, Silent(), toys.manager.hook, 60))


def learns(outcome):
    return {s.learner.name: s for s in outcome.plan.stages if s.kind == "learn"}


def test_a_run_judges_by_a_siamese_classifier_of_the_real_source(toys, tmp_path):
    request = Request(None, "toy", ["similarity-consistency"], "toy", "translated")
    outcome = run(toys, planned(toys, request), tmp_path)
    classifier = learns(outcome)["siamese"]
    assert [d.kind for d in classifier.data] == ["decode"]
    assert [d.kind for d in outcome.plan.learned.data] == ["translate"]
    weights = load_file(outcome.artifact(classifier).path / "model.safetensors")
    assert weights["score.weight"].shape == (1, 128)


def test_target_images_are_scored_by_the_classifier_that_guided(toys, tmp_path):
    scored = {"embedding.retrieval": "verification"}
    request = Request(
        None, "toy", ["similarity-consistency"], "siamese", None, direction="target-to-source"
    )
    outcome = run(toys, planned(toys, request, **scored), tmp_path)
    direct = run(toys, planned(toys, Request(None, "none", (), "siamese"), **scored), tmp_path)
    assert learns(outcome)["siamese"].key == outcome.plan.learned.key == direct.plan.learned.key


def test_an_odd_batch_holds_no_pairs(toys):
    request = Request(None, "toy", ["similarity-consistency"], "toy", "translated")
    with pytest.raises(UsageError, match="pairs"):
        planned(toys, request, **{"budget.batch": 5})
