"""Store of artifacts by content key: atomic, locked, and safe when a process is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from reidbench.errors import ReidbenchError
from reidbench.storage.files import (
    cannot_hold_more,
    names_of_two,
    synced,
    unwritable,
    write_json,
    writing,
)
from reidbench.storage.keys import JSON
from reidbench.storage.locks import is_locked, locked, shared
from reidbench.storage.verification import (
    MANIFEST,
    Verify,
    read_manifest,
    sealed,
    sha256,
    unchanged,
)

RESUME = "resume"
EVERY = "every"  # in place of a key: all artifacts


@dataclass(frozen=True)
class Artifact:
    """The finished output of a stage.

    Attributes:
        key: ``<kind>/<digest>``.
        path: folder of its files.
        manifest: its origin, date, seconds of computation, and its files' hashes.
    """

    key: str
    path: Path
    manifest: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Size of its files in bytes."""
        return sum(f["bytes"] for f in self.manifest["files"].values())


class Store:
    """A folder of artifacts, shared by any number of processes."""

    def __init__(self, root: Path, verify: Verify = "changed") -> None:
        """Take the folder; nothing is read or written before it is asked for.

        Args:
            root: the folder.
            verify: the files that are compared with their checksums before they are used.
        """
        self.root, self._verify = root, verify
        self._read: set[str] = set()
        self._objects = root / "objects"
        self._partial = root / "partial"
        self._locks = root / "locks"

    def prepare(self) -> None:
        """Make sure that the store can be written.

        Raises:
            ReidbenchError: if it cannot, before anything was computed.
        """
        with writing(self.root):
            for folder in (self._objects, self._partial, self._locks):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self._partial / f".probe-{os.getpid()}"
            probe.write_bytes(b"reidbench")
            probe.unlink()

    def find(self, key: str) -> Artifact | None:
        """Return the artifact of that key if it is finished and its files are intact.

        Files are compared with their checksums as the store was told to; with "always" each once.
        """
        path = self._objects / key
        verify = "changed" if key in self._read else self._verify
        try:
            manifest = read_manifest(path)
            whole = unchanged(path, manifest["files"], verify)
        except (OSError, ValueError, RecursionError):
            return None
        if whole and verify == "always":
            self._read.add(key)
        return Artifact(key, path, manifest) if whole else None

    def make(
        self,
        key: str,
        facts: JSON,
        compute: Callable[[Path], JSON],
        blocked: Callable[[], None] = lambda: None,
    ) -> tuple[Artifact, bool]:
        """Return the artifact of ``key``, computing it unless it is there, and whether it was.

        ``compute(folder)`` writes the files and returns facts for the manifest. When it is
        interrupted, what it saved under ``resume/`` is there again at the next call, and nothing
        else. Another process that wants the same key calls ``blocked()``, and waits.

        Raises:
            ReidbenchError: if the disk is full or cannot be written.
        """
        if found := self.find(key):  # without the lock: a read-only disk has it, too
            return found, True
        with locked(self._lock(key), blocked):
            if found := self.find(key):
                return found, True
            started = time.time()
            with writing(self._partial / key):
                draft = self._draft(key)
            extra = _computed(compute, draft)
            with writing(draft):
                self._commit(key, draft, {**facts, **extra, "started": started})
            self._read.add(key)
        return self._present(key), False

    def take(self, key: str, unpack: Callable[[Path], None]) -> Artifact:
        """Keep an artifact that was finished elsewhere; what is there of its key is replaced.

        ``unpack(folder)`` writes its files, the manifest last.

        Raises:
            ReidbenchError: if the disk is full or cannot be written.
        """
        with locked(self._lock(key), lambda: None):
            with writing(self._partial / key):
                draft = self._draft(key)
                shutil.rmtree(draft / RESUME, ignore_errors=True)
                unpack(draft)
                self._publish(key, draft)
            return self._present(key)

    @contextmanager
    def held(self, key: str) -> Iterator[Artifact]:
        """Keep an artifact from being removed while the body reads it.

        Raises:
            ReidbenchError: if it is not there.
        """
        with shared(self._lock(key)):
            yield self._present(key)

    def wait(self, key: str) -> None:
        """Wait until no process is computing the artifact of ``key``."""
        with shared(self._lock(key)):
            pass

    @contextmanager
    def using(self, keys: Iterable[str]) -> Iterator[None]:
        """Keep artifacts from being evicted while the body runs, and note that they are used."""
        with ExitStack() as held:
            for key in keys:
                held.enter_context(shared(self._mark(key)))
                # The time of the folder says when; nobody else looks at it.
                with contextlib.suppress(OSError):
                    os.utime(self._objects / key)
            yield

    @contextmanager
    def using_all(self) -> Iterator[None]:
        """Keep all artifacts from being evicted while the body runs: a sweep has too many."""
        with shared(self._mark(EVERY)):
            yield

    def in_use(self, key: str) -> bool:
        """Return True if a run will still read the artifact."""
        return is_locked(self._mark(key)) or is_locked(self._mark(EVERY))

    def places(self, key: str) -> Iterator[tuple[tuple[int, int], int]]:
        """Yield where each file of an artifact lies, and its bytes; files may be shared."""
        for folder, _, names in os.walk(self._objects / key):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile, or a loose link
                    stat = os.stat(f"{folder}{os.sep}{name}")  # noqa: PTH116 - texts are faster
                    yield (stat.st_dev, stat.st_ino), stat.st_size

    def busy(self, key: str) -> bool:
        """Return whether a process is computing the artifact of ``key``, on whatever machine.

        The lock says so and no note: one of a process that was killed is free.
        """
        return is_locked(self._lock(key), alone=True)

    def entries(self) -> Iterator[tuple[str, Artifact | None]]:
        """Yield each key that is not unfinished, in order, and its artifact; None if damaged."""
        for key in self.all_keys():
            yield key, self.find(key)

    def artifacts(self) -> Iterator[Artifact]:
        """Yield every finished artifact, by key."""
        return (artifact for _, artifact in self.entries() if artifact)

    def all_keys(self) -> list[str]:
        """Return the keys of artifacts that are not unfinished, in order."""
        return names_of_two(self._objects)

    def partial(self) -> list[str]:
        """Return the keys of unfinished artifacts, which the command that began them resumes."""
        return names_of_two(self._partial)

    def broken(self) -> list[str]:
        """Return the keys of artifacts that lack files; they are computed again when needed."""
        return [key for key, artifact in self.entries() if artifact is None]

    def bytes_of(self, key: str) -> int:
        """Return the size of all files under a key, finished or not."""
        folders = (self._objects / key, self._partial / key)
        return sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())

    def remove(self, key: str) -> None:
        """Delete an artifact, finished or not.

        Raises:
            ReidbenchError: if a process is making it or reading it.
        """

        def refuse() -> NoReturn:
            raise ReidbenchError(f"{key} is in use by another process")

        with locked(self._lock(key), refuse):
            for path in (self._objects / key, self._partial / key):
                # The manifest goes first: a half-deleted artifact must not look finished.
                (path / MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(path, ignore_errors=True)

    def damaged(self, artifact: Artifact) -> list[str]:
        """Return the names of the artifact's files whose content has changed."""
        files = artifact.manifest["files"]
        return [n for n, f in files.items() if sha256(artifact.path / n) != f["sha256"]]

    def _present(self, key: str) -> Artifact:
        artifact = self.find(key)
        if artifact is None:
            raise ReidbenchError(f"{key} has gone from {self.root}; run again to make it anew")
        return artifact

    def _draft(self, key: str) -> Path:
        """Return the folder of an unfinished artifact, emptied of all but its checkpoints."""
        draft = self._partial / key
        draft.mkdir(parents=True, exist_ok=True)
        # A killed process leaves halves of files, under names of their own.
        for left in draft.iterdir():
            if left.is_dir() and left.name != RESUME:
                shutil.rmtree(left)
            elif left.is_file():
                left.unlink()
        return draft

    def _commit(self, key: str, draft: Path, facts: dict[str, Any]) -> None:
        shutil.rmtree(draft / RESUME, ignore_errors=True)
        files = {
            p.relative_to(draft).as_posix(): {"bytes": p.stat().st_size, "sha256": sha256(p)}
            for p in sorted(draft.rglob("*"))
            if p.is_file()
        }
        for name in files:
            synced(draft / name)
        facts["seconds"] = round(time.time() - facts["started"], 3)
        write_json(draft / MANIFEST, sealed({"key": key, **facts, "files": files}))
        self._publish(key, draft)

    def _publish(self, key: str, draft: Path) -> None:
        final = self._objects / key
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(final, ignore_errors=True)  # a damaged one, or one that is replaced
        draft.rename(final)
        synced(final.parent)

    def _lock(self, key: str) -> Path:
        return self._locks / f"{key.replace('/', '-')}.lock"

    def _mark(self, key: str) -> Path:
        return self._locks / "used" / f"{key.replace('/', '-')}.lock"


def _computed(compute: Callable[[Path], JSON], draft: Path) -> JSON:
    try:
        return compute(draft)
    except OSError as error:
        if cannot_hold_more(error):
            raise unwritable(draft, error) from error
        raise  # an error of reading something else, which speaks for itself
