"""``reidbench report``: results as a site of static pages."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reidbench.cli import options


@click.command("report")
@click.argument("results", nargs=-1, type=options.FOLDER, metavar="[RESULTS]...")
@click.option(
    "-o",
    "--output",
    type=options.FOLDER,
    required=True,
    metavar="FOLDER",
    help="Where to write; an earlier report there is replaced.",
)
@click.option(
    "--with-images",
    is_flag=True,
    help="Show real images of people too. Without it only rendered ones are shown.",
)
@options.cache
@options.as_json
def command(
    results: tuple[Path, ...], output: Path, with_images: bool, cache: Path, as_json: bool
) -> None:
    """Write results as a site of static pages, which needs neither server nor network.

    RESULTS are folders of results, 'results' if none is named; those of several are shown together.
    The site has the leaderboard, a page for each run, method, benchmark and dataset, and a page
    that compares runs. Losses and ranked lists are shown as far as the cache holds them.

    \b
    Examples:
      reidbench report -o site
      reidbench report results ~/theirs -o site --with-images
    """
    from reidbench.report.site import write_report
    from reidbench.runs.bars import Bars

    with Bars().stage("report") as progress:
        site = write_report(
            results or (Path("results"),),
            output,
            cache,
            with_images=with_images,
            progress=progress,
        )
    first = site.folder / "index.html"
    if as_json:
        told = {"runs": site.runs, "files": site.pages, "bytes": site.bytes}
        click.echo(json.dumps({"page": str(first), **told, "pictures": site.pictures}, indent=2))
        return
    click.echo(first)
