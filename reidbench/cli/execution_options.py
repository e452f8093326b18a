"""Options of the verbs that compute: where, how exactly, and what is kept of it."""

from __future__ import annotations

import click

from reidbench.cli import options
from reidbench.runs.options import ExecutionOptions

execution = options.bundled(
    "execution",
    ExecutionOptions,
    options.all_of(
        click.option(
            "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."
        ),
        click.option(
            "--precision",
            default="float32",
            show_default=True,
            help="float32, tf32 (CUDA devices) or bf16 (autocast).",
        ),
        click.option(
            "--deterministic",
            is_flag=True,
            help="Use only operations that give the same bits again; those without such are named.",
        ),
        click.option(
            "--compile",
            type=click.Choice(["auto", "on", "off"]),
            default="auto",
            show_default=True,
            help="Compile the networks of trainings; auto does on a CUDA device.",
        ),
        options.cache,
        options.results,
        click.option(
            "--checkpoint-every",
            type=click.FloatRange(min=0),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Seconds of training that an interruption may cost.",
        ),
        click.option(
            "--dev",
            is_flag=True,
            help="While a component is being written: compute again what its source made before it "
            "changed.",
        ),
        click.option(
            "--verify",
            type=click.Choice(["always", "changed", "never"]),
            default="changed",
            show_default=True,
            help="Compare the files of finished stages with their checksums: all, those that were "
            "written to since, or none.",
        ),
        click.option(
            "--profile",
            type=options.FOLDER,
            is_flag=False,
            flag_value="profiles",
            metavar="[FOLDER]",
            help="Write a trace of the first steps of each training by torch's profiler, to the "
            "folder 'profiles' unless you name one.",
        ),
    ),
)
