"""eSPGAN as a whole: on the translator of another plugin, and as a run."""

import numpy as np
import pytest
import torch

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

cyclegan = pytest.importorskip("reidbench_cyclegan.translator")

STEPS = 3
TOYS = "reidbench.testing.toys"
CPU = Hardware(torch.device("cpu"))


def images(seed, pid):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1
    return Images(pixels, torch.tensor(pid), torch.zeros(2, dtype=torch.long))


def trained(context, constraints, **parameters):
    torch.manual_seed(7)
    translator = cyclegan.CycleGAN(width=4, blocks=1, discriminator_width=4, pool=2, **parameters)
    translator.setup(context)
    for step in range(STEPS):
        batch = Batch(images(0, [1, 2]), images(1, [UNLABELLED] * 2))
        train_step(translator, constraints, batch, Clock(step, STEPS), seed=5)
    return [p.detach() for p in translator.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_weight_0_leaves_the_translator_bit_identical(make, context):
    plain = trained(context, {})
    assert equal(plain, trained(context, {"joint-learner": make(weight=0.0)}))
    assert not equal(plain, trained(context, {"joint-learner": make(weight=5.0)}))


def test_c_learns_at_every_step_though_the_generators_rest(make, context):
    often, seldom = make(), make()
    trained(context, {"joint-learner": often})
    trained(context, {"joint-learner": seldom}, generator_every=3)
    assert often.model[4].num_batches_tracked == seldom.model[4].num_batches_tracked == STEPS


@pytest.fixture
def toys():
    """Return what discovery gives, where nothing but toys and the constraint is installed."""
    found, more = load_from([]), Registration("toys")
    more.dataset("toy", f"{TOYS}:ToyDataset")
    more.translator("toy", f"{TOYS}:ToyTranslator")
    more.learner("toy", f"{TOYS}:ToyLearner")
    more.constraint("joint-learner", "reidbench_espgan.constraint:JointLearner")
    found.registry.add(more)
    return found


def test_a_run_numbers_persons_as_the_source_model_does(toys, tmp_path):
    """Joint training confirms the persons of the source's model; other numbers would undo them."""
    benchmark = Benchmark(
        "toy",
        1,
        "toys",
        *(DatasetSpec("toy", {"domain": domain}) for domain in "ab"),
        DatasetSpec("market1501"),
        (0,),
        (16, 8),
        {"budget": {"steps": 60, "batch": 8}, "learner": {"epochs": 400}},
    )
    request = Request(None, "toy", ["joint-learner"], "toy", "joint")
    recipe = compose(request, benchmark, toys.registry, {})
    session = Session(Store(tmp_path), CPU, Silent(), toys.manager.hook, 60)
    planned = plan(recipe, open_setting(benchmark, toys.registry, None, {}), 0, "float32")
    outcome = run_plan(planned, session)

    decode = planned.learned.fitted.source
    _, model = planned.learned.load(outcome.artifact(planned.learned).path, CPU)
    array = decode.open(outcome.artifact(decode).path)
    assert array.pids.min() > 0  # they are no class numbers yet
    known = array.classes().images(np.arange(len(array)), CPU.device)
    right = model(known.pixels.mean((2, 3))).argmax(1) == known.pid
    assert right.float().mean() > 0.9
