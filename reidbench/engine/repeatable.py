"""Computation that gives the same bits again, and what of it does not."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.utils import deterministic as filling

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
"""Environment variable that cuBLAS reads when it is first used."""
_NONE_IS_THERE = r"(\S+) does not have a deterministic implementation"


@contextmanager
def repeatable(*, wanted: bool) -> Iterator[set[str]]:
    """Let torch use the repeatable one of two operations in the body, if that is wanted.

    Yields:
        The operations that have none, which the body adds to as it comes to them.
    """
    found: set[str] = set()
    with _deterministic() if wanted else nullcontext(), _noticing(found):
        yield found


@contextmanager
def _deterministic() -> Iterator[None]:
    os.environ.setdefault(CUBLAS, ":4096:8")
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        filling.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )
    torch.use_deterministic_algorithms(True, warn_only=True)
    filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads it
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        filling.fill_uninitialized_memory = before[2]  # type: ignore[attr-defined]


@contextmanager
def _noticing(found: set[str]) -> Iterator[None]:
    """Collect the operations that torch warns of; other warnings go their way."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", f"{_NONE_IS_THERE}", UserWarning)
        show = warnings.showwarning

        def noticed(message: Warning | str, *rest: Any, **named: Any) -> None:
            if match := re.match(_NONE_IS_THERE, str(message)):
                found.add(match[1])
            else:
                show(message, *rest, **named)

        warnings.showwarning = noticed
        yield
