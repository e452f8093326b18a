"""Content keys and seeds, both derived from plain JSON: never pickles, never source text."""

import hashlib
import json
from typing import Any

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

JSON = Any  # None, bool, int, float, str, or lists and string-keyed dicts of them


def canonical(value: JSON) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    Raises:
        TypeError: if the value is not plain JSON.
        ValueError: if it holds NaN or an infinity.
    """
    return _encoder.encode(value)


def digest(value: JSON, length: int = 32) -> str:
    """Return the first ``length`` hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]


def derive_seed(*axis: JSON) -> int:
    """Return the 63-bit seed of a named axis, e.g. ``derive_seed(seed, "translator", step)``.

    Each axis has a stream of its own, so adding a component moves nobody else's numbers.
    """
    return int(digest(list(axis), 16), 16) >> 1
