"""Modules that import torch, found in a process of its own from which torch is kept away."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache

_TRIAL = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
asked = []

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            asked.append(name)
            raise ImportError(name)

sys.meta_path.insert(0, Refuses())
found = []
for module in json.loads(sys.argv[2]):
    asked.clear()
    try:
        importlib.import_module(module)
    except BaseException:
        pass
    if asked:
        found.append(module)
print("\\n" + json.dumps(found))
"""
LIMIT = 60  # seconds


def importing_torch(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the modules import torch or torchvision."""
    return _importing_torch(modules, tuple(sys.path))


@lru_cache(maxsize=64)
def _importing_torch(modules: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
    command = [sys.executable, "-c", _TRIAL, json.dumps(path), json.dumps(modules)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    return tuple(json.loads(done.stdout.splitlines()[-1]))
