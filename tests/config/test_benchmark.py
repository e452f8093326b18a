from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reidbench.config.benchmark import DatasetSpec, available, load_all, load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.data.catalog import construct
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.loading import load_from, load_plugins
from reidbench.testing.toy_runs import toy_benchmark

TEXT = """
version = 2
summary = "toys"
seeds = [0, 1]
image_size = [16, 8]

[source]
name = "toy"
domain = "a"

[target]
name = "toy"

[protocol]
name = "market1501"

[budget]
steps = 5

[translator]
lr = 0.5
"""


def write(folder: Path, text: str = TEXT) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_benchmark_is_read_from_a_file(tmp_path: Path) -> None:
    loaded = load_benchmark(write(tmp_path))
    assert (loaded.name, loaded.version, loaded.summary) == ("mine", 2, "toys")
    assert loaded.source == DatasetSpec("toy", {"domain": "a"})
    assert loaded.target == DatasetSpec("toy", {})
    assert loaded.protocol == DatasetSpec("market1501", {})
    assert (loaded.seeds, loaded.image_size) == ((0, 1), (16, 8))
    assert loaded.settings == {"budget": {"steps": 5}, "translator": {"lr": 0.5}}
    assert (loaded.splits, loaded.interpolation, loaded.tested) == ((), "bicubic", "target")


def test_what_a_file_may_add(tmp_path: Path) -> None:
    more = 'splits = [0, 3]\ninterpolation = "bilinear"\ntested = "source"\n'
    loaded = load_benchmark(write(tmp_path, more + TEXT))
    assert (loaded.splits, loaded.interpolation, loaded.tested) == ((0, 3), "bilinear", "source")
    assert loaded.digest != load_benchmark(write(tmp_path)).digest


def test_committed_results_are_of_the_shipped_benchmark() -> None:
    """An option that is new must not change the digest of a benchmark that does not use it."""
    assert load_benchmark("synthetic").digest == "a98a7d136abc0902"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("version = 2", "", "'version' is missing: it must be a whole number"),
        ("version = 2", "version = true", "'version' must be a whole number, not True"),
        ('name = "market1501"', "", "'protocol.name' is missing: it must be a text"),
        ("[source]", "[sauce]", "no key is named 'sauce'; did you mean 'source'"),
        ("[translator]", "[settings.translator]", "no key is named 'settings'"),
        ("[source]", "[source", "after a table declaration|Expected ']'"),
        ("[16, 8]", "[16]", r"'image_size' must be height and width in pixels.*, not \[16\]"),
        ("[16, 8]", "[16, 0]", r"'image_size\[1\]' must be one pixel at least, not 0"),
        ("[16, 8]", "16", "'image_size' must be height and width in pixels.*, not 16"),
        ("[0, 1]", "[]", r"'seeds' must be whole numbers, at least one, not \[\]"),
        ("[0, 1]", '["x"]', r"'seeds\[0\]' must be a whole number, not 'x'"),
        (
            "version = 2",
            'version = 2\ntested = "both"',
            "'tested' cannot be 'both'; known: sou",
        ),
        (
            "version = 2",
            "version = 2\ninterpolation = 1",
            "'interpolation' must be 'bicubic' or 'bilinear', not 1",
        ),
        ("lr = 0.5", "lr = nan", "'translator.lr' is nan; write a finite number"),
        ("lr = 0.5", "lr = 2020-01-01", "'translator.lr' is the date or time 2020-01-01"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(UsageError, match=rf"mine\.toml is not a benchmark: .*{reason}"):
        load_benchmark(write(tmp_path, TEXT.replace(old, new)))


def test_a_missing_benchmark_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="is named 'sinthetic'; did you mean 'synthetic'"):
        load_benchmark("sinthetic")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: No such file"):
        load_benchmark(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match=r"folder\.toml: Is a directory"):
        load_benchmark(str(tmp_path / "folder.toml"))


def test_the_shipped_ones_are_whole() -> None:
    assert "synthetic" in available()
    loaded = list(load_all())
    assert [b.name for b in loaded] == sorted(available())
    assert len({b.digest for b in loaded}) == len(loaded)
    assert all(b.summary and len(set(b.seeds)) == len(b.seeds) for b in loaded)


def test_the_digest_is_of_everything_but_the_summary() -> None:
    base = toy_benchmark()
    assert base.digest == toy_benchmark().digest
    assert replace(base, summary="other").digest == base.digest
    others = [
        replace(base, name="x"),
        replace(base, version=2),
        replace(base, source=DatasetSpec("toy", {"domain": "c"})),
        replace(base, target=DatasetSpec("other", {"domain": "b"})),
        replace(base, protocol=DatasetSpec("single-shot")),
        replace(base, seeds=(0,)),
        replace(base, image_size=(8, 16)),
        replace(base, settings={}),
    ]
    assert len({b.digest for b in [base, *others]}) == len(others) + 1


def test_the_digest_does_not_depend_on_the_order_of_a_file(tmp_path: Path) -> None:
    parts = TEXT.split("\n\n")
    shuffled = "\n\n".join([parts[0], *parts[:0:-1]])
    (tmp_path / "other").mkdir()
    assert load_benchmark(write(tmp_path / "other", shuffled)).digest == (
        load_benchmark(write(tmp_path)).digest
    )


def test_roots_start_from_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ``~`` is the user's home; what the user sets starts from where the user is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    registry = load_from([]).registry
    for root, place in (("cams", tmp_path / "cams"), ("~/cams", tmp_path / "home" / "cams")):
        text = TEXT.replace('"toy"\ndomain = "a"', f'"folder"\nroot = "{root}"')
        source = load_benchmark(write(tmp_path, text)).source
        dataset, _ = construct(source, registry, None)
        with pytest.raises(ReidbenchError, match=f"no folder {place};"):
            dataset.samples("train")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("nets/a.pth", "{folder}/nets/a.pth"),
        ("a.pth.tar", "{folder}/a.pth.tar"),
        ("/nets/a.pth", "/nets/a.pth"),
        ("~/a.pth", "~/a.pth"),
        ("IMAGENET1K_V1", "IMAGENET1K_V1"),
        ("none", "none"),
    ],
)
def test_weights_start_from_the_file_that_names_them(
    tmp_path: Path, weights: str, expected: str
) -> None:
    """But for names of torchvision's; the digest is of what the file says."""
    text = TEXT.replace("[translator]\nlr = 0.5", f'[learner]\nweights = "{weights}"')
    loaded = load_benchmark(write(tmp_path, text))
    registry = load_plugins().registry
    recipe = compose(Request(translator="none"), loaded, registry, {})
    assert recipe.learner.parameters["weights"] == expected.format(folder=tmp_path)
    (tmp_path / "other").mkdir()
    assert load_benchmark(write(tmp_path / "other", text)).digest == loaded.digest
    mine = compose(Request(translator="none"), loaded, registry, {"ide.weights": "here.pth"})
    assert mine.learner.parameters["weights"] == "here.pth"
