"""No identity of the target's training images reaches a translator."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.testing.tiny import write_tiny_benchmark
from tests.acceptance.ground import SPGAN

# This constraint would learn from any identity that it is shown.
GREEDY = (*SPGAN, "--constraint", "joint-learner")

# The same images under other identities: `order` shuffles whom the training images show.
RELABELLED = """
    import numpy as np
    from dataclasses import replace
    from reidbench.data.synthetic import Synthetic
    from reidbench.hookspecs import hookimpl

    class Relabelled(Synthetic):
        def __init__(self, *, order: int = 0) -> None:
            super().__init__(
                domain="b", ids=8, cameras=2, images_per_camera=2, height=32, width=24
            )
            self.order = order

        def samples(self, split):
            samples = super().samples(split)
            if split != "train" or not self.order:
                return samples
            pids = np.random.default_rng(self.order).permutation(samples.pids)
            return replace(samples, pids=pids)

        def fingerprint(self):
            return f"{super().fingerprint()}-{self.order}"

    @hookimpl
    def reidbench_register(registry):
        registry.dataset("relabelled", "reidbench_relabelled:Relabelled")
"""


def outputs(cache: Path, *kinds: str) -> dict[str, bytes]:
    """Return the content of every file of the only stage of each kind."""
    found = {}
    for kind in kinds:
        (folder,) = cache.glob(f"objects/{kind}/*")
        files = (f for f in folder.iterdir() if f.name != "manifest.json")
        found |= {f"{kind}/{f.name}": f.read_bytes() for f in files}
    return found


def test_shuffled_target_identities_change_no_weight_and_no_translated_pixel(
    place, install, tmp_path
):
    install("relabelled", RELABELLED)
    benchmark = write_tiny_benchmark(tmp_path / "relabelled.toml", target="relabelled")
    made, pids = [], []
    for order in (0, 1):
        cache = tmp_path / f"cache{order}"
        options = ("--benchmark", str(benchmark), "--cache", str(cache))
        done = place("run", *options, *GREEDY, "--set", f"target.order={order}")
        assert done.exit_code == 0, done.stderr
        made.append(outputs(cache, "translator", "translate", "preview"))
        pids.append([np.load(p) for p in cache.glob("objects/decode/*/pids.npy")])
    assert made[0] == made[1]
    assert {"translator/translator.safetensors", "translate/pixels.npy"} <= made[0].keys()
    labels = [sorted(map(bytes, each)) for each in pids]
    assert labels[0] != labels[1]  # the identities were shuffled in truth
