"""Distance of a run's translations from the truth, over its splits and groups of cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reidbench.storage.keys import JSON


def mean_truth(records: Sequence[dict[str, Any]]) -> dict[str, JSON]:
    """Return what ``TruthError`` wrote; of several records the means of all numbers, by name.

    What one of them does not tell is None. What is not a number is that of the first.
    """
    first, *others = records
    if not others:
        return first
    mean: dict[str, JSON] = {}
    for name, value in first.items():
        values = [record.get(name) for record in records]
        if all(isinstance(v, dict) for v in values):
            mean[name] = mean_truth([v for v in values if isinstance(v, dict)])
        elif any(isinstance(v, dict | int | float) for v in values):
            numbers = [v for v in values if isinstance(v, int | float)]
            mean[name] = float(np.mean(numbers)) if len(numbers) == len(values) else None
        else:
            mean[name] = value
    return mean
