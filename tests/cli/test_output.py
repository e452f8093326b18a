"""What foreign text can do to a terminal: nothing. And paths with ~, wherever they are named."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.table import Table

from reidbench.cli import cli
from reidbench.cli.options import home_path
from reidbench.cli.output import Escaped, escaped_output
from reidbench.errors import shown_lines
from reidbench.nn.weights import find_weights
from reidbench.results.result import load, load_all
from reidbench.storage.artifacts import Store
from reidbench.terminal import Console
from tests.made_results import make_result

HOSTILE = "\x1b[2J\x07\x9b1m\u202egnp.exe\r\ud800"


def test_lines_and_tabs_stay_and_nothing_else_controls():
    assert shown_lines("plain é 数\n\ttext") == "plain é 数\n\ttext"
    told = shown_lines(HOSTILE)
    assert told.isprintable()
    assert told == "\\x1b[2J\\x07\\x9b1m\\u202egnp.exe\\r\\ud800"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_streams_escape_what_they_cannot_or_should_not_write(encoding):
    raw = io.BytesIO()
    stream = Escaped(io.TextIOWrapper(raw, encoding))
    assert stream.write(f"é {HOSTILE}\n") == len(HOSTILE) + 3
    stream.flush()
    first = {"utf-8": "é", "ascii": "\\xe9"}[encoding]
    assert raw.getvalue().decode() == f"{first} {shown_lines(HOSTILE)}\n"


def ended(monkeypatch, *args, stdout=None, stderr=None):
    """Return the exit code of a command on these streams."""
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    with pytest.raises(SystemExit) as caught:
        cli.main([str(a) for a in args])
    return caught.value.code


@pytest.mark.parametrize("verb", ["leaderboard", "leaderboard --json", "cache ls", "--help"])
@pytest.mark.parametrize("where", ["/dev/full", None])
def test_output_that_cannot_be_written_is_one_error(monkeypatch, tmp_path, verb, where):
    make_result().save(tmp_path)
    place = {"leaderboard": ("--results", tmp_path), "cache": ("--cache", tmp_path)}
    errors, full = io.StringIO(), where and open(where, "w")  # noqa: PTH123, SIM115
    args = (*verb.split(), *place.get(verb.split()[0], ()))
    assert ended(monkeypatch, *args, stdout=full, stderr=errors) == 1
    reason = "No space left on device" if where else "it is closed"
    assert errors.getvalue() == (
        f"error: cannot write to standard output: {reason}; what was written to files is kept\n"
    )
    if full:
        full.close()  # what was left in its buffer fails no more


@pytest.mark.parametrize("where", ["/dev/full", None])
def test_messages_that_cannot_be_written_stop_nothing(monkeypatch, where):
    full = where and open(where, "w")  # noqa: PTH123, SIM115
    out = io.StringIO()
    assert ended(monkeypatch, "leaderbord", stdout=out, stderr=full) == 2
    with escaped_output():
        console = Console(stderr=True, force_terminal=True)
        console.print("at 3 of 4")
        print("still here")  # noqa: T201
    assert out.getvalue() == "still here\n"
    if full:
        full.close()


@pytest.mark.parametrize("verb", ["leaderboard", "leaderboard --markdown", "leaderboard --json"])
def test_what_an_encoding_lacks_is_written_as_escapes(monkeypatch, tmp_path, verb):
    make_result(recipe="é±数").save(tmp_path)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii")
    assert ended(monkeypatch, *verb.split(), "--results", tmp_path, stdout=stream) in (None, 0)
    told = raw.getvalue().decode("ascii")
    assert "\\xe9" in told or "\\u00e9" in told


def test_files_do_not_become_closed_standard_streams():
    code = (
        "import os, sys; from reidbench.cli.output import escaped_output\n"
        "os.close(1); sys.stdout = None\n"
        "with escaped_output(): sys.exit(os.open(os.devnull, os.O_RDONLY) == 1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_consoles_keep_their_own_styles_only(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    table = Table("name")
    table.add_row(f"[bold]{HOSTILE}[/bold]")
    with escaped_output():
        Console(force_terminal=True, width=200, color_system="standard").print(table)
    assert "\x1b[1m" in out.getvalue()
    for bad in ("\x1b[2J", "\x07", "\x9b", "\u202e", "\ud800"):
        assert bad not in out.getvalue()


@pytest.mark.parametrize("verb", ["leaderboard", "leaderboard --markdown", "cache ls"])
def test_names_of_results_and_stages_reach_no_terminal(invoke, tmp_path, verb):
    name = HOSTILE.replace("\ud800", "")
    make_result(recipe=name).save(tmp_path / "results")
    Store(tmp_path).make("learn/" + "a" * 32, {"title": name}, lambda folder: {})
    place = ("--cache", tmp_path) if "cache" in verb else ("--results", tmp_path / "results")
    result = invoke(*verb.split(), *place)
    assert result.exit_code == 0
    assert "\\x1b" in result.stdout
    assert not set(name) & set(result.stdout) - set(map(chr, range(32, 127)))


def test_pipes_and_huge_numbers_among_results_are_named_and_stop_nothing(invoke, tmp_path):
    make_result().save(tmp_path)
    home = tmp_path / "synthetic"
    os.mkfifo(home / "pipe.json")
    (home / "huge.json").write_text('{"schema": ' + "9" * 401 + "}")
    (home / "half.json").write_text('{"schema": 1, "reidbench": "\\ud800"}')
    found = load_all(tmp_path)
    assert len(found.results) == 1
    reasons = {u.path.name: u.reason for u in found.unreadable}
    assert "it is a device or a pipe" in reasons["pipe.json"]
    assert "of 401 digits is too large" in reasons["huge.json"]
    assert "half of a character" in reasons["half.json"]
    result = invoke("leaderboard", "--results", tmp_path)
    assert (result.exit_code, "spgan" in result.stdout) == (0, True)
    with pytest.raises(Exception, match=r"pipe\.json: it is a device"):
        load(home / "pipe.json")


def test_home_is_meant_where_no_shell_has_looked(invoke, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make_result().save(tmp_path / "r")
    (tmp_path / "w.pth").write_bytes(b"")
    assert home_path("~/x") == str(tmp_path / "x")
    assert home_path(None) is None
    assert invoke("leaderboard", "--results=~/r").exit_code == 0
    assert invoke("cache", "ls", "--cache=~/c").exit_code == 0
    assert str(tmp_path / "d") in invoke("data", "check", "folder", "--data-root=~/d").stdout
    assert find_weights("resnet18", "~/w.pth").path == tmp_path / "w.pth"
    monkeypatch.setenv("REIDBENCH_CACHE", "~/kept")
    assert str(tmp_path / "kept") in invoke("cache", "ls").stdout.replace("\n", "")
    assert not (tmp_path / "~").exists()
