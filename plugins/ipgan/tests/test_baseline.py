import pytest
import torch
from reidbench_ipgan.baseline import Baseline
from torch import nn

from reidbench.nn.backbones import feature_map
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same

TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}


def toy(**changes):
    return Baseline(**(TOY | changes))


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        # 2048 x 1024 + 1024, batch normalisation 2 x 1024, (1024 + 1) x 751.
        ({}, 23_508_032 + 2_098_176 + 2_048 + 769_775),
        ({"plain": True}, 23_508_032 + 2_098_176 + 769_775),
        ({"bottleneck": 0}, 23_508_032 + 2049 * 751),
    ],
)
def test_parameters_are_those_counted_by_hand(changes, count):
    with torch.device("meta"):
        model = Baseline(**changes).blank(751)
    assert sum(p.numel() for p in model.parameters()) == count


def test_shapes_are_the_papers():
    with torch.device("meta"):
        model, pixels = Baseline().blank(751), torch.empty(2, 3, 128, 64)
        assert model.feature_map(pixels).shape == (2, 2048, 4, 2)
        assert model.features(pixels).shape == (2, 2048)
        assert model.head[0].out_features == 1024
        assert model(pixels).shape == (2, 751)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout, nn.Linear]),
        ({"plain": True}, [nn.Linear, nn.Dropout, nn.Linear]),
        ({"bottleneck": 0}, [nn.Dropout, nn.Linear]),
    ],
)
def test_layers_on_top(changes, kinds):
    assert [type(layer) for layer in toy(**changes).blank(5).head] == kinds


def test_logits_are_what_both_layers_make_of_the_feature():
    model, pixels = toy(plain=True).blank(5).eval(), torch.rand(2, 3, 32, 16)
    first, _, last = model.head
    nn.init.normal_(last.weight)
    pooled = feature_map(model.backbone, pixels * model.scale + model.shift).mean((2, 3))
    torch.testing.assert_close(toy().embed(model, pixels), pooled)
    expected = torch.einsum("bd,kd,pk->bp", pooled, first.weight, last.weight)
    expected += last.weight @ first.bias + last.bias
    torch.testing.assert_close(model(pixels), expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_minus_the_logarithm_of_the_persons_probability():
    baseline = toy()
    model = baseline.blank(6).eval()
    nn.init.normal_(model.head[-1].weight)
    pixels, pid = torch.rand(4, 3, 32, 16), torch.tensor([0, 5, 2, 2])
    scores = model(pixels).double().exp()
    expected = -(scores[torch.arange(4), pid] / scores.sum(1)).log().mean()
    torch.testing.assert_close(baseline.loss(model, pixels, pid).double(), expected)


def test_a_step_goes_down_that_loss():
    baseline = toy(dropout=0.0, momentum=0.0, weight_decay=0.0)
    model = baseline.build(6).train()
    pixels, pid = torch.rand(8, 3, 32, 16), torch.arange(8) % 6
    before = [p.detach().clone() for p in model.parameters()]
    gradients = torch.autograd.grad(baseline.loss(model, pixels, pid), [*model.parameters()])
    baseline.learn(model, baseline.optimizer(model), pixels, pid)
    for old, new, gradient in zip(before, model.parameters(), gradients, strict=True):
        torch.testing.assert_close(new, old - 0.05 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("changes", [{"plain": False}, {"plain": True}])
def test_learns_persons_and_features_that_part_them(persons, tmp_path, changes):
    baseline = toy(epochs=8, lr=0.02, backbone_lr=0.02, **changes)
    model = baseline.build(persons.num_pids)
    baseline.fit(model, persons, cpu_loop(tmp_path))
    images = persons.classes().images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        right = model.eval()(images.pixels).argmax(1) == images.pid
    assert right.float().mean() > 0.9
    assert nearest_are_same(baseline, model, persons) > 0.9


def test_rates_fall_to_a_tenth_after_40_of_50_epochs(persons, tmp_path, monkeypatch):
    rates = []

    def watched(self, model, optimizer, pixels, pid):
        rates.append([g["lr"] for g in optimizer.param_groups])
        return {}

    monkeypatch.setattr(Baseline, "learn", watched)
    baseline = Baseline(backbone="small-resnet", batch=48)
    baseline.fit(baseline.build(6), persons, cpu_loop(tmp_path))
    assert rates == [[0.01, 0.1]] * 40 + [pytest.approx([0.001, 0.01])] * 10


def test_groups_hold_every_weight_that_learns():
    model = toy(batch_norm="frozen").build(6)
    old, new = ({id(p) for p in g["params"]} for g in toy().optimizer(model).param_groups)
    assert old | new == {id(p) for p in model.parameters() if p.requires_grad}
    assert new == {id(p) for p in model.head.parameters()}


def test_a_killed_training_resumes_to_the_bit(persons, tmp_path):
    check_resumes(toy(epochs=1), persons, tmp_path, killed_at=4)


def test_a_blank_model_takes_the_weights(persons):
    check_blank(toy(), persons)


def test_under_bf16_features_and_logits_are_float32():
    with torch.autocast("cpu", torch.bfloat16):
        model, pixels = toy().blank(5), torch.rand(2, 3, 32, 16)
        assert model(pixels).dtype == model.features(pixels).dtype == torch.float32


def test_the_first_layer_starts_as_the_release_draws_it():
    first = toy(bottleneck=512).blank(5).head[0]
    assert first.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.05)
    assert not first.bias.any()


@pytest.mark.parametrize(
    "wrong", [{"bottleneck": -1}, {"dropout": 1.5}, {"batch": 1}, {"decay_from": 2.0}]
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Baseline(**wrong)
