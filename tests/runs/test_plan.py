from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request, compose
from reidbench.data.dataset import Samples, Split
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.registry import Registration, Registry, Strategy
from reidbench.runs.plan import Plan, plan
from reidbench.runs.setting import open_setting
from reidbench.stages import Decode, Evaluate, Learn
from reidbench.testing.toy_runs import make_plan, toy_benchmark, toy_plan
from reidbench.testing.toys import ToyConstraint, ToyDataset

HERE = "tests.runs.test_plan"
DIRECT = Request(method="direct", learner="toy")


class Maskless(ToyDataset):
    has_masks = False

    def fingerprint(self) -> str:
        return "maskless"


class Masked(ToyConstraint):
    needs: ClassVar[frozenset[str]] = frozenset({"mask"})


class Paired(ToyConstraint):
    sampling: ClassVar[Literal["any", "pairs"]] = "pairs"


class EachOnce(ToyDataset):
    """Nobody is in two training images, or not in two of one camera."""

    def __init__(self, *, domain: str = "a", within_cameras: bool = False) -> None:
        super().__init__(domain=domain)
        self.within_cameras = within_cameras

    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        if split != "train":
            return samples
        rows = np.arange(0, len(samples.pids), 2 if self.within_cameras else 4)
        names = [samples.names[i] for i in rows]
        return Samples(names, samples.pids[rows], samples.cams[rows])


class Divided(ToyDataset):
    def __init__(self, *, split: int = 0) -> None:
        super().__init__(domain="b")
        self.split = split

    def fingerprint(self) -> str:
        return f"divided-{self.split}"


class OneCamera(ToyDataset):
    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        return replace(samples, cams=samples.cams * 0)


class Boxed(ToyDataset):
    @property
    def has_multi_query(self) -> bool:
        return True

    def samples(self, split: Split) -> Samples:
        return super().samples("gallery" if split == "multi_query" else split)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("more")
    more.dataset("maskless", f"{HERE}:Maskless")
    more.dataset("divided", f"{HERE}:Divided")
    more.dataset("one-camera", f"{HERE}:OneCamera")
    more.dataset("boxed", f"{HERE}:Boxed")
    more.dataset("each-once", f"{HERE}:EachOnce")
    more.constraint("masked", f"{HERE}:Masked")
    more.constraint("paired", f"{HERE}:Paired")
    more.learner("other", "reidbench.testing.toys:ToyLearner")
    registry.add(more)
    return registry


def by_kind(planned: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for stage in planned.stages:
        found.setdefault(stage.kind, set()).add(stage.key)
    return found


def shared(a: Plan, b: Plan) -> set[str]:
    """Return the kinds whose artifacts two plans share to the last one."""
    first, second = by_kind(a), by_kind(b)
    return {kind for kind in first.keys() & second.keys() if first[kind] == second[kind]}


DATA, TRANSLATION = {"decode"}, {"translator", "translate", "preview"}
MODEL, FEATURES, SCORES, QUALITY = {"learn"}, {"embed"}, {"evaluate"}, {"preserve"}
EVERYTHING = DATA | TRANSLATION | MODEL | FEATURES | SCORES | QUALITY


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, EVERYTHING),
        ({"budget__epochs": 99}, EVERYTHING),  # the number of steps is given
        ({"ranking__rerank": True}, EVERYTHING - SCORES),
        ({"embedding__flip": True}, EVERYTHING - SCORES - FEATURES),
        ({"request": Request("toy-kept", learner="other")}, DATA | TRANSLATION),
        ({"kept__weight": 2}, DATA),
        ({"budget__steps": 7}, DATA),
        ({"budget__batch": 2}, DATA),
        ({"seed": 1}, DATA),
    ],
)
def test_what_does_not_depend_on_a_change_is_reused(
    registry: Registry, changed: dict[str, Any], kept: set[str]
) -> None:
    base = make_plan(registry, toy_benchmark())
    assert shared(base, make_plan(registry, toy_benchmark(), **changed)) == kept


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"name": "x", "version": 9, "seeds": (5,)}, EVERYTHING),
        ({"protocol": DatasetSpec("single-gallery-shot")}, EVERYTHING - SCORES),
        ({"image_size": (8, 8)}, set()),
        ({"source": DatasetSpec("toy", {"domain": "c"})}, set()),
        ({"target": DatasetSpec("toy", {"domain": "c"})}, set()),
    ],
)
def test_a_change_of_the_benchmark_moves_what_depends_on_it(
    registry: Registry, benchmark_: Benchmark, changed: dict[str, Any], kept: set[str]
) -> None:
    base = make_plan(registry, benchmark_)
    assert shared(base, make_plan(registry, replace(benchmark_, **changed))) == kept


def test_each_split_of_the_target_has_its_own_training_and_shares_the_source(
    registry: Registry, benchmark_: Benchmark
) -> None:
    benchmark = replace(benchmark_, target=DatasetSpec("divided"), splits=(0, 2), name="divided")
    planned = make_plan(registry, benchmark)
    counts = {kind: len(keys) for kind, keys in by_kind(planned).items()}
    assert counts["translator"] == counts["embed"] == counts["evaluate"] == 2
    assert counts["preserve"] == 2
    assert counts["learn"] == 1 + 2  # the source's model is shared
    assert counts["preview"] == 1
    assert [t.parameters["split"] for t in planned.setting.targets] == [0, 2]
    direct = make_plan(registry, benchmark, request=DIRECT)
    assert len(by_kind(direct)["learn"]) == 1


@pytest.mark.parametrize(
    ("target", "protocol", "split"),
    [
        ("boxed", "multi-query", "multi_query"),
        ("boxed", "market1501", None),
        ("toy", "multi-query", None),  # the queries themselves are pooled
    ],
)
def test_further_images_are_embedded_where_the_protocol_pools_them(
    registry: Registry, benchmark_: Benchmark, target: str, protocol: str, split: str | None
) -> None:
    spec = DatasetSpec(target, {"domain": "b"})
    benchmark = replace(benchmark_, target=spec, protocol=DatasetSpec(protocol))
    (evaluated,) = make_plan(registry, benchmark).evaluations
    pooled = evaluated.embedded.multi_query
    assert (pooled and pooled.split) == split


def test_adaptation_can_be_scored_on_the_source(registry: Registry, benchmark_: Benchmark) -> None:
    base = make_plan(registry, benchmark_)
    other = make_plan(registry, replace(benchmark_, tested="source"))
    assert shared(base, other) == TRANSLATION | MODEL | QUALITY
    (evaluated,) = other.evaluations
    assert {s.data.title for s in evaluated.embedded.sets} == {other.setting.source.title}


def test_the_precision_moves_all_that_computes(registry: Registry) -> None:
    base = make_plan(registry, toy_benchmark())
    other = plan(base.recipe, base.setting, base.seed, "bf16")
    assert shared(base, other) == DATA


def test_direct_transfer_is_where_fine_tuning_starts(registry: Registry) -> None:
    tuned = make_plan(registry, toy_benchmark()).learned
    assert tuned.start is not None
    assert tuned.start.key == make_plan(registry, toy_benchmark(), request=DIRECT).learned.key


def described(learn: Learn) -> list[str]:
    stages = learn.inputs
    return [
        f"{s.kind} {s.data.name} {s.split}" if isinstance(s, Decode) else s.kind for s in stages
    ]


@pytest.mark.parametrize(
    ("translator", "strategy", "inputs"),
    [
        ("none", "source", ["decode toy train"]),
        ("none", "target", ["decode toy train"]),
        ("toy", "translated", ["translate"]),
        ("toy", "source+translated", ["decode toy train", "translate"]),
        ("toy", "finetune", ["translate", "learn"]),
    ],
)
def test_a_strategy_decides_what_is_learned_from(
    registry: Registry, translator: str, strategy: Strategy, inputs: list[str]
) -> None:
    request = Request(translator=translator, learner="toy", strategy=strategy)
    learned = make_plan(registry, toy_benchmark(), request=request).learned
    assert described(learned) == inputs
    domains = [s.data.parameters["domain"] for s in learned.data if isinstance(s, Decode)]
    assert set(domains) <= {"b" if strategy == "target" else "a"}


def test_data_comes_before_training_and_every_stage_after_its_inputs() -> None:
    planned = toy_plan()
    stages = planned.stages
    decoded = [isinstance(s, Decode) for s in stages]
    assert decoded == [True] * 4 + [False] * (len(stages) - 4)
    places = {s.key: i for i, s in enumerate(stages)}
    assert len(places) == len(stages)
    for stage in stages:
        assert all(places[i.key] < places[stage.key] for i in stage.inputs)
    assert [s.title for s in stages] == [
        "render toy:a train",
        "render toy:b train",
        "render toy:b query",
        "render toy:b gallery",
        "train toy+kept",
        "translate toy:a train",
        "learn toy on real images",
        "fine-tune toy on translated images",
        "embed toy:b query and gallery",
        "evaluate by market1501",
        "measure translation quality",
        "draw examples",
    ]


def test_direct_transfer_reads_no_training_image_of_the_target(registry: Registry) -> None:
    planned = make_plan(registry, toy_benchmark(), request=DIRECT)
    titles = [s.title for s in planned.stages]
    assert titles[:3] == ["render toy:a train", "render toy:b query", "render toy:b gallery"]
    assert len(titles) == 6
    assert planned.preview is None
    assert planned.translation_quality == ()


def test_a_key_is_a_digest_of_the_facts_kept_beside_it() -> None:
    for stage in toy_plan().stages:
        assert stage.key.startswith(f"{stage.kind}/")
        assert stage.facts["inputs"] == [i.key for i in stage.inputs]
        assert stage.facts["version"] == stage.version


def test_versions_are_part_of_the_keys(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_plan(registry, toy_benchmark())
    monkeypatch.setattr(ToyConstraint, "version", 2)
    assert shared(base, make_plan(registry, toy_benchmark())) == DATA
    monkeypatch.undo()
    monkeypatch.setattr(Learn, "version", 2)
    assert shared(base, make_plan(registry, toy_benchmark())) == DATA | TRANSLATION


def test_scores_of_distances_that_had_cancelled_are_not_reused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = by_kind(make_plan(registry, toy_benchmark()))
    monkeypatch.setattr(Evaluate, "version", 1)
    then = by_kind(make_plan(registry, toy_benchmark()))
    assert {kind for kind in now if now[kind] != then[kind]} == SCORES


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source.domian": "a"}, "'source' has no parameter 'domian'; did you mean 'domain'"),
        ({"target.ids": 2.5}, r"target\.ids takes int, not 2\.5"),
        ({"source.domain": "b"}, r"source and target are the same data \('toy:b'\)"),
        ({"protocol.repeats": 3}, "'protocol' has no parameter 'repeats'"),
    ],
)
def test_a_wrong_change_of_the_setting_is_a_usage_error(
    registry: Registry, benchmark_: Benchmark, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        open_setting(benchmark_, registry, None, changes)


def test_a_protocols_value_out_of_range_shows_before_anything_is_computed(
    registry: Registry, benchmark_: Benchmark
) -> None:
    repeated = replace(benchmark_, protocol=DatasetSpec("single-gallery-shot"))
    with pytest.raises(UsageError, match="repeats"):
        open_setting(repeated, registry, None, {"protocol.repeats": 0})


def test_an_unknown_dataset_or_protocol_is_named(registry: Registry, benchmark_: Benchmark) -> None:
    for part in ("source", "target", "protocol"):
        unknown = replace(benchmark_, **{part: DatasetSpec("tyo")})  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="is named 'tyo'"):
            open_setting(unknown, registry, None, {})


def test_a_dataset_in_files_asks_for_its_folder(
    registry: Registry, benchmark_: Benchmark, tmp_path: str
) -> None:
    real = replace(benchmark_, source=DatasetSpec("market1501"))
    with pytest.raises(UsageError, match=r"'market1501' is read from your own copy.*--data-root"):
        open_setting(real, registry, None, {})
    with pytest.raises(ReidbenchError):
        open_setting(real, registry, str(tmp_path), {})


def test_a_dataset_without_images_is_refused(registry: Registry, benchmark_: Benchmark) -> None:
    with pytest.raises(ReidbenchError, match="dataset 'toy' has no train images"):
        open_setting(benchmark_, registry, None, {"source.ids": 0})


@pytest.mark.parametrize("part", ["source", "target"])
def test_masks_must_be_there_for_who_needs_them(
    registry: Registry, benchmark_: Benchmark, part: str
) -> None:
    request = Request(translator="toy", constraints=["masked"], learner="toy")
    recipe = compose(request, benchmark_, registry, {})
    assert plan(recipe, open_setting(benchmark_, registry, None, {}), 0, "float32").preview
    spec = replace(getattr(benchmark_, part), name="maskless")
    bare = replace(benchmark_, **{part: spec})
    with pytest.raises(UsageError, match=r"'masked' needs person masks, which .*maskless"):
        plan(recipe, open_setting(bare, registry, None, {}), 0, "float32")


def test_persons_are_not_trained_on_and_tested(registry: Registry, benchmark_: Benchmark) -> None:
    same = replace(benchmark_, target=DatasetSpec("toy", {"domain": "a", "size": 24}))
    with pytest.raises(UsageError, match=r"source 'toy:a' and target 'toy:a' share 6 persons"):
        open_setting(same, registry, None, {})


def test_a_target_whose_queries_have_no_match_is_refused_before_anything_is_computed(
    registry: Registry, benchmark_: Benchmark
) -> None:
    spec = DatasetSpec("one-camera", {"domain": "b"})
    with pytest.raises(ReidbenchError, match=r"'one-camera:b' cannot be scored by .* one camera"):
        open_setting(replace(benchmark_, target=spec), registry, None, {})


PAIRED = Request(translator="toy", constraints=["paired"], learner="toy")


def test_a_constraint_on_pairs_is_refused_where_nobody_is_shown_twice(
    registry: Registry, benchmark_: Benchmark
) -> None:
    once = replace(benchmark_, source=DatasetSpec("each-once", {"domain": "a"}))
    assert make_plan(registry, benchmark_, request=PAIRED).preview
    assert make_plan(registry, once).preview
    with pytest.raises(UsageError, match=r"'paired' .* none of the 6 .*each-once.* anybody twice"):
        make_plan(registry, once, request=PAIRED)


def test_each_group_of_cameras_must_show_somebody_twice(
    registry: Registry, benchmark_: Benchmark
) -> None:
    parameters = {"domain": "a", "within_cameras": True}
    once = replace(benchmark_, source=DatasetSpec("each-once", parameters))
    assert make_plan(registry, once, request=PAIRED).preview
    with pytest.raises(UsageError, match=r"images of the cameras 0 of .* anybody twice"):
        make_plan(registry, once, request=PAIRED, perspective__source=[[0], [1]])
