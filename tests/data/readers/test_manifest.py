from __future__ import annotations

import csv
import json
import os
import pickle
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reidbench.data.dataset import SPLITS
from reidbench.data.readers.labelled import number_cameras, number_persons
from reidbench.data.readers.manifest import Manifest
from reidbench.errors import ReidbenchError, UsageError
from reidbench.storage.keys import digest
from tests.data.trees import write_image

ROWS = (
    ("a/1.png", "7", "2", "train"),
    ("a/2.png", "7", "10", "train"),
    ("a/3.jpg", "9", "2", "query"),
    ("b/4.png", "9", "10", "gallery"),
    ("b/5.png", "-1", "2", "gallery"),
    ("b/6.png", "0000", "2", "gallery"),
)
HEAD = "path,pid,cam,split"


def write(home: Path, *lines: str, head: str = HEAD, name: str = "manifest.csv") -> Manifest:
    """Write a list and every image that it may name."""
    for number, row in enumerate(ROWS):
        write_image(home / row[0], 10 * number)
    home.mkdir(exist_ok=True)
    (home / name).write_text("\n".join([head, *lines] if head else lines), encoding="utf-8")
    return Manifest(root=str(home), file=name)


def lines(*rows: tuple[str, ...]) -> list[str]:
    return [",".join(row) for row in rows or ROWS]


def labels(dataset: Manifest) -> dict[str, list[tuple[str, int, int]]]:
    listed = {split: dataset.samples(split) for split in SPLITS}
    return {
        split: list(zip(s.names, s.pids.tolist(), s.cams.tolist(), strict=True))
        for split, s in listed.items()
    }


EXPECTED = {
    "train": [("a/1.png", 7, 0), ("a/2.png", 7, 1)],
    "query": [("a/3.jpg", 9, 0)],
    "gallery": [("b/4.png", 9, 1), ("b/5.png", -1, 0), ("b/6.png", 0, 0)],
}


def test_every_column_is_read(tmp_path: Path) -> None:
    dataset = write(tmp_path, *lines())
    assert labels(dataset) == EXPECTED
    assert dataset.read("gallery", 1).mean() == 40
    assert dataset.check() == []
    assert not dataset.has_masks
    assert not dataset.has_multi_query


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\n\r\n", "\n,,,\n"])
def test_what_spreadsheets_write_is_read(tmp_path: Path, end: str) -> None:
    write(tmp_path)
    rows = [["split", "note", "cam", "pid", "path"], *[[r[3], "a, b", *r[2::-1]] for r in ROWS]]
    text = "".join(",".join(f'"{v}"' for v in row) + end for row in rows)
    text = text.replace(",,,", ",,,,")  # as many as there are columns
    (tmp_path / "manifest.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert labels(Manifest(root=str(tmp_path))) == EXPECTED


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    records = [dict(zip(("path", "pid", "cam", "split"), row, strict=True)) for row in ROWS]
    records[0] |= {"pid": 7, "cam": 2, "mask": None, "note": [1]}
    text = "\n\n".join(json.dumps(record) for record in records)
    dataset = write(tmp_path, text, head="", name="list.jsonl")
    assert labels(dataset) == EXPECTED
    assert dataset.fingerprint() == write(tmp_path, *lines()).fingerprint()


def test_names_become_numbers_in_their_order(tmp_path: Path) -> None:
    pids = {"7": "zoe", "9": "Émile", "-1": "-1", "0000": "0"}
    rows = [(path, pids[pid], f"gate {cam}", split) for path, pid, cam, split in ROWS]
    found = labels(write(tmp_path, *lines(*rows)))
    # "zoe" comes before "É" and "gate 10" before "gate 2".
    assert found["train"] == [("a/1.png", 1, 1), ("a/2.png", 1, 0)]
    assert found["gallery"] == [("b/4.png", 2, 0), ("b/5.png", -1, 1), ("b/6.png", 0, 1)]


def test_labels_count_by_value(tmp_path: Path) -> None:
    """Pandas writes whole numbers with a point where a column had a gap."""
    floats = [f"{name},{pid}.0,{cam}.0,{split}" for name, pid, cam, split in ROWS]
    assert labels(write(tmp_path / "csv", *floats)) == EXPECTED
    objects = [
        json.dumps({"path": name, "pid": float(pid), "cam": float(cam), "split": split})
        for name, pid, cam, split in ROWS
    ]
    assert labels(write(tmp_path / "json", *objects, head="", name="m.jsonl")) == EXPECTED


@pytest.mark.parametrize(
    "head",
    ["filename,person_id,camid,subset", "Image Path,id,Camera,Set", "file,label,camera_id,Split"],
)
def test_columns_by_other_usual_names_are_read_and_told(tmp_path: Path, head: str) -> None:
    dataset = write(tmp_path / "csv", *lines(), head=head)
    names = head.split(",")
    records = [json.dumps(dict(zip(names, row, strict=True))) for row in ROWS]
    same = write(tmp_path / "json", *records, head="", name="list.jsonl")
    for each in (same, dataset):
        told = each.remarks()
        assert labels(each) == EXPECTED
        pairs = zip(("path", "pid", "cam", "split"), names, strict=True)
        assert told == [f"column '{name}' is read as {column}" for column, name in pairs]
    assert dataset.check() == []
    assert dataset.fingerprint() == write(tmp_path / "plain", *lines()).fingerprint()


def test_a_column_of_the_very_name_is_meant_whatever_else_is_there(tmp_path: Path) -> None:
    rows = [(*row, "17", "x.png", "c9") for row in ROWS]
    dataset = write(tmp_path, *lines(*rows), head=f"{HEAD},id,image,PID")
    assert labels(dataset) == EXPECTED
    assert dataset.remarks() == []


@settings(max_examples=50)
@given(st.sets(st.text(min_size=1, max_size=4)))
def test_different_names_have_different_numbers(names: set[str]) -> None:
    names -= {"-1", "0"}
    persons, cameras = number_persons(names), number_cameras(names)
    if not all(n.isascii() and n.removeprefix("-").isdigit() for n in names):
        assert sorted(persons.values()) == list(range(1, len(names) + 1))
        assert sorted(cameras.values()) == list(range(len(names)))


def test_a_label_is_the_same_however_it_is_encoded(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "André") for form in ("NFC", "NFD")]
    rows = [(path, pid, cam, split) for path, pid, cam, split in ROWS]
    rows[0], rows[1] = (rows[0][0], forms[0], *rows[0][2:]), (rows[1][0], forms[1], *rows[1][2:])
    assert len({pid for _, pid, _ in labels(write(tmp_path, *lines(*rows)))["train"]}) == 1


@settings(max_examples=20, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=12), min_size=3, max_size=5, unique=True))
def test_any_file_name_is_found(tmp_path_factory: pytest.TempPathFactory, names) -> None:
    home = tmp_path_factory.mktemp("odd")
    files = [f"{number}{name.strip()}.png" for number, name in enumerate(names)]
    try:
        for file in files:
            write_image(home / file.replace("/", "_"), 1)
    except (OSError, ValueError):  # no name of a file
        return
    rows = [
        (file.replace("/", "_"), str(n + 1), "1", SPLITS[min(n, 2)]) for n, file in enumerate(files)
    ]
    with (home / "manifest.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([HEAD.split(","), *rows])
    found = labels(Manifest(root=str(home)))
    assert sorted(n for rows in found.values() for n, _, _ in rows) == sorted(r[0] for r in rows)


WRONG = {
    "column": ((), "path,who,cam,split", "line 1, column pid: it is missing; known: who"),
    "two names": (
        (),
        "path,person_id,Label,cam,split",
        "line 1, column pid: 'person_id' and 'Label' could be meant; name the one that is 'pid'",
    ),
    "two paths": ((), "image,file name,pid,cam,split", "column path: 'image' and 'file name'"),
    "by its own name": (("a/1.png,,1,train",), "file,Person,camera,set", "column Person: no per"),
    "spelling": ((), "path,pids,cam,split", "column pid: it is missing; did you mean 'pids'?"),
    "mask's name": ((), f"{HEAD},masks", "column masks: it is not read; did you mean 'mask'?"),
    "twice": ((), f"{HEAD},pid", "column pid: it is there twice"),
    "no value": (("a/1.png,7",), HEAD, "line 2, column cam: there is no value"),
    "too many": (("a/1.png,7,1,train,x",), HEAD, "line 2, there are more values than columns"),
    "absent": (("a/9.png,7,1,train",), HEAD, "line 2, column path: 'a/9.png' is no file"),
    "windows": (("a\\1.png,7,1,train",), HEAD, "is no file; write / between folders"),
    "folder": (("a,7,1,train",), HEAD, "column path: 'a' is no file"),
    "empty": ((",7,1,train",), HEAD, "column path: '' names no file"),
    "absolute": (("/etc/passwd,7,1,train",), HEAD, "without '..'"),
    "above": (("a/../../x.png,7,1,train",), HEAD, "without '..'"),
    "null": (("a\0.png,7,1,train",), HEAD, "line 2"),
    "long": ((f"{'a' * 400}.png,7,1,train",), HEAD, "cannot be a file"),
    "person": (("a/1.png, ,1,train",), HEAD, "column pid: no person is named"),
    "below": (("a/1.png,-2,1,train",), HEAD, "column pid: persons have numbers from 1 or names"),
    "camera": (("a/1.png,7,,train",), HEAD, "column cam: no camera is named"),
    "split": (("a/1.png,7,1,trian",), HEAD, "no split is named 'trian'; did you mean 'train'?"),
    "double": (
        ("a/1.png,7,1,train", "./a//1.png,7,1,query"),
        HEAD,
        "line 3, column path: 'a/1.png' is also on line 2",
    ),
    "half masked": (
        ("a/1.png,7,1,train,", "a/2.png,7,1,train,a/1.png"),
        f"{HEAD},mask",
        "line 3, column mask: this image has one, those before it have none",
    ),
    "quote": (('"a/1.png,7,1,train',), HEAD, "after line"),
}


@pytest.mark.parametrize(("rows", "head", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_named(tmp_path: Path, rows, head: str, said: str) -> None:
    dataset = write(tmp_path, *rows, head=head)
    with pytest.raises(ReidbenchError) as caught:
        dataset.samples("train")
    assert said in str(caught.value)
    assert "manifest.csv" in str(caught.value)
    assert any(said in problem for problem in dataset.check())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"path": 3}', "column pid: it is missing"),
        ("[1]", "it is not an object such as"),
        ("{", "it is not JSON"),
        ("[" * 9_999, "it is not JSON"),
        ('{"path": 3.5, "pid": 1, "cam": 1, "split": "train"}', "column path: it takes a text"),
        ('{"path": "a/1.png", "pid": true, "cam": 1, "split": "train"}', "column pid: it takes"),
        ('{"path": "\\ud800.png", "pid": 1, "cam": 1, "split": "train"}', "column path"),
    ],
)
def test_a_wrong_json_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    dataset = write(tmp_path, "", line, head="", name="list.jsonl")
    with pytest.raises(ReidbenchError, match=r"list\.jsonl, line 2, ") as caught:
        dataset.samples("train")
    assert said in str(caught.value)


def test_every_wrong_line_is_told_by_check(tmp_path: Path) -> None:
    dataset = write(tmp_path, *lines(), "a/9.png,7,1,train", "a/1.png,7,1,query", "a/2.png")
    problems = dataset.check()
    assert [f"line {n}, " in p for n, p in zip((8, 9, 10), problems, strict=True)] == [True] * 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"path\xff,pid,cam,split\n"])
def test_what_is_no_list_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(ReidbenchError, match=r"manifest\.csv"):
        Manifest(root=str(tmp_path)).samples("train")


def test_without_a_list_what_is_expected_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"manifest\.csv is no file; expected a folder with"):
        Manifest(root=str(tmp_path)).samples("train")
    with pytest.raises(ReidbenchError, match="no folder"):
        Manifest(root=str(tmp_path / "nowhere")).samples("train")
    with pytest.raises(UsageError, match=r"file is a \.csv or \.jsonl file, not 'list\.txt'"):
        Manifest(root=str(tmp_path), file="list.txt")
    with pytest.raises(ReidbenchError, match="without"):
        Manifest(root=str(tmp_path), file="../manifest.csv").samples("train")


def test_links_may_not_leave(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_image(tmp_path / "outside" / "x.png", 1)
    dataset = write(home, "link.png,7,1,train", "out/x.png,7,1,train")
    (home / "link.png").symlink_to(tmp_path / "outside" / "x.png")
    (home / "out").symlink_to(tmp_path / "outside")
    problems = dataset.check()
    assert ["is a link that leaves" in p for p in problems[:2]] == [True, True]
    (home / "link.png").unlink()
    (home / "link.png").symlink_to(home / "a" / "1.png")
    dataset = write(home, "link.png,7,1,train", *lines(*ROWS[1:]))
    assert len(dataset.samples("train")) == 2


def test_masks_are_read_and_their_size_checked(tmp_path: Path) -> None:
    for row in ROWS:
        mask = tmp_path / "masks" / row[0]
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 4), 200, np.uint8)).save(mask.with_suffix(".png"))
    rows = [(*r, str(Path("masks", r[0]).with_suffix(".png"))) for r in ROWS]
    dataset = write(tmp_path, *lines(*rows), head=f"{HEAD},mask")
    assert dataset.has_masks
    assert dataset.read_mask("query", 0).tolist() == np.full((8, 4), 200).tolist()
    assert dataset.check() == []
    before = dataset.fingerprint()
    Image.fromarray(np.full((9, 4), 1, np.uint8)).save(tmp_path / "masks" / "a" / "1.png")
    again = Manifest(root=str(tmp_path))
    assert again.fingerprint() != before
    assert [("a/1.png has not the size" in p) for p in again.check()] == [True]
    (tmp_path / "masks" / "a" / "1.png").write_bytes(b"")
    assert ["the file is empty" in p for p in Manifest(root=str(tmp_path)).check()] == [True]


@pytest.mark.parametrize("split", ["multi_query", "boxes"])
def test_images_for_multi_query_are_those_of_the_queries(tmp_path: Path, split: str) -> None:
    write_image(tmp_path / "c" / "1.png", 1)
    write_image(tmp_path / "c" / "2.png", 1)
    plain = write(tmp_path, *lines())
    further = (f"c/1.png,9,2,{split}", f"c/2.png,9,10,{split}")  # the query is in camera 2
    dataset = write(tmp_path, *lines(), *further)
    assert dataset.has_multi_query
    assert dataset.samples("multi_query").names == ("c/1.png",)
    assert dataset.fingerprint() == plain.fingerprint()
    before = dataset.multi_query_fingerprint()
    labels = digest([["boxes", *dataset.rows("multi_query")[0], ""]])  # as it always was
    assert before == digest([dataset._digest(["c/1.png"]), labels])
    write_image(tmp_path / "c" / "1.png", 2)
    assert Manifest(root=str(tmp_path)).multi_query_fingerprint() != before


def test_the_fingerprint_follows_labels_and_contents(tmp_path: Path) -> None:
    first = write(tmp_path / "one", *lines()).fingerprint()
    assert write(tmp_path / "two", *lines(*reversed(ROWS))).fingerprint() == first
    moved = [("a/1.png", "9", "2", "train"), *ROWS[1:]]
    assert write(tmp_path / "two", *lines(*moved)).fingerprint() != first
    write(tmp_path / "two", *lines())
    write_image(tmp_path / "two" / "a" / "1.png", 99)
    assert Manifest(root=str(tmp_path / "two")).fingerprint() != first


def test_populations_differ_unless_they_are_named(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, *lines()) for name in ("one", "two"))
    assert one.population == two.population  # the same images
    write_image(tmp_path / "two" / "a" / "1.png", 99)
    two = Manifest(root=str(tmp_path / "two"))
    assert one.population != two.population
    named = Manifest(root=str(tmp_path / "two"), population="campus")
    assert named.population == "campus"
    assert named.fingerprint() == two.fingerprint()


def test_a_named_population_needs_numbers(tmp_path: Path) -> None:
    rows = [("a/1.png", "zoe", "1", "train"), *ROWS[1:]]
    write(tmp_path, *lines(*rows))
    with pytest.raises(ReidbenchError, match="population 'campus' need whole numbers"):
        Manifest(root=str(tmp_path), population="campus").samples("train")


def test_persons_in_both_halves_are_told(tmp_path: Path) -> None:
    rows = [("a/1.png", "9", "2", "train"), *ROWS[1:]]
    problems = write(tmp_path, *lines(*rows)).check()
    assert problems == [
        "query: 1 of the persons are also in train",
        "gallery: 1 of the persons are also in train",
    ]


def test_an_empty_split_is_told(tmp_path: Path) -> None:
    (problem,) = write(tmp_path, *lines(ROWS[0], ROWS[2])).check()
    assert "there are no gallery images" in problem


def test_a_corrupt_image_is_told(tmp_path: Path) -> None:
    dataset = write(tmp_path, *lines())
    (tmp_path / "a" / "2.png").write_bytes(b"\x89PNG")
    (problem,) = dataset.check()
    assert "2.png" in problem


def test_it_travels_to_workers(tmp_path: Path) -> None:
    dataset = write(tmp_path, *lines())
    sent = pickle.dumps(dataset)
    assert len(sent) < 400
    assert labels(pickle.loads(sent)) == EXPECTED


def test_names_that_a_terminal_would_obey_are_written_out(tmp_path: Path) -> None:
    dataset = write(tmp_path, "\x1b[2J.png,7,1,train", "a/1.png,7,1,\x1b]0;x")
    for problem in dataset.check():
        assert problem.isprintable()


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (problem, *_) = write(tmp_path, "pipe.png,7,1,train").check()
    assert "is no file" in problem


def test_cameras_may_be_left_out_of_a_list(tmp_path):
    dataset = write(tmp_path, *(f"{r[0]},{r[1]},{r[3]}" for r in ROWS), head="path,pid,split")
    assert {cam for rows in labels(dataset).values() for *_, cam in rows} == {-1}
    assert [(n, p) for n, p, _ in labels(dataset)["train"]] == [("a/1.png", 7), ("a/2.png", 7)]
    assert dataset.check() == []


def test_some_cameras_and_some_not_are_refused(tmp_path):
    records = [
        {"path": "a/1.png", "pid": 7, "cam": 1, "split": "train"},
        {"path": "a/3.jpg", "pid": 9, "split": "query"},
    ]
    texts = [json.dumps(r) for r in records]
    dataset = write(tmp_path, *texts, head="", name="manifest.jsonl")
    with pytest.raises(ReidbenchError, match=r"line 2, column cam: all images name a camera, or n"):
        dataset.samples("train")
