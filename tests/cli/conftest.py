from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from reidbench.cli import cli
from reidbench.registry.loading import Plugins, load_from

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    """Run the command line in this process; its stdout and stderr are kept apart."""

    def run(*args: object) -> Result:
        return CliRunner().invoke(cli, [str(a) for a in args])

    return run


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The core alone, in place of whatever is installed; a test may register more."""
    core = load_from([])
    monkeypatch.setattr("reidbench.registry.loading.load_plugins", lambda: core)
    return core
