"""Starting the command, against starting Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_help(benchmark, fastest):
    command = Path(sys.executable).with_name("reidbench")

    def run(*args: str) -> None:
        subprocess.run(args, check=True, stdout=subprocess.DEVNULL)

    benchmark.pedantic(run, (str(command), "--help"), rounds=3, warmup_rounds=1)
    bare, ours = fastest(
        lambda: run(sys.executable, "-c", "pass"), lambda: run(str(command), "--help"), rounds=7
    )
    benchmark.extra_info["ms more than python -c pass"] = round(1000 * (ours - bare))
