"""Training state as one safetensors file: weights, optimiser state and plain JSON, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.errors import ReidbenchError, shown
from reidbench.storage.files import write_bytes

State = Mapping[str, nn.Module | Optimizer]


class DamagedCheckpointError(ReidbenchError):
    """The content of a checkpoint is not the one that was written."""


def save_state(path: Path, state: State, note: Any) -> None:
    """Write the state and a JSON note to ``path``, atomically."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {"note": note}
    for name, part in state.items():
        if isinstance(part, Optimizer):
            plain[name] = _pack_optimizer(name, part, tensors)
        else:
            tensors |= {f"{name}/{k}": v for k, v in part.state_dict().items()}
    copies = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    text = json.dumps(plain)
    write_bytes(path, save(copies, metadata={"json": text, "sha256": _sha256(copies, text)}))


def load_state(path: Path, state: State) -> Any:
    """Restore the state written by ``save_state`` in place and return its note.

    Raises:
        DamagedCheckpointError: if the file is damaged; the state is as it was.
        ReidbenchError: if it was written for other networks.
    """
    tensors, plain = _read(path)
    try:
        _restore(state, tensors, plain)
        return plain["note"]
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ReidbenchError(
            f"the checkpoint {shown(path)} does not fit the training ({type(error).__name__}); "
            "remove it with: reidbench cache rm --partial"
        ) from error


def _read(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Return tensors and JSON; the checksum is compared where there is one."""
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a mapping
        text = metadata["json"]
        # Files of earlier versions have none.
        if metadata.keys() - {"json"} and metadata != {
            "json": text,
            "sha256": _sha256(tensors, text),
        }:
            raise ValueError("checksum")
        return tensors, json.loads(text)
    except (SafetensorError, OSError, RuntimeError, LookupError, ValueError, TypeError) as error:
        raise DamagedCheckpointError(f"the checkpoint {shown(path)} is damaged") from error


def _sha256(tensors: Mapping[str, Tensor], text: str) -> str:
    """Return a digest of all that a checkpoint holds."""
    total = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for name, tensor in sorted(tensors.items()):
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        # Bytes of every type of number, which numpy has not.
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _restore(state: State, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
    for name, part in state.items():
        prefix = f"{name}/"
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        if isinstance(part, Optimizer):
            _unpack_optimizer(part, own, plain[name])
        else:
            part.load_state_dict(own)


def _pack_optimizer(name: str, optimizer: Optimizer, tensors: dict[str, Tensor]) -> Any:
    packed = optimizer.state_dict()
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in packed["state"].items():
        for slot, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{index}/{slot}"] = value
            else:
                plain.setdefault(str(index), {})[slot] = value
    return {"groups": packed["param_groups"], "plain": plain}


def _unpack_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], packed: Any) -> None:
    state = {int(i): dict(slots) for i, slots in packed["plain"].items()}
    for key, value in tensors.items():
        index, slot = key.split("/")
        state.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": state, "param_groups": packed["groups"]})
    _match_layout(optimizer)


def _match_layout(optimizer: Optimizer) -> None:
    """Give each slot its parameter's memory format again, so that steps stay bit-identical."""
    for parameter, slots in optimizer.state.items():
        for slot, value in slots.items():
            # A count of steps is a scalar and stays where the optimiser keeps it.
            if isinstance(value, Tensor) and value.ndim and value.shape == parameter.shape:
                slots[slot] = torch.empty_like(parameter, requires_grad=False).copy_(value)
