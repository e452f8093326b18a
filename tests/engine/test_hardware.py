from __future__ import annotations

import pytest
import torch

from reidbench.engine.hardware import Hardware, _cuda_products, choose
from reidbench.errors import UsageError


@pytest.fixture
def cuda_devices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """As many CUDA devices as the test asks for."""
    count: int = request.param
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    return count


@pytest.mark.parametrize(
    ("cuda_devices", "asked", "chosen"),
    [
        (0, "auto", "cpu"),
        (2, "auto", "cuda"),
        (2, "cpu", "cpu"),
        (2, "cuda:1", "cuda:1"),
    ],
    indirect=["cuda_devices"],
)
def test_a_device_is_chosen(cuda_devices: int, asked: str, chosen: str) -> None:
    assert choose(asked, "bf16") == Hardware(torch.device(chosen), "bf16")


@pytest.mark.parametrize(
    ("cuda_devices", "asked", "reason"),
    [
        (0, "cuda", "this machine has 0 CUDA devices; use cpu"),
        (2, "cuda:2", "this machine has 2 CUDA devices"),
        (1, "gpu", "--device takes auto, cpu, cuda or cuda:N, not 'gpu'"),
        (1, "meta", "--device takes auto"),
        (1, "", "--device takes auto"),
        (1, "cuda:x", "--device takes auto"),
    ],
    indirect=["cuda_devices"],
)
def test_a_device_that_is_not_there_is_a_usage_error(
    cuda_devices: int, asked: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        choose(asked, "float32")


def test_a_precision_that_is_not_known_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="takes float32, tf32 or bf16, not 'fp16'"):
        choose("cpu", "fp16")


@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_forward_passes_run_in_the_precision(precision: str, kind: torch.dtype) -> None:
    hardware = Hardware(torch.device("cpu"), precision)
    with hardware.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_the_description_is_for_a_person() -> None:
    assert Hardware(torch.device("cpu")).description == f"cpu, {torch.get_num_threads()} threads"


@pytest.mark.parametrize(("cuda_devices"), [1], indirect=True)
def test_tf32_is_of_cuda_devices(cuda_devices: int) -> None:
    assert choose("cuda", "tf32").precision == "tf32"
    with pytest.raises(UsageError, match="is of CUDA devices; use float32 on cpu"):
        choose("cpu", "tf32")


@pytest.mark.parametrize("tf32", [True, False])
def test_products_are_rounded_as_asked_and_then_as_before(tf32: bool) -> None:
    cudnn = torch.backends.cudnn

    def told() -> tuple[bool, bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark

    before = told()
    with _cuda_products(tf32=tf32, search=True):
        assert told() == (tf32, tf32, True)
    assert told() == before


def test_a_compiler_that_times_kernels_is_not_repeatable() -> None:
    with pytest.raises(UsageError, match="--deterministic excludes; leave one out"):
        choose("cpu", "float32", deterministic=True, compile="on")
    assert choose("cpu", "float32", deterministic=True).deterministic
    with pytest.raises(UsageError, match="--compile takes auto, on or off, not 'fast'"):
        choose("cpu", "float32", compile="fast")
