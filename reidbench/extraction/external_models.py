"""Models that were made elsewhere: torchvision's networks, TorchScript files and ONNX files.

Nothing is downloaded and nothing is unpickled. A TorchScript file is a program: ``torch.jit.load``
runs it, but within TorchScript alone, which reaches no files and no network. Files of
``torch.export`` (.pt2) are not read, because PyTorch unpickles parts of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from reidbench.errors import ReidbenchError, UsageError
from reidbench.nn.backbones import build_backbone, check_backbone, feature_map
from reidbench.nn.pixels import Range, scale_and_shift
from reidbench.nn.weights import WeightsFile, load_weights

T = TypeVar("T")


class Ranged(nn.Module):
    """A network on pixels of the range that it was made for.

    Args:
        network: its output is the features ``[B, D]``.
        normalisation: range of pixels that the network takes.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, normalisation: Range) -> None:
        super().__init__()
        self.network = network
        scale, shift = scale_and_shift(normalisation)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the network's output for pixels in [-1, 1].

        Raises:
            ReidbenchError: if that is no tensor.
        """
        features: Any = self.network(pixels * self.scale + self.shift)
        if not isinstance(features, Tensor | fx.Proxy):  # folding traces it
            raise ReidbenchError(
                f"the model gives a {type(features).__name__}; it must give one tensor of features"
            )
        return features  # type: ignore[return-value]

    def feature_map(self, pixels: Tensor) -> Tensor:
        """Return the feature map that a backbone pools, for pixels in [-1, 1]."""
        return feature_map(self.network, pixels * self.scale + self.shift)


class WholeModel:
    """Asks a model for its output: nothing is known of what is inside."""

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the output."""
        features: Tensor = model(pixels)
        return features

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Refuse, with a ``UsageError``: a file tells nothing of its feature maps."""
        raise UsageError("a model from a file gives no feature map to pool; leave out --pool")


class BackboneModel(WholeModel):
    """Asks a backbone in its range for its features or its feature map."""

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the last feature map ``[B, C, h, w]``."""
        assert isinstance(model, Ranged)
        return model.feature_map(pixels)


def torchvision_network(name: str, weights: Path | None) -> tuple[nn.Module, str]:
    """Return a backbone by torchvision's name, and how the names in its file were understood.

    Its features are what its classifier would see.

    Args:
        name: e.g. "resnet50".
        weights: a .safetensors, .pth, .pt or .pth.tar file of its weights, None for random ones.

    Raises:
        UsageError: for an unknown name.
        ReidbenchError: if the weights cannot be read or do not fit.
    """
    try:
        check_backbone(name)
    except ValueError as error:
        raise UsageError(str(error)) from error
    backbone = build_backbone(name)
    told = "" if weights is None else str(load_weights(backbone, WeightsFile("", weights)))
    return backbone.network.eval(), told


def torchscript_network(path: Path) -> nn.Module:
    """Return the model in a TorchScript file.

    Raises:
        ReidbenchError: if it is none.
    """

    def load() -> nn.Module:
        with warnings.catch_warnings(action="ignore"):  # that TorchScript will go one day
            model: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
        return model.eval()

    hint = "; weights alone are no model: name torchvision:NAME and the file with --weights"
    return _read(path, "TorchScript", load, hint)


class OnnxNetwork(nn.Module):
    """The model in an ONNX file, computed by onnxruntime on the CPU.

    Raises:
        ReidbenchError: if the file is no such model, or does not take one batch of images.
        UsageError: if onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError as error:
            raise UsageError(
                "ONNX files are computed by onnxruntime: pip install 'reidbench[onnx]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3

        def load() -> Any:
            return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

        self._session = _read(path, "ONNX", load)
        self._input, self._batch = self._images()

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the first output for ``pixels``, on their device."""
        images = pixels.float().cpu().contiguous().numpy()
        size = self._batch or len(images)
        rows = [self._run(images[i : i + size], size) for i in range(0, len(images), size)]
        return torch.from_numpy(np.concatenate(rows)).to(pixels.device)

    def _run(self, images: NDArray[np.float32], size: int) -> NDArray[Any]:
        """Return the output for some images, filled up to the size that the model takes."""
        missing = [(0, size - len(images)), (0, 0), (0, 0), (0, 0)]
        output: NDArray[Any] = self._session.run(None, {self._input: np.pad(images, missing)})[0]
        return output[: len(images)]

    def _images(self) -> tuple[str, int | None]:
        """Return the name of the input, and how many images it takes if their number is fixed."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            told = ", ".join(f"'{i.name}' {i.type} {i.shape}" for i in inputs)
            raise ReidbenchError(
                f"the ONNX model takes {told or 'nothing'}; it must take one float tensor "
                "[B, 3, H, W]"
            )
        batch = inputs[0].shape[0]
        return inputs[0].name, batch if isinstance(batch, int) else None


def _read(path: Path, kind: str, load: Callable[[], T], hint: str = "") -> T:
    try:
        return load()
    except Exception as error:  # the readers fail on a broken file in ever new ways
        broken = f"it is damaged, or no {kind}"  # a library's own text would lead nobody on
        reason = (isinstance(error, OSError) and error.strerror) or broken
        raise ReidbenchError(f"{path} cannot be read as {kind}: {reason}{hint}") from error
