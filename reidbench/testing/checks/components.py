"""Checks of what every component promises: its signature is its configuration."""

from __future__ import annotations

import json
import random
from typing import Any, get_args

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from reidbench.config.compose import parse_setting
from reidbench.data.dataset import Dataset
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.protocols import Protocol
from reidbench.interfaces import FeatureLearner, IdentityConstraint, Segmenter, Translator
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Kind
from reidbench.testing.checks.check import FailedCheck, Subject, check, require
from reidbench.testing.checks.material import disturbed

KINDS: tuple[str, ...] = get_args(Kind)
CONTRACTS: dict[str, type[Any]] = {
    "translator": Translator,
    "constraint": IdentityConstraint,
    "learner": FeatureLearner,
    "segmenter": Segmenter,
    "dataset": Dataset,
    "protocol": Protocol,
}


@check(
    *KINDS,
    why="A run calls what the contract names, and keys hold the version.",
    mend="Inherit from the contract, write every abstract method, and let version be an int.",
)
def keeps_the_contract(subject: Subject) -> None:
    """Look at the base class, its abstract methods and the version."""
    contract, factory = CONTRACTS[subject.kind], subject.factory
    require(issubclass(factory, contract), f"{factory.__name__} is no {contract.__name__}")
    missing = sorted(getattr(factory, "__abstractmethods__", ()))
    require(not missing, f"{factory.__name__} does not implement {', '.join(missing)}")
    version: Any = factory.version
    require(type(version) is int and version >= 1, f"version is {version!r}, not 1, 2, ...")


@check(
    *KINDS,
    why="The signature serves listing, --set and the keys of everything that is computed.",
    mend="Make every parameter keyword-only (after *) and annotate it.",
)
def signature_is_a_configuration(subject: Subject) -> None:
    """Look at each parameter of the constructor."""
    try:
        parameters_of(subject.factory)
    except ReidbenchError as error:
        raise FailedCheck(str(error)) from error


@check(
    *KINDS,
    why="Defaults are the paper's values: keys hold them as JSON, and --set must be able to say "
    "each.",
    mend="Let each default be None, bool, int, float, str or a tuple of these, of the annotated "
    "type.",
)
def defaults_go_through_set(subject: Subject) -> None:
    """Set each default by hand and compare."""
    known = parameters_of(subject.factory)
    required = [p.name for p in known.values() if p.required]
    require(not required or subject.kind == "dataset", f"{', '.join(required)} has no default")
    for name, parameter in known.items():
        if parameter.required:
            continue
        owner = f"{subject.name}.{name}"
        try:
            written = json.dumps(parameter.default, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise FailedCheck(f"the default of {owner} is not JSON: {error}") from error
        others: dict[str, Any] = {**dict.fromkeys(required, ""), name: parameter.default}
        try:
            plain = resolve(subject.factory, others, subject.name)
            again = resolve(subject.factory, {**others, name: _set(owner, written)}, subject.name)
        except UsageError as error:
            raise FailedCheck(f"the default is of another type: {error}") from error
        require(plain[name] == again[name], f"--set {owner}={written} gives {again[name]!r}")


@check(
    *KINDS,
    why="Listing, plans and keys construct components; networks are drawn from a stream later.",
    mend="Build networks and optimisers in setup (or build), and draw no random number before; "
    "call super().__init__() first.",
)
def constructor_builds_nothing(subject: Subject) -> None:
    """Construct it, and look for modules, optimisers and draws of random numbers."""
    parameters = subject.parameters()
    with disturbed(5):
        before = _streams()
        built = subject.factory(**parameters)
        drawn = [name for name, state in _streams().items() if state != before[name]]
    if isinstance(built, nn.Module):
        require("_parameters" in vars(built), "the constructor does not call super().__init__()")
        made = [name for name, _ in (*built.named_parameters(), *built.named_buffers())]
        require(not made, f"the constructor builds {', '.join(made[:3])}")
    held = [k for k, v in vars(built).items() if isinstance(v, nn.Module | Optimizer)]
    require(not held, f"the constructor builds {', '.join(held)}")
    require(not drawn, f"the constructor draws random numbers of {', '.join(drawn)}")


def _set(owner: str, written: str) -> Any:
    return parse_setting(f"{owner}={written}")[1]


def _streams() -> dict[str, str]:
    return {
        "random": str(random.getstate()),
        "numpy": str(np.random.get_state()),
        "torch": str(torch.get_rng_state().tolist()),
    }
