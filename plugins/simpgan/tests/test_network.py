import math

import pytest
import torch
from reidbench_simpgan.learner import Siamese
from reidbench_simpgan.network import verification_loss

from reidbench.nn.backbones import feature_map

FIRST = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]])
SECOND = torch.tensor([[0.0, 2.0, 2.0], [3.0, 1.0, 0.0]])
LOGITS = (0.2 * 1 + 0.1 * 0 - 0.3 * 4 + 0.5, 0.2 * 9 + 0.1 * 0 - 0.3 * 1 + 0.5)  # -0.5 and 2


def scored(width=3, weights=(0.2, 0.1, -0.3), bias=0.5, **changes):
    """Return a model of ``width`` features, of which only the layers on top are used."""
    model = Siamese(**{"backbone": "small-resnet", "dropout": 0.0, **changes}).blank(4).eval()
    model.score, model.persons = torch.nn.Linear(width, 1), torch.nn.Linear(width, 4)
    with torch.no_grad():
        model.score.weight.copy_(torch.tensor([weights]))
        model.score.bias.fill_(bias)
    return model


def test_the_score_is_a_weighted_sum_of_squared_differences():
    assert scored().verify(FIRST, SECOND).tolist() == pytest.approx(LOGITS)


@pytest.mark.parametrize("same", [[1, 0], [0, 1], [True, True]])
def test_the_verification_loss_is_the_cross_entropy_of_the_score(same):
    def entropy(q, logit):
        p = 1 / (1 + math.exp(-logit))
        return -q * math.log(p) - (1 - q) * math.log(1 - p)

    expected = sum(map(entropy, same, LOGITS)) / 2
    measured = verification_loss(scored().verify(FIRST, SECOND), torch.tensor(same))
    assert measured.item() == pytest.approx(expected)


def test_persons_are_what_their_layer_makes_of_the_feature(toy):
    model, pixels = toy().blank(5).eval(), torch.rand(2, 3, 32, 16)
    torch.nn.init.normal_(model.persons.weight)
    pooled = feature_map(model.backbone, pixels * model.scale + model.shift).mean((2, 3))
    torch.testing.assert_close(toy().embed(model, pixels), pooled)
    expected = torch.einsum("bd,kd->bk", pooled, model.persons.weight) + model.persons.bias
    torch.testing.assert_close(model(pixels), expected, rtol=1e-4, atol=1e-5)


def test_dropout_thins_the_features_and_the_squares():
    model = scored(width=512, weights=(1.0,) * 512, bias=0.0, dropout=0.5).train()
    ones = torch.ones(1, 512)
    scores = torch.stack([model.verify(ones, 0 * ones)[0] for _ in range(8)])
    assert (scores % 2 == 0).all()  # each square is 0 or 2
    assert 450 < scores.mean() < 574
    assert scores.std() > 0
    model.persons.weight.data.fill_(1.0)
    model.persons.bias.data.zero_()
    assert (model.identify(ones) % 2).abs().max() < 1e-4
    assert model.eval().verify(ones, 0 * ones).item() == 512


@pytest.mark.parametrize(
    ("persons", "count"),
    # ResNet-50 without its last layer, (2048 + 1) x K of eq. 3, 2048 + 1 of eq. 1.
    [(751, 23_508_032 + 2049 * 751 + 2049), (485, 23_508_032 + 2049 * 485 + 2049)],
)
def test_parameters_are_those_counted_by_hand(persons, count):
    with torch.device("meta"):
        model = Siamese().blank(persons)
    assert sum(p.numel() for p in model.parameters()) == count


def test_shapes_are_the_papers():
    with torch.device("meta"):
        model, pixels = Siamese().blank(751), torch.empty(4, 3, 128, 64)
        assert model.features(pixels).shape == (4, 2048)
        assert model.feature_map(pixels).shape == (4, 2048, 4, 2)
        assert model(pixels).shape == (4, 751)
        assert model.score(torch.empty(2, 2048)).shape == (2, 1)


@pytest.fixture
def gallery(toy):
    """Return features that lie close together, far from zero, under weights of both signs."""
    model = toy().blank(5)
    torch.nn.init.normal_(model.score.weight)
    features = 5 + 0.01 * torch.randn(40, 128)
    return model, features[:15], features[15:]


def test_similarity_is_the_score_of_every_pair(toy, gallery):
    model, first, second = gallery
    squares = (first.double()[:, None] - second.double()).square()
    direct = squares @ model.score.weight[0].double() + model.score.bias.double()
    measured = toy().similarity(model, first, second)
    assert measured.dtype == torch.float32
    assert measured.shape == (15, 25)
    torch.testing.assert_close(measured.double(), direct, rtol=1e-4, atol=1e-6)


def test_similarity_ranks_as_pair_by_pair(toy, gallery):
    model, first, second = gallery
    measured = toy().similarity(model.train(), first, second)  # no dropout in any mode
    model.eval()
    for row, query in zip(measured, first, strict=True):
        alone = [model.verify(query[None], other[None]).item() for other in second]
        order = torch.tensor(alone).sigmoid().sort(descending=True).indices
        assert torch.equal(order, row.sort(descending=True).indices)


def test_similarity_does_not_depend_on_how_the_gallery_is_cut(toy, gallery):
    model, first, second = gallery
    whole = toy().similarity(model, first, second)
    parts = [toy().similarity(model, first, part) for part in second.split(7)]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-6, atol=1e-7)


def test_under_bf16_scores_and_similarities_are_those_of_float32(toy, gallery):
    model, first, second = gallery
    model.eval()
    exact = toy().similarity(model, first, second), model.verify(first[:9], second[:9])
    with torch.autocast("cpu", torch.bfloat16):
        measured = toy().similarity(model, first, second), model.verify(first[:9], second[:9])
        assert model(torch.rand(2, 3, 32, 16)).dtype == torch.float32
    for a, b in zip(exact, measured, strict=True):
        assert torch.equal(a, b)
