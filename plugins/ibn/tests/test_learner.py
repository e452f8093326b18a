import pytest
import torch
from reidbench_ibn.learner import IBN
from reidbench_ipgan.baseline import Baseline

from reidbench.registry.parameters import parameters_of
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same

TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}
VARIANTS = ["ipgan", "ipgan-after-relu", "ibn-a", "ibn-b"]


def toy(**changes):
    return IBN(**(TOY | changes))


@pytest.mark.parametrize("variant", VARIANTS)
def test_learns_persons_and_features_that_part_them(persons, tmp_path, variant):
    ibn = toy(epochs=8, lr=0.02, backbone_lr=0.02, variant=variant)
    model = ibn.build(persons.num_pids)
    ibn.fit(model, persons, cpu_loop(tmp_path))
    images = persons.classes().images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        right = model.eval()(images.pixels).argmax(1) == images.pid
    assert right.float().mean() > 0.9
    assert nearest_are_same(ibn, model, persons) > 0.9


def test_learns_with_what_small_benchmarks_set(persons, tmp_path):
    ibn = toy(bottleneck=0, dropout=0.0, lr=0.2, backbone_lr=0.2, weight_decay=1e-3, epochs=6)
    model = ibn.build(persons.num_pids)
    ibn.fit(model, persons, cpu_loop(tmp_path))
    assert nearest_are_same(ibn, model, persons) > 0.9


def test_all_but_the_normalisation_is_the_baselines():
    ours, theirs = parameters_of(IBN), parameters_of(Baseline)
    assert {k: p.default for k, p in ours.items() if k != "variant"} == {
        k: p.default for k, p in theirs.items()
    }
    assert ours["variant"].default == "ipgan"
    assert repr(toy().blank(4).head) == repr(Baseline(**TOY).blank(4).head)


def test_the_baseline_without_instance_normalisation_is_another_network(persons):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        theirs = Baseline(**TOY).build(4)
        torch.manual_seed(1)
        ours = toy().build(4)
    ours.eval(), theirs.eval()
    pixels = torch.rand(2, 3, 32, 16)
    assert torch.equal(ours.head[0].weight, theirs.head[0].weight)  # nothing else is drawn
    assert not torch.allclose(ours.features(pixels), theirs.features(pixels), atol=0.01)


def test_instance_normalisation_learns_at_the_backbones_rate():
    ibn = toy(lr=0.1, backbone_lr=0.01)
    model = ibn.build(4)
    old, new = ({id(p) for p in g["params"]} for g in ibn.optimizer(model).param_groups)
    assert id(model.backbone.stages[0].norm.weight) in old
    assert old | new == {id(p) for p in model.parameters()}
    assert new == {id(p) for p in model.head.parameters()}


@pytest.mark.parametrize("variant", ["ipgan", "ibn-a"])
def test_features_are_the_average_of_the_feature_map(variant):
    ibn = toy(variant=variant)
    model = ibn.build(3).eval()
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    average = ibn.feature_map(model, pixels).mean((2, 3))
    torch.testing.assert_close(average, ibn.embed(model, pixels))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_blank_model_takes_the_weights(persons, variant):
    check_blank(toy(variant=variant), persons)


@pytest.mark.parametrize("variant", ["ipgan", "ibn-a"])
def test_a_killed_training_resumes_to_the_bit(persons, tmp_path, variant):
    check_resumes(toy(epochs=1, variant=variant), persons, tmp_path, killed_at=4)


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "densenet121", "regnet_y_400mf"])
def test_only_residual_networks_fit(backbone):
    with pytest.raises(ValueError, match=f"'{backbone}' is no residual network"):
        IBN(backbone=backbone)


def test_refuses_what_the_baseline_refuses():
    with pytest.raises(ValueError, match="bottleneck"):
        IBN(bottleneck=-1)
