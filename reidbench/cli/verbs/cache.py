"""``reidbench cache``: what runs have computed and what interrupted ones have begun."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.storage.artifacts import Store

SHORT = 12  # hex digits of a key that tell artifacts apart well enough
LEAST = 4  # hex digits that the user must give, so that a slip does not remove much
Row = dict[str, Any]
UNITS = {"": 1, "b": 1} | {
    f"{prefix}{end}": base**power
    for power, prefix in enumerate("kmgt", 1)
    for end, base in (("", 1024), ("b", 1000), ("ib", 1024))
}


class Bytes(click.ParamType[int]):
    """A number of bytes such as ``500MB`` or ``1.5GiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([a-z]{0,3})", value.strip().lower())
        if match is None or match[2] not in UNITS:
            self.fail(f"'{value}' is no size such as 500MB or 1.5GiB", param, ctx)
        return int(float(match[1]) * UNITS[match[2]])


@click.group("cache")
def command() -> None:
    """Show and remove what runs have computed."""


@command.command("ls")
@options.cache
@click.option("--verify", is_flag=True, help="Read every file and compare it with its checksum.")
@options.as_json
def list_artifacts(cache: Path, verify: bool, as_json: bool) -> None:
    """Show the stages that are kept, finished or interrupted, with size and age.

    \b
    Examples:
      reidbench cache ls
      reidbench cache ls --verify
    """
    from reidbench.storage.artifacts import Store

    rows = [*_finished(Store(cache), verify), *_unfinished(Store(cache))]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _show(rows, Store(cache))
    _refuse_damaged(rows)


@command.command("verify")
@options.cache
@options.as_json
def verify_artifacts(cache: Path, as_json: bool) -> None:
    """Read every file of the finished stages and compare it with its checksum.

    The exit code is 1 if a stage is damaged. A run that needs it computes it again once it is
    removed; with --verify always it finds out by itself.

    \b
    Example:
      reidbench cache verify
    """
    from reidbench.storage.artifacts import Store

    store = Store(cache)
    rows = list(_finished(store, verify=True))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(_summary("verified", rows, store))
    _refuse_damaged(rows)


@command.command("gc")
@click.option("--max-size", required=True, type=Bytes(), metavar="SIZE", help="E.g. 20GB.")
@options.cache
@options.as_json
def evict_artifacts(max_size: int, cache: Path, as_json: bool) -> None:
    """Remove the stages that were used longest ago, until the others have at most a size.

    Stages that a run still needs stay, and so do interrupted ones.

    \b
    Example:
      reidbench cache gc --max-size 20GB
    """
    from reidbench.cli.tables import size
    from reidbench.storage.artifacts import Store
    from reidbench.storage.eviction import evict, used
    from reidbench.storage.files import writing

    store = Store(cache)
    with writing(cache):
        gone = list(evict(store, max_size))
    left = used(store)
    if as_json:
        click.echo(json.dumps({"removed": gone, "bytes": left}, indent=2))
    else:
        click.echo(f"removed: {len(gone)} stages; {size(left)} are left")
    if left > max_size:
        click.echo(f"the rest of {size(left - max_size)} is in use", err=True)


@command.command("rm")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@options.cache
@click.option("--all", "everything", is_flag=True, help="Remove everything.")
@click.option("--partial", is_flag=True, help="Remove what interrupted runs have begun.")
@options.as_json
def remove_artifacts(
    keys: tuple[str, ...], cache: Path, everything: bool, partial: bool, as_json: bool
) -> None:
    """Remove stages by the beginning of their key or by their kind.

    Results stay; a run that needs a removed stage computes it again.

    \b
    Examples:
      reidbench cache rm translator/3f2a
      reidbench cache rm translator
      reidbench cache rm --partial
    """
    from reidbench.errors import UsageError
    from reidbench.storage.artifacts import Store

    if (bool(keys), everything, partial).count(True) != 1:
        raise UsageError("name what to remove: keys (see: reidbench cache ls), --all or --partial")
    store = Store(cache)
    rows = [*_finished(store, verify=False), *_unfinished(store)]
    unfinished = [r for r in rows if r["state"] == "unfinished"]
    chosen = _chosen(rows, keys) if keys else rows if everything else unfinished
    summary = _summary("removed", chosen, store)
    _remove(store, chosen)
    if as_json:
        click.echo(json.dumps(chosen, indent=2))
    else:
        click.echo(summary)


def _refuse_damaged(rows: Sequence[Row]) -> None:
    from reidbench.errors import ReidbenchError

    if damaged := [_short(r["key"]) for r in rows if r["state"] == "damaged"]:
        keys = " ".join(damaged)
        raise ReidbenchError(f"damaged stages; remove them with: reidbench cache rm {keys}")


def _finished(store: Store, verify: bool) -> Iterator[Row]:
    broken = []
    for key, artifact in store.entries():
        if artifact is None:
            broken.append(key)
            continue
        manifest = artifact.manifest
        damaged = verify and bool(store.damaged(artifact))
        yield {
            "key": artifact.key,
            "title": manifest.get("title", ""),
            "state": "damaged" if damaged else "finished",
            "bytes": artifact.bytes,
            "started": manifest.get("started"),
            "seconds": manifest.get("seconds"),
        }
    yield from (_bare(store, key, "damaged") for key in broken)


def _unfinished(store: Store) -> Iterator[Row]:
    return (_bare(store, key, "unfinished") for key in store.partial())


def _bare(store: Store, key: str, state: str) -> Row:
    nothing = {"started": None, "seconds": None}
    return {"key": key, "title": "", "state": state, "bytes": store.bytes_of(key), **nothing}


def _chosen(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """Return the rows that the user's keys mean; each must mean one at least."""
    from reidbench.errors import UsageError, did_you_mean

    for key in keys:
        if not any(_means(key, row["key"]) for row in rows):
            kinds = {row["key"].partition("/")[0] for row in rows}
            raise UsageError(f"nothing in the cache has the key '{key}'{did_you_mean(key, kinds)}")
    return [row for row in rows if any(_means(key, row["key"]) for key in keys)]


def _means(text: str, key: str) -> bool:
    """Tell whether ``text`` is the kind of ``key``, or the beginning of it or of its digest."""
    kind, _, digest = key.partition("/")
    if "/" in text:
        return key.startswith(text)
    return text == kind or (len(text) >= LEAST and digest.startswith(text))


def _remove(store: Store, rows: Sequence[Row]) -> None:
    from reidbench.errors import ReidbenchError
    from reidbench.storage.files import unwritable

    in_use = []
    for key in dict.fromkeys(row["key"] for row in rows):
        try:
            store.remove(key)
        except OSError as error:
            raise unwritable(store.root, error) from error
        except ReidbenchError as error:
            in_use.append(str(error))
    if in_use:
        raise ReidbenchError(f"{'; '.join(in_use)}; what else was named is removed")


def _show(rows: Sequence[Row], store: Store) -> None:
    from reidbench.cli.tables import show_table, size

    cells = [
        (_short(r["key"]), r["title"], r["state"], size(r["bytes"]), _age(r["started"]))
        for r in rows
    ]
    headings = ("Key", "Stage", "State", "Size", "Age")
    show_table(str(store.root), headings, cells, right=("Size", "Age"))
    click.echo(_summary("in all", rows, store))


def _summary(what: str, rows: Sequence[Row], store: Store) -> str:
    from reidbench.cli.tables import size
    from reidbench.storage.eviction import repeated_bytes

    total = sum(r["bytes"] for r in rows) - repeated_bytes(store, (r["key"] for r in rows))
    return f"{what}: {len(rows)} stages, {size(total)}"


def _short(key: str) -> str:
    kind, _, digest = key.partition("/")
    return f"{kind}/{digest[:SHORT]}"


def _age(started: float | None) -> str:
    if started is None:
        return ""
    days, seconds = divmod(max(0, int(time.time() - started)), 86_400)
    return f"{days} d" if days else f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
