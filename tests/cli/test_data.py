from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from reidbench.data.dataset import Counts, Dataset
from reidbench.data.readers.market1501 import Market1501
from reidbench.errors import ReidbenchError
from reidbench.registry.registry import Registration
from tests.data.trees import QUERY, TRAIN, market_tree, prid_tree

HERE = "tests.cli.test_data"


class Gone(Dataset):
    """Two cameras at a gate.

    It tells more about ``itself`` here.

    Args:
        width: how wide
            the gate is.
    """

    withdrawn = "in 2020, for lack of consent"
    terms, citation, homepage = "Ask first.", "A. Author. Gates. 2019.", "https://gates.example"

    def __init__(self, *, width: float = 2.5, names: list[str] | None = None) -> None:
        self.width = width

    def published(self):
        return {"train": Counts(1200, 30, 2, 0, 5)}

    def samples(self, split):
        raise ReidbenchError("gone")

    def read(self, split, index):
        raise NotImplementedError

    def fingerprint(self):
        raise ReidbenchError("gone")

    def check(self):
        return ["an \x1b[2J image"]

    def remarks(self):
        return ["a \x07 bell"]


@pytest.fixture
def gates(plugins):
    ours = Registration("gates")
    ours.dataset("gate", f"{HERE}:Gone", summary="a gate")
    ours.dataset("broken", "no_such_module:Gone")
    plugins.registry.add(ours)
    return plugins


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / ".cache"))
    monkeypatch.delenv("REIDBENCH_DATA_ROOT", raising=False)


def test_datasets_are_listed_with_terms_of_use(invoke, gates):
    rows = {r["name"]: r for r in json.loads(invoke("data", "list", "--json").stdout)}
    assert rows["synthetic"]["masks"] is True
    assert rows["market1501"]["masks"] is False
    assert rows["manifest"]["masks"] is None
    assert "Research only" in rows["market1501"]["terms"]
    assert rows["gate"]["withdrawn"] == Gone.withdrawn
    assert rows["market1501"]["withdrawn"] == ""
    assert "cannot be loaded" in rows["broken"]["error"]
    text = invoke("data", "list").stdout
    assert "cannot be loaded" in text
    assert "a gate (withdrawn)" in text
    assert "if given" in text


def test_information_is_told_in_plain_words(invoke, gates):
    facts = json.loads(invoke("data", "info", "gate", "--json").stdout)
    assert facts["about"] == "Two cameras at a gate.\n\nIt tells more about itself here."
    assert facts["published"]["train"] == vars(Counts(1200, 30, 2, 0, 5))
    assert facts["parameters"][0] == {
        "name": "width",
        "type": "float",
        "default": 2.5,
        "required": False,
        "meaning": "how wide the gate is.",
    }
    text = invoke("data", "info", "gate").stdout
    assert "WITHDRAWN: in 2020, for lack of consent" in text
    for said in ("Ask first.", "A. Author. Gates. 2019.", "https://gates.example"):
        assert said in text
    assert ["train", "1,200", "30", "2", "0", "5"] in [line.split() for line in text.splitlines()]
    assert "Nothing is downloaded" in text


def test_a_layout_is_told_without_a_copy(invoke, plugins):
    text = invoke("data", "info", "market1501").stdout
    assert Market1501.expected in text
    assert Market1501.example in text
    assert "12,936" in text
    assert "WITHDRAWN" not in text
    assert "no copy is needed" in invoke("data", "info", "synthetic").stdout


@pytest.mark.parametrize("name", ["cuhk01", "folder", "manifest", "prid2011", "viper", "dukemtmc"])
def test_every_dataset_tells_of_itself(invoke, name):
    result = invoke("data", "info", name)
    assert result.exit_code == 0
    assert "expected" in result.stdout
    assert "terms of use" in result.stdout


def test_a_whole_copy_is_counted(invoke, plugins):
    args = ("data", "check", "synthetic", "--set", "dataset.ids=8")
    result = invoke(*args, "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["problems"] == []
    assert facts["splits"]["train"]["persons"] == 4
    assert len(facts["fingerprint"]) == 32
    assert facts["parameters"]["ids"] == 8
    assert "nothing is wrong with this copy" in invoke(*args).stdout


def test_counts_stand_beside_the_published_ones(invoke, plugins, tmp_path):
    home = prid_tree(tmp_path / "prid")
    assert "*" not in invoke("data", "check", "prid2011", "--data-root", home).stdout
    (home / "cam_b" / "person_0749.png").unlink()
    result = invoke("data", "check", "prid2011", "--data-root", home)
    assert result.exit_code == 1
    table = [line.split() for line in result.stdout.splitlines()]
    place = next(n for n, words in enumerate(table) if words[:1] == ["gallery"])
    found, published = table[place : place + 2]
    assert found == ["gallery", "found", "*", "648", "*", "648", "1", "0", "0"]
    assert published == ["published", "649", "649", "1", "0", "0"]
    assert "* not as published" in result.stdout


def test_what_is_wrong_with_a_copy_is_told(invoke, plugins, tmp_path):
    home = market_tree(tmp_path)
    (home / "bounding_box_train" / TRAIN[0]).write_bytes(b"")
    result = invoke("data", "check", "market1501", "--data-root", home)
    assert result.exit_code == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert any(TRAIN[0] in problem for problem in problems)
    assert any("12,936 published" in problem for problem in problems)
    assert f"this copy of 'market1501' has {len(problems)} problems" in result.stderr


@pytest.mark.parametrize("missing", ["", "query"])
def test_a_copy_that_cannot_be_opened_is_checked(invoke, plugins, tmp_path, missing):
    home = tmp_path / "market1501"
    if missing:
        market_tree(home)
        (home / missing).rename(home / "elsewhere")
    args = ("data", "check", "market1501", "--data-root", home)
    result = invoke(*args)
    assert result.exit_code == 1
    assert "cannot be listed" in result.stdout
    assert "12,936" in result.stdout
    assert "problem: " in result.stdout
    facts = json.loads(invoke(*args, "--json").stdout)
    assert facts["fingerprint"] is None
    assert facts["splits"]["query"] is None


def test_a_hostile_name_cannot_reach_the_terminal(invoke, plugins, tmp_path):
    home = market_tree(tmp_path)
    for name in (b"\x1b[2J\x07.jpg", b"\xff\xfe.jpg", b"[red]x.jpg", b"a\nb.jpg"):
        with open(os.fsencode(home / "query") + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(b"x")
    result = invoke("data", "check", "market1501", "--data-root", home)
    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.stdout.splitlines())
    assert "[red]x.jpg" in result.stdout
    assert "a\\nb.jpg" in result.stdout
    json.loads(invoke("data", "check", "market1501", "--data-root", home, "--json").stdout)


def test_nor_can_what_a_plugin_says_of_one(invoke, gates):
    text = invoke("data", "check", "gate").stdout
    assert "problem: an \\x1b[2J image\n" in text
    assert "remark: a \\x07 bell\n" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_junk_and_distractors_are_no_persons(invoke, plugins, tmp_path):
    root = market_tree(tmp_path)
    result = invoke("data", "check", "market1501", "--data-root", root, "--json")
    assert json.loads(result.stdout)["splits"]["gallery"] == {
        "images": 6,
        "persons": 2,
        "cameras": 5,
        "distractors": 1,
        "junk": 2,
    }


def test_the_data_root_is_named_by_the_environment(invoke, plugins, tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_DATA_ROOT", str(market_tree(tmp_path)))
    assert "problem:" in invoke("data", "check", "market1501").stdout


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (["market1501"], 2, "--data-root"),
        (["market1502"], 2, "did you mean 'market1501'?"),
        (["market1501", "--data-root", "/nowhere"], 1, "has 1 problem"),
        (["synthetic", "--set", "dataset.domian=b"], 2, "did you mean 'domain'?"),
        (["synthetic", "--set", "source.domain=b"], 2, "only dataset.PARAMETER"),
        (["synthetic", "--set", "domain"], 2, "--set takes NAME.PARAMETER=VALUE"),
        (["synthetic", "--set", "dataset.domain=q"], 2, "domain"),
    ],
)
def test_what_cannot_be_checked_is_one_error(invoke, plugins, args, code, error):
    result = invoke("data", "check", *args)
    assert result.exit_code == code
    assert error in result.stderr
    assert len([x for x in result.stderr.splitlines() if x.startswith("error")]) == 1


SMALL = ("--set", "dataset.ids=8", "--set", "dataset.height=32", "--set", "dataset.width=16")


def test_a_contact_sheet_is_written(invoke, plugins, tmp_path):
    sheets = []
    for name, more in (("a", ()), ("b", ()), ("c", ("--seed", 1)), ("d", ("--masks",))):
        path = tmp_path / f"{name}.png"
        args = ("--persons", 2, "--size", "32x16", *SMALL, *more)
        result = invoke("data", "preview", "synthetic", "-o", path, *args)
        assert result.exit_code == 0, result.stderr
        assert result.stdout == f"{path}: 16 of 48 train images\n"
        sheets.append(np.asarray(Image.open(path)))
    assert np.array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[0], sheets[2])
    assert sheets[3].shape[0] > sheets[0].shape[0]


def test_a_sheet_takes_the_place_of_an_older_one(invoke, plugins, tmp_path):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"old")
    args = ("-o", path, "--split", "gallery", "--set", "dataset.distractors=3", *SMALL)
    assert invoke("data", "preview", "synthetic", *args).exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        ((), 2, "--output"),
        (("-o", "x.jpg"), 2, "a .png file, not 'x.jpg'"),
        (("-o", "x.png", "--size", "128"), 2, "'128' is not HEIGHTxWIDTH"),
        (("-o", "x.png", "--size", "4x64"), 2, "8 to 1024"),
        (("-o", "x.png", "--persons", "0"), 2, "--persons"),
        (("-o", "x.png", "--split", "trian"), 2, "trian"),
        (("-o", "x.png", "--split", "multi_query"), 2, "has no images for multi-query"),
        (("-o", "x.png", "--split", "boxes"), 2, "has no images for multi-query"),
        (("-o", "x.png", "--masks"), 2, "no person masks"),
        (("-o", "data/query/Thumbs.db/x.png"), 1, "cannot write"),
        (("-o", "x.png", "--persons", "200", "--images", "50", "--size", "1024x1024"), 2, "fewer"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_error(
    invoke, plugins, tmp_path, monkeypatch, args, code, error
):
    monkeypatch.chdir(tmp_path)
    home = market_tree(tmp_path / "data")
    name = "synthetic" if "1024x1024" in args else "market1501"
    result = invoke("data", "preview", name, "--data-root", home, *args)
    assert result.exit_code == code
    assert error in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_corrupt_image_is_named_by_a_preview(invoke, plugins, tmp_path):
    home = market_tree(tmp_path)
    (home / "bounding_box_train" / TRAIN[0]).write_bytes(b"")
    args = ("-o", tmp_path / "x.png", "--data-root", home)
    result = invoke("data", "preview", "market1501", *args)
    assert result.exit_code == 1
    assert TRAIN[0] in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("info", "market1501"),
        ("check", "folder", "--data-root", "."),
        ("preview", "synthetic", "-o", "x.png", "--persons", "1", *SMALL),
    ],
)
def test_no_verb_waits_for_torch(tmp_path, args):
    code = (
        "import sys\nfrom reidbench.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "data", *args]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_check_remarks_that_nothing_can_be_scored(invoke, plugins, tmp_path):
    lines = ["path,pid,cam,split"]
    for number, (pid, split) in enumerate([(1, "train"), (2, "query"), (2, "gallery")]):
        Image.new("RGB", (2, 2), (9 * number, 0, 0)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{pid},1,{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    result = invoke("data", "check", "manifest", "--data-root", tmp_path)
    assert result.exit_code == 0
    assert "remark: nothing can be scored by market1501" in result.stdout
    assert "of one camera" in result.stdout


def test_check_tells_what_was_understood_and_sums_problems_up(invoke, plugins, tmp_path):
    home = market_tree(tmp_path)
    for number in range(9):
        (home / "query" / f"{number}.jpg").write_bytes((home / "query" / QUERY[0]).read_bytes())
    result = invoke("data", "check", "market1501", "--data-root", tmp_path)
    assert result.exit_code == 1
    assert "6 more like these" in result.stdout
    assert result.stdout.count("cannot tell person and camera from") == 3
