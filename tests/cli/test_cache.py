from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from reidbench.cli.tables import size
from reidbench.cli.verbs.cache import LEAST, Bytes
from reidbench.storage.artifacts import Store

KEYS = ("translator/aaaa1111", "translator/aaaa2222", "learn/bbbb1111")


@pytest.fixture
def store(tmp_path) -> Store:
    """Three finished stages and one that was interrupted."""
    store = Store(tmp_path / "cache")
    store.prepare()
    for key in KEYS:
        store.make(
            key, {"title": f"make {key}"}, lambda f: (f / "w").write_bytes(b"x" * 100) and {}
        )
    with pytest.raises(KeyboardInterrupt):
        store.make("learn/cccc1111", {}, interrupted)
    return store


def interrupted(folder: Path) -> dict:
    (folder / "resume").mkdir()
    (folder / "resume" / "state").write_bytes(b"y" * 50)
    raise KeyboardInterrupt


def listed(invoke, store, *options) -> list[dict]:
    return json.loads(invoke("cache", "ls", "--cache", store.root, "--json", *options).stdout)


def kept(store) -> set[str]:
    return {a.key for a in store.artifacts()} | set(store.partial())


def test_stages_are_listed_with_size_and_state(invoke, store):
    rows = {row["key"]: row for row in listed(invoke, store)}
    assert rows.keys() == {*KEYS, "learn/cccc1111"}
    assert rows[KEYS[0]]["bytes"] == 100
    assert rows[KEYS[0]]["state"] == "finished"
    assert rows["learn/cccc1111"]["state"] == "unfinished"
    assert rows["learn/cccc1111"]["bytes"] == 50


def test_the_table_sums_up(invoke, store):
    result = invoke("cache", "ls", "--cache", store.root)
    assert "make translator/aaaa1111" in result.stdout
    assert "0 h 00 min" in result.stdout
    assert result.stdout.endswith("in all: 4 stages, 350 B\n")


def test_a_file_that_stages_share_is_summed_once(invoke, store):
    shared = store.root / "objects" / KEYS[2] / "w"
    store.make("masked/dddd1111", {}, lambda f: os.link(shared, f / "pixels") or {})
    assert {r["bytes"] for r in listed(invoke, store)} == {100, 50}
    in_all = invoke("cache", "ls", "--cache", store.root).stdout
    assert in_all.endswith("in all: 5 stages, 350 B\n")
    removed = invoke("cache", "rm", "bbbb", "dddd", "--cache", store.root)
    assert removed.stdout == "removed: 2 stages, 100 B\n"


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (["translator/aaaa1"], {KEYS[0]}),
        (["translator"], set(KEYS[:2])),
        (["aaaa"], set(KEYS[:2])),
        (["aaaa2222", "bbbb"], set(KEYS[1:])),
        (["cccc"], {"learn/cccc1111"}),
        (["--all"], {*KEYS, "learn/cccc1111"}),
        (["--partial"], {"learn/cccc1111"}),
    ],
)
def test_removing(invoke, store, keys, gone):
    before = kept(store)
    result = invoke("cache", "rm", *keys, "--cache", store.root)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"removed: {len(gone)} stages")
    assert before - kept(store) == gone


def test_what_was_removed_is_told_as_json(invoke, store):
    rows = json.loads(invoke("cache", "rm", "bbbb", "--cache", store.root, "--json").stdout)
    assert [row["key"] for row in rows] == ["learn/bbbb1111"]


@pytest.mark.parametrize(
    "args",
    [[], ["aaaa", "--all"], ["--all", "--partial"], ["translate"], ["aaa"], ["zzzz"], ["", "aaaa"]],
)
def test_a_slip_removes_nothing(invoke, store, args):
    before = kept(store)
    result = invoke("cache", "rm", *args, "--cache", store.root)
    assert result.exit_code == 2
    assert kept(store) == before


def test_a_wrong_kind_names_the_nearest(invoke, store):
    result = invoke("cache", "rm", "translate", "--cache", store.root)
    assert "did you mean 'translator'?" in result.stderr
    assert LEAST == 4


def test_a_stage_in_use_stays_and_the_others_go(invoke, store):
    with (store.root / "locks" / "translator-aaaa1111.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = invoke("cache", "rm", "translator", "--cache", store.root)
    assert result.exit_code == 1
    assert "translator/aaaa1111 is in use by another process" in result.stderr
    assert kept(store) == {KEYS[0], KEYS[2], "learn/cccc1111"}


def test_verify_finds_a_changed_file(invoke, store):
    assert invoke("cache", "ls", "--verify", "--cache", store.root).exit_code == 0
    file = store.root / "objects" / KEYS[2] / "w"
    written = file.stat().st_mtime_ns
    file.write_bytes(b"z" * 100)
    os.utime(file, ns=(written, written))  # as a failing disk leaves it
    assert {row["state"] for row in listed(invoke, store)} == {"finished", "unfinished"}
    result = invoke("cache", "ls", "--verify", "--cache", store.root)
    assert result.exit_code == 1
    assert "reidbench cache rm learn/bbbb1111" in result.stderr


def test_the_verb_verify_names_what_is_damaged(invoke, store):
    assert invoke("cache", "verify", "--cache", store.root).stdout == (
        "verified: 3 stages, 300 B\n"
    )
    file = store.root / "objects" / KEYS[0] / "w"
    written = file.stat().st_mtime_ns
    file.write_bytes(b"z" * 100)
    os.utime(file, ns=(written, written))
    (store.root / "objects" / KEYS[1] / "manifest.json").write_text("[" * 100_000)
    result = invoke("cache", "verify", "--cache", store.root)
    assert result.exit_code == 1
    assert "cache rm translator/aaaa1111 translator/aaaa2222" in result.stderr
    rows = json.loads(invoke("cache", "verify", "--json", "--cache", store.root).stdout)
    assert [row["state"] for row in rows] == ["finished", "damaged", "damaged"]


@pytest.mark.parametrize(
    "text", ['{"files": []}', "[" * 100_000, "{}", "\x00", '{"files": {"w": 3}}']
)
def test_a_damaged_manifest_stops_no_verb(invoke, store, text):
    (store.root / "objects" / KEYS[1] / "manifest.json").write_text(text)
    assert invoke("cache", "gc", "--max-size", "1TB", "--cache", store.root).exit_code == 0
    assert invoke("cache", "ls", "--cache", store.root).stderr.endswith("translator/aaaa2222\n")
    assert invoke("cache", "rm", "learn", "--cache", store.root).exit_code == 0
    assert invoke("cache", "rm", "translator/aaaa2222", "--cache", store.root).exit_code == 0
    assert kept(store) == {KEYS[0]}


def test_what_was_used_longest_ago_is_removed(invoke, store):
    for when, key in enumerate((*KEYS[1:], KEYS[0])):
        os.utime(store.root / "objects" / key, (when, when))
    whole = invoke("cache", "gc", "--max-size", "1 MiB", "--cache", store.root)
    assert whole.stdout.startswith("removed: 0 stages; ")
    removed = invoke("cache", "gc", "--max-size", "0.5KiB", "--cache", store.root, "--json")
    assert json.loads(removed.stdout)["removed"] == [KEYS[1], KEYS[2]]
    assert kept(store) == {KEYS[0], "learn/cccc1111"}
    with store.using([KEYS[0]]):
        result = invoke("cache", "gc", "--max-size", "0", "--cache", store.root)
    assert "is in use" in result.stderr
    assert kept(store) == {KEYS[0], "learn/cccc1111"}


@pytest.mark.parametrize("verb", ["gc --max-size 0", "rm --all"])
def test_what_cannot_be_removed_is_one_error(invoke, store, monkeypatch, verb):
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    result = invoke("cache", *verb.split(), "--cache", store.root)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot write")
    assert "Read-only file system; choose another folder" in result.stderr


@pytest.mark.parametrize(
    ("text", "count"), [("10", 10), ("1k", 1024), ("2MB", 2 * 10**6), ("1.5 GiB", 3 * 2**29)]
)
def test_sizes_are_read(text, count):
    assert Bytes().convert(text, None, None) == count


@pytest.mark.parametrize("text", ["", "-1", "1 parsec", "1e9", "ten", "9" * 40])
def test_what_is_no_size_is_refused(invoke, store, text):
    result = invoke("cache", "gc", "--max-size", text, "--cache", store.root)
    assert result.exit_code == 2
    assert "is no size such as" in result.stderr


def test_a_stage_that_lost_a_file_is_listed_and_can_be_removed(invoke, store):
    (store.root / "objects" / KEYS[2] / "w").unlink()
    result = invoke("cache", "ls", "--cache", store.root, "--json")
    states = {row["key"]: row["state"] for row in json.loads(result.stdout)}
    assert states[KEYS[2]] == "damaged"
    assert invoke("cache", "rm", "bbbb", "--cache", store.root).exit_code == 0
    assert not (store.root / "objects" / KEYS[2]).exists()


def test_an_empty_cache_is_no_error(invoke, tmp_path):
    result = invoke("cache", "ls", "--cache", tmp_path / "none")
    assert result.exit_code == 0
    assert "0 stages, 0 B" in result.stdout
    assert not (tmp_path / "none").exists()


def test_the_cache_is_named_by_the_environment(invoke, store, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(store.root))
    assert "4 stages" in invoke("cache", "ls").stdout


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2**52, "4096.0 TiB"),
    ],
)
def test_sizes(count, text):
    assert size(count) == text
