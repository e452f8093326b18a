import subprocess
import sys

import reidbench_ibn

from reidbench.registry import Registration


def test_registers_the_learner():
    registration = Registration("ibn")
    reidbench_ibn.reidbench_register(registration)
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("learner", "ibn")
    assert entry.load().__name__ == "IBN"
    assert registration.methods == []


def test_registering_needs_no_torch():
    code = (
        "import sys, reidbench_ibn as p; from reidbench.registry import Registration;"
        "p.reidbench_register(Registration('x')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
