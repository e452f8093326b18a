"""Digests of image files, remembered between runs so that an unchanged folder is not read again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from reidbench.errors import ReidbenchError, shown
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON, digest
from reidbench.storage.root import default_root

_cache: ContextVar[Path | None] = ContextVar("_cache", default=None)


@contextmanager
def remembered_in(cache: Path) -> Iterator[None]:
    """Keep the digests in this cache while the body runs, instead of in the user's own."""
    token = _cache.set(cache)
    try:
        yield
    finally:
        _cache.reset(token)


def files_digest(home: Path, names: Sequence[str]) -> str:
    """Return the SHA-256 over names, sizes and contents of files below ``home``.

    The digest is kept in the cache beside a listing of paths, sizes and modification
    times (nanoseconds); while the listing stays equal the contents are not read again. Where
    the cache cannot be written the digest is computed every time.

    Raises:
        ReidbenchError: naming the file that cannot be read.
    """
    listing = _listing(home, names)
    what = [str(home.absolute()), sorted(names)]
    known = recall(what)
    if known.get("listing") == listing and known.get("files"):
        files: str = known["files"]
        return files
    files = _hash_contents(home, names)
    remember(what, {"folder": shown(home), "listing": listing, "files": files})
    return files


def recall(what: JSON) -> dict[str, JSON]:
    """Return what is remembered of ``what``; nothing if the memory is gone or damaged."""
    try:
        known = json.loads(_memo(what).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(what: JSON, facts: dict[str, JSON]) -> None:
    """Keep facts of ``what`` in the cache, if that can be written."""
    with suppress(ReidbenchError):
        write_json(_memo(what), facts)


def _memo(what: JSON) -> Path:
    return (_cache.get() or default_root()) / "fingerprints" / f"{digest(what)}.json"


def _listing(home: Path, names: Sequence[str]) -> str:
    stats = ((name, _stat(home / name)) for name in sorted(names))
    return digest([[name, s.st_size, s.st_mtime_ns] for name, s in stats])


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise ReidbenchError(f"cannot read {shown(path)}: {error.strerror}") from error


def _hash_contents(home: Path, names: Sequence[str]) -> str:
    total = hashlib.sha256()
    for name in sorted(names):
        content = _content(home / name)
        line = json.dumps([name, len(content), hashlib.sha256(content).hexdigest()])
        total.update(line.encode())
    return total.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReidbenchError(f"cannot read {shown(path)}: {error.strerror}") from error
