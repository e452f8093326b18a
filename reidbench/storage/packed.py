"""Artifacts on their way between machines that share no folder: files, and what proves them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.storage.artifacts import Artifact, Store
from reidbench.storage.files import synced
from reidbench.storage.verification import MANIFEST, read_manifest, sha256

Content = NDArray[np.uint8]  # which Ray sends without copying it, as it does not with bytes


@dataclass(frozen=True)
class Packed:
    """A finished artifact as values.

    Attributes:
        key: of the artifact.
        manifest: content of its manifest, which has a checksum of itself and of each file.
        files: content ``[bytes]`` of each file, by its path in the artifact's folder.
    """

    key: str
    manifest: bytes
    files: Mapping[str, Content]

    @property
    def seal(self) -> str:
        """Digest of the manifest; equal seals mean equal files."""
        return hashlib.sha256(self.manifest).hexdigest()


def pack(artifact: Artifact) -> Packed:
    """Return an artifact with the content of its files."""
    names = artifact.manifest["files"]
    files = {name: np.fromfile(artifact.path / name, np.uint8) for name in names}
    return Packed(artifact.key, (artifact.path / MANIFEST).read_bytes(), files)


def seal_of(artifact: Artifact) -> str:
    """Return ``Packed.seal`` of an artifact in a store."""
    return sha256(artifact.path / MANIFEST)


def keep(packed: Packed, store: Store) -> Artifact:
    """Publish an artifact that came from elsewhere in a store, all of it or nothing.

    Raises:
        ReidbenchError: if a file is not the one that its checksum was taken of, or the disk is
            full.
    """

    def unpack(folder: Path) -> None:
        for name, content in packed.files.items():
            _refuse_path(name, packed.key)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as file:
                file.write(content.data)
            synced(folder / name)
        (folder / MANIFEST).write_bytes(packed.manifest)
        synced(folder / MANIFEST)
        _refuse_damage(folder, packed)

    return store.take(packed.key, unpack)


def _refuse_path(name: str, key: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ReidbenchError(f"{key} was sent with the file '{name}', which leaves its folder")


def _refuse_damage(folder: Path, packed: Packed) -> None:
    """Raise if what was written is not what the manifest tells."""
    try:
        manifest: dict[str, Any] = read_manifest(folder)
    except (ReidbenchError, ValueError) as error:
        raise ReidbenchError(f"{packed.key} was sent with a damaged manifest: {error}") from error
    files = manifest["files"]
    if manifest.get("key") != packed.key or files.keys() != packed.files.keys():
        raise ReidbenchError(f"{packed.key} was sent with the manifest of another artifact")
    if bad := [name for name, fact in files.items() if sha256(folder / name) != fact["sha256"]]:
        raise ReidbenchError(f"{packed.key} was damaged on its way: {bad[0]}; run again")
