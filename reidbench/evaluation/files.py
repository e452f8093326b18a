"""Files of features, so that any program's can be ranked: .npz, .mat, .pt and .csv.

A file holds one set of images as ``features`` ``[N, D]``, ``pids`` ``[N]`` and ``cams`` ``[N]``, or
several sets whose names stand before: ``query_features``, ``gallery_pids``. What other programs
write for the same things is known too: ``formats.FIELDS`` and ``PREFIXES`` are the whole list.

Cameras (``cams``) may be left out; protocols that need them say so. A .npz may hold the images'
``names``, by which ``all-but-self`` knows a query's own file in the gallery.

- ``.npz``: arrays, as ``numpy.savez`` and :func:`write_features` write them.
- ``.mat``: matrices, as ``scipy.io.savemat`` and MATLAB (``-v7``) write them; the common PyTorch
  baseline's ``pytorch_result.mat`` (``query_f``, ``query_label``, ``query_cam``, ``gallery_f``,
  ...) and ``multi_query.mat`` (``mquery_f``, ...) are such files. Labels may be a row or a column.
- ``.pt``, ``.pth``: a dictionary of tensors or lists of numbers, as ``torch.save`` writes it.
- ``.csv``: one set; a line ``pid,cam,f0,f1,...`` and then one line an image. The two labels may
  stand in any column; all other columns are the feature, in the order of the file.

Nothing is ever unpickled: a file that only unpickling could read is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.features import UNKNOWN, Features, Ints, checked, file_numbers
from reidbench.evaluation.formats import FIELDS, Stored, open_stored
from reidbench.storage.files import replacing
from reidbench.storage.keys import JSON, canonical

NAMES = "names"
"""Field of a .npz that names the file of each image, which is read only as plain text."""

PREFIXES: dict[str, tuple[str, ...]] = {
    "query": ("query_", "q_", "q"),
    "gallery": ("gallery_", "g_", "g"),
    "multi_query": ("multi_query_", "boxes_", "mquery_"),
}
"""Prefixes of the fields of each set in a file of several: ``qf`` are features of the query."""


def read_features(path: Path, role: str = "") -> Features:
    """Return one set of images.

    Args:
        path: a .npz, .mat, .pt, .pth or .csv file.
        role: name of the set, such as "query", "gallery" or "multi_query", where the file holds
            several; a set without a name serves for each.

    Raises:
        ReidbenchError: naming the file and what is wrong with it: it cannot be read without
            unpickling, a field is missing, or the set cannot be ranked (see ``checked``).
        UsageError: if the file's name ends in none of these ways.
    """
    stored = open_stored(path)
    named = role if "features" in _fields(stored, role) else ""
    found = _fields(stored, named)
    if "features" not in found:
        raise _no_set(stored, role)
    return _read(stored, named, found)


def read_sets(
    path: Path, needed: Collection[str], welcome: Collection[str] = ()
) -> dict[str, Features]:
    """Return several sets of one file, by name.

    Args:
        path: as :func:`read_features` takes it.
        needed: the sets that the file must hold.
        welcome: sets that are read if the file holds them.

    Raises:
        ReidbenchError: as :func:`read_features` does, and if a needed set is not there.
        UsageError: if the file's name ends in none of the known ways.
    """
    stored = open_stored(path)
    found = {role: _fields(stored, role) for role in (*needed, *welcome)}
    for role in needed:
        if "features" not in found[role]:
            raise _no_set(stored, role)
    return {r: _read(stored, r, fields) for r, fields in found.items() if "features" in fields}


def write_features(
    path: Path,
    sets: Mapping[str, Features],
    names: Mapping[str, Sequence[str]] | None,
    about: Mapping[str, JSON],
) -> None:
    """Write sets of images to a .npz file, whole or not at all.

    Args:
        path: the file, ending in ``.npz``; its folder is made.
        sets: by name; a single set may be called "", and its fields have no prefix then.
        names: image names of each set, one a row, e.g. their paths below the dataset's folder.
        about: origin of the features; stored as JSON in the field ``about``.

    Raises:
        ReidbenchError: if a set cannot be ranked, the names do not fit, or the file cannot be
            written.
        UsageError: if the file's name does not end in ``.npz``.
    """
    if path.suffix != ".npz":
        raise UsageError(f"features are written to .npz files, not to '{path}'")
    fields: dict[str, NDArray[Any]] = {"about": np.array(canonical(dict(about)))}
    for role, given in sets.items():
        prefix, images = _prefix(role), checked(role or "the", given)
        fields |= {f"{prefix}{field}": getattr(images, field) for field in FIELDS}
        if names is not None and role in names:
            fields[f"{prefix}names"] = _names(role, names[role], len(images))
    with replacing(path) as file:
        # Only numbers and text, so that nothing is pickled.
        np.savez(file, **fields)  # type: ignore[arg-type]


def _names(role: str, names: Sequence[str], rows: int) -> NDArray[np.str_]:
    if len(names) != rows:
        raise ReidbenchError(f"{role or 'the'} names are {len(names)} for {rows} rows of features")
    return np.array(names, dtype=np.str_)


def _fields(stored: Stored, role: str) -> dict[str, str]:
    """Return under which name the file has each field of a set, for those that it has.

    Raises:
        ReidbenchError: if it has a field under several names.
    """
    prefixes = PREFIXES.get(role, (f"{role}_",)) if role else ("",)
    found: dict[str, str] = {}
    for field, names in FIELDS.items():
        known = {prefix + name for prefix in prefixes for name in names}
        present = [name for name in stored.names if name in known]
        if len(present) > 1:
            raise ReidbenchError(
                f"{stored.path} holds {_listed(present)}; keep the one that is meant as "
                f"'{prefixes[0]}{field}'"
            )
        if present:
            found[field] = present[0]
    return found


def _read(stored: Stored, role: str, found: Mapping[str, str]) -> Features:
    """Return the set whose fields have these names in the file."""
    for field in FIELDS:
        if field not in found and field != "cams":
            raise ReidbenchError(
                f"{stored.path} holds '{found['features']}' but no {field} of that set; name them "
                f"'{_prefix(role)}{field}'; it holds {_listed(stored.names)}"
            )
    arrays = stored.load(found.values())
    features, files = arrays[found["features"]], _files(stored, role)
    pids = _labels(arrays[found["pids"]])
    cams = _labels(arrays[found["cams"]]) if "cams" in found else np.full(pids.shape, UNKNOWN)
    if features.ndim == 2 and len(features) != pids.size == features.shape[1]:
        raise ReidbenchError(
            f"{stored.path}: '{found['features']}' is {list(features.shape)} for {pids.size} "
            "labels; transpose it, so that each image is a row"
        )
    try:
        return checked(role, Features(features, pids, cams, files))
    except ReidbenchError as error:
        raise ReidbenchError(f"{stored.path}: {str(error).strip()}") from error


def _prefix(role: str) -> str:
    return f"{role}_" if role else ""


def _files(stored: Stored, role: str) -> Ints | None:
    """Return the file of each image; None if a set does not name them."""
    prefixes = PREFIXES.get(role, (f"{role}_",)) if role else ("",)
    present = [name for name in stored.names if name in {prefix + NAMES for prefix in prefixes}]
    if stored.path.suffix.lower() != ".npz" or not present:
        return None
    with suppress(ReidbenchError):  # pickled names are left unread, as other fields are
        names: Any = stored.load(present[:1])[present[0]]
        if isinstance(names, np.ndarray) and names.dtype.kind == "U" and names.ndim == 1:
            return file_numbers(name.encode("utf-8", "surrogatepass") for name in names.tolist())
    return None


def _labels(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as ``[N]``, and whole floating-point numbers as integers: MATLAB has none."""
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()
    if labels.dtype.kind != "f":
        return labels
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    return whole if np.array_equal(whole, labels) else labels


def _no_set(stored: Stored, role: str) -> ReidbenchError:
    needs = ", ".join(f"'{_prefix(role)}{field}'" for field in FIELDS)
    unnamed = "features" in _fields(stored, "")
    hint = "; its one set has no name: give each set a file of its own" if unnamed else ""
    return ReidbenchError(
        f"{stored.path} holds no {role or 'unnamed'} set, which is {needs}; "
        f"it holds {_listed(stored.names)}{hint}"
    )


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown}, ..." if len(names) > most else shown or "nothing"
