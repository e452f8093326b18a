"""The command in processes of its own, forked from one that has imported torch and what it needs.

Starting Python and torch anew takes longer than the runs of these tests.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from reidbench.cli import cli

# The optimisers import torch._dynamo at their first step.
IMPORTED = ["reidbench.cli.launch", "torch._dynamo", "torchvision.models", __name__]
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(IMPORTED)


def start(folder: Path, *args: str) -> BaseProcess:
    """Start the command, with as many threads as here: their number decides the order of sums.

    It writes to the files ``stdout`` and ``stderr`` in ``folder``.
    """
    folder.mkdir(exist_ok=True)
    process = FORKED.Process(target=command, args=(folder, args, torch.get_num_threads()))
    process.start()
    return process


def command(folder: Path, args: tuple[str, ...], threads: int) -> None:
    """Run the command in this process and exit."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    torch.set_num_threads(threads)
    cli.main(args)
