"""A broken plugin stops nothing, and is named where it may be what is missed."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.testing.toys import ToyLearner
from tests.acceptance.ground import read_result

BROKEN = {
    "import": "import a_module_that_nobody_has\n",
    "registration": """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_register(registry):
            registry.translator("absent", "reidbench_broken:Absent")
            raise RuntimeError("no luck")
        """,
    "taken name": """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_register(registry):
            registry.learner("ide", "reidbench_broken:IDE")
        """,
    "unknown hook": """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_regster(registry):
            pass
        """,
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_listed_and_explains_a_missing_name(place, install, code):
    install("broken", code)
    listed = CliRunner().invoke(cli, ["plugin", "list", "--json"])
    assert listed.exit_code == 0
    errors = {p["name"]: p["error"] for p in json.loads(listed.stdout)}
    assert errors["broken"]
    assert not errors["cyclegan"]
    missing = place("run", "--translator", "absent")
    assert missing.exit_code == 2
    assert "plugin 'broken' failed to load" in missing.stderr


def test_a_broken_plugin_stops_no_run(place, install):
    install("greedy", BROKEN["taken name"])
    run = place("run", "--method", "direct")
    assert run.exit_code == 0, run.stderr
    told = " ".join(run.stderr.split())
    assert "learner 'ide' is that of reidbench-ide 0.1.0; plugin 'greedy' of greedy 1.0" in told


def test_a_component_that_fails_to_load_is_one_error_and_stops_no_other(place, install):
    code = BROKEN["registration"].replace('raise RuntimeError("no luck")', "")
    install("hollow", code.replace("broken", "hollow"))
    hollow = place("run", "--translator", "absent")
    assert hollow.exit_code == 1
    assert "translator 'absent' of plugin 'hollow' cannot be loaded" in hollow.stderr
    assert place("run", "--method", "direct").exit_code == 0


def test_a_hook_that_fails_on_a_result_stops_nothing(place, install, caplog):
    code = """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_result(result):
            raise RuntimeError("the tracker is down")
        """
    install("tracker", code)
    run = place("run", "--method", "direct")
    assert run.exit_code == 0
    assert "reidbench_result" in caplog.text
    assert "the tracker is down" in caplog.text
    assert read_result(place.results, "direct")["seed"] == 0


EXITS = {
    "in a hook": """
        import sys
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_result(result):
            print("a link")
            sys.exit(0)
        """,
    "in the hook of commands": """
        import sys
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_commands(cli):
            raise GeneratorExit
        """,
    "at import": "import sys\nprint('bye')\nsys.exit(0)\n",
}


@pytest.mark.parametrize("code", EXITS.values(), ids=EXITS)
def test_a_plugin_that_wants_to_end_the_program_spoils_no_run(place, install, code, request):
    install("leaver" + "".join(c for c in request.node.callspec.id if c.isalpha()), code)
    run = place("run", "--method", "direct", "--json")
    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["recipe"]["name"] == "direct"


def test_a_component_that_wants_to_end_the_program_fails_the_run_and_is_named(place, install):
    code = """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_register(registry):
            registry.learner("quitting", "tests.acceptance.test_plugins:Quitting")
        """
    install("quitting", code)
    run = place("run", "--method", "direct", "--learner", "quitting")
    assert run.exit_code == 1
    told = " ".join(run.stderr.split())
    assert "learner 'quitting' of plugin 'quitting': Quitting.build() raised SystemExit: 0" in told
    assert "a fault of the software" not in told


class Quitting(ToyLearner):
    """Ends the program."""

    def build(self, num_pids: int) -> object:
        sys.exit(0)
