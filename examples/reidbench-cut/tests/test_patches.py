"""PatchNCE by hand and as the authors compute it; the maps it is taken from."""

import math

import pytest
import torch
from reidbench_cut.patches import Heads, encode, patch_nce, taps
from torch.nn import functional as F

from reidbench.nn.resnet_generator import ResNetGenerator


def patches(seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(3, 5, 8, generator=generator), dim=2)


def test_loss_by_hand():
    """Two patches at right angles: each finds its own place with e^2 to 1 at a tau of 0.5."""
    pair = torch.eye(2)[None]
    assert patch_nce(pair, pair, 0.5).item() == pytest.approx(math.log(1 + math.exp(-2)))
    swapped = pair.flip(1)
    assert patch_nce(swapped, pair, 0.5).item() == pytest.approx(math.log(1 + math.exp(2)))


def test_equals_the_authors_way_of_computing_it():
    """The positive in front, all patches of the image behind, the own one ruled out."""
    queries, keys = patches(0), patches(1)
    total = []
    for q, k in zip(queries, keys, strict=True):
        negatives = (q @ k.T).masked_fill(torch.eye(5, dtype=torch.bool), -10.0)
        logits = torch.cat([(q * k).sum(1, keepdim=True), negatives], 1) / 0.07
        total.append(F.cross_entropy(logits, torch.zeros(5, dtype=torch.long)))
    assert patch_nce(queries, keys, 0.07).item() == pytest.approx(torch.stack(total).mean().item())


def test_other_images_of_the_batch_are_no_negatives():
    queries, keys = patches(0), patches(1)
    rows = [patch_nce(queries[i : i + 1], keys[i : i + 1], 0.07) for i in range(3)]
    assert patch_nce(queries, keys, 0.07).item() == pytest.approx(torch.stack(rows).mean().item())


@pytest.mark.parametrize(("blocks", "layers"), [(9, [0, 4, 7, 10, 14]), (1, [0, 4, 7, 10])])
def test_patches_are_those_of_the_papers_layers(blocks, layers):
    generator = ResNetGenerator(2, blocks)
    assert taps(generator) == layers
    maps = encode(generator, torch.zeros(2, 3, 32, 24))
    sizes = [(2, 3, 38, 30), (2, 4, 16, 12), (2, 8, 8, 6), (2, 8, 8, 6), (2, 8, 8, 6)]
    assert [tuple(m.shape) for m in maps] == sizes[: len(layers)]


def test_heads_of_the_published_width_have_so_many_parameters():
    heads = Heads(ResNetGenerator(64, 9), 256)
    inputs = (3, 128, 256, 256, 256)
    expected = sum(256 * (c + 1) + 256 * 257 for c in inputs)
    assert sum(p.numel() for p in heads.parameters()) == expected == 560_384


def test_an_embedding_is_that_of_its_place_alone():
    generator = ResNetGenerator(2, 1)
    heads, places = Heads(generator, 4), [torch.tensor([3, 0])] * 4
    maps = [torch.randn(1, *m.shape[1:]) for m in encode(generator, torch.zeros(1, 3, 32, 24))]
    before = heads(maps, places)
    for embedding in before:
        torch.testing.assert_close(embedding.norm(dim=2), torch.ones(1, 2))
    maps[0] = maps[0].clone()
    maps[0][0, :, 0, 0] += 1  # place 0 of the first map
    after = heads(maps, places)
    assert [not torch.equal(a, b) for a, b in zip(after, before, strict=True)] == [
        True,
        *[False] * 3,
    ]
    assert torch.equal(after[0][:, 0], before[0][:, 0])
