"""Initial weights, as other programs write them."""

from __future__ import annotations

import pytest
import torch

from reidbench.errors import ReidbenchError
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import WeightsFile, load_weights


@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_weights_are_found_in_what_training_programs_write(tmp_path, wrapper, prefix):
    network, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    named = {f"{prefix}{k}": v for k, v in other.state_dict().items()}
    torch.save({wrapper: named, "epoch": 60} if wrapper else named, tmp_path / "w.pth")
    load_weights(Backbone(network, 2, "none"), WeightsFile("w", tmp_path / "w.pth"))
    assert torch.equal(network.weight, other.weight)


def test_a_pickled_network_is_refused_in_plain_words(tmp_path):
    network = torch.nn.Linear(2, 2)
    torch.save(network, tmp_path / "w.pth")
    with pytest.raises(ReidbenchError, match=r"pickled Python objects.* alone") as e:
        load_weights(Backbone(network, 2, "none"), WeightsFile("w", tmp_path / "w.pth"))
    assert "\x1b" not in str(e.value)
    assert "weights_only" not in str(e.value)
