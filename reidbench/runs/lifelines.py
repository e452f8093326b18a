"""Processes that end with the command that started them, and errors sent from one to another."""

from __future__ import annotations

import multiprocessing
import os
import pickle

from reidbench.errors import ReidbenchError


def end_with_parent() -> None:
    """Wait for the process that started this one, and end when it does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def portable(error: Exception) -> Exception:
    """Return the error, or one that says the same and can be sent to another process."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    if isinstance(error, ReidbenchError):
        return ReidbenchError(str(error))
    return RuntimeError(f"{type(error).__name__}: {error}")
