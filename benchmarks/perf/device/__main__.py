"""Measure all parts on a device and write a JSON with the card's name.

python -m benchmarks.perf.device --out bench.json
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.perf.device import contenders, parts
from benchmarks.perf.device.timing import Bench, Part

# What is to be shown first, and what takes longest last.
PARTS: Mapping[str, Callable[[Bench], Part]] = {
    "cyclegan 256x128, batch 16, bf16": lambda b: contenders.cyclegan(b, 16),
    "synthetic's step": contenders.synthetic,
    "cyclegan 256x128, batch 1, bf16": lambda b: contenders.cyclegan(b, 1),
    "stargan 128x64, batch 16, bf16": contenders.stargan,
    "ide ResNet-50 256x128, batch 128, bf16": contenders.ide,
    "killed and restarted": parts.restart,
    "extraction ResNet-50 256x128, bf16": parts.extraction,
    "instance normalisation": parts.norm,
    "synthetic-full": parts.full,
}

# What is to be shown on an H100: part, path to the figure, least or most, and the bound.
WANTED = (
    ("cyclegan 256x128, batch 16, bf16", ("times as fast as plain", "ours"), "least", 2.5),
    ("cyclegan 256x128, batch 16, bf16", ("ours", "TFLOP/s"), "least", 290.0),
    ("cyclegan 256x128, batch 1, bf16", ("times as fast as plain", "ours"), "least", 6.0),
    ("stargan 128x64, batch 16, bf16", ("times as fast as plain", "ours"), "least", 2.0),
    ("ide ResNet-50 256x128, batch 128, bf16", ("time over the plain loop's",), "most", 1.15),
    ("synthetic's step", ("ours", "ms"), "most", 12.0),
    ("killed and restarted", ("bitwise equal",), "least", 1),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; return 1 if a part failed."""
    asked = _parser().parse_args(arguments)
    device = torch.device(asked.device)
    if asked.train:
        sys.stdout.write(parts.train(asked.train, Bench(device), kill_at=asked.kill_at) + "\n")
        return 0
    until = time.monotonic() + asked.seconds
    rounds, steps = (1, 1) if asked.tiny else (5, 10)
    bench = Bench(device, asked.tiny, rounds, steps, until)
    chosen = {n: p for n, p in PARTS.items() if any(word in n for word in asked.part or [""])}
    if asked.epochs:
        chosen = {n: p for n, p in chosen.items() if n != "synthetic-full"}
        chosen["synthetic-full"] = lambda b: parts.full(b, asked.epochs)
    return measured(bench, chosen, asked.out)


def measured(bench: Bench, chosen: Mapping[str, Callable[[Bench], Part]], out: Path) -> int:
    """Measure parts one by one; each is written when it is done, and none ends the others."""
    torch.backends.cudnn.benchmark = bench.device.type == "cuda"  # for the plain loops, too
    found: Part = {**parts.machine(bench.device), "tiny": bench.tiny, "parts": {}}
    for name, part in chosen.items():
        start = time.monotonic()
        try:
            if start > bench.until:
                raise TimeoutError("no time was left for it")
            told = part(bench)
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            told = {"failed": f"{type(error).__name__}: {str(error)[:500]}"}
        finally:
            release()
        found["parts"][name] = {**told, "took, s": round(time.monotonic() - start, 1)}
        found["shown"] = shown(found["parts"])
        out.write_text(json.dumps(found, indent=2) + "\n")
        sys.stdout.write(f"{name}: {json.dumps(found['parts'][name])}\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(found["shown"], indent=2) + "\n")
    return int(any("failed" in told for told in found["parts"].values()))


def release() -> None:
    """Give back what a part held on the device, its captured graphs with it."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def shown(found: Mapping[str, Part]) -> list[Part]:
    """Return each figure that was wanted on an H100, and whether it was reached."""
    lines = []
    for part, path, kind, bound in WANTED:
        value: object = found.get(part, {})
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        reached = None
        if isinstance(value, int | float):
            reached = value >= bound if kind == "least" else value <= bound
        what = f"{part}: {', '.join(path)}"
        lines.append({"what": what, f"at {kind}": bound, "measured": value, "reached": reached})
    memory = found.get("cyclegan 256x128, batch 16, bf16", {})
    if all("GiB" in memory.get(name, {}) for name in ("plain", "ours")):
        own, plain = memory["ours"]["GiB"], memory["plain"]["GiB"]
        what = "cyclegan 256x128, batch 16, bf16: GiB, less than plain"
        lines.append({"what": what, "at most": plain, "measured": own, "reached": own < plain})
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.perf.device")
    auto = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=auto)
    parser.add_argument("--out", type=Path, default=Path("bench-device.json"))
    parser.add_argument("--seconds", type=float, default=450.0, help="after which nothing begins")
    parser.add_argument("--part", action="append", help="words of the parts to measure; all")
    parser.add_argument("--epochs", type=int, help="of the learners of synthetic-full")
    parser.add_argument("--tiny", action="store_true", help="sizes that say nothing, for tests")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kill-at", type=int, default=0, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
