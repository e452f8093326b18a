from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.dataset import Samples, Split
from reidbench.errors import BusyError, ReidbenchError
from reidbench.interfaces import Batch, Clock, ExtraLoss, Hops, Log
from reidbench.progress import Progress
from reidbench.registry.registry import Registration, Registry, Strategy
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session, needed, run_plan
from reidbench.stages import Stage, Translate
from reidbench.storage.artifacts import Artifact, Store
from reidbench.storage.eviction import evict
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark, toy_plan
from reidbench.testing.toys import ToyDataset, ToyTranslator
from tests.runs.killing import Counting

HERE = "tests.runs.test_runner"


class Relabelled(ToyDataset):
    """The toys with the identities of the training images dealt out anew."""

    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        if split != "train":
            return samples
        shuffled = np.random.default_rng(0).permutation(samples.pids)
        return replace(samples, pids=shuffled)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        return ToyDataset(domain=self.domain, ids=self.ids, size=self.size).read(split, index)

    def fingerprint(self) -> str:
        return "relabelled"


class Peeking(ToyTranslator):
    """Learns from the identities of both domains, as far as it is given any."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        seen = batch.source.pid.float().mean() + batch.target.pid.float().mean()

        def weighted(hops: Hops) -> Tensor:
            return extra_loss(hops) + seen * hops[0].fake.mean()

        return super().training_step(batch, weighted, clock)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("more")
    more.translator("peeking", f"{HERE}:Peeking")
    more.dataset("relabelled", f"{HERE}:Relabelled")
    registry.add(more)
    return registry


def counting(session: Session) -> tuple[Session, Counting]:
    reporter = Counting()
    return replace(session, reporter=reporter), reporter


def kinds(plan: Plan, session: Session) -> list[str]:
    return [s.kind for s in needed(plan, session.store)]


def files(artifact: Artifact) -> Mapping[str, object]:
    return {n: f["sha256"] for n, f in artifact.manifest["files"].items()}


def test_a_second_run_computes_nothing(session: Session) -> None:
    first = run_plan(toy_plan(), session)
    assert not any(f.reused for f in first.finished.values())
    session, reporter = counting(session)
    again = run_plan(toy_plan(), session)
    assert reporter.titles == []
    assert all(f.reused for f in again.finished.values())
    assert list(again.finished) == list(first.finished)
    assert needed(toy_plan(), session.store) == []


def test_every_artifact_tells_what_it_was_made_of(session: Session) -> None:
    outcome = run_plan(toy_plan(), session)
    for stage in outcome.plan.stages:
        manifest = outcome.artifact(stage).manifest
        assert manifest["key"] == stage.key
        assert manifest["title"] == stage.title
        assert manifest["device"].startswith("cpu")
        assert {k: manifest[k] for k in stage.facts} == stage.facts
        assert session.store.damaged(outcome.artifact(stage)) == []


def test_another_learner_reuses_the_translation(session: Session, registry: Registry) -> None:
    run_plan(make_plan(registry, toy_benchmark()), session)
    session, reporter = counting(session)
    longer = toy_benchmark(learner={"epochs": 5})
    run_plan(make_plan(registry, longer), session)
    words = [t.split()[0] for t in reporter.titles]
    assert words == ["learn", "fine-tune", "embed", "evaluate", "measure"]


def test_another_ranking_reuses_the_features(session: Session) -> None:
    run_plan(toy_plan(), session)
    session, reporter = counting(session)
    run_plan(toy_plan(ranking__distance="cosine"), session)
    assert reporter.titles == ["evaluate by market1501"]


def test_what_only_finished_stages_needed_is_not_made_again(session: Session) -> None:
    plan = toy_plan()
    outcome = run_plan(plan, session)
    for stage in plan.stages:
        if stage.kind in ("decode", "translator", "translate", "learn"):
            session.store.remove(stage.key)
    assert needed(plan, session.store) == []
    session, reporter = counting(session)
    again = run_plan(plan, session)
    assert reporter.titles == []
    left = {f.stage.kind for f in again.finished.values()}
    assert left == {"embed", "evaluate", "preserve", "preview"}
    assert again.artifact(plan.evaluations[0]) == outcome.artifact(plan.evaluations[0])


def test_what_is_missing_is_made_with_what_it_needs(session: Session) -> None:
    plan = toy_plan()
    run_plan(plan, session)
    embedded = plan.evaluations[0].embedded
    for stage in (plan.evaluations[0], embedded, embedded.query):
        session.store.remove(stage.key)
    assert kinds(plan, session) == ["decode", "embed", "evaluate"]
    run_plan(plan, session)
    assert needed(plan, session.store) == []


def test_the_scores_are_those_of_the_protocol(session: Session) -> None:
    outcome = run_plan(toy_plan(), session)
    path = outcome.artifact(outcome.plan.evaluations[0]).path / "scores.json"
    scores = json.loads(path.read_text())
    assert 0 < scores["mAP"] <= 1
    features = outcome.artifact(outcome.plan.evaluations[0].embedded).path
    assert np.load(features / "query_features.npy").shape == (12, 8)


def test_features_of_mirrored_images_are_added(session: Session) -> None:
    plain, mirrored = (run_plan(toy_plan(embedding__flip=f), session) for f in (False, True))
    arrays = [
        np.load(o.artifact(o.plan.evaluations[0].embedded).path / "gallery_features.npy")
        for o in (plain, mirrored)
    ]
    # Toy features see the mean colour only, which mirroring does not move.
    np.testing.assert_allclose(arrays[1], 2 * arrays[0], rtol=1e-5)


def test_translated_images_keep_their_labels_and_are_previewed(session: Session) -> None:
    outcome = run_plan(toy_plan(), session)
    preview = outcome.plan.preview
    assert preview is not None
    translated: Translate = preview.translated
    fakes = translated.open(outcome.artifact(translated).path)
    source = translated.fitted.source.open(outcome.artifact(translated.fitted.source).path)
    np.testing.assert_array_equal(fakes.pids, source.pids)
    np.testing.assert_array_equal(fakes.cams, source.cams)
    assert not np.array_equal(fakes.pixels, source.pixels)
    rows = np.load(outcome.artifact(preview).path / "rows.npy")
    assert rows.shape == (4, 6, 16, 8, 3)  # one column a person
    np.testing.assert_array_equal(rows[0], source.pixels[::4])
    np.testing.assert_array_equal(rows[1], fakes.pixels[::4])


@pytest.mark.parametrize("strategy", ["finetune", "translated", "source+translated"])
def test_target_labels_reach_nothing_that_is_trained(
    session: Session, registry: Registry, benchmark_: Benchmark, strategy: Strategy
) -> None:
    relabelled = replace(benchmark_, target=DatasetSpec("relabelled", {"domain": "b"}))
    request = Request("toy-kept", translator="peeking", strategy=strategy)
    outcomes = [
        run_plan(make_plan(registry, b, request=request), session) for b in (benchmark_, relabelled)
    ]
    trained: list[list[object]] = []
    for outcome in outcomes:
        stages = [s for s in outcome.plan.stages if s.kind in ("translator", "translate", "learn")]
        trained.append([files(outcome.artifact(s)) for s in stages])
    assert len(trained[0]) >= 3
    assert trained[0] == trained[1]
    labels = [np.load(o.artifact(o.plan.stages[1]).path / "pids.npy").tolist() for o in outcomes]
    assert labels[0] != labels[1]


def test_source_labels_do_reach_the_translator(
    session: Session, registry: Registry, benchmark_: Benchmark
) -> None:
    relabelled = replace(benchmark_, source=DatasetSpec("relabelled", {"domain": "a"}))
    weights = []
    for benchmark in (benchmark_, relabelled):
        request = Request("toy-kept", translator="peeking")
        outcome = run_plan(make_plan(registry, benchmark, request=request), session)
        (fitted,) = _of(outcome.plan, "translator")
        weights.append(files(outcome.artifact(fitted)))
    assert weights[0] != weights[1]


def test_fine_tuning_starts_from_what_was_learned(session: Session, registry: Registry) -> None:
    weights = []
    for strategy in ("translated", "source+translated", "finetune"):
        request = Request("toy-kept", strategy=strategy)
        outcome = run_plan(make_plan(registry, toy_benchmark(), request=request), session)
        weights.append(str(files(outcome.artifact(outcome.plan.learned))))
    assert len(set(weights)) == 3


def test_target_labels_do_reach_the_ceiling(
    session: Session, registry: Registry, benchmark_: Benchmark
) -> None:
    relabelled = replace(benchmark_, target=DatasetSpec("relabelled", {"domain": "b"}))
    request = Request("supervised", learner="toy")
    weights = []
    for benchmark in (benchmark_, relabelled):
        outcome = run_plan(make_plan(registry, benchmark, request=request), session)
        weights.append(files(outcome.artifact(outcome.plan.learned)))
    assert weights[0] != weights[1]


def test_seeds_move_every_weight(session: Session) -> None:
    first, second = (run_plan(toy_plan(seed), session) for seed in (0, 1))
    for kind in ("translator", "translate", "learn"):
        for a, b in zip(*(_of(o.plan, kind) for o in (first, second)), strict=True):
            assert files(first.artifact(a)) != files(second.artifact(b))


def _of(plan: Plan, kind: str) -> list[Stage]:
    return [s for s in plan.stages if s.kind == kind]


def test_a_broken_image_stops_the_run_before_any_training(
    session: Session, registry: Registry, benchmark_: Benchmark
) -> None:
    target = DatasetSpec("toy", {"domain": "b", "broken": 3})
    session, reporter = counting(session)
    with pytest.raises(ReidbenchError, match=r"cannot read the image 'train/3\.png'"):
        run_plan(make_plan(registry, replace(benchmark_, target=target)), session)
    assert [a.key.split("/")[0] for a in session.store.artifacts()] == ["decode"]
    assert all(t.startswith("render") for t in reporter.titles)


class Meddling(Counting):
    """Does something as soon as a stage begins."""

    def __init__(self, title: str, deed: Callable[[], None]) -> None:
        super().__init__()
        self.title, self.deed = title, deed

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        if title == self.title:
            self.deed()
        with super().stage(title) as progress:
            yield progress


def test_a_run_that_waits_for_another_process_says_so(tmp_path: Path) -> None:
    plan, session = toy_plan(), make_session(tmp_path)
    session.store.prepare()
    fitted = plan.translation_quality[0].translated.fitted
    lock = session.store.root / "locks" / f"{fitted.key.replace('/', '-')}.lock"

    class Waiting(Counting):
        def say(self, line: str) -> None:
            said.append(line)
            fcntl.flock(file, fcntl.LOCK_UN)  # as the other process ends

    said: list[str] = []
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run_plan(plan, replace(session, reporter=Waiting()))
    assert said == [f"{fitted.title}: waiting for another process that is computing it"]


def test_an_impatient_run_leaves_what_another_process_is_computing(tmp_path: Path) -> None:
    plan, session = toy_plan(), make_session(tmp_path)
    session.store.prepare()
    fitted = plan.translation_quality[0].translated.fitted
    lock = session.store.root / "locks" / f"{fitted.key.replace('/', '-')}.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(
            BusyError, match=f"another process is computing it: {re.escape(fitted.title)}"
        ) as caught:
            run_plan(plan, replace(session, patient=False))
    assert caught.value.key == fitted.key
    session.store.wait(fitted.key)  # nobody is computing it any more
    run_plan(plan, replace(session, patient=False))


def test_an_input_that_was_removed_meanwhile_is_named(tmp_path: Path) -> None:
    plan = toy_plan()
    learned = plan.learned
    session = make_session(tmp_path)
    meddling = Meddling("evaluate by market1501", lambda: session.store.remove(key))
    key = plan.evaluations[0].embedded.key
    with pytest.raises(ReidbenchError, match=f"{key} has gone.*run again"):
        run_plan(plan, replace(session, reporter=meddling))
    run_plan(plan, session)
    assert session.store.find(learned.key)


def test_an_input_cannot_be_removed_while_it_is_read(tmp_path: Path) -> None:
    plan, session = toy_plan(), make_session(tmp_path)

    class Removing(Counting):
        def progress(self, done: int, total: int, log: Mapping[str, float]) -> None:
            if self.titles[-1] == "embed toy:b query and gallery":
                with pytest.raises(ReidbenchError, match="in use"):
                    session.store.remove(plan.learned.key)
                self.titles.append("tried")

    reporter = Removing()
    run_plan(plan, replace(session, reporter=reporter))
    assert "tried" in reporter.titles


def test_a_store_that_cannot_be_written_stops_the_run_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reporter = Counting()
    with pytest.raises(ReidbenchError, match="cannot write"):
        run_plan(toy_plan(), make_session(tmp_path / "file" / "cache", reporter))
    assert reporter.titles == []


def test_a_cached_run_asks_for_no_store_that_can_be_written(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: Store) -> None:
        raise ReidbenchError("read-only")

    first = run_plan(toy_plan(), session)
    monkeypatch.setattr(Store, "prepare", refuse)
    again = run_plan(toy_plan(), session)
    assert {f.artifact.key for f in again.finished.values()} <= set(first.finished)
    with pytest.raises(ReidbenchError, match="read-only"):
        run_plan(toy_plan(seed=1), session)


def test_what_a_run_will_still_read_is_not_evicted(tmp_path: Path) -> None:
    class Evicting(Counting):
        @contextmanager
        def stage(self, title: str) -> Iterator[Progress]:
            left = list(evict(Store(tmp_path / "cache"), 0))
            assert left == []
            with super().stage(title) as progress:
                yield progress

    session = make_session(tmp_path / "cache", Evicting())
    outcome = run_plan(toy_plan(), session)
    assert len(list(evict(session.store, 0))) == len(outcome.finished)
