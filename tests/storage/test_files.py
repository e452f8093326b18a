from __future__ import annotations

import errno
import io
import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.storage.files import cannot_hold_more, write_array, write_bytes, write_json


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x"
    for content in (b"first, longer", b"second"):
        write_bytes(path, content)
        assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["x"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(descriptor: int) -> NoReturn:
        raise error

    write_bytes(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((ReidbenchError, KeyboardInterrupt)):
        write_bytes(tmp_path / "x", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_the_error_names_the_file_and_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReidbenchError, match=r"cannot write .*file/x: .*; choose another folder"):
        write_bytes(tmp_path / "file" / "x", b"")


def test_json_is_readable_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"é": [1, None]})
    assert (tmp_path / "x.json").read_text() == '{\n  "é": [\n    1,\n    null\n  ]\n}\n'
    assert json.loads((tmp_path / "x.json").read_text()) == {"é": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))


numbers = st.sampled_from([np.uint8, np.int64, np.float32, np.bool_])


@given(numbers.flatmap(lambda kind: arrays(kind, array_shapes(min_dims=1, min_side=0))))
def test_arrays_are_written_as_numpy_would(
    tmp_path_factory: pytest.TempPathFactory, x: NDArray[Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "array.npy"
    for array in (x, x.T, x[::2]):
        write_array(path, array)
        saved = io.BytesIO()
        np.save(saved, np.ascontiguousarray(array))
        assert path.read_bytes() == saved.getvalue()


FULL = Path("/dev/full")  # every write to it fails as on a full disk


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_recognised_when_an_array_is_written() -> None:
    with pytest.raises(ReidbenchError, match="the disk is full"):
        write_array(FULL, np.zeros(100_000))


def test_only_full_and_read_only_disks_can_hold_no_more() -> None:
    kinds = {errno.ENOSPC: True, errno.EROFS: True, errno.EDQUOT: True, errno.ENOENT: False}
    assert {k: cannot_hold_more(OSError(k, "")) for k in kinds} == kinds
    assert not cannot_hold_more(OSError("image is truncated"))


def test_outputs_heed_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    file, link = tmp_path / "inner" / "file", tmp_path / "link"
    link.symlink_to("inner/file")
    for content in (b"made", b"replaced"):
        write_bytes(link, content)
        assert link.is_symlink()
        assert file.read_bytes() == content


def test_devices_pipes_and_folders_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name, kind in (("pipe", "a device or a pipe"), ("null", "a device"), (".", "a folder")):
        with pytest.raises(ReidbenchError, match=f"it is {kind}.*; name a file"):
            write_bytes(tmp_path / name, b"")
    assert (tmp_path / "pipe").is_fifo()
