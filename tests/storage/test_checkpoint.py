from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer

from reidbench.engine.descent import descend
from reidbench.errors import ReidbenchError
from reidbench.storage.checkpoint import DamagedCheckpointError, load_state, save_state


class Slowing(SGD):
    """Keeps a plain number of steps, as optimisers outside of torch do."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for parameter in self.param_groups[0]["params"]:
            times = self.state[parameter].get("times", 0) + 1
            self.state[parameter]["times"] = times
            parameter -= 0.1 / times * parameter.grad


Make = Callable[[nn.Module], Optimizer]

OPTIMISERS: dict[str, Make] = {
    "adam": lambda m: Adam(m.parameters(), 0.01),
    "amsgrad": lambda m: Adam(m.parameters(), 0.01, betas=(0.5, 0.99), amsgrad=True),
    "fused": lambda m: Adam(m.parameters(), 0.01, fused=True),
    "momentum": lambda m: SGD(m.parameters(), 0.01, momentum=0.9),
    "numbers": lambda m: Slowing(m.parameters(), 0.01),
    "plain": lambda m: SGD(m.parameters(), 0.01),
}


class Network(nn.Module):
    """Has 4-d weights, vectors, a scalar, running statistics and a whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.scale * self.norm(self.conv(x))
        return scaled


def train(network: nn.Module, optimiser: Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        x = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(step))
        x = x.contiguous(memory_format=torch.channels_last)
        descend(optimiser, F.mse_loss(network(x), torch.ones(4, 4, 4, 4)))


def made(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Network().to(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_restored_training_goes_on_bit_identically(tmp_path: Path, name: str) -> None:
    make, path = OPTIMISERS[name], tmp_path / "state.safetensors"
    whole = made()
    train(whole, make(whole), 0, 9)
    first = made()
    optimiser = make(first)
    train(first, optimiser, 0, 4)
    save_state(path, {"network": first, "optimiser": optimiser}, 4)
    second = made(seed=1)
    optimiser = make(second)
    assert load_state(path, {"network": second, "optimiser": optimiser}) == 4
    train(second, optimiser, 4, 9)
    for key, value in whole.state_dict().items():
        assert torch.equal(second.state_dict()[key], value), key


def test_slots_have_the_layout_of_their_parameters(tmp_path: Path) -> None:
    path, network = tmp_path / "state.safetensors", made()
    optimiser = Adam(network.parameters(), 0.01)
    train(network, optimiser, 0, 1)
    save_state(path, {"network": network, "optimiser": optimiser}, None)
    other = made()
    restored = Adam(other.parameters(), 0.01)
    load_state(path, {"network": other, "optimiser": restored})
    assert isinstance(other, Network)
    weight = other.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    for slot in ("exp_avg", "exp_avg_sq"):
        assert restored.state[weight][slot].stride() == weight.stride()
        assert not restored.state[weight][slot].requires_grad


def test_changed_rates_are_restored(tmp_path: Path) -> None:
    network = made()
    optimiser = SGD(network.parameters(), 0.01)
    optimiser.param_groups[0]["lr"] = 0.125
    save_state(tmp_path / "s", {"optimiser": optimiser}, None)
    fresh = SGD(network.parameters(), 0.01)
    load_state(tmp_path / "s", {"optimiser": fresh})
    assert fresh.param_groups[0]["lr"] == 0.125


def test_the_file_is_safetensors_and_its_note_json(tmp_path: Path) -> None:
    path, network = tmp_path / "deep" / "state.safetensors", made()
    note = {"step": 3, "names": ["a", None], "rate": 0.1}
    save_state(path, {"network": network}, note)
    tensors = load_file(path)
    assert set(tensors) == {f"network/{k}" for k in network.state_dict()}
    assert load_state(path, {"network": network}) == note


def test_weights_of_the_same_memory_are_saved(tmp_path: Path) -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    save_state(tmp_path / "s", {"alone": one, "shared": nn.Sequential(one, one)}, None)
    load_state(tmp_path / "s", {"alone": nn.Linear(2, 2), "shared": nn.Sequential(other, other)})
    assert torch.equal(other.weight, one.weight)


def test_saving_again_replaces_the_state_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path / "s", {"network": made()}, step)
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    assert load_state(tmp_path / "s", {"network": made()}) == 2


def test_a_checkpoint_of_another_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    save_state(path, {"model": nn.Linear(2, 3)}, 5)
    with pytest.raises(ReidbenchError, match=r"does not fit.*cache rm --partial"):
        load_state(path, {"model": nn.Linear(2, 4)})


@pytest.mark.parametrize("content", [b"half", b"", bytes(200), b"\xff" * 50])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train.safetensors"
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match=r"train\.safetensors is damaged"):
        load_state(path, {"model": nn.Linear(2, 3)})


@pytest.mark.parametrize("place", range(0, 1200, 37))
def test_a_flipped_bit_anywhere_in_a_checkpoint_is_found(tmp_path: Path, place: int) -> None:
    path, model = tmp_path / "train.safetensors", nn.Linear(9, 9)
    save_state(path, {"model": model, "adam": Adam(model.parameters())}, 5)
    content = bytearray(path.read_bytes())
    content[-1 - place % len(content)] ^= 1
    path.write_bytes(content)
    blank = nn.Linear(9, 9)
    before = blank.weight.clone()
    with pytest.raises(ReidbenchError):
        load_state(path, {"model": blank, "adam": Adam(blank.parameters())})
    assert torch.equal(blank.weight, before)


def test_a_checkpoint_of_an_earlier_version_has_no_checksum_and_is_read(tmp_path: Path) -> None:
    path, model = tmp_path / "train.safetensors", nn.Linear(2, 3)
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    save_file(tensors, path, metadata={"json": '{"note": 5}'})
    blank = nn.Linear(2, 3)
    assert load_state(path, {"model": blank}) == 5
    assert torch.equal(blank.weight, model.weight)
