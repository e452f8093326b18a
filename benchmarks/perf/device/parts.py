"""What is measured beside steps: restarts, normalisation, extraction and one whole run."""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

import reidbench
from benchmarks.perf.device.contenders import BF16, noise, plain_features, small_spgan
from benchmarks.perf.device.timing import Bench, Part, in_turns
from reidbench.engine.embedding import Extractor
from reidbench.engine.gan import Domains, fit, set_up
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.repeatable import repeatable
from reidbench.extraction.external_models import Ranged
from reidbench.nn.backbones import build_backbone
from reidbench.nn.norm import _OnAccelerator, instance_norm
from reidbench.progress import Progress, Silent, silent
from reidbench.testing.tiny import write_tiny_benchmark

STEPS, KILLED_AT = 40, 17
PRINTED = "weights "


def restart(bench: Bench) -> Part:
    """Kill a training and start it again, and compare it with one that ran through."""
    with tempfile.TemporaryDirectory() as root:
        whole, killed = (Path(root, name) for name in ("whole", "killed"))
        ends = _here(bench, whole, killed) if bench.tiny else _in_processes(bench, whole, killed)
    digests = [end.partition(";")[0] for end in ends]
    named = ends[0].partition(";")[2].strip()
    return {"bitwise equal": digests[0] == digests[1], "not repeatable": named}


def _here(bench: Bench, whole: Path, killed: Path) -> list[str]:
    """Stand for processes and a signal by an error."""

    def stop() -> None:
        raise InterruptedError

    ends = [train(whole, bench, 4)]
    with suppress(InterruptedError):
        train(killed, bench, 4, kill_at=2, kill=stop)
    return [*ends, train(killed, bench, 4)]


def _in_processes(bench: Bench, whole: Path, killed: Path) -> list[str]:
    begun = [_begun(bench, folder, at) for folder, at in ((whole, 0), (killed, KILLED_AT))]
    through, _ = (process.communicate()[0] for process in begun)
    if begun[1].returncode != -signal.SIGKILL:
        raise RuntimeError(f"the training was not killed but ended by {begun[1].returncode}")
    again = _begun(bench, killed, 0).communicate()[0]
    return [_end_of(told) for told in (through, again)]


def _end_of(told: str) -> str:
    ends = [line for line in told.splitlines() if line.startswith(PRINTED)]
    if not ends:
        raise RuntimeError(f"a training did not end: {told[-500:]}")
    return ends[-1]


def _begun(bench: Bench, folder: Path, at: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.perf.device", "--device", str(bench.device)]
    command += ["--train", str(folder), "--kill-at", str(at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_this_process() -> None:
    """End at once, as for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def train(
    folder: Path,
    bench: Bench,
    steps: int = STEPS,
    kill_at: int = 0,
    kill: Callable[[], None] = kill_this_process,
) -> str:
    """Train a small SPGAN in bf16 by repeatable operations; return a digest of its weights."""

    def progress(done: int, total: int, log: Mapping[str, float]) -> None:
        if done == kill_at:
            kill()

    hardware = Hardware(bench.device, BF16, deterministic=True)
    loop = Loop(folder, 0, hardware, progress, checkpoint_every=0)
    translator, constraint = small_spgan(bench)
    domains = Domains.of(noise((64, 32)), noise((64, 32)))
    with repeatable(wanted=True) as found:
        for name, part in {"translator": translator, "sianet": constraint}.items():
            set_up(part, name, domains.context(translator, hardware), 0)
        fit(translator, {"sianet": constraint}, domains, steps, 4, loop)
    total = hashlib.sha256()
    for part in (translator, constraint):
        for value in part.parameters():
            total.update(value.detach().cpu().numpy().tobytes())
    return f"{PRINTED}{total.hexdigest()[:16]}; {', '.join(sorted(found))}"


def norm(bench: Bench) -> Part:
    """Time ways to normalise by instance, forwards and backwards, on bf16 maps."""
    shape = (2, 8, 16, 8) if bench.tiny else (32, 64, 256, 128)
    layer = instance_norm(shape[1]).to(bench.device)
    last = torch.randn(shape, device=bench.device).bfloat16()
    last = last.contiguous(memory_format=torch.channels_last).requires_grad_()
    plain = last.detach().contiguous().requires_grad_()
    ways: dict[str, tuple[Callable[..., Any], torch.Tensor]] = {
        "in few passes, channels-last": (lambda x: _OnAccelerator.apply(x, None, None, 1e-5), last),
        "torch's, contiguous": (F.instance_norm, plain),
        "torch's, channels-last": (F.instance_norm, last),
    }
    if bench.compile == "on":
        ways["compiled, channels-last"] = (torch.compile(layer._traced), last)

    def step(way: Callable[..., Any], x: torch.Tensor) -> Callable[[], object]:
        return lambda: torch.autograd.grad(way(x).sum(), x)

    steps = {name: step(*way) for name, way in ways.items()}
    for each in steps.values():
        each()
    return {"ms": {n: round(1000 * s, 4) for n, s in in_turns(bench, steps).items()}}


def extraction(bench: Bench) -> Part:
    """Time features of ResNet-50 at 256x128 in bf16, against a plain loop."""
    size, people = ((64, 32), 4) if bench.tiny else ((256, 128), 1024)
    data, network = noise(size, people, 4), build_backbone(bench.backbone).network.eval()
    plain = plain_features(bench, copy.deepcopy(network), data)
    own = Extractor(Ranged(network, "half"), Hardware(bench.device, BF16))
    runs: dict[str, Callable[[], object]] = {"plain": plain, "ours": lambda: own(data)}
    for run in runs.values():
        run()
    once = Bench(bench.device, bench.tiny, rounds=1 if bench.tiny else 3, steps=1)
    seconds = in_turns(once, runs)
    return {"images a second": {name: round(len(data) / s, 1) for name, s in seconds.items()}}


class Noting(Silent):
    """Notes the seconds of every stage; prints each, so that a run cut short tells them too."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        start = time.perf_counter()
        try:
            yield silent
        finally:
            self.seconds[title] = round(time.perf_counter() - start, 2)
            sys.stdout.write(f"{title}: {self.seconds[title]} s\n")


def full(bench: Bench, epochs: int | None = None) -> Part:
    """Run CycleGAN on ``synthetic-full`` in bf16, once; tell the stages and how busy it was."""
    notes, done = Noting(), False
    settings = {} if epochs is None else {"ide.epochs": epochs}
    with tempfile.TemporaryDirectory() as root, busy(bench.device) as shares, _alarm(bench):
        name = write_tiny_benchmark(Path(root, "tiny.toml")) if bench.tiny else "synthetic-full"
        try:
            reidbench.run(
                method="direct" if bench.tiny else "cyclegan",
                benchmark=name,
                settings=settings,
                device=str(bench.device),
                precision=BF16,
                cache=Path(root, "cache"),
                results=Path(root, "results"),
                progress=notes,
            )
            done = True
        except TimeoutError:
            sys.stdout.write("synthetic-full was cut short: no time was left\n")
    told: Part = {"whole": done, "settings": settings, "seconds of stages": notes.seconds}
    told["device busy, %"] = round(statistics.mean(shares), 1) if shares else None
    return told


@contextmanager
def busy(device: torch.device) -> Iterator[list[float]]:
    """Sample the share of time in which the device ran a kernel, as nvidia-smi tells it."""
    shares: list[float] = []
    tool = shutil.which("nvidia-smi") if device.type == "cuda" else None
    if tool is None:
        yield shares
        return
    what = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "250"]
    command = [tool, *what, f"--id={device.index or 0}"]
    sampler = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert sampler.stdout is not None
        shares.extend(float(line) for line in sampler.stdout if line.strip().isdigit())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield shares
    finally:
        sampler.terminate()
        reader.join(5)


@contextmanager
def _alarm(bench: Bench) -> Iterator[None]:
    """Raise ``TimeoutError`` in the body when the bench's time is over."""
    if bench.until == float("inf"):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(1.0, bench.until - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def machine(device: torch.device) -> Part:
    """Return the card's name and the versions that figures are of."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {
        "card": card,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "reidbench": reidbench.__version__,
    }
