"""torchreid and fast-reid as `make bench` installs them: their modules, not their packages.

Both packages' ``__init__`` files import everything the package can do, and with it OpenCV, gdown,
TensorBoard and faiss. Here a package is entered without running its ``__init__``; the modules
within are theirs, unchanged.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest


def torchreid() -> SimpleNamespace:
    """Return torchreid's distances, evaluation (in Python), re-ranking and feature extractor."""
    for name in ("torchreid", "torchreid.reid", "torchreid.reid.utils"):
        _enter(name)
    utils = sys.modules["torchreid.reid.utils"]
    for part in ("tools", "torchtools", "model_complexity"):  # what the extractor asks for
        vars(utils).update(vars(importlib.import_module(f"torchreid.reid.utils.{part}")))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Cython evaluation")  # its .pyx is not in the package
        metrics = importlib.import_module("torchreid.reid.metrics")
    return SimpleNamespace(
        compute_distance_matrix=metrics.compute_distance_matrix,
        evaluate_rank=metrics.evaluate_rank,
        re_ranking=importlib.import_module("torchreid.reid.utils.rerank").re_ranking,
        FeatureExtractor=importlib.import_module(
            "torchreid.reid.utils.feature_extractor"
        ).FeatureExtractor,
    )


def fastreid(build: Path) -> SimpleNamespace:
    """Return fast-reid's distances and Cython evaluation, compiled in the folder ``build``."""
    for name in ("fastreid", "fastreid.utils", "fastreid.evaluation"):
        _enter(name)
    extension = _enter("fastreid.evaluation.rank_cylib")
    extension.__path__ = [str(_compiled(Path(extension.__path__[0]), build))]
    # Jaccard distances alone call faiss; one of their signatures names a constant of it.
    sys.modules["faiss"] = ModuleType("faiss")
    sys.modules["faiss"].METRIC_L2 = 1
    rank = importlib.import_module("fastreid.evaluation.rank")
    assert rank.IS_CYTHON_AVAI
    distances = importlib.import_module("fastreid.utils.compute_dist")
    return SimpleNamespace(
        compute_cosine_distance=distances.compute_cosine_distance, evaluate_rank=rank.evaluate_rank
    )


def _enter(name: str) -> ModuleType:
    """Put a package in ``sys.modules`` without running its ``__init__``."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip(f"{name} is not installed; `make bench` installs it")
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    return package


def _compiled(source: Path, build: Path) -> Path:
    """Compile a copy of fast-reid's extension by its own setup.py, as its evaluator does."""
    folder = build / "rank_cylib"
    if not folder.exists():
        shutil.copytree(source, folder)
        command = [sys.executable, "setup.py", "build_ext", "--inplace"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder
