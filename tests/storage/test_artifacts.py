from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from reidbench.errors import ReidbenchError
from reidbench.storage.artifacts import RESUME, Artifact, Store
from reidbench.storage.keys import JSON
from reidbench.storage.root import default_root
from reidbench.storage.verification import Verify, sha256

KEY = "learn/abc"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "cache")
    store.prepare()
    return store


def writes(**contents: str) -> Callable[[Path], JSON]:
    def compute(folder: Path) -> JSON:
        for name, text in contents.items():
            (folder / name).write_text(text)
        return {"words": len(contents)}

    return compute


def never(folder: Path) -> NoReturn:
    raise AssertionError("computed again")


def raises(error: BaseException) -> Callable[[Path], JSON]:
    def compute(folder: Path) -> JSON:
        (folder / "half").write_text("ha")
        raise error

    return compute


def test_what_was_made_is_found_with_its_facts(store: Store) -> None:
    made, reused = store.make(KEY, {"stage": "learn"}, writes(model="weights", note="x"))
    assert not reused
    found = store.find(KEY)
    assert found == made
    assert (made.path / "model").read_text() == "weights"
    assert made.manifest["key"] == KEY
    assert made.manifest["stage"] == "learn"
    assert made.manifest["words"] == 2
    assert made.manifest["seconds"] >= 0
    assert set(made.manifest["files"]) == {"model", "note"}
    assert made.bytes == 8
    assert list(store.artifacts()) == [made]
    assert store.partial() == []


def test_nothing_is_computed_twice(store: Store) -> None:
    first, _ = store.make(KEY, {}, writes(a="1"))
    again, reused = store.make(KEY, {}, never)
    assert reused
    assert again == first


def test_files_in_folders_belong_to_the_artifact(store: Store) -> None:
    def compute(folder: Path) -> JSON:
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "x").write_text("1234")
        return {}

    made, _ = store.make(KEY, {}, compute)
    assert set(made.manifest["files"]) == {"deep/er/x"}
    assert made.bytes == 4


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), ReidbenchError("no")])
def test_what_failed_is_not_there(store: Store, error: BaseException) -> None:
    with pytest.raises(type(error)):
        store.make(KEY, {}, raises(error))
    assert store.find(KEY) is None
    assert list(store.artifacts()) == []
    assert store.partial() == [KEY]


def test_only_what_is_meant_for_resuming_survives_a_failure(store: Store) -> None:
    def first(folder: Path) -> JSON:
        (folder / RESUME).mkdir()
        (folder / RESUME / "state").write_text("5")
        (folder / "deep").mkdir()
        (folder / "deep" / ".tmp1").write_text("ha")
        (folder / ".tmp2").write_text("ha")
        raise ValueError

    def second(folder: Path) -> JSON:
        assert [p.name for p in folder.iterdir()] == [RESUME]
        (folder / "out").write_text((folder / RESUME / "state").read_text())
        return {}

    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        store.make(KEY, {}, first)
    made, _ = store.make(KEY, {}, second)
    assert set(made.manifest["files"]) == {"out"}
    assert sorted(p.name for p in made.path.iterdir()) == ["manifest.json", "out"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty_manifest(path: Path) -> None:
    (path.parent / "manifest.json").write_text("")


def foreign_manifest(path: Path) -> None:
    (path.parent / "manifest.json").write_text("[]")


@pytest.mark.parametrize(
    "harm", [truncate, Path.unlink, empty_manifest, foreign_manifest], ids=lambda f: f.__name__
)
def test_what_lacks_files_is_made_anew(store: Store, harm: Callable[[Path], None]) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    harm(made.path / "a")
    assert store.find(KEY) is None
    assert list(store.artifacts()) == []
    assert store.broken() == [KEY]
    again, reused = store.make(KEY, {}, writes(a="12", b="3"))
    assert not reused
    assert (again.path / "a").read_text() == "12"
    assert store.broken() == []


def test_a_flipped_bit_is_found_by_verifying(store: Store) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    assert store.damaged(made) == []
    written = (made.path / "a").stat().st_mtime_ns
    (made.path / "a").write_text("13")
    os.utime(made.path / "a", ns=(written, written))  # as a failing disk leaves it
    assert store.find(KEY) == made
    assert store.damaged(made) == ["a"]


def changed_with_its_time_kept(made: Artifact) -> None:
    written = (made.path / "a").stat().st_mtime_ns
    (made.path / "a").write_text("13")
    os.utime(made.path / "a", ns=(written, written))


@pytest.mark.parametrize(("verify", "found"), [("always", False), ("changed", True)])
def test_verifying_always_makes_anew_what_a_disk_has_changed(
    store: Store, verify: Verify, found: bool
) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    assert Store(store.root, "always").find(KEY) == made
    changed_with_its_time_kept(made)
    assert bool(Store(store.root, verify).find(KEY)) is found
    again, reused = Store(store.root, verify).make(KEY, {}, writes(a="12", b="3"))
    assert reused is found
    assert (again.path / "a").read_text() == ("13" if found else "12")


def test_verifying_never_reads_no_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = store.make(KEY, {}, writes(a="12"))
    (made.path / "a").write_text("13")
    monkeypatch.setattr("reidbench.storage.verification.sha256", never)
    assert Store(store.root, "never").find(KEY) == made


def test_verifying_always_reads_each_file_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    read: list[Path] = []
    monkeypatch.setattr(
        "reidbench.storage.verification.sha256", lambda p: read.append(p) or sha256(p)
    )
    careful = Store(store.root, "always")
    for _ in range(3):
        assert careful.find(KEY) == made
    assert sorted(read) == [made.path / "a", made.path / "b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"words": 1', '"words": 2'),
        lambda text: text.replace('"seconds": 0', '"seconds": 9'),
        lambda text: text.replace('"facts_sha256": "', '"facts_sha256": "0'),
        lambda text: text.replace('"2": "a"', '"2": "b"'),
    ],
)
def test_a_changed_fact_is_found(store: Store, change: Callable[[str], str]) -> None:
    facts = {"by": {2: "a", 10: "b"}, "size": (1, 2), "rate": 1e-7}
    made, _ = store.make(KEY, facts, writes(a="1"))
    assert store.find(KEY)
    whole = (made.path / "manifest.json").read_text()
    changed = change(whole)
    assert changed != whole
    (made.path / "manifest.json").write_text(changed)
    assert store.find(KEY) is None
    assert store.broken() == [KEY]
    assert store.make(KEY, {}, writes(a="1"))[1] is False


def test_an_artifact_of_an_earlier_version_has_no_checksum_of_facts_and_is_found(
    store: Store,
) -> None:
    made, _ = store.make(KEY, {}, writes(a="1"))
    path = made.path / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["facts_sha256"]
    path.write_text(json.dumps(manifest))
    found = store.find(KEY)
    assert found is not None
    assert found.manifest == manifest


@pytest.fixture
def read_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make all of the store's disk read-only; what runs as root cannot take rights away."""
    opens = os.open

    def refuse(path: object, flags: int = os.O_CREAT, *rest: int, **more: int) -> int:
        writes = flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
        if writes and str(path).startswith(str(store.root)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opens(path, flags, *rest, **more)  # type: ignore[arg-type]

    def never_made(path: Path, **_: object) -> None:
        if not path.exists():
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def untouched(path: object, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def begin() -> None:
        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "utime", untouched)
        monkeypatch.setattr(Path, "mkdir", never_made)

    return begin


@pytest.mark.parametrize("locks", ["there", "gone"])
def test_a_finished_store_on_a_read_only_disk_serves(
    store: Store, read_only: Callable[[], None], locks: str
) -> None:
    made, _ = store.make(KEY, {}, writes(a="1"))
    if locks == "gone":
        shutil.rmtree(store.root / "locks")
    read_only()
    assert store.make(KEY, {}, never) == (made, True)
    with store.held(KEY) as held, store.using([KEY]):
        assert held == made
    store.wait(KEY)
    with pytest.raises(ReidbenchError, match=r"cannot write .*Read-only.*choose another folder"):
        store.make("learn/new", {}, never)


def test_another_fault_of_a_lock_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.make(KEY, {}, writes(a="1"))
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ReidbenchError, match="disk is full"), store.held(KEY):
        pass


def test_a_file_that_was_written_to_is_read_and_made_anew(store: Store) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    (made.path / "a").write_text("13")
    assert store.find(KEY) is None
    again, reused = store.make(KEY, {}, writes(a="12", b="3"))
    assert not reused
    assert (again.path / "a").read_text() == "12"


def test_a_copied_file_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = store.make(KEY, {}, writes(a="12", b="3"))
    read: list[Path] = []
    monkeypatch.setattr(
        "reidbench.storage.verification.sha256", lambda p: read.append(p) or sha256(p)
    )
    for name, second in (("b", 1), ("manifest.json", 2), ("a", 3)):  # as a copying program may
        os.utime(made.path / name, (second, second))
    assert store.find(KEY) == made
    assert store.find(KEY) == made
    assert read == [made.path / "a"]


def test_removing_takes_finished_and_unfinished(store: Store) -> None:
    store.make(KEY, {}, writes(a="1"))
    store.make("learn/other", {}, writes(a="1"))
    with pytest.raises(KeyboardInterrupt):
        store.make("learn/begun", {}, raises(KeyboardInterrupt()))
    assert store.bytes_of("learn/begun") == 2
    store.remove(KEY)
    store.remove("learn/begun")
    assert [a.key for a in store.artifacts()] == ["learn/other"]
    assert store.partial() == []
    assert store.bytes_of(KEY) == 0


def test_what_is_being_made_cannot_be_removed(store: Store) -> None:
    def compute(folder: Path) -> JSON:
        with pytest.raises(ReidbenchError, match=f"{KEY} is in use by another process"):
            store.remove(KEY)
        return {}

    store.make(KEY, {}, compute)
    store.remove(KEY)


def test_what_is_being_read_cannot_be_removed(store: Store) -> None:
    made, _ = store.make(KEY, {}, writes(a="1"))
    with store.held(KEY) as held, store.held(KEY):
        assert held == made
        with pytest.raises(ReidbenchError, match="in use"):
            store.remove(KEY)
    store.remove(KEY)
    with pytest.raises(ReidbenchError, match=f"{KEY} has gone"), store.held(KEY):
        pass


def test_a_store_that_cannot_be_written_says_so_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReidbenchError, match=r"cannot write .*file/x.*choose another folder"):
        Store(tmp_path / "file" / "x").prepare()
    with pytest.raises(ReidbenchError, match="cannot write"):
        Store(tmp_path / "file" / "x").make(KEY, {}, never)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_explained_and_costs_nothing_finished(store: Store, number: int) -> None:
    store.make("learn/before", {}, writes(a="1"))
    full = OSError(number, os.strerror(number))
    with pytest.raises(ReidbenchError, match=r"disk is full.*what was finished is kept.*cache rm"):
        store.make(KEY, {}, raises(full))
    assert store.find(KEY) is None
    assert store.find("learn/before")
    made, _ = store.make(KEY, {}, writes(a="1"))
    assert set(made.manifest["files"]) == {"a"}


def test_a_disk_that_fills_up_while_an_artifact_is_committed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(draft: Path, final: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(ReidbenchError, match="disk is full"):
        store.make(KEY, {}, writes(a="1"))
    monkeypatch.undo()
    assert store.find(KEY) is None
    assert store.make(KEY, {}, writes(a="1"))[1] is False


def test_errors_of_reading_something_else_speak_for_themselves(store: Store) -> None:
    with pytest.raises(FileNotFoundError, match=r"weights\.pth"):
        store.make(KEY, {}, lambda _: Path("weights.pth").read_text())


def test_keys_do_not_disturb_each_other(store: Store) -> None:
    def outer(folder: Path) -> JSON:
        store.make("learn/inner", {}, writes(a="1"))
        return {}

    store.make("learn/outer", {}, outer)
    assert [a.key for a in store.artifacts()] == ["learn/inner", "learn/outer"]


def test_the_cache_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REIDBENCH_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert default_root() == Path("/a")
    monkeypatch.delenv("REIDBENCH_CACHE")
    assert default_root() == Path("/b/reidbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_root() == Path.home() / ".cache" / "reidbench"
