"""Named arrays in files of several formats. Nothing is ever unpickled."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError, did_you_mean, shown
from reidbench.storage.matlab import list_variables, read_arrays

FIELDS: dict[str, tuple[str, ...]] = {
    "features": ("features", "feature", "feats", "feat", "f", "embeddings"),
    "pids": ("pids", "pid", "labels", "label", "ids", "id"),
    "cams": ("cams", "cam", "camids", "camid", "cameras", "camera"),
}
"""Fields of a set of images, each with its known names; reidbench writes the first.

Cameras may be missing.
"""

Arrays = dict[str, NDArray[Any]]

_PICKLED = "holds pickled Python objects, which can run any code and are never loaded"


@dataclass(frozen=True)
class Stored:
    """An opened file.

    Attributes:
        path: path of the file.
        names: names of the arrays in it.
    """

    path: Path
    names: tuple[str, ...]
    _load: Callable[[Collection[str]], Arrays]

    def load(self, names: Collection[str]) -> Arrays:
        """Return some of the arrays.

        Raises:
            ReidbenchError: naming the file, if it is damaged or an array is pickled.
        """
        with _reading(self.path):
            return self._load(names)


def open_stored(path: Path) -> Stored:
    """Open a .npz, .mat, .pt, .pth or .csv file.

    Raises:
        ReidbenchError: naming the file, if it cannot be read, or only by unpickling.
        UsageError: if the file's name ends in none of these ways.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise UsageError(
            f"'{path}' is no file of features that can be read{did_you_mean(suffix, _FORMATS)}"
        )
    if path.exists() and not path.is_file():
        raise ReidbenchError(f"cannot read {path}: it is no file")
    with _reading(path):
        return _FORMATS[suffix](path)


def _npz(path: Path) -> Stored:
    def load(wanted: Collection[str]) -> Arrays:
        with _archive(path) as archive:
            return {name: archive[name] for name in wanted}

    with _archive(path) as archive:
        return Stored(path, tuple(archive.files), load)


@contextmanager
def _archive(path: Path) -> Iterator[NpzFile]:
    try:
        # numpy.load would leave a damaged file open, and look for pickles in it.
        with path.open("rb") as file, NpzFile(file, allow_pickle=False) as archive:
            yield archive
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ReidbenchError(
            f"{path} {_PICKLED}; write it anew with plain arrays: "
            "numpy.savez(FILE, features=numpy.stack(features), pids=numpy.array(pids, int), "
            "cams=numpy.array(cams, int))"
        ) from error


def _mat(path: Path) -> Stored:
    return Stored(path, list_variables(path), lambda wanted: read_arrays(path, wanted))


def _torch(path: Path) -> Stored:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ReidbenchError(
            f"{path} {_PICKLED}, or is no file of torch; write it anew with tensors: "
            "torch.save({'features': torch.as_tensor(features), 'pids': torch.as_tensor(pids), "
            "'cams': torch.as_tensor(cams)}, FILE)"
        ) from error
    if not isinstance(content, dict):
        raise ReidbenchError(
            f"{path} holds a {type(content).__name__}; it must be a dictionary of tensors such as "
            "{'features': ..., 'pids': ..., 'cams': ...}"
        )

    def array(value: Any) -> NDArray[Any]:
        if not isinstance(value, torch.Tensor):
            return np.asarray(value)
        value = value.detach()
        # numpy has no bfloat16.
        plain = value.float() if value.dtype == torch.bfloat16 else value
        numbers: NDArray[Any] = plain.numpy()
        return numbers

    names = tuple(name for name in content if isinstance(name, str))
    return Stored(path, names, lambda wanted: {n: array(content[n]) for n in wanted})


def _csv(path: Path) -> Stored:
    """Open a table; its label columns keep their names, all others are the features together."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    known = {*FIELDS["pids"], *FIELDS["cams"]}
    labels = [name for name in header if name in known]
    if len(labels) != len(set(labels)) or len(labels) == len(header) or not labels:
        raise ReidbenchError(
            f"{path}: the first line must name the columns, pid,cam,f0,f1,..., each label once; "
            f"it begins {','.join(header)[:60]!r}"
        )
    places = {name: header.index(name) for name in labels}
    rest = [i for i, name in enumerate(header) if name not in known]

    def load(wanted: Collection[str]) -> Arrays:
        try:
            table = np.loadtxt(
                path,
                comments=None,
                delimiter=",",
                skiprows=1,
                ndmin=2,
                encoding="utf-8-sig",
                quotechar='"',
            )
        except ValueError as error:
            raise ReidbenchError(
                f"{path} is damaged, or no table of numbers: {_wrong_line(path, header)}"
            ) from error
        if table.size and table.shape[1] != len(header):
            raise ReidbenchError(
                f"{path} is damaged, or no table of numbers: {_wrong_line(path, header)}"
            )
        table = table.reshape(-1, len(header))
        return {name: np.ascontiguousarray(table[:, places.get(name, rest)]) for name in wanted}

    return Stored(path, ("features", *labels), load)


def _wrong_line(path: Path, header: Sequence[str]) -> str:
    """Return the first line of a table that cannot be read, and why."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = csv.reader(file)
        next(lines)
        for values in filter(None, lines):
            if len(values) != len(header):
                return f"line {lines.line_num}: {len(values)} values for {len(header)} columns"
            for name, value in zip(header, values, strict=True):
                if not _is_number(value):
                    return (
                        f"line {lines.line_num}, column '{shown(name)[:40]}': "
                        f"'{shown(value)[:40]}' is no number; "
                        "leave out what is neither label nor feature"
                    )
    return "some line: its values cannot be told apart; write plain numbers with commas between"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_FORMATS: dict[str, Callable[[Path], Stored]] = {
    ".npz": _npz,
    ".mat": _mat,
    ".pt": _torch,
    ".pth": _torch,
    ".csv": _csv,
}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn any error of a reader into one ReidbenchError, and ignore warnings."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (ReidbenchError, MemoryError):
        raise
    except OSError as error:
        raise ReidbenchError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged file fails in any of a dozen ways
        kind = path.suffix.lower()
        raise ReidbenchError(
            f"{path} is damaged, or no {kind} file; copy it or write it anew"
        ) from error
