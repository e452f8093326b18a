"""Write ``docs/reference.md`` from signatures and docstrings: ``python -m tests.reference``.

The sources are parsed and never imported, so that the page is the same with every version of torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"
HEAD = """# Reference

Signatures and docstrings of what plugins are written with: the contracts, the hooks, and the parts
of networks that methods share. The page is generated from the sources by
`python -m tests.reference`, and a test fails when it is not current. [Extending](extending.md)
tells how the parts fit together, [stability](stability.md) what is promised.
"""
INTERFACES = """## Interfaces

All of these names are imported from `reidbench.interfaces`.
"""
HOOKS = """## Hooks

A plugin implements a hook as a function of its name, marked with `reidbench.hookspecs.hookimpl`, in
the module that its entry point names. It may leave out parameters.
"""
NN = """## Parts of networks

Each name is imported from the module that the heading names.
"""
TESTS = {
    "reidbench_register": (
        "tests/registry/test_loading.py",
        "test_a_plugin_registers_what_a_run_uses",
    ),
    "reidbench_commands": (
        "tests/cli/test_plugin_verbs.py",
        "test_verbs_of_plugins_stand_under_their_own_heading",
    ),
    "reidbench_stage_finished": (
        "tests/registry/test_loading.py",
        "test_a_plugin_hears_of_every_stage",
    ),
    "reidbench_result": (
        "tests/acceptance/test_plugins.py",
        "test_a_hook_that_fails_on_a_result_stops_nothing",
    ),
}
"""The test of each hook: its file and name."""

Definition = ast.ClassDef | ast.FunctionDef


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """Yield the definitions that have a public name."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and is_public(node.name):
            yield node


def described(node: Definition) -> list[ast.stmt]:
    """Return the docstring of a definition as its body, or an ellipsis."""
    has = ast.get_docstring(node, clean=False) is not None
    return [node.body[0]] if has else [ast.Expr(ast.Constant(...))]


def field(node: ast.stmt) -> bool:
    """Return whether a statement of a class is a public attribute with its annotation."""
    return (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and is_public(node.target.id)
    )


def stub(node: Definition) -> Definition:
    """Return a definition without its code: signature, docstring, fields and public methods."""
    shown, body = copy(node), described(node)
    if isinstance(node, ast.ClassDef):
        inside = [*(n for n in node.body if field(n)), *map(stub, public(node.body))]
        body = inside if inside and ast.get_docstring(node) is None else [*body, *inside]
    shown.body = body
    # A reader need not know the hooks' marker.
    shown.decorator_list = [d for d in node.decorator_list if ast.unparse(d) != "hookspec"]
    return shown


def code(nodes: list[ast.stmt]) -> str:
    """Return statements as a block, with an empty line between definitions."""
    texts = [ast.unparse(ast.fix_missing_locations(n)) for n in nodes]
    return "```python\n" + "\n\n".join(texts) + "\n```\n"


def shown_of(tree: ast.Module, names: set[str] | None = None) -> list[ast.stmt]:
    """Return the stubs of a module's public names, or of those that are named."""
    found = [stub(n) for n in public(tree.body) if names is None or n.name in names]
    constants = [n for n in tree.body if names and assigns(n) in names]
    return [*constants, *found]


def assigns(node: ast.stmt) -> str:
    """Return the name that a statement assigns to; empty if none."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""


def interfaces() -> Iterator[str]:
    """Yield a section for each module of contracts, with the names that are exported."""
    folder = ROOT / "reidbench" / "interfaces"
    top = parsed(folder / "__init__.py")
    exported = next(n.value for n in top.body if assigns(n) == "__all__")
    names = set(ast.literal_eval(exported))
    for path in sorted(folder.glob("[!_]*.py")):
        if shown := shown_of(parsed(path), names):
            yield f"### {path.stem}\n\n{summary(path)}\n\n{code(shown)}"


def networks() -> Iterator[str]:
    """Yield a section for each module of networks' parts."""
    for path in sorted((ROOT / "reidbench" / "nn").glob("[!_]*.py")):
        yield f"### reidbench.nn.{path.stem}\n\n{summary(path)}\n\n{code(shown_of(parsed(path)))}"


def summary(path: Path) -> str:
    """Return the first paragraph of a module's docstring."""
    text = ast.get_docstring(parsed(path)) or ""
    return text.partition("\n\n")[0].replace("``", "`")


def hooks() -> Iterator[str]:
    """Yield a section for each hook: signature, callers, implementers, test."""
    for node in public(parsed(ROOT / "reidbench" / "hookspecs.py").body):
        file, test = TESTS[node.name]
        yield (
            f"### {node.name}\n\n{code([stub(node)])}\n"
            f"- called in {listed(mentions(node.name))}\n"
            f"- implemented in {listed(implementers(node.name)) or 'no part of the project'}\n"
            f"- tested by `{test}` in `{file}`\n"
        )


def mentions(hook: str) -> list[str]:
    """Return the files of the core that call a hook."""
    calls = (f"hooks.{hook}", f'_caller("{hook}"')
    files = sorted((ROOT / "reidbench").rglob("*.py"))
    return [name(f) for f in files if any(call in f.read_text() for call in calls)]


def implementers(hook: str) -> list[str]:
    """Return what implements a hook: files of the core, the plugins' folder, drafts' templates."""
    core = [f for f in sorted((ROOT / "reidbench").rglob("*.py")) if f.stem != "hookspecs"]
    plugins = [*(ROOT / "plugins").glob("*/reidbench_*/__init__.py")]
    bundled = ["plugins/*/"] if any(f"def {hook}(" in f.read_text() for f in plugins) else []
    return [*(name(f) for f in core if f"def {hook}(" in f.read_text()), *bundled]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def listed(names: list[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def page() -> str:
    """Return the page as the sources have it."""
    parts = [HEAD, INTERFACES, *interfaces(), HOOKS, *hooks(), NN, *networks()]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
