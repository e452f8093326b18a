"""The command line: one module a verb, imported only when its verb is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from reidbench import __version__
from reidbench.cli.output import escaped_output
from reidbench.errors import ReidbenchError, did_you_mean, is_out_of_memory, shown

# Verb -> what `reidbench --help` says of it: the first sentence of the verb's own help, kept here
# so that listing the verbs imports none of them.
VERBS = {
    "run": "Translate, learn and evaluate: one method on one benchmark with one seed.",
    "sweep": "Run every combination, each stage once, and show the means over the seeds.",
    "status": "Show the runs that are under way, were interrupted, have failed or are done.",
    "list": "Show the methods, components and benchmarks that are installed.",
    "extract": "Embed a dataset by any model into a file of features.",
    "evaluate": "Rank a gallery by features that any program made, and score the ranking.",
    "compare": "Show how much two results differ, over queries and over seeds.",
    "compare-rankings": "Show how much alike benchmarks and papers rank the same methods.",
    "worth": "Show what each constraint is worth on each translator.",
    "leaderboard": "Rank the results of all recipes that can be compared.",
    "reproduced": "Show whether results that were made again are equal to those before.",
    "reported": "Show what papers report over their own baselines, side by side.",
    "report": "Write results as a site of static pages, which needs neither server nor network.",
    "plot": "Draw a study, or what the leaderboard ranks, from result files alone.",
    "distribution": "Draw the features of real and translated images, and tell how far they lie "
    "apart.",
    "transforms": "Draw the distribution of a run's spatial transforms, and tell their numbers.",
    "data": "Show the datasets and check your copies of them.",
    "plugin": "Show, check and begin plugins.",
    "cache": "Show and remove what runs have computed.",
}

# A module named like a builtin would hide it in this one, and no module's name has a hyphen.
MODULES = {"list": "listing", "compare-rankings": "compare_rankings"}

HELP = 75  # characters of a plugin's verb
INTERRUPTED = 130
PIPE_CLOSED = 1


class Failure(click.ClickException):
    """An error that is shown in one line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


class Verbs(click.Group):
    """The group of all verbs: the core's by name, the plugins' only when no core verb matches."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the core's verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb."""
        if cmd_name in VERBS:
            module = import_module(f"reidbench.cli.verbs.{MODULES.get(cmd_name, cmd_name)}")
            command: click.Command = module.command
            return command
        from reidbench.cli.extensions import find_verb
        from reidbench.registry.loading import load_plugins

        return find_verb(load_plugins(), frozenset(VERBS), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or name the one that may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.UsageError(_missing(error.command_name), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the core's verbs without importing them, and then the plugins'."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
        if rows := _verbs_of_plugins():
            with formatter.section("Verbs of plugins"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> None:
        """Carry the verb out; whatever it raises becomes one line and an exit code."""
        try:
            super().invoke(ctx)  # what a verb returns is no exit code
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            _close_stdout()
            ctx.exit(PIPE_CLOSED)
        except BaseException as error:
            if isinstance(error, SystemExit) and (
                error.code or ctx.invoked_subcommand not in VERBS
            ):
                raise  # rich ends so at a closed pipe; a plugin's own verb may end as it likes
            if ctx.params["debug"]:
                import traceback

                traceback.print_exc()
            raise _failure(error) from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command line and exit."""
        extra |= {"standalone_mode": False, "prog_name": "reidbench"}
        with escaped_output():
            try:
                status = super().main(args, *rest, **extra)
                sys.stdout.flush()
            except click.ClickException as error:
                _show(error)
                status = error.exit_code
            except ReidbenchError as error:  # of printing the help, which no verb does
                _show(_failure(error))
                status = error.exit_code
            except click.Abort:
                status = INTERRUPTED
        sys.exit(status)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every verb has its own --help with an example.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="reidbench", message="%(prog)s %(version)s")
def cli(debug: bool) -> None:
    """Benchmark for cross-domain person re-identification by image translation.

    \b
    Example:
      reidbench run --translator cyclegan --constraint sianet
    """


def main() -> None:
    """Run the command line on the arguments of this process."""
    cli.main()


def _verbs_of_plugins() -> list[tuple[str, str]]:
    from reidbench.cli.strangers import strangers

    if not strangers():  # loading plugins takes longer than all the rest of the help
        return []
    from reidbench.cli.extensions import extensions
    from reidbench.registry.loading import load_plugins

    return [
        (name, f"{verb.get_short_help_str(limit=HELP)} [{extension.plugin}]")
        for extension in extensions(load_plugins(), frozenset(VERBS))
        for name, verb in extension.commands.items()
    ]


def _missing(name: str) -> str:
    from reidbench.cli.extensions import extensions, troubled
    from reidbench.registry.loading import load_plugins

    plugins, taken = load_plugins(), frozenset(VERBS)
    known = [*VERBS, *(verb for e in extensions(plugins, taken) for verb in e.commands)]
    message = f"no verb is named '{name}'{did_you_mean(name, known)}"
    if names := troubled(plugins, taken):
        message += f" (plugin {', '.join(names)} is broken; see: reidbench plugin list)"
    return message


def _failure(error: BaseException) -> Failure:
    if isinstance(error, ReidbenchError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted; the same command resumes where it stopped", INTERRUPTED)
    if is_out_of_memory(error):
        return Failure("out of memory; smaller batches may help, e.g. --set budget.batch=1", 1)
    from reidbench.registry.faults import blamed

    if (named := blamed(error)) is not None:
        return Failure(str(named), named.exit_code)
    what = f"{type(error).__name__}: {error}"
    return Failure(f"unexpected {what} (a fault of the software; --debug shows where)", 1)


def _show(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    lines = "\n".join(map(shown, error.format_message().split("\n")))
    click.echo(f"error: {lines}", err=True)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"see: {error.ctx.command_path} --help", err=True)


def _close_stdout() -> None:
    # The interpreter flushes stdout once more as it ends; there is nobody left to tell.
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
