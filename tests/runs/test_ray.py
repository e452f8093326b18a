"""A sweep on a Ray cluster of two nodes on this machine; left out where Ray is not installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from reidbench.runs.launch import RecordedRun
from reidbench.runs.options import ExecutionOptions
from reidbench.runs.parallel import run_parallel
from reidbench.runs.scheduler import FailedRun, run_all
from reidbench.testing.toy_runs import make_session
from tests.runs.dying import MARK
from tests.runs.test_parallel import contents, job, timeless

ray = pytest.importorskip("ray", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def died(tmp_path_factory) -> Path:
    """The file that a killed worker leaves."""
    return tmp_path_factory.mktemp("ray") / "died"


@pytest.fixture(scope="module")
def cluster(died):
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMP_NUM_THREADS", "1")
        patched.setenv(MARK, str(died))
        patched.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        made.add_node(num_cpus=1)
        yield made
        made.shutdown()


@pytest.mark.slow
def test_a_table_is_completed_though_a_worker_is_killed_in_mid_training(
    cluster, died, tmp_path, monkeypatch
):
    from reidbench.runs.engines.cluster import RayWorkers

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(MARK, str(tmp_path))  # which is there: in this process nothing dies
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    jobs = [job("toy", 0), job("failing", 0), job("dying", 0), job("toy", 1)]
    try:
        alone = run_all(jobs, make_session(tmp_path / "alone"), tmp_path / "first")
    finally:
        torch.set_num_threads(threads)
    session = make_session(tmp_path / "cache")
    session.store.prepare()
    options = ExecutionOptions(
        device="cpu", cache=tmp_path / "cache", results=tmp_path / "results", checkpoint_every=0
    )
    workers = RayWorkers(options, address=cluster.address)
    done = run_parallel(jobs, session, options.results, workers)
    assert died.is_file()
    assert isinstance(done[1], FailedRun)
    assert "a slip of its author" in str(done[1])
    finished, expected = ([d for d in o if isinstance(d, RecordedRun)] for o in (done, alone))
    assert timeless(finished) == timeless(expected)
    assert contents(tmp_path / "cache") == contents(tmp_path / "alone")
