import pytest
import torch
from reidbench_pcb.learner import PCB

from reidbench.config.recipe import Embedding
from reidbench.engine.embedding import Embedder, Extractor
from reidbench.engine.hardware import Hardware
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same

TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}


def toy(**changes):
    return PCB(**(TOY | changes))


def accuracy(pcb, model, data):
    images = data.classes().images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        likely = pcb.log_likelihood(model.eval(), images.pixels)
    return (likely.argmax(1) == images.pid).float().mean().item()


@pytest.mark.parametrize("changes", [{}, {"shared": False}])
def test_learns_persons_and_features_that_part_them(persons, tmp_path, changes):
    pcb = toy(epochs=6, **changes)
    model = pcb.build(persons.num_pids)
    assert accuracy(pcb, model, persons) < 0.5
    pcb.fit(model, persons, cpu_loop(tmp_path))
    assert accuracy(pcb, model, persons) > 0.9
    assert nearest_are_same(pcb, model, persons) > 0.9


def test_learns_with_what_small_benchmarks_set(persons, tmp_path):
    pcb = toy(bottleneck=0, dropout=0.0, lr=0.2, backbone_lr=0.2, weight_decay=1e-3, epochs=6)
    model = pcb.build(persons.num_pids)
    pcb.fit(model, persons, cpu_loop(tmp_path))
    assert nearest_are_same(pcb, model, persons) > 0.9


def test_the_loss_is_the_sum_of_the_stripes_cross_entropies():
    pcb = toy()
    model = pcb.build(6).eval()
    for layer in model.classifiers:
        torch.nn.init.normal_(layer.weight)
    pixels, pid = torch.rand(4, 3, 32, 16), torch.tensor([0, 5, 2, 2])
    logits = model(pixels)
    expected = 0.0
    for i in range(6):
        chance = logits[:, i].exp() / logits[:, i].exp().sum(1, keepdim=True)
        expected -= chance[torch.arange(4), pid].log().mean()
    torch.testing.assert_close(pcb.loss(model, pixels, pid), expected)
    product = logits.softmax(2).prod(1)  # of the stripes' probabilities
    torch.testing.assert_close(pcb.classify(model, pixels).exp(), product)


def test_a_step_goes_down_that_loss():
    pcb = toy(dropout=0.0, momentum=0.0, weight_decay=0.0)
    model = pcb.build(6).train()
    pixels, pid = torch.rand(8, 3, 32, 16), torch.arange(8) % 6
    before = [p.detach().clone() for p in model.parameters()]
    loss = pcb.loss(model, pixels, pid)
    gradients = torch.autograd.grad(loss, [*model.parameters()])
    log = pcb.learn(model, pcb.optimizer(model), pixels, pid)
    assert log["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for old, new, gradient in zip(before, model.parameters(), gradients, strict=True):
        torch.testing.assert_close(new, old - 0.05 * gradient, rtol=1e-4, atol=1e-6)


def test_rates_fall_to_a_tenth_after_two_thirds(persons, tmp_path, monkeypatch):
    rates = []

    def watched(self, model, optimizer, pixels, pid):
        rates.append([g["lr"] for g in optimizer.param_groups])
        return {}

    monkeypatch.setattr(PCB, "learn", watched)
    pcb = toy(epochs=1, lr=0.1, backbone_lr=0.01)
    pcb.fit(pcb.build(6), persons, cpu_loop(tmp_path))
    assert rates[:4] == [[0.01, 0.1]] * 4
    assert rates[4:] == [pytest.approx([0.001, 0.01])] * 2


def test_groups_hold_every_weight_that_learns():
    pcb = toy(batch_norm="frozen")
    model = pcb.build(6)
    old, new = ({id(p) for p in g["params"]} for g in pcb.optimizer(model).param_groups)
    assert old | new == {id(p) for p in model.parameters() if p.requires_grad}
    assert new == {id(p) for m in (model.reductions, model.classifiers) for p in m.parameters()}
    assert all(g["nesterov"] for g in pcb.optimizer(model).param_groups)


def test_a_killed_training_resumes_to_the_bit(persons, tmp_path):
    check_resumes(toy(epochs=1), persons, tmp_path, killed_at=4)


def test_a_blank_model_takes_the_weights(persons):
    check_blank(toy(), persons)


def test_mirrored_images_add_to_the_features(persons):
    pcb = toy()
    model = pcb.build(6).eval()
    pixels = persons.images(slice(None), torch.device("cpu")).pixels
    with torch.no_grad():
        expected = pcb.embed(model, pixels) + pcb.embed(model, pixels.flip(-1))
    embedder = Embedder(pcb, model, Embedding(flip=True))
    given = Extractor(embedder, Hardware(torch.device("cpu")), flip=True)(persons)
    torch.testing.assert_close(torch.from_numpy(given), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [{"parts": 0}, {"stretch": 0.5}, {"bottleneck": -1}, {"dropout": 1.5}, {"batch": 1}],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PCB(**wrong)
