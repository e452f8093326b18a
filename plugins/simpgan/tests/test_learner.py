import copy

import pytest
import torch
from reidbench_simpgan.learner import Siamese
from torch.nn import functional as F

from reidbench.errors import ReidbenchError
from reidbench.nn.small_resnet import SmallResNet
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same


def by_hand(model, pixels, pid):
    """Compute eq. 2, 4 and 5 pair by pair, from the model's own features."""
    features, each = model.features(pixels), []
    for k in range(0, len(pid), 2):
        first, second = features[k], features[k + 1]
        logit = (first - second).square() @ model.score.weight[0] + model.score.bias[0]
        verification = F.softplus(-logit if pid[k] == pid[k + 1] else logit)
        persons = [(v @ model.persons.weight.T + model.persons.bias).log_softmax(0)
                   for v in (first, second)]  # fmt: skip
        identification = -persons[0][pid[k]] - persons[1][pid[k + 1]]
        each.append(torch.stack([verification, verification + identification]))
    return torch.stack(each).mean(0)


def pairs_of(pid):
    return torch.rand(len(pid), 3, 32, 16) * 2 - 1, torch.tensor(pid)


@pytest.mark.parametrize("pid", [[0, 0, 1, 2, 5, 5, 3, 0], [4, 1, 1, 1, 2, 0, 3, 3]])
def test_a_step_goes_down_eq_5(toy, pid):
    learner = toy(momentum=0.0, weight_decay=0.0, lr=0.01, score_lr=0.3, backbone_lr=0.02)
    model = learner.build(6).train()
    pixels, pid = pairs_of(pid)
    before = [p.detach().clone() for p in model.parameters()]
    verification, loss = by_hand(model, pixels, pid)
    gradients = torch.autograd.grad(loss, [*model.parameters()])
    log = learner.learn(model, learner.optimizer(model), pixels, pid)
    assert log["verification"].item() == pytest.approx(verification.item(), rel=1e-5)
    assert log["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    rates = {"score": 0.3, "persons": 0.01, "backbone": 0.02}
    names = [rates[n.split(".")[0]] for n, _ in model.named_parameters()]
    for old, new, g, rate in zip(before, model.parameters(), gradients, names, strict=True):
        torch.testing.assert_close(new, old - rate * g, rtol=1e-4, atol=1e-6)


def test_losses_of_images_are_those_of_eq_2_and_3(toy):
    learner = toy()
    model = learner.build(6).eval()
    torch.nn.init.normal_(model.score.weight)
    pixels, pid = pairs_of([0, 0, 1, 2, 5, 5, 3, 0])
    verification, both = by_hand(model, pixels, pid)
    same = pid[0::2] == pid[1::2]
    measured = learner.verification_loss(model, pixels[0::2], pixels[1::2], same)
    torch.testing.assert_close(measured, verification)
    # L_id is a sum over both images of a pair, the learner's loss a mean over images.
    torch.testing.assert_close(learner.loss(model, pixels, pid), (both - verification) / 2)
    likely = learner.classify(model, pixels)
    torch.testing.assert_close(likely.exp().sum(1), torch.ones(8))


def test_both_images_share_the_weights(toy):
    learner = toy()
    model = learner.build(6).eval()
    pixels, _ = pairs_of([0, 1])
    same = torch.ones(1)
    there = learner.verification_loss(model, pixels[:1], pixels[1:], same)
    back = learner.verification_loss(model, pixels[1:], pixels[:1], same)
    torch.testing.assert_close(there, back)
    assert len([m for m in model.modules() if isinstance(m, SmallResNet)]) == 1


def test_learns_persons_pairs_and_features(toy, persons, tmp_path):
    learner = toy(epochs=10)
    model = learner.build(persons.num_pids)
    learner.fit(model, persons, cpu_loop(tmp_path))
    images = persons.classes().images(slice(None), torch.device("cpu"))
    model.eval()
    with torch.no_grad():
        right = learner.classify(model, images.pixels).argmax(1) == images.pid
        features = learner.embed(model, images.pixels)
        score = learner.similarity(model, features, features).fill_diagonal_(-torch.inf)
    assert right.float().mean() > 0.9
    assert nearest_are_same(learner, model, persons) > 0.9
    assert (images.pid[score.argmax(1)] == images.pid).float().mean() > 0.9


def test_every_image_is_the_first_of_a_pair_once_an_epoch(toy, persons, tmp_path, monkeypatch):
    seen, kinds = [], []

    def learn(self, model, optimizer, pixels, pid):
        assert len(pixels) == 8
        seen.extend(pid[0::2].tolist())
        kinds.extend((pid[0::2] == pid[1::2]).tolist())
        return {}

    monkeypatch.setattr(Siamese, "learn", learn)
    learner = toy(epochs=2, negatives_growth=2.0)
    learner.fit(learner.build(6), persons, cpu_loop(tmp_path))
    assert torch.tensor(seen).bincount().tolist() == [16] * 6
    assert (sum(kinds[:48]), sum(kinds[48:])) == (24, 16)  # 1:1, then 1:2


def test_rates_fall_to_a_tenth_after_70_of_75_epochs(persons, tmp_path, monkeypatch):
    rates = []

    def watched(self, model, optimizer, pixels, pid):
        rates.append([g["lr"] for g in optimizer.param_groups])
        return {}

    monkeypatch.setattr(Siamese, "learn", watched)
    learner = Siamese(backbone="small-resnet")  # a batch is the 48 pairs of one pass
    learner.fit(learner.build(6), persons, cpu_loop(tmp_path))
    assert rates == [[1e-4, 1e-3, 0.1]] * 70 + [pytest.approx([1e-5, 1e-4, 0.01])] * 5


def test_groups_hold_every_weight_that_learns(toy):
    learner = toy(batch_norm="frozen")
    model = learner.build(6)
    groups = learner.optimizer(model).param_groups
    old, persons, score = ({id(p) for p in g["params"]} for g in groups)
    assert persons == {id(p) for p in model.persons.parameters()}
    assert score == {id(p) for p in model.score.parameters()}
    assert old | persons | score == {id(p) for p in model.parameters() if p.requires_grad}
    assert all(g["momentum"] == 0.9 and g["weight_decay"] == 5e-4 for g in groups)
    assert not any(g["nesterov"] for g in groups)


def test_the_optimiser_serves_a_loss_without_pairs(toy):
    """As a constraint uses it that trains the model by its identification loss alone."""
    learner = toy()
    model = learner.build(6).train()
    before = copy.deepcopy(model)
    optimizer = learner.optimizer(model)
    learner.loss(model, *pairs_of([0, 1, 2, 3])).backward()
    optimizer.step()
    assert torch.equal(model.score.weight, before.score.weight)
    assert not torch.equal(model.persons.weight, before.persons.weight)


def test_a_killed_training_resumes_to_the_bit(toy, persons, tmp_path):
    check_resumes(toy(epochs=1, dropout=0.5), persons, tmp_path, killed_at=7)


def test_a_blank_model_takes_the_weights(toy, persons):
    check_blank(toy(), persons)


def test_a_model_to_load_into_needs_no_file(toy):
    learner = toy(backbone="resnet18", weights="gone.pth")
    with pytest.raises(ReidbenchError, match=r"gone\.pth"):
        learner.build(3)
    learner.blank(3).load_state_dict(toy(backbone="resnet18").build(3).state_dict())


def test_layers_start_nearly_undecided(toy):
    model = toy().build(6).eval()
    pixels, _ = pairs_of([0, 1, 2, 3])
    first, second = model.features(pixels).split(2)
    assert (model.verify(first, second).sigmoid() - 0.5).abs().max() < 0.05


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"batch": 7}, "batch"),
        ({"batch": 0}, "batch"),
        ({"score_lr": -1.0}, "score_lr"),
        ({"dropout": 1.5}, "dropout"),
        ({"negatives_growth": 0.5}, "negatives_growth"),
        ({"negatives": 5.0}, "negatives_limit"),
    ],
)
def test_refuses_values_out_of_range(wrong, name):
    with pytest.raises(ValueError, match=name):
        Siamese(**wrong)
