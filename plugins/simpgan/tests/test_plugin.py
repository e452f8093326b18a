import pytest
import reidbench_simpgan

from reidbench.config.recipe import Budget, Embedding
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("simpgan")
    reidbench_simpgan.reidbench_register(registration)
    return registration


def method(name):
    return next(m for m in registered().methods if m.name == name)


def test_registers_constraint_learner_and_methods():
    registration = registered()
    assert {(e.kind, e.name): e.load().__name__ for e in registration.entries} == {
        ("constraint", "similarity-consistency"): "SimilarityConsistency",
        ("learner", "siamese"): "Siamese",
    }
    consistent = ("similarity-consistency",)
    assert {m.name: (m.translator, m.constraints) for m in registration.methods} == {
        "simpgan": ("cyclegan", consistent),
        "simpgan@adam": ("cyclegan", consistent),
        "simpgan-features": ("cyclegan", consistent),
        "gan": ("cyclegan", ()),
        "simpgan-direct": ("none", ()),
    }
    assert all((m.learner, m.strategy) == ("siamese", "source") for m in registration.methods)
    translated = {m.name for m in registration.methods if m.direction == "target-to-source"}
    assert translated == {"simpgan", "simpgan@adam", "simpgan-features", "gan"}


def test_methods_differ_in_what_they_name():
    simpgan = method("simpgan").parameters
    adam = {"cyclegan.optimizer": "adam", "cyclegan.lr": 2e-4}
    assert method("simpgan@adam").parameters == {**simpgan, **adam}
    assert method("gan").parameters == {**simpgan, "cyclegan.cycle": 0.0}
    features = dict(simpgan)
    assert features.pop("embedding.retrieval") == "verification"
    assert method("simpgan-features").parameters == features
    assert method("simpgan-direct").parameters == {"embedding.retrieval": "verification"}


def test_what_the_constraint_asks_for_is_what_the_learner_tells():
    constraint, learner = registered().entries
    assert constraint.load().source_learner == learner.name
    assert constraint.load().source_asks in vars(learner.load())
    assert (constraint.load().sampling, constraint.load().needs) == ("pairs", {"rec"})


def test_defaults_are_the_papers_and_its_references():
    constraint, learner = (parameters_of(e.load()) for e in registered().entries)
    assert {k: p.default for k, p in constraint.items()} == {"weight": 1.0}  # lambda2
    network = {"backbone": "resnet50", "dropout": 0.9, "batch_norm": "learn"}
    rates = {"lr": 1e-3, "score_lr": 0.1, "backbone_lr": 1e-4, "momentum": 0.9}
    schedule = {"epochs": 75, "batch": 96, "weight_decay": 5e-4, "flip": True}
    pairs = {"negatives": 1.0, "negatives_growth": 1.01, "negatives_limit": 4.0}
    expected = network | rates | schedule | pairs
    assert {k: learner[k].default for k in expected} == expected
    assert learner["epochs"].default * learner["decay_from"].default == pytest.approx(70)
    assert learner["enlarge"].default == pytest.approx(256 / 224)


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    owners = {
        "budget": Budget,
        "embedding": Embedding,
        "cyclegan": pytest.importorskip("reidbench_cyclegan.translator").CycleGAN,
    }
    given = {owner: {} for owner in owners}
    for name, value in method.parameters.items():
        owner, _, parameter = name.partition(".")
        given[owner][parameter] = value
    made = {o: owners[o](**resolve(owners[o], values, o)) for o, values in given.items()}
    if method.translator != "none":
        cyclegan, budget = made["cyclegan"], made["budget"]
        assert cyclegan.cycle == (0.0 if method.name == "gan" else 10.0)  # lambda1
        assert cyclegan.identity == 0.0
        assert budget.resolved_steps(12_936) * budget.batch == 129_360  # the release has 130,000
