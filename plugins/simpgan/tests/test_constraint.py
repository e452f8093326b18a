import copy
import math
from dataclasses import replace

import pytest
import torch
from reidbench_simpgan.constraint import SimilarityConsistency

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Hop, Images
from reidbench.nn.frozen import frozen
from reidbench.storage.checkpoint import load_state, save_state

CLOCK = Clock(0, 30)


def entropies(model, pixels, pids):
    """Compute eq. 1 and 2 of pairs in rows (2k, 2k + 1), pair by pair."""
    weights, bias = model.score.weight.detach()[0].double(), model.score.bias.item()
    each = []
    for k in range(0, len(pids), 2):
        first, second = (model.features(pixels[r : r + 1]).detach().double() for r in (k, k + 1))
        score = 1 / (1 + math.exp(-(weights @ (first - second)[0].square()).item() - bias))
        each.append(-math.log(score if pids[k] == pids[k + 1] else 1 - score))
    return each


def mean(values):
    return sum(values) / len(values)


def similarity(constraint, hops):
    (term,) = constraint.losses(hops, CLOCK).values()
    return term.item()


def test_is_the_verification_loss_of_pairs_after_a_whole_cycle(make, hops):
    constraint, (there, _) = make(weight=3.0), hops
    each = entropies(constraint.model, there.rec, there.images.pid)
    assert max(each) > 1.5 * min(each)
    assert similarity(constraint, hops) == pytest.approx(3 * mean(each) / 2, rel=1e-4)


def test_several_hops_of_the_source_weigh_by_their_pairs(make, hops):
    constraint, (there, back) = make(), hops
    few = replace(there.images, pixels=there.images.pixels[:2], pid=torch.tensor([3, 0]))
    other = replace(there, images=few, fake=there.fake[:2], rec=torch.tanh(2 * there.rec[2:4]))
    each = entropies(constraint.model, there.rec, there.images.pid)
    each += entropies(constraint.model, other.rec, [3, 0])
    assert similarity(constraint, (there, back, other)) == pytest.approx(mean(each) / 2, rel=1e-4)


def test_gradients_reach_the_cycled_source_and_nothing_else(make, hops):
    constraint, (there, back) = make(), hops
    with frozen(constraint):
        constraint.losses(hops, CLOCK)["similarity"].backward()
    assert (there.rec.grad.abs().sum((1, 2, 3)) > 0).all()
    assert there.fake.grad is back.fake.grad is back.rec.grad is None
    assert all(p.grad is None for p in constraint.parameters())


def test_the_classifier_stays_as_it_was(make, hops):
    constraint = make().train()
    assert not any(p.requires_grad for p in constraint.parameters())
    before = copy.deepcopy(constraint.state_dict())
    first, second = (similarity(constraint, hops) for _ in range(2))
    assert first == second  # no dropout
    assert constraint.update(tuple(h.detach() for h in hops), CLOCK) == {}
    after = constraint.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)  # the statistics as well
    assert constraint.optimizers() == {}
    assert constraint.embedder() is None
    assert not constraint.makes_model


def test_what_has_no_known_person_is_refused(make, hops):
    with pytest.raises(ReidbenchError, match="no image of a known person"):
        make().losses(hops[1:], CLOCK)


def test_descending_it_tells_persons_apart_again(make):
    """Pairs of one person come closer to the score, pairs of two go away from it."""
    constraint, pid = make(), torch.tensor([0, 0, 1, 2])
    cycled = (torch.rand(4, 3, 32, 24) - 0.5).requires_grad_()
    real = Images(torch.zeros(4, 3, 32, 24), pid, 0 * pid)
    hop = Hop(real, cycled.detach(), cycled.detach(), 0 * pid + 1, cycled)
    before = similarity(constraint, (hop,))
    descent = torch.optim.Adam([cycled], 0.05)
    for _ in range(15):
        descent.zero_grad()
        with frozen(constraint):
            constraint.losses((hop,), CLOCK)["similarity"].backward()
        descent.step()
    assert similarity(constraint, (hop,)) < 0.5 * before
    features = constraint.model.features(cycled.detach())
    same, different = constraint.model.verify(features[::2], features[1::2])
    assert same > different


def test_a_checkpoint_brings_the_classifier_back(make, hops, tmp_path):
    constraint, other = make(), make()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01)
    assert similarity(constraint, hops) != similarity(other, hops)
    save_state(tmp_path / "state", {"similarity-consistency": constraint}, 3)
    load_state(tmp_path / "state", {"similarity-consistency": other})
    assert similarity(constraint, hops) == similarity(other, hops)


def test_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="weight"):
        SimilarityConsistency(weight=-1.0)
