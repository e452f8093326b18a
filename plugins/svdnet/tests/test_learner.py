import copy
from itertools import pairwise

import pytest
import torch
from reidbench_svdnet.decorrelation import orthogonality
from reidbench_svdnet.learner import SVDNet
from reidbench_svdnet.phases import phases

from reidbench.config.recipe import Embedding
from reidbench.engine.embedding import Embedder, Extractor
from reidbench.engine.hardware import Hardware
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same

TOY = {"backbone": "small-resnet", "eigen": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}
# 48 images a pass, 6 steps: 2 of base training, then twice one of restraint and one of relaxation.
SHORT = {"epochs": 1, "rri": 2, "base": 1 / 3}


def toy(**changes):
    return SVDNet(**(TOY | changes))


class Watched(SVDNet):
    """Keeps what the steps saw."""

    def learn(self, model, optimizer, pixels, pid):
        weight = model.eigenlayer.weight
        before = weight.detach().clone()
        others = model.backbone.stem[0].weight.detach().clone()
        momentum = len(optimizer.state)
        log = super().learn(model, optimizer, pixels, pid)
        moved = [
            not torch.equal(before, weight),
            not torch.equal(others, model.backbone.stem[0].weight),
        ]
        rates = [g["lr"] for g in optimizer.param_groups]
        self.seen.append((before, weight.detach().clone(), moved, rates, momentum, log["S(W)"]))
        return log


def watched(persons, folder, **changes):
    svdnet = Watched(**(TOY | SHORT | changes))
    svdnet.seen = []
    svdnet.fit(svdnet.build(6), persons, cpu_loop(folder))
    return svdnet.seen


def test_learns_persons_features_that_part_them_and_orthogonal_vectors(
    persons, tmp_path, monkeypatch
):
    monkeypatch.setattr("reidbench.engine.loop.SHOW_EVERY", 0.0)
    svdnet = toy(epochs=12, batch=6, dropout=0.0, rri=2, base=0.4)
    model = svdnet.build(persons.num_pids)
    shown = []
    loop = cpu_loop(tmp_path, progress=lambda done, total, log: shown.append(log["S(W)"]))
    svdnet.fit(model, persons, loop)
    images = persons.classes().images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        accuracy = (model.eval()(images.pixels).argmax(1) == images.pid).float().mean()
    assert accuracy > 0.7
    assert nearest_are_same(svdnet, model, persons) > 0.9
    before_rounds = shown[phases(96, 2, 0.4, 0.5)[0].steps - 1]
    assert max(shown) <= 1 + 1e-5
    assert orthogonality(model.eigenlayer.weight) > before_rounds + 0.2


def test_the_eigenlayer_rests_in_restraint_only(persons, tmp_path):
    moved = [step[2] for step in watched(persons, tmp_path)]
    assert [eigenlayer for eigenlayer, _ in moved] == [True, True, False, True, False, True]
    assert all(backbone for _, backbone in moved)


def test_restraint_begins_with_decorrelated_vectors_of_the_same_distances(persons, tmp_path):
    steps = watched(persons, tmp_path)
    points = torch.randn(5, 128)
    for (_, end, *_), (start, *_) in pairwise(steps):
        before, after = (torch.cdist(points @ w.T, points @ w.T) for w in (end, start))
        torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4)
    begun = [not torch.equal(end, start) for (_, end, *_), (start, *_) in pairwise(steps)]
    assert begun == [False, True, False, True, False]
    measured = [float(step[5]) for step in steps]
    assert measured[2] == measured[3] == pytest.approx(1, abs=1e-4)
    assert measured[1] < measured[2]


def test_each_phase_starts_without_momentum(persons, tmp_path):
    assert [bool(step[4]) for step in watched(persons, tmp_path)] == [False, True] + [False] * 4


def test_rates_fall_within_phases_and_after_rounds(persons, tmp_path):
    changes = {
        "epochs": 4,
        "rri": 2,
        "base": 1 / 3,
        "slow_from": 1,
        "lr": 1e-2,
        "backbone_lr": 1e-3,
    }
    rates = [step[3] for step in watched(persons, tmp_path, **changes)]
    factors = [backbone / 1e-3 for backbone, _ in rates]
    assert factors == [pytest.approx(new / 1e-2) for _, new in rates]
    # Base training of 8 steps, a tenth after each 3.2; phases of 4 steps, a tenth after 2.5.
    base, fast = [1] * 4 + [0.1] * 3 + [0.01], [1] * 3 + [0.1]
    slow = [f / 10 for f in fast]
    assert factors == [pytest.approx(f) for f in base + fast * 2 + slow * 2]


def test_momentum_is_plain():
    svdnet = toy()
    assert not any(g["nesterov"] for g in svdnet.optimizer(svdnet.build(6)).param_groups)


@pytest.mark.parametrize("killed_at", [2, 3, 4, 5])
def test_a_killed_training_resumes_to_the_bit(persons, tmp_path, killed_at):
    check_resumes(toy(**SHORT), persons, tmp_path, killed_at=killed_at)


def test_a_blank_model_takes_the_weights(persons):
    check_blank(toy(), persons)


def test_fine_tuning_starts_from_another_model(persons, tmp_path):
    svdnet = toy(**SHORT)
    model = svdnet.build(6)
    svdnet.fit(model, persons, cpu_loop(tmp_path / "first"))
    again = svdnet.blank(6)
    again.load_state_dict(copy.deepcopy(model.state_dict()))
    svdnet.fit(again, persons, cpu_loop(tmp_path / "second"))
    assert not torch.equal(again.eigenlayer.weight, model.eigenlayer.weight)


def test_a_constraint_can_train_the_whole_model():
    svdnet = toy()
    model = svdnet.build(6).train()
    pixels, pid = torch.rand(8, 3, 32, 16), torch.arange(8) % 6
    torch.nn.init.normal_(model.persons.weight)
    before = [p.detach().clone() for p in model.parameters()]
    svdnet.loss(model, pixels, pid).backward()
    svdnet.optimizer(model).step()
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_mirrored_images_add_to_the_features(persons):
    svdnet = toy()
    model = svdnet.build(6).eval()
    pixels = persons.images(slice(None), torch.device("cpu")).pixels
    with torch.no_grad():
        expected = svdnet.embed(model, pixels) + svdnet.embed(model, pixels.flip(-1))
    embedder = Embedder(svdnet, model, Embedding(flip=True))
    given = Extractor(embedder, Hardware(torch.device("cpu")), flip=True)(persons)
    torch.testing.assert_close(torch.from_numpy(given), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [{"eigen": 0}, {"rri": -1}, {"base": 1.5}, {"restraint": -0.1}, {"phase_decay": 0.0}],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SVDNet(**wrong)
