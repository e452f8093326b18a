"""Options that several verbs share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reidbench.runs.options import ExperimentOptions

if TYPE_CHECKING:
    from reidbench.config.compose import Request

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


class HomePath(click.Path):
    """A path in which ``~`` is the user's home, as it is where no shell has seen it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        return super().convert(home_path(value), param, ctx)


def home_path(value: Any) -> Any:
    """Return a path with the user's home for ``~``; None stays."""
    return None if value is None else type(value)(Path(value).expanduser())


FOLDER = HomePath(file_okay=False, path_type=Path)
FILE = HomePath(dir_okay=False, path_type=Path)


class Seeds(click.ParamType[tuple[int, ...]]):
    """Seeds as ``0-2`` or ``0,3,5``, each once, in the order given."""

    name = "seeds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the seeds as whole numbers."""
        if isinstance(value, tuple):
            return value
        seeds: dict[int, None] = {}
        for part in value.split(","):
            match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
            if not first <= last < first + 1000:
                self.fail(f"'{value}' is not a list of seeds such as 0-2 or 0,3,5", param, ctx)
            seeds |= dict.fromkeys(range(first, last + 1))
        return tuple(seeds)


def all_of(*decorators: Decorator[F]) -> Decorator[F]:
    """Return one decorator that adds the options in the order given."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _default_cache() -> Path:
    from reidbench.storage.root import default_root

    return default_root()


def _remember_there(ctx: click.Context, _param: click.Parameter, value: Path) -> Path:
    """Keep the datasets' fingerprints in the cache too, until the verb ends."""
    from reidbench.data.fingerprints import remembered_in

    ctx.with_resource(remembered_in(value))
    return value


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")

cache = click.option(
    "--cache",
    type=FOLDER,
    default=_default_cache,
    callback=_remember_there,
    show_default="$REIDBENCH_CACHE or ~/.cache/reidbench",
    help="Folder of finished and interrupted stages.",
)

results = click.option(
    "--results", type=FOLDER, default="results", show_default=True, help="Folder of results."
)

data_root = click.option(
    "--data-root",
    envvar="REIDBENCH_DATA_ROOT",
    show_envvar=True,
    metavar="FOLDER",
    callback=lambda _ctx, _param, value: home_path(value),
    help="Folder that holds your datasets.",
)

benchmark_name = click.option(
    "--benchmark",
    default="synthetic",
    show_default=True,
    metavar="NAME",
    help="A benchmark by name, or the path of a .toml file.",
)

set_values = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.PARAMETER=VALUE",
    help="Set a parameter, e.g. sianet.margin=1; repeatable. The result is then not ranked.",
)

strategy: Decorator[Any] = click.option(
    "--strategy",
    metavar="NAME",
    help="What the learner is trained on: source, target, translated, source+translated, "
    "source+views (the target's images between its cameras too), finetune (source, then "
    "translated) or joint (beside the translator).",
)
direction = click.option(
    "--direction",
    metavar="NAME",
    help="What is translated: source-to-target, the images that are learned from, or "
    "target-to-source, the test images.",
)

masks = click.option(
    "--masks",
    metavar="NAME",
    help="What makes the person masks that some parts read, e.g. unet; 'dataset', the default, has "
    "its own.",
)


def bundled(
    name: str, build: Callable[..., Any], options: Decorator[F], also: tuple[str, ...] = ()
) -> Decorator[F]:
    """Return a decorator that adds ``options`` and passes on what ``build`` makes of them.

    ``also`` are the names that it takes beside those of its signature; a name that the verb has no
    option for keeps its default.
    """
    keywords = (Parameter.VAR_KEYWORD,)
    own = signature(build).parameters.items()
    names = (*(n for n, p in own if p.kind not in keywords), *also)

    def decorate(function: F) -> F:
        @wraps(function)
        def gathered(**values: Any) -> Any:
            parts = {n: values.pop(n) for n in names if n in values}
            return function(**values, **{name: build(**parts)})

        return options(gathered)  # type: ignore[arg-type]

    return decorate


def _request(
    method: str | None,
    translator: str | None,
    constraints: tuple[str, ...],
    learner: str | None,
    strategy: str | None,
    direction: str | None,
    masks: str | None,
) -> Request:
    from reidbench.config.compose import Request  # numpy, which --help goes without

    return Request(method, translator, constraints, learner, strategy, direction, masks)


def _experiment(
    benchmark: str,
    source: str | None,
    target: str | None,
    protocol: str | None,
    tested: str | None,
    settings: tuple[str, ...],
    data_root: str | None,
    skip_corrupt: bool,
) -> ExperimentOptions:
    from reidbench.config.compose import parse_setting

    return ExperimentOptions(
        benchmark=benchmark,
        source=source,
        target=target,
        protocol=protocol,
        tested=tested,
        settings=dict(map(parse_setting, settings)),
        data_root=data_root,
        skip_corrupt=skip_corrupt,
    )


recipe = bundled(
    "request",
    _request,
    all_of(
        click.option("--method", metavar="NAME", help="A named recipe, as a paper composes it."),
        click.option("--translator", metavar="NAME", help="What translates; 'none' is nothing."),
        click.option(
            "--constraint",
            "constraints",
            multiple=True,
            metavar="NAME",
            help="What keeps persons recognisable; repeatable.",
        ),
        click.option("--learner", metavar="NAME", help="What learns the features."),
        strategy,
        direction,
        masks,
    ),
)

swapped: Decorator[Any] = all_of(
    click.option("--source", metavar="NAME", help="Another source dataset, or several: A+B."),
    click.option("--target", metavar="NAME", help="Another target dataset."),
    click.option("--protocol", metavar="NAME", help="Another evaluation protocol."),
    click.option(
        "--tested",
        type=click.Choice(["target", "source"]),
        help="Score the model on the target, or on the source: what adaptation cost there.",
    ),
)
copies: Decorator[Any] = all_of(
    data_root,
    click.option(
        "--skip-corrupt",
        is_flag=True,
        help="Leave out images that cannot be decoded, and say which in the result; it is then "
        "not ranked.",
    ),
)

experiment = bundled("experiment", _experiment, all_of(benchmark_name, swapped, set_values, copies))
