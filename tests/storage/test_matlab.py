import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from reidbench.errors import ReidbenchError
from reidbench.storage import matlab
from reidbench.storage.matlab import list_variables, read_arrays, read_variable
from tests.data.small_trees import grid_partitions

FOLDS = [list(range(first, first + 125)) for first in range(1, 11)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["b", "B", "h", "H", "i", "I", "f", "d", "q", "Q"])
def test_numbers_are_those_that_scipy_wrote(tmp_path: Path, packed: bool, kind: str) -> None:
    numbers = np.array([[1, 2, 100], [4, 5, 0]], dtype=kind)
    savemat(tmp_path / "x.mat", {"before": 3.0, "x": numbers}, do_compression=packed)
    found = read_variable(tmp_path / "x.mat", "x")
    assert found.tolist() == numbers.T.ravel().tolist()
    assert loadmat(tmp_path / "x.mat")["x"].tolist() == numbers.tolist()


@pytest.mark.parametrize("packed", [False, True])
def test_cells_and_structures(tmp_path: Path, packed: bool) -> None:
    cells = np.empty((1, 3), dtype=object)
    cells[0, 0] = {"first": np.array([[7.0]]), "a_longer_name": np.zeros((0, 0))}
    cells[0, 1] = np.array([[1, 2]], dtype=np.uint8)
    cells[0, 2] = np.array([(1.0, 2.0), (3.0, 4.0)], dtype=[("u", object), ("v", object)])
    savemat(tmp_path / "x.mat", {"cells": cells}, do_compression=packed)
    one, two, three = read_variable(tmp_path / "x.mat", "cells")
    assert list(one[0]) == ["first", "a_longer_name"]
    assert (one[0]["first"].tolist(), one[0]["a_longer_name"].tolist()) == ([7.0], [])
    assert two.tolist() == [1, 2]
    assert [{k: v.tolist() for k, v in row.items()} for row in three] == [
        {"u": [1.0], "v": [2.0]},
        {"u": [3.0], "v": [4.0]},
    ]


def test_the_other_order_of_bytes(tmp_path: Path) -> None:
    def element(code: int, content: bytes) -> bytes:
        return struct.pack(">II", code, len(content)) + content.ljust(-(-len(content) // 8) * 8)

    parts = (
        (6, struct.pack(">II", 6, 0)),
        (5, struct.pack(">ii", 1, 2)),
        (1, b"x"),
        (9, struct.pack(">dd", 1.5, -2)),
    )
    matrix = element(14, b"".join(element(*part) for part in parts))
    (tmp_path / "x.mat").write_bytes(b"made by hand".ljust(124) + b"\x01\x00MI" + matrix)
    assert read_variable(tmp_path / "x.mat", "x").tolist() == [1.5, -2]


def test_a_missing_file_or_variable(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"cannot read .*x\.mat: No such file"):
        read_variable(tmp_path / "x.mat", "x")
    savemat(tmp_path / "x.mat", {"x": 1})
    with pytest.raises(ReidbenchError, match=r"x\.mat has no variable y"):
        read_variable(tmp_path / "x.mat", "y")


@pytest.mark.parametrize("content", [b"", b"MATLAB 7.3 MAT-file", b"\x89HDF".ljust(200)])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ReidbenchError, match=r"x\.mat is damaged, or no MAT-file of level 5"):
        read_variable(tmp_path / "x.mat", "x")


def test_a_packed_flood_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"flood": np.zeros(100_000), "x": np.ones(2)}
    savemat(tmp_path / "x.mat", variables, do_compression=True)
    monkeypatch.setattr(matlab, "LARGEST", 10_000)
    assert read_variable(tmp_path / "x.mat", "x").tolist() == [1, 1]
    with pytest.raises(
        ReidbenchError, match=r"flood of .*x\.mat is of more than 0 MiB, which is not read"
    ):
        read_variable(tmp_path / "x.mat", "flood")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["?", "b", "B", "h", "H", "i", "I", "f", "d", "q", "Q"])
def test_arrays_have_the_shapes_and_types_that_scipy_reads(
    tmp_path: Path, packed: bool, kind: str
) -> None:
    shapes: tuple[tuple[int, ...], ...] = ((2, 3), (1, 1), (3, 1), (1, 4), (2, 3, 4), (0, 0))
    made = {f"x{i}": np.ones(shape, kind) for i, shape in enumerate(shapes)}
    made["x0"] = np.array([[1, 2, 100], [4, 5, 0]], dtype=kind)
    savemat(tmp_path / "x.mat", made, do_compression=packed)
    assert list_variables(tmp_path / "x.mat") == tuple(made)
    found = read_arrays(tmp_path / "x.mat", list(made))
    for name, array in loadmat(tmp_path / "x.mat", variable_names=list(made)).items():
        if name in made:
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (scipy.sparse.eye(3).tocsc(), r"is a sparse matrix; save it in full: full\(x\)"),
        (np.ones((2, 2)) * 1j, r"has complex numbers; save real ones: real\(x\)"),
        (np.array([["a", 1]], dtype=object), r"is a cell array; .* cell2mat\(x\)"),
        ({"a": 1.0}, "is a structure; save its fields"),
        ("words", "is text; save numbers"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_array_of_numbers_is_one_clear_error(
    tmp_path: Path, value: object, error: str, packed: bool
) -> None:
    savemat(tmp_path / "x.mat", {"x": value}, do_compression=packed)
    with pytest.raises(ReidbenchError, match=rf"variable x of .*x\.mat {error}"):
        read_arrays(tmp_path / "x.mat", ["x"])


def test_the_format_of_hdf5_is_named_with_what_would_do(tmp_path: Path) -> None:
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "x.mat").write_bytes(head + bytes(512))
    with pytest.raises(ReidbenchError, match=r"x\.mat is of MATLAB's format 7\.3.*-v7"):
        read_variable(tmp_path / "x.mat", "x")


@given(st.data(), st.booleans())
def test_damaged_arrays_give_numbers_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"arrays-{packed}.mat"
    if not path.exists():
        savemat(path, {"x": np.arange(12.0).reshape(3, 4), "y": [1, 2]}, do_compression=packed)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + 4] = data.draw(st.binary(max_size=6))
    damaged = path.with_name("damaged-arrays.mat")
    damaged.write_bytes(content)
    with suppress(ReidbenchError):
        assert all(isinstance(v, np.ndarray) for v in read_arrays(damaged, ["x", "y"]).values())


def _numbers(value: Any) -> bool:
    """Return whether a value consists of lists, dictionaries and arrays only."""
    if isinstance(value, list):
        return all(map(_numbers, value))
    return isinstance(value, (dict, np.ndarray))


@given(st.data(), st.booleans())
def test_damage_gives_numbers_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"partitions-{packed}.mat"
    if not path.exists():
        grid_partitions(path, FOLDS[:2], packed)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + 4] = data.draw(st.binary(max_size=6))
    damaged = path.with_name("damaged.mat")
    damaged.write_bytes(content)
    with suppress(ReidbenchError):
        assert _numbers(read_variable(damaged, "trainIdxAll"))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    grid_partitions(path, FOLDS[:1], False)
    whole = path.read_bytes()
    for length in range(0, whole.index(b"ftrset") - 40, 19):
        path.write_bytes(whole[:length])
        with pytest.raises(ReidbenchError, match=r"x\.mat"):
            read_variable(path, "trainIdxAll")
