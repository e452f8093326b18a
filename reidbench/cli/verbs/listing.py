"""``reidbench list``: what is installed, and the parameters of each part."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.config.benchmark import Benchmark
    from reidbench.registry.registry import Entry, Method, Registry
    from reidbench.studies.study import Study

Row = dict[str, Any]

# Attributes of a component's class that tell what it can be combined with.
TRAITS = ("version", "split", "directions", "provides", "needs", "sampling", "terms", "citation")

# The parts of every recipe that are no component, by the name that --set takes.
SECTIONS = {
    "budget": "how long a translator is trained",
    "rendering": "which translations of a source image are learned from",
    "perspective": "cameras that are translated apart",
    "embedding": "how test images become features",
    "ranking": "how a ranking is made from features",
}


@click.command("list")
@click.argument("name", required=False)
@click.option(
    "--diff", nargs=2, metavar="A B", help="Show what two methods or components differ in."
)
@click.option("--benchmark", metavar="NAME", help="Whose values count for --diff.")
@click.option("--reported", is_flag=True, help="Show the numbers that papers report.")
@options.as_json
def command(
    name: str | None,
    diff: tuple[str, str] | None,
    benchmark: str | None,
    reported: bool,
    as_json: bool,
) -> None:
    """Show the methods, components and benchmarks that are installed.

    With a NAME, show everything of that name: what it is made of, and the parameters that
    --set NAME.PARAMETER=VALUE changes, with their types and defaults.

    \b
    Examples:
      reidbench list
      reidbench list sianet
      reidbench list --diff cyclegan spgan
      reidbench list --reported spgan
    """
    from reidbench.cli.differences import show_differences
    from reidbench.errors import UsageError
    from reidbench.registry.loading import load_plugins

    if (diff and (name or reported)) or (benchmark and not diff):
        raise UsageError("--diff A B takes no other name; --benchmark goes with --diff")
    if reported:
        _show_reported(name, as_json)
        return
    registry = load_plugins().registry
    if diff:
        show_differences(diff, registry, benchmark, as_json)
        return
    if name is None:
        overview = _overview(registry)
        _print_json(overview) if as_json else _show_overview(overview)
        return
    described = list(_described(registry, name))
    if not described:
        raise _unknown(registry, name)
    _print_json(described) if as_json else _show_described(described)


def _show_reported(paper: str | None, as_json: bool) -> None:
    """Print what papers report: all of it, or one file's."""
    from reidbench.cli.reported import show_reported
    from reidbench.errors import UsageError, did_you_mean
    from reidbench.results.reported import load_reported

    rows = load_reported()
    known = {row.file for row in rows}
    if paper is not None and paper not in known:
        near = did_you_mean(paper, known)
        raise UsageError(f"no paper's numbers are named '{paper}'{near}")
    chosen = [row for row in rows if paper in (None, row.file)]
    _print_json([row.to_dict() for row in chosen]) if as_json else show_reported(chosen)


def _overview(registry: Registry) -> dict[str, list[Row]]:
    """Return names, summaries, plugins and papers by kind, without importing a component."""
    from reidbench.config.benchmark import load_all
    from reidbench.registry.registry import KINDS
    from reidbench.studies.study import load_all as studies

    return {
        "method": [_brief(m) for m in registry.methods()],
        **{kind: [_brief(e) for e in registry.entries(kind)] for kind in KINDS},
        "section": [_ours(name, summary) for name, summary in SECTIONS.items()],
        "benchmark": [_ours(b.name, b.summary) for b in load_all()],
        "study": [{**_ours(s.name, s.title), "paper": s.paper} for s in studies()],
    }


def _brief(item: Entry | Method) -> Row:
    fields = ("name", "summary", "plugin", "paper")
    return {field: getattr(item, field) for field in fields}


def _ours(name: str, summary: str) -> Row:
    return {"name": name, "summary": summary, "plugin": "reidbench", "paper": ""}


def _show_overview(overview: Mapping[str, list[Row]]) -> None:
    from reidbench.cli.tables import show_table

    for kind, rows in overview.items():
        cells = [(r["name"], r["summary"], r["plugin"]) for r in rows]
        show_table(
            "Studies" if kind == "study" else f"{kind.capitalize()}s",
            ("Name", "Summary", "Plugin"),
            cells,
        )
        click.echo()
    click.echo("Parameters and paper of each: reidbench list NAME")


def _described(registry: Registry, name: str) -> Iterator[Row]:
    """Yield a description of everything that has the name, of whatever kind."""
    from reidbench.config.benchmark import available, load_benchmark
    from reidbench.registry.registry import KINDS
    from reidbench.studies.study import available as studies
    from reidbench.studies.study import load_study

    yield from (_method(m) for m in registry.methods() if m.name == name)
    for kind in KINDS:
        yield from (_component(e) for e in registry.entries(kind) if e.name == name)
    if name in SECTIONS:
        yield _section(name)
    if name in available():
        yield _benchmark(load_benchmark(name))
    if name in studies():
        yield _study(load_study(name))


def _method(method: Method) -> Row:
    made_of = {
        "translator": method.translator,
        "constraints": list(method.constraints),
        "learner": method.learner,
        "strategy": method.strategy,
        "direction": method.direction,
        "sets": dict(method.parameters),
    }
    return {"kind": "method", **_brief(method), "facts": made_of, "parameters": []}


def _component(entry: Entry) -> Row:
    factory = entry.load()
    facts = {"about": _first_paragraph(factory), **_traits(factory)}
    parameters = _parameters(factory)
    return {"kind": entry.kind, **_brief(entry), "facts": facts, "parameters": parameters}


def _section(name: str) -> Row:
    from reidbench.config.recipe import Budget, CameraGroups, Embedding, TranslationSampling
    from reidbench.evaluation.options import RankingOptions

    factories = {
        "budget": Budget,
        "rendering": TranslationSampling,
        "perspective": CameraGroups,
        "embedding": Embedding,
        "ranking": RankingOptions,
    }
    factory = factories[name]
    brief = _ours(name, SECTIONS[name])
    return {"kind": "section", **brief, "facts": {}, "parameters": _parameters(factory)}


def _parameters(factory: type[Any]) -> list[Row]:
    from reidbench.registry.parameters import parameters_of

    return [
        {"name": p.name, "type": p.type_name, "default": p.default, "required": p.required}
        for p in parameters_of(factory).values()
    ]


def _benchmark(benchmark: Benchmark) -> Row:
    specs = {r: getattr(benchmark, r) for r in ("source", "target", "protocol")}
    facts = {
        "version": benchmark.version,
        **{role: {"name": spec.name, **spec.parameters} for role, spec in specs.items()},
        "seeds": list(benchmark.seeds),
        "image_size": list(benchmark.image_size),
        **{role: dict(values) for role, values in benchmark.settings.items()},
    }
    brief = _ours(benchmark.name, benchmark.summary)
    return {"kind": "benchmark", **brief, "facts": facts, "parameters": []}


def _study(study: Study) -> Row:
    facts = {
        "benchmark": study.benchmark,
        "plot": study.plot,
        "measure": study.measure,
        "reported": ", ".join(study.reported),
        "note": study.note,
        "runs": [run.title for run in study.runs],
        "run by": f"reidbench sweep --study {study.name}",
    }
    brief = {**_ours(study.name, study.title), "paper": study.paper}
    return {"kind": "study", **brief, "facts": facts, "parameters": []}


def _traits(factory: type[Any]) -> Row:
    values = {name: getattr(factory, name, None) for name in TRAITS}
    plain = {k: sorted(v) if isinstance(v, frozenset) else v for k, v in values.items()}
    # What a translator provides may depend on its parameters; then there is nothing to tell yet.
    return {k: v for k, v in plain.items() if isinstance(v, str | int | list)}


def _first_paragraph(factory: type[Any]) -> str:
    paragraph = (inspect.getdoc(factory) or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def _unknown(registry: Registry, name: str) -> Exception:
    from reidbench.errors import UsageError, did_you_mean

    known = {row["name"] for rows in _overview(registry).values() for row in rows}
    message = f"nothing is named '{name}'{did_you_mean(name, known)}"
    if registry.broken:
        broken = ", ".join(f"'{b.plugin}'" for b in registry.broken)
        message += f" (plugin {broken} failed to load; see: reidbench plugin list)"
    return UsageError(message)


def _show_described(described: list[Row]) -> None:
    from reidbench.cli.tables import show_pairs, show_table

    for row in described:
        click.echo(f"{row['kind']} {row['name']}: {row['summary']}".rstrip(": "))
        facts = ((name.replace("_", " "), _text(value)) for name, value in row["facts"].items())
        show_pairs([("plugin", row["plugin"]), ("paper", row["paper"]), *facts])
        if row["parameters"]:
            show_table("", ("Parameter", "Type", "Default"), map(_cells, row["parameters"]))
            click.echo(f" set by {_how_to_set(row)}")
        click.echo()


def _cells(parameter: Row) -> tuple[str, str, str]:
    default = "required" if parameter["required"] else json.dumps(parameter["default"])
    return parameter["name"], parameter["type"], default


def _how_to_set(row: Row) -> str:
    owners = {"dataset": ("source", "target"), "protocol": ("protocol",)}
    names = owners.get(row["kind"], (row["name"],))
    return " or ".join(f"--set {name}.PARAMETER=VALUE" for name in names)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in value.items()
        )
    if isinstance(value, list):
        return ("\n" if any("," in str(v) for v in value) else ", ").join(map(str, value))
    return str(value)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
