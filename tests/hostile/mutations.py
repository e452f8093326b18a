"""Seeded damage of files: what disks, other programs and ill will make of them."""

from __future__ import annotations

import copy
import random
from typing import Any

HOSTILE = (
    None, True, -1, 0, 2**63, 10**400, 1e308, -0.0, 1.5, "", "\x1b[2J", "\ud800", "\u202egnp",
    "../../etc/passwd", "\x00", "x" * 5000, [], {}, [[[[]]]], ["x"], {"name": 3}, "NaN", "-1.0",
)  # fmt: skip
"""Values that stand where another belongs."""
TOKENS = (
    b"\x00", b"\xff\xfe", b"NaN", b"1e400", b"9" * 401, b"\\ud800", b"[" * 3000, b"{" * 3000,
    b"\x1b[31m", "\u202e".encode(), b'"', b",", b"\n", b"=", b"-1", b"1.0", b"\r", b"\xc3",
)  # fmt: skip
"""Bytes that are put into a file."""


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes of a file after one to three accidents."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 4, 40, 400)))
        match rng.randrange(6):
            case 0:
                data[at:end] = bytes(rng.randrange(256) for _ in range(end - at))
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:at] = rng.choice(TOKENS)
            case 4:
                del data[at:]
            case 5:
                data[at:end] = rng.choice(TOKENS)
    return bytes(data)


def altered(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with one to three of its nodes replaced, removed or added."""
    tree = {"": copy.deepcopy(value)}
    for _ in range(rng.randint(1, 3)):
        parent, key = rng.choice(list(_places(tree)))
        match rng.randrange(4):
            case 0 if key != "":
                del parent[key]
            case 1 if isinstance(parent, dict) and key != "":
                parent[rng.choice(("stranger", "\x1b]0;x", "schema"))] = rng.choice(HOSTILE)
            case _:
                parent[key] = copy.deepcopy(rng.choice(HOSTILE))
    return tree[""]


def _places(tree: Any) -> Any:
    """Yield the container and the key of every node."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, inner in list(items):
        yield tree, key
        if isinstance(inner, dict | list):
            yield from _places(inner)
