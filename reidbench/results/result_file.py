"""The format of a result's file: what every result must hold. Any table may hold more."""

from __future__ import annotations

import sys
from typing import Annotated

from msgspec import Meta, Struct

from reidbench.storage.keys import JSON

_MOST = sys.float_info.max
Fraction = Annotated[float, Meta(ge=0, le=1, description="a fraction in [0, 1]")]
Number = Annotated[float, Meta(ge=-_MOST, le=_MOST, description="a finite number")]
_Seeds = Annotated[list[int], Meta(min_length=1, description="whole numbers, at least one")]


class _Dataset(Struct, frozen=True):
    name: str
    fingerprint: str


class _Protocol(Struct, frozen=True):
    name: str
    version: int


class Benchmark(Struct, frozen=True):
    """The benchmark that was run."""

    name: str
    version: int
    digest: str
    synthetic: bool
    source: _Dataset
    target: _Dataset
    protocol: _Protocol
    seeds: _Seeds


class _Component(Struct, frozen=True):
    kind: str
    name: str
    version: int
    distribution: str
    distribution_version: str
    bundled: bool
    source: str


class Recipe(Struct, frozen=True):
    """The recipe that was run."""

    name: str
    digest: str
    provenance: dict[str, JSON]
    components: list[_Component] = []


class Uses(Struct, frozen=True):
    """Data of the target that training read."""

    target_images: bool
    target_cameras: bool
    target_labels: bool


class Scores(Struct, frozen=True):
    """Measures of the ranking."""

    mAP: Fraction
    mAP_trapezoid: Fraction
    mINP: Fraction
    rank1: Fraction
    rank5: Fraction
    rank10: Fraction
    rank20: Fraction


class _Accuracy(Struct, frozen=True):
    real: Number | None = None
    translated: Number | None = None


class _Region(Struct, frozen=True):
    rmse: Number | None = None


class _Retained(Struct, frozen=True):
    translated: Number | None = None


class _Truth(Struct, frozen=True):
    person: _Region | None = _Region()
    background: _Region | None = _Region()
    colour: Number | None = None
    identity_retained: _Retained | None = _Retained()


class Translation(Struct, frozen=True):
    """Quantities of translation quality."""

    accuracy: _Accuracy | None = _Accuracy()
    fid: Number | None = None
    kid: Number | None = None
    ssim: Number | None = None
    truth: _Truth | None = _Truth()


class _TranslationCost(Struct, frozen=True):
    networks: Number | None = None
    parameters: Number | None = None
    flops_a_step: Number | None = None


class _EmbeddingCost(Struct, frozen=True):
    parameters: Number | None = None
    flops_an_image: Number | None = None


class Cost(Struct, frozen=True):
    """Quantities of cost."""

    translation: _TranslationCost | None = _TranslationCost()
    embedding: _EmbeddingCost | None = _EmbeddingCost()
    training_flops: Number | None = None


class _Gradient(Struct, frozen=True):
    norm: Number | None
    share: Number | None


class _GradientsAtStep(Struct, frozen=True):
    step: int
    terms: dict[str, _Gradient]


class Training(Struct, frozen=True):
    """Gradients of the training of the translator."""

    gradient_shares: list[_GradientsAtStep] = []
    gradient_shares_missing: str = ""


class Execution(Struct, frozen=True):
    """Time and machine of the run."""

    training_seconds: Number | None = None


class ResultFile(Struct, frozen=True, kw_only=True):
    """The tables and keys of a result's file.

    Results of earlier versions lack ``translation``, ``masks``, ``cost`` and ``training``.
    """

    reidbench: str
    benchmark: Benchmark
    recipe: Recipe
    modified: dict[str, JSON]
    seed: int
    precision: str
    uses: Uses
    scores: Scores
    execution: Execution
    translation: Translation = Translation()
    masks: dict[str, JSON] = {}
    cost: Cost = Cost()
    warnings: list[str] = []
    training: Training = Training()
