from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import pytest

from reidbench.config.benchmark import Benchmark
from reidbench.config.compose import Request, compose, parse_setting
from reidbench.config.recipe import Component, Recipe
from reidbench.errors import UsageError
from reidbench.registry.registry import Registration, Registry
from reidbench.storage.keys import JSON
from reidbench.testing.toy_runs import TOYS, toy_benchmark
from reidbench.testing.toys import ToyConstraint, ToyTranslator

KEPT = Request(translator="toy", constraints=["kept"], learner="toy")
HERE = "tests.config.test_compose"


class NeedsMore(ToyConstraint):
    needs: ClassVar[frozenset[str]] = frozenset({"grid", "rec", "mask"})


class NeedsPairs(ToyConstraint):
    sampling: ClassVar[Literal["any", "pairs"]] = "pairs"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("more")
    more.constraint("grid", f"{HERE}:NeedsMore")
    more.constraint("pairs", f"{HERE}:NeedsPairs")
    more.learner("other", f"{TOYS}:ToyLearner")
    tuned = {"kept.weight": 3.0, "budget.epochs": 2, "ranking.rerank": True}
    more.method(
        "tuned",
        translator="toy",
        constraints=["kept"],
        learner="other",
        strategy="translated",
        parameters=tuned,
        paper="Tuned 2026",
    )
    more.method(
        "tuned-pairs",
        translator="toy",
        constraints=["pairs"],
        learner="other",
        strategy="translated",
        parameters=tuned,
    )
    registry.add(more)
    return registry


def make(
    registry: Registry,
    request: Request = KEPT,
    benchmark: Benchmark | None = None,
    **settings: Any,
) -> Recipe:
    dotted = {k.replace("__", "."): v for k, v in settings.items()}
    return compose(request, benchmark or toy_benchmark(), registry, dotted)


def weight(recipe: Recipe) -> object:
    return recipe.constraints[0].parameters["weight"]


def test_the_users_value_beats_the_benchmarks_beats_the_methods_beats_the_default(
    registry: Registry,
) -> None:
    fixed = toy_benchmark(constraint={"weight": 5.0})
    tuned = Request(method="tuned")
    assert weight(make(registry)) == 1.0
    assert weight(make(registry, tuned)) == 3.0
    assert weight(make(registry, tuned, fixed)) == 5.0
    assert weight(make(registry, tuned, fixed, kept__weight=7)) == 7.0


def test_sections_follow_the_same_order(registry: Registry) -> None:
    tuned = Request(method="tuned")
    fixed = toy_benchmark(budget={"epochs": 4}, ranking={"rerank": False})
    assert make(registry).budget.epochs == 6
    assert make(registry, tuned).budget.epochs == 2
    assert make(registry, tuned, fixed).budget.epochs == 4
    assert make(registry, tuned, fixed, budget__epochs=5).budget.epochs == 5
    assert make(registry, tuned).ranking.rerank
    assert not make(registry, tuned, fixed).ranking.rerank
    assert make(registry, embedding__flip=True).embedding.flip


def test_a_benchmark_sets_what_a_component_has_and_nothing_else(registry: Registry) -> None:
    recipe = make(registry, benchmark=toy_benchmark(translator={"lr": 0.5, "width": 3}))
    assert recipe.translator is not None
    assert recipe.translator.parameters == {"lr": 0.5}


def test_a_benchmark_may_set_one_component_of_a_role_alone(registry: Registry) -> None:
    fixed = toy_benchmark(constraint={"weight": 5.0, "kept": {"weight": 0.5}})
    both = Request(translator="toy", constraints=["kept", "pairs"], learner="toy")
    recipe = make(registry, both, fixed)
    weights = {c.name: c.parameters["weight"] for c in recipe.constraints}
    assert weights == {"kept": 0.5, "pairs": 5.0}
    assert weight(make(registry, both, fixed, kept__weight=7)) == 7.0
    assert recipe.modified == {}
    assert fixed.digest != toy_benchmark(constraint={"weight": 5.0}).digest


def test_a_benchmark_cannot_set_what_its_one_component_has_not(registry: Registry) -> None:
    with pytest.raises(UsageError, match="wieght"):
        make(registry, KEPT, toy_benchmark(constraint={"kept": {"wieght": 0.5}}))


def test_a_method_may_set_a_role_whichever_component_has_it(registry: Registry) -> None:
    more = Registration("roles")
    values = {"learner.lr": 0.5, "learner.unheard": 1, "other.lr": 0.25}
    more.method("by-role", translator="toy", learner="toy", parameters=values)
    registry.add(more)
    assert make(registry, Request("by-role")).learner.parameters["lr"] == 0.5
    assert make(registry, Request("by-role", learner="other")).learner.parameters["lr"] == 0.25
    fixed = toy_benchmark(learner={"lr": 2.0})
    assert make(registry, Request("by-role"), fixed).learner.parameters["lr"] == 2.0
    assert "unheard" not in make(registry, Request("by-role")).learner.parameters


def test_what_the_user_sets_is_recorded(registry: Registry) -> None:
    assert make(registry).modified == {}
    assert make(registry, kept__weight=1).modified == {"kept.weight": 1}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"kept__wieght": 1}, "'kept' has no parameter 'wieght'; did you mean 'weight'"),
        ({"kpet__weight": 1}, "--set kpet.weight: 'kpet' is no part of this run; did.*'kept'"),
        ({"pairs__weight": 1}, "'pairs' is no part of this run"),
        ({"kept__weight": True}, "kept.weight takes float, not True"),
        ({"kept__weight": "x"}, "kept.weight takes float, not 'x'"),
        ({"kept__weight": float("nan")}, "kept.weight takes float, not nan"),
        ({"budget__steps": 1.5}, "budget.steps takes int, not 1.5"),
        ({"budget__batch": 0}, "'budget': batch must be a number of at least 1, got 0"),
        ({"budget__stesp": 3}, "'budget' has no parameter 'stesp'; did you mean 'steps'"),
        ({"ranking__k1": 0}, "k1 must be at least 1"),
        ({"ranking__distance": "cosin"}, "ranking.distance takes 'euclidean' | 'cosine'"),
        ({"toy__lr": -1}, "'toy': lr must be positive, got -1.0"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(
    registry: Registry, settings: dict[str, Any], reason: str
) -> None:
    request = Request(translator="toy", constraints=["kept"], learner="other")
    with pytest.raises(UsageError, match=reason.replace(".", r"\.").replace(r"\.*", ".*")):
        make(registry, request, **settings)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request(translator="tyo"), "no translator is named 'tyo'; did you mean 'toy'"),
        (Request(method="tuend"), "no method is named 'tuend'; did you mean 'tuned'"),
        (Request(translator="toy", learner="x"), "no learner is named 'x'"),
        (
            Request(translator="toy", learner="toy", constraints=["kept", "kept"]),
            "'kept' is named twice",
        ),
        (
            Request(translator="toy", learner="toy", constraints=["grid"]),
            "constraint 'grid' needs grid, which translator 'toy' does not provide",
        ),
        (
            Request(translator="none", learner="toy", constraints=["kept", "grid"]),
            "constraint 'kept', 'grid' needs a translator; name one with --translator",
        ),
        (
            Request(translator="toy", learner="toy", strategy="source"),
            "strategy 'source' does not use the translator 'toy'; use --translator none",
        ),
        (
            Request(method="supervised", translator="toy", learner="toy"),
            "strategy 'target' does not use the translator 'toy'",
        ),
        (
            Request(translator="none", learner="toy", strategy="finetune"),
            "strategy 'finetune' needs a translator",
        ),
        (
            Request(translator="toy", learner="toy", strategy="fintune"),
            "no strategy is named 'fintune'; did you mean 'finetune'",
        ),
    ],
)
def test_parts_that_do_not_fit_are_a_usage_error(
    registry: Registry, request_: Request, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        make(registry, request_)


def test_pairs_need_an_even_batch(registry: Registry) -> None:
    pairs = Request(translator="toy", learner="toy", constraints=["pairs"])
    assert make(registry, pairs).budget.batch == 4
    with pytest.raises(UsageError, match=r"'pairs' needs pairs.*not 3 \(--set budget.batch=4\)"):
        make(registry, pairs, budget__batch=3)
    assert make(registry, budget__batch=3).budget.batch == 3


def test_a_method_is_its_parts(registry: Registry) -> None:
    recipe = make(registry, Request(method="toy-kept"))
    assert (recipe.name, recipe.paper, recipe.strategy) == ("toy-kept", "Toy 2026", "finetune")
    assert [c.name for c in recipe.components] == ["toy", "kept", "toy"]


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (KEPT, "toy-kept"),
        (Request(method="toy-kept", translator="toy"), "toy-kept"),
        (Request(method="toy-kept", learner="other"), "toy+kept+other"),
        (Request(translator="toy", learner="toy"), "toy+toy"),
        (
            Request(translator="toy", constraints=["kept", "pairs"], learner="toy"),
            "toy+kept+pairs+toy",
        ),
        (Request(translator="toy", learner="toy", strategy="translated"), "toy+toy+translated"),
        (Request(method="direct", learner="toy"), "direct+toy"),
        (Request(learner="toy"), "direct+toy"),
        (Request(method="supervised", learner="toy"), "supervised+toy"),
        (Request(method="tuned", learner="toy"), "tuned+toy"),
        (Request(method="toy-kept", direction="target-to-source"), "toy-kept+to-source"),
        (replace(KEPT, direction="target-to-source"), "toy-kept+to-source"),
        (replace(KEPT, strategy="translated"), "toy-kept+translated"),
        (Request(method="tuned", strategy="finetune"), "tuned+finetune"),
        (Request(method="tuned", constraints=["pairs"]), "tuned-pairs"),
        (Request(method="tuned", direction="target-to-source"), "tuned+to-source"),
        (
            Request(translator="toy", learner="toy", direction="target-to-source"),
            "toy+toy+to-source",
        ),
        # The same parts as the method "tuned", but not with its values.
        (
            Request(translator="toy", constraints=["kept"], learner="other", strategy="translated"),
            "toy+kept+other+translated",
        ),
    ],
)
def test_a_run_is_named_by_what_it_is(registry: Registry, request_: Request, name: str) -> None:
    assert make(registry, request_).name == name


def test_parts_of_a_method_named_again_are_the_method(registry: Registry) -> None:
    named = make(registry, Request(method="toy-kept"))
    composed = make(registry, KEPT)
    assert composed.name == named.name
    assert composed.digest == named.digest


def test_a_method_whose_parts_were_changed_is_not_the_papers(registry: Registry) -> None:
    assert make(registry, Request(method="tuned")).paper == "Tuned 2026"
    assert make(registry, Request(method="tuned", strategy="finetune")).paper == ""


def test_the_digest_is_of_values_not_of_how_they_were_given(registry: Registry) -> None:
    base = make(registry)
    assert make(registry, kept__weight=1).digest == base.digest
    one = make(registry, kept__weight=2, budget__steps=3)
    other = make(registry, budget__steps=3, kept__weight=2.0)
    assert one.digest == other.digest != base.digest


@pytest.mark.parametrize(
    "settings",
    [
        {"kept__weight": 2},
        {"toy__lr": 0.5},
        {"budget__steps": 3},
        {"budget__batch": 2},
        {"embedding__flip": True},
        {"ranking__rerank": True},
    ],
)
def test_every_value_that_is_used_is_in_the_digest(
    registry: Registry, settings: dict[str, Any]
) -> None:
    assert make(registry, **settings).digest != make(registry).digest


def test_a_budget_that_nothing_uses_is_not_in_the_digest(registry: Registry) -> None:
    direct = Request(method="direct", learner="toy")
    plain, longer = make(registry, direct), toy_benchmark(budget={"steps": 99})
    assert make(registry, direct, longer).digest == plain.digest
    assert plain.identity()["budget"] is None
    with pytest.raises(UsageError, match="'budget' is no part of this run"):
        make(registry, direct, budget__steps=99)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("sianet.margin=1", ("sianet.margin", 1)),
        ("a.b=0.5", ("a.b", 0.5)),
        ("a.b=true", ("a.b", True)),
        ("a.b=null", ("a.b", None)),
        ("a.b=cosine", ("a.b", "cosine")),
        ("a.b=[1, 2]", ("a.b", [1, 2])),
        ("a.b=x=y", ("a.b", "x=y")),
        ('a.b="1"', ("a.b", "1")),
        ("a.b=", ("a.b", "")),
        (" a.b =1", ("a.b", 1)),
        ("a@1.5.b=1", ("a@1.5.b", 1)),
    ],
)
def test_a_setting_is_a_name_and_a_value(text: str, parsed: tuple[str, object]) -> None:
    assert parse_setting(text) == parsed


@pytest.mark.parametrize("text", ["", "a.b", "a=1", "=1", ".=1", ".a=1", "a.=1"])
def test_a_setting_without_owner_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--set takes NAME\.PARAMETER=VALUE"):
        parse_setting(text)


def test_epochs_become_steps_only_when_no_steps_are_given(registry: Registry) -> None:
    assert make(registry, budget__steps=7).budget.resolved_steps(1000) == 7
    by_epochs = make(registry, budget__steps=0, budget__epochs=3, budget__batch=4).budget
    assert by_epochs.resolved_steps(10) == 8  # 30 images in batches of 4


def test_a_parameter_that_came_later_leaves_keys_alone_at_its_default(registry: Registry) -> None:
    class Grown(ToyTranslator):
        omitted_from_key_at_default = frozenset({"momentum"})

        def __init__(self, *, lr: float = 0.01, momentum: float = 0.5) -> None:
            super().__init__(lr=lr)

    class Entry:
        name = "toy"

        def identity(self) -> dict[str, JSON]:
            return {}

        def load(self) -> type[Grown]:
            return Grown

    def identity(**parameters: float) -> dict[str, JSON]:
        return Component(Entry(), 1, {"lr": 0.01, **parameters}).identity()  # type: ignore[arg-type]

    before = make(registry).translator
    assert before is not None
    assert identity(momentum=0.5) == before.identity()
    assert identity(momentum=0.9)["parameters"] == {"lr": 0.01, "momentum": 0.9}
