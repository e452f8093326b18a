"""A sweep on a Ray cluster of two nodes on this machine; left out where Ray is not installed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reidbench.runs.launch import RecordedRun
from reidbench.runs.options import ExecutionOptions
from reidbench.runs.parallel import run_parallel
from reidbench.runs.scheduler import FailedRun, Job, run_all
from reidbench.storage.packed import keep
from reidbench.testing.toy_runs import make_session
from tests.runs.dying import MARK
from tests.runs.test_parallel import contents, job, timeless

NO_RAY = "left out: no Ray; pip install 'reidbench[ray]' brings it"
ray = pytest.importorskip("ray", exc_type=ImportError, reason=NO_RAY)
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def died(tmp_path_factory) -> Path:
    """The file that a killed worker leaves."""
    return tmp_path_factory.mktemp("ray") / "died"


@pytest.fixture(scope="module")
def caches(tmp_path_factory) -> list[Path]:
    """The cache of each node."""
    return [tmp_path_factory.mktemp("node") / "cache" for _ in range(2)]


@pytest.fixture(scope="module")
def cluster(died, caches):
    from ray.cluster_utils import Cluster

    first, second = ({"REIDBENCH_CACHE": str(cache)} for cache in caches)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMP_NUM_THREADS", "1")
        patched.setenv(MARK, str(died))
        patched.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "env_vars": first})
        made.add_node(num_cpus=1, env_vars=second)
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes of the runs, and its store."""
    folder = tmp_path_factory.mktemp("alone")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(MARK, str(folder))  # which is there: in this process nothing dies
            done = run_all(jobs(), make_session(folder / "cache"), folder / "results")
    finally:
        torch.set_num_threads(threads)
    return timeless(recorded(done)), contents(folder / "cache")


def jobs() -> list[Job]:
    return [job("toy", 0), job("failing", 0), job("dying", 0), job("toy", 1)]


def recorded(outcomes) -> list[RecordedRun]:
    return [done for done in outcomes if isinstance(done, RecordedRun)]


def swept(cluster, folder: Path, **how):
    """Return the outcomes of the runs on the cluster."""
    from reidbench.runs.engines.cluster import RayWorkers

    session = make_session(folder / "cache")
    session.store.prepare()
    options = ExecutionOptions(
        device="cpu", cache=folder / "cache", results=folder / "results", checkpoint_every=0
    )
    workers = RayWorkers(options, address=cluster.address, **how)
    return run_parallel(jobs(), session, options.results, workers)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [False, True], ids=["shared", "sent"])
def test_a_table_is_completed_though_a_worker_is_killed_in_mid_training(
    cluster, caches, alone, died, tmp_path, monkeypatch, sent
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(MARK, str(tmp_path))
    died.unlink(missing_ok=True)
    done = swept(cluster, tmp_path, sent=sent)
    assert died.is_file()
    assert isinstance(done[1], FailedRun)
    assert "a slip of its author" in str(done[1])
    assert (timeless(recorded(done)), contents(tmp_path / "cache")) == alone
    computed = [{kind.partition("/")[0] for kind in contents(cache)} for cache in caches]
    assert [bool(kinds) for kinds in computed] == [sent, sent]  # each node in a cache of its own


@pytest.mark.slow
def test_what_was_damaged_on_its_way_fails_its_run_and_is_not_kept(cluster, tmp_path, monkeypatch):
    from reidbench.runs.engines import sending

    def damaged(packed, store):
        files = {name: content[:-1] for name, content in packed.files.items()}
        return keep(replace(packed, files=files), store)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sending, "keep", damaged)
    done = swept(cluster, tmp_path, sent=True)
    assert all(isinstance(d, FailedRun) for d in done)
    assert all(str(d).endswith("was damaged on its way: cams.npy; run again") for d in done)
    assert contents(tmp_path / "cache") == {}
