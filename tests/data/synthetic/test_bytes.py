"""The renderer's promise: the same bytes on every machine."""

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reidbench.data import synthetic
from reidbench.data.synthetic import Synthetic

# When one of these moves, raise RENDERER_VERSION and write the new digest here.
GOLDEN = {
    ("a", 128, 64): "7b8529280a647ccc",
    ("b", 128, 64): "a9090b531ba283e3",
    ("c", 64, 32): "8f2998ed3f701763",
    ("d", 128, 64): "4436cb93afa9cf1b",
    ("garden", 64, 32): "41303dd98eed6e12",
    ("high", 128, 64): "c766a24e452df994",
    ("low", 64, 32): "d2b7d1ebee01c811",
    ("warm", 64, 32): "6686d75c87af0e09",
}
EVERYTHING = {"camera_gap": 2.0, "occluders": 0.5, "back": 0.5, "sides": "by-camera", "cameras": 6}
GOLDEN_EVERYTHING = "ea2d140d1551d00f"


def digest_of(domain: str, height: int, width: int, **options: object) -> str:
    dataset = Synthetic(domain=domain, height=height, width=width, distractors=3, **options)
    total = hashlib.sha256()
    for split, index in (("train", 0), ("train", 37), ("query", 41), ("gallery", 900)):
        total.update(dataset.read(split, index).tobytes())
        total.update(dataset.read_mask(split, index).tobytes())
    return total.hexdigest()[:16]


@pytest.mark.parametrize(("domain", "height", "width"), GOLDEN)
def test_golden(domain: str, height: int, width: int) -> None:
    assert digest_of(domain, height, width) == GOLDEN[domain, height, width]


def test_golden_with_everything_on() -> None:
    assert digest_of("d", 128, 64, **EVERYTHING) == GOLDEN_EVERYTHING


@pytest.mark.parametrize("keep", [0, 1])
def test_a_processor_with_fewer_instructions_renders_the_same(keep: int) -> None:
    """Numpy picks its loops by processor; without the newer ones the bytes stay."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if len(found) <= keep:
        pytest.skip("numpy uses no more than its baseline here")
    program = (
        "from tests.data.synthetic.test_bytes import *\n"
        "print(digest_of('b', 128, 64), digest_of('d', 128, 64, **EVERYTHING))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(found[keep:])},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [GOLDEN["b", 128, 64], GOLDEN_EVERYTHING]


EXACT = {
    "abs", "arange", "array", "ascontiguousarray", "broadcast_to", "clip", "concatenate",
    "flatnonzero", "float32", "float64", "floating", "floor", "full", "int32", "int64", "maximum",
    "meshgrid", "minimum", "ones_like", "random", "sqrt", "stack", "uint8", "where", "zeros",
    "zeros_like",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(Path(synthetic.__file__).parent.glob("*.py")), ids=str)
def test_only_exact_operations_are_used(path: Path) -> None:
    """No transcendental function, power, sum or matrix product: their bits differ by machine."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "np" or node.attr in EXACT, f"np.{node.attr}"
            assert node.value.id != "math"
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"sum", "mean", "std", "dot", "prod", "cumsum"}, node.attr
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.MatMult)
            constant = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
            assert not isinstance(node.op, ast.Pow) or constant
