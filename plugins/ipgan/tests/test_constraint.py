import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from reidbench_ipgan.constraint import SemanticClassifier

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Hop, Images
from reidbench.nn.frozen import frozen
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.toys import ToyLearner

CLOCK = Clock(0, 30)
TRANSLATED = [0, 1, 3]  # the third row keeps the source's own style


def minus_log_p(model, pixels, pids):
    """Compute eq. 7 in double precision, row by row."""
    rows = []
    for image, pid in zip(pixels, pids, strict=True):
        scores = model(image[None]).detach().numpy().astype(float)[0]
        rows.append(np.log(np.exp(scores).sum()) - scores[pid])
    return rows


def test_is_the_cross_entropy_of_source_images_in_target_styles(make, hops):
    constraint, (there, _) = make(weight=3.0), hops
    model = copy.deepcopy(constraint.model).eval()
    each = minus_log_p(model, there.fake[TRANSLATED], there.images.pid[TRANSLATED])
    (term,) = constraint.losses(hops, CLOCK).values()
    assert term.item() == pytest.approx(3.0 * np.mean(each), rel=1e-5)


def test_several_hops_of_the_source_weigh_by_their_images(make, hops):
    constraint, (there, back) = make(), hops
    other = replace(there, fake=torch.tanh(2 * there.fake), dst=torch.tensor([1, 1, 1, 1]))
    model = copy.deepcopy(constraint.model).eval()
    each = minus_log_p(model, there.fake[TRANSLATED], there.images.pid[TRANSLATED])
    each += minus_log_p(model, other.fake, other.images.pid)
    (term,) = constraint.losses((there, back, other), CLOCK).values()
    assert term.item() == pytest.approx(np.mean(each), rel=1e-5)


def test_gradients_reach_what_is_translated_and_nothing_else(make, hops):
    constraint, (there, back) = make(), hops
    with frozen(constraint):
        constraint.losses(hops, CLOCK)["semantic"].backward()
    reached = there.fake.grad.abs().sum((1, 2, 3)) > 0
    assert reached.tolist() == [True, True, False, True]
    assert there.rec.grad is back.fake.grad is back.rec.grad is None
    assert all(p.grad is None for p in constraint.parameters())


def test_the_classifier_stays_as_it_was(make, hops):
    constraint = make().train()
    assert not any(p.requires_grad for p in constraint.parameters())
    before = copy.deepcopy(constraint.state_dict())
    first, second = (constraint.losses(hops, CLOCK)["semantic"] for _ in range(2))
    assert torch.equal(first, second)  # no dropout
    assert constraint.update(tuple(h.detach() for h in hops), CLOCK) == {}
    after = constraint.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)  # the statistics as well
    assert constraint.optimizers() == {}
    assert constraint.embedder() is None
    assert not constraint.makes_model


def test_a_batch_that_keeps_its_style_costs_nothing(make, hops):
    there, back = hops
    stays = replace(there, dst=there.dst * 0)
    assert make().losses((stays, back), CLOCK)["semantic"].item() == 0


def test_what_has_no_known_person_is_refused(make, hops):
    with pytest.raises(ReidbenchError, match="no image of a known person"):
        make().losses(hops[1:], CLOCK)


def test_guided_images_come_to_be_known(make):
    """Descending its loss alone makes the classifier see the right persons in noise."""
    learner = ToyLearner(lr=1.0)
    constraint = make(learner=learner)
    constraint.model.requires_grad_(True)
    palette = torch.tensor([[0.8, -0.5, -0.5], [-0.5, 0.8, -0.5], [-0.5, -0.5, 0.8], [0.6] * 3])
    optimizer = learner.optimizer(constraint.model)
    for _ in range(150):
        pid = torch.randint(4, (16,))
        optimizer.zero_grad()
        learner.loss(constraint.model, palette[pid][:, :, None, None], pid).backward()
        optimizer.step()
    pid = torch.arange(4)
    fake = torch.zeros(4, 3, 8, 4, requires_grad=True)
    hop = Hop(Images(torch.zeros(4, 3, 8, 4), pid, pid * 0), fake, fake.detach(), pid * 0 + 1)
    descent = torch.optim.SGD([fake], 5.0)
    for _ in range(50):
        descent.zero_grad()
        with frozen(constraint):
            constraint.losses((hop,), CLOCK)["semantic"].backward()
        descent.step()
    assert torch.equal(constraint.model(fake.mean((2, 3))).argmax(1), pid)


def test_a_checkpoint_brings_the_classifier_back(make, hops, tmp_path):
    constraint, other = make(), make()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    save_state(tmp_path / "state", {"semantic-classifier": constraint}, 3)
    load_state(tmp_path / "state", {"semantic-classifier": other})
    first, second = (c.losses(hops, CLOCK)["semantic"] for c in (constraint, other))
    assert torch.equal(first, second)


def test_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="weight"):
        SemanticClassifier(weight=-1.0)
