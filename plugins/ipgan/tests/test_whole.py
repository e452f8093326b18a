"""The constraint on the translator of another plugin, and as a run."""

import pytest
import torch
from safetensors.torch import load_file

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request, compose
from reidbench.engine.gan import train_step
from reidbench.engine.hardware import Hardware
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


def images(seed, pid):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1
    return Images(pixels, torch.tensor(pid), torch.zeros(2, dtype=torch.long))


def trained(context, constraints):
    cyclegan = pytest.importorskip("reidbench_cyclegan.translator")
    torch.manual_seed(7)
    translator = cyclegan.CycleGAN(width=4, blocks=1, discriminator_width=4, pool=2)
    translator.setup(context)
    for step in range(STEPS):
        batch = Batch(images(0, [1, 2]), images(1, [UNLABELLED] * 2))
        train_step(translator, constraints, batch, Clock(step, STEPS), seed=5)
    return [p.detach() for p in translator.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_weight_0_leaves_the_translator_bit_identical(make, context):
    plain = trained(context, {})
    assert equal(plain, trained(context, {"semantic-classifier": make(weight=0.0)}))
    constraint = make(weight=5.0)
    before = [p.clone() for p in constraint.parameters()]
    assert not equal(plain, trained(context, {"semantic-classifier": constraint}))
    assert equal(before, constraint.parameters())


@pytest.fixture
def toys():
    """Return what discovery gives, where nothing but toys and this plugin is installed."""
    found, more = load_from([]), Registration("toys")
    more.dataset("toy", f"{TOYS}:ToyDataset")
    more.translator("toy", f"{TOYS}:ToyTranslator")
    more.learner("toy", f"{TOYS}:ToyLearner")
    more.constraint("semantic-classifier", "reidbench_ipgan.constraint:SemanticClassifier")
    more.learner("ipgan-baseline", "reidbench_ipgan.baseline:Baseline")
    found.registry.add(more)
    return found


def planned(toys, request):
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
            "learner": {"epochs": 2, "batch": 8, "backbone": "small-resnet", "bottleneck": 16},
        },
    )
    recipe = compose(request, benchmark, toys.registry, {})
    return plan(recipe, open_setting(benchmark, toys.registry, None, {}), 0, "float32")


def test_a_run_trains_the_baseline_on_the_source_and_leaves_it_as_it_is(toys, tmp_path):
    request = Request(None, "toy", ["semantic-classifier"], "toy", "translated")
    found = planned(toys, request)
    outcome = run_plan(found, Session(Store(tmp_path), CPU, Silent(), toys.manager.hook, 60))
    learns = [s for s in outcome.plan.stages if s.kind == "learn"]
    (classifier,) = (s for s in learns if s.learner.name == "ipgan-baseline")
    scored = outcome.plan.learned
    assert ([d.kind for d in classifier.data], scored.learner.name) == (["decode"], "toy")
    assert [d.kind for d in scored.data] == ["translate"]
    weights = load_file(outcome.artifact(classifier).path / "model.safetensors")
    assert weights["head.0.weight"].shape == (16, 128)


def test_the_classifier_is_the_model_of_direct_transfer(toys):
    request = Request(None, "toy", ["semantic-classifier"], "ipgan-baseline", "translated")
    direct = planned(toys, Request(None, "none", (), "ipgan-baseline", "source"))
    found = planned(toys, request)
    keys = {s.key for s in found.stages if s.kind == "learn"}
    assert keys == {direct.learned.key, found.learned.key}
