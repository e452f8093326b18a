"""The hooks a plugin may implement. Numbers never pass through them: hook order changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from reidbench.registry.registry import Registration
    from reidbench.results.result import Result
    from reidbench.storage.artifacts import Artifact

PROJECT = "reidbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def reidbench_register(registry: Registration) -> None:
    """Register components (translators, learners, datasets and so on) and methods by name."""


@hookspec
def reidbench_commands(cli: click.Group) -> None:
    """Add commands to the ``reidbench`` command line."""


@hookspec
def reidbench_stage_finished(artifact: Artifact, reused: bool) -> None:
    """Called when the artifact of a stage is in the store, freshly computed or reused."""


@hookspec
def reidbench_result(result: Result) -> None:
    """Called when the result of a finished run is written."""
