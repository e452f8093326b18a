import pytest
import torch
from reidbench_svdnet.learner import SVDNet
from safetensors.torch import save_file
from torch import nn

from reidbench.config.recipe import Embedding
from reidbench.engine.embedding import Embedder, check_rows
from reidbench.nn.folding import fold_batch_norms
from reidbench.nn.small_resnet import SmallResNet


def model(**changes):
    return SVDNet(**({"backbone": "small-resnet", "eigen": 24} | changes)).blank(5)


def test_parameters_are_those_counted_by_hand():
    with torch.device("meta"):
        ours = SVDNet().blank(751)
    assert sum(p.numel() for p in ours.parameters()) == 23_508_032 + 2048 * 1024 + 1025 * 751


def test_features_are_the_eigenlayers_output_or_input():
    ours, pixels = model().eval(), torch.rand(2, 3, 32, 16)
    pooled = ours.feature_map(pixels).mean((2, 3))
    output = ours.features(pixels)
    torch.testing.assert_close(output, pooled @ ours.eigenlayer.weight.T)
    ours.descriptor = "input"
    torch.testing.assert_close(ours.features(pixels), pooled)
    torch.testing.assert_close(ours(pixels), output @ ours.persons.weight.T + ours.persons.bias)
    assert (output.shape, ours.eigenlayer.bias) == ((2, 24), None)


def test_dropout_comes_before_the_classifier():
    ours = model(dropout=1.0).train()
    nn.init.constant_(ours.persons.bias, 3.0)
    assert (ours(torch.rand(2, 3, 32, 16)) == 3.0).all()


def test_the_eigenlayer_has_no_more_vectors_than_can_be_orthogonal():
    assert model(eigen=1024).eigenlayer.weight.shape == (128, 128)


def test_statistics_are_kept_only_with_weights_to_keep(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(SmallResNet().state_dict(), path)
    with_weights = SVDNet(backbone="small-resnet", weights=str(path))
    assert with_weights.build(2).batch_norm == "statistics"
    assert with_weights.provenance()["weights"] == "weights.safetensors"
    assert model().batch_norm == "learn"
    assert model(batch_norm="frozen").batch_norm == "frozen"


@pytest.mark.parametrize("descriptor", ["output", "input"])
def test_batch_normalisation_is_folded_when_images_are_embedded(descriptor):
    svdnet = SVDNet(backbone="small-resnet", descriptor=descriptor)
    embedder = Embedder(svdnet, svdnet.blank(5).eval(), Embedding())
    pixels = torch.rand(2, 3, 32, 16)
    before = embedder(pixels)
    assert fold_batch_norms(embedder) == 9
    torch.testing.assert_close(embedder(pixels), before, rtol=1e-3, atol=1e-5)


def test_the_map_can_be_pooled_otherwise():
    svdnet, pixels = SVDNet(backbone="small-resnet"), torch.rand(2, 3, 64, 32)
    ours = svdnet.blank(5).eval()
    local = Embedding(pool="max", parts=8)
    check_rows(local, svdnet, ours, (64, 32), "svdnet")
    expected = ours.feature_map(pixels).amax(3)
    assert torch.equal(Embedder(svdnet, ours, local)(pixels), expected.transpose(1, 2).flatten(1))


def test_under_bf16_features_and_logits_are_float32():
    with torch.autocast("cpu", torch.bfloat16):
        ours, pixels = model(), torch.rand(2, 3, 32, 16)
        assert ours(pixels).dtype == ours.features(pixels).dtype == torch.float32
