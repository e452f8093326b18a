"""Checksums of artifacts: of their files, and of the facts in their manifests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from reidbench.storage.keys import JSON, canonical
from reidbench.storage.schema import convert, read_json

MANIFEST = "manifest.json"
CHECKSUM = "facts_sha256"
"""Name of the checksum over all other facts of a manifest; those of earlier versions have none."""

Verify: TypeAlias = Literal["always", "changed", "never"]
"""The files that are read and compared with their checksums before they are used: all of them,
those that were written to after the checksum was taken, or none."""


class _File(Struct, frozen=True):
    bytes: int
    sha256: str


class _Manifest(Struct, frozen=True):
    """All that a manifest must hold; stages add facts of their own."""

    files: dict[str, _File]
    title: str = ""
    started: float | None = None
    seconds: float | None = None


def sealed(facts: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the facts of a manifest with their checksum."""
    # As they are read again: JSON knows no tuples and no names that are numbers.
    return {**facts, CHECKSUM: _digest(json.loads(json.dumps(facts)))}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an artifact.

    Raises:
        OSError: if it is not there.
        ValueError: if it is damaged, or its facts are not those that were written.
        ReidbenchError: if it is no manifest.
    """
    manifest = read_json(folder / MANIFEST)
    convert(manifest, _Manifest)
    facts = {name: value for name, value in manifest.items() if name != CHECKSUM}
    if CHECKSUM in manifest and manifest[CHECKSUM] != _digest(facts):
        raise ValueError("facts")
    return dict(manifest)


def unchanged(folder: Path, files: Mapping[str, Any], verify: Verify) -> bool:
    """Return whether files have the size and, as far as ``verify`` says, the content noted.

    The manifest is written last, so a file that is older has not been written to since its
    checksum was taken. What a failing disk changes on its own shows if all are read.
    """
    # Texts for paths are read in a third of the time, and a store may have a million.
    stats = {name: os.stat(f"{folder}{os.sep}{name}") for name in files}  # noqa: PTH116
    if any(stats[name].st_size != fact["bytes"] for name, fact in files.items()):
        return False
    verified = (folder / MANIFEST).stat().st_mtime_ns
    young = [name for name, stat in stats.items() if stat.st_mtime_ns >= verified]
    read = {"always": list(files), "changed": young, "never": []}[verify]
    if any(sha256(folder / name) != files[name]["sha256"] for name in read):
        return False
    if young and read:  # the whole cache was copied, say; the next call need not read it again
        with contextlib.suppress(OSError):
            os.utime(folder / MANIFEST)
    return True


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(facts: Mapping[str, JSON]) -> str:
    return hashlib.sha256(canonical(dict(facts)).encode()).hexdigest()
