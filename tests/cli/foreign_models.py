"""Models from elsewhere, right and wrong ones."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision import models

from tests.cli.onnx_file import write_onnx


class Means(nn.Module):
    """The mean of each channel, as ``write_onnx`` has it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Pairs(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3)), x


class Unpooled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)


class Fixed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], 3, 32 * 16).mean(2)


class Sums(nn.Module):
    """Knows nothing of batches."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((0, 2, 3)).unsqueeze(0)


def script(path: Path, module: nn.Module) -> Path:
    with warnings.catch_warnings(action="ignore"):  # TorchScript is to go one day
        torch.jit.script(module).save(path)
    return path


def wrong_models(folder: Path) -> dict[str, tuple[object, str]]:
    (folder / "broken.pt").write_bytes(b"x" * 100)
    (folder / "broken.onnx").write_bytes(b"x" * 100)
    (folder / "exported.pt2").write_bytes(b"x")
    (folder / "broken.json").write_text("{}")
    torch.save(models.resnet18().state_dict(), folder / "weights.pt")
    return {
        "missing": (folder / "gone.onnx", "there is no file"),
        "torchscript": (folder / "broken.pt", "cannot be read as TorchScript"),
        "weights": (folder / "weights.pt", "weights alone are no model"),
        "onnx": (folder / "broken.onnx", "cannot be read as ONNX"),
        "exported": (folder / "exported.pt2", "unpickles parts of them"),
        "result": (folder / "broken.json", "not a result of reidbench"),
        "kind": ("resnet50", "'resnet50' is no model: name a result"),
        "torchvision": ("torchvision:resnet5", "no backbone 'resnet5'; did you mean 'resnet50'"),
        "several": (script(folder / "p.pt", Pairs()), "gives a tuple; it must give one tensor"),
        "unpooled": (script(folder / "u.pt", Unpooled()), r"gives [2, 3, 1, 1]; it must give"),
        "onnx unpooled": (
            write_onnx(folder / "u.onnx", flatten=False),
            "gives [2, 3, 1, 1]; it must give features [2, D]",
        ),
        "one row": (script(folder / "s.pt", Sums()), "gives [1, 3]; it must give"),
    }
