"""Versions of components, read from their source: importing them would import torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ATTRIBUTE = "version"


def version_of(target: str) -> int | None:
    """Return the version that a class or the nearest of its bases states.

    Args:
        target: path of the class, as ``"module:Class"``.

    Returns:
        None where the source does not tell, as of a value that is computed.
    """
    module, _, name = target.partition(":")
    return next(_stated(module, name, frozenset()), None)


def _stated(module: str, name: str, seen: frozenset[str]) -> Iterator[int | None]:
    """Yield the versions of a class, then of its bases, in the order in which they are looked up.

    A module that only imports the class is followed to the one that has it.
    """
    place, tree = f"{module}:{name}", _parsed(module)
    if tree is None or place in seen:
        return
    seen |= {place}
    imported = _imports(tree, module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from _own(node, module)
            for base in filter(None, map(_dotted, node.bases)):
                first, _, rest = base.partition(".")
                origin = imported.get(first, f"{module}:{first}")
                yield from _stated(*_class_in(origin, rest), seen)
            return
    if name in imported:
        yield from _stated(*_class_in(imported[name], ""), seen)


def _own(node: ast.ClassDef, module: str) -> Iterator[int | None]:
    """Yield what a class states; None for what is no number or the name of one."""
    for line in node.body:
        if ATTRIBUTE in _targets(line):
            yield _number(getattr(line, "value", None), module)


def _number(value: ast.expr | None, module: str, hops: int = 3) -> int | None:
    if isinstance(value, ast.Constant):
        return value.value if type(value.value) is int else None
    tree = _parsed(module)
    if not isinstance(value, ast.Name) or tree is None or hops == 0:
        return None
    for line in tree.body:
        if value.id in _targets(line):
            return _number(getattr(line, "value", None), module, hops - 1)
    origin, _, name = _imports(tree, module).get(value.id, "").partition(":")
    return _number(ast.Name(name), origin, hops - 1) if name else None


def _targets(line: ast.stmt) -> list[str]:
    """Return the names that a line gives a value to, as far as they are plain."""
    found = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
    return [n.id for n in found if isinstance(n, ast.Name)]


def _class_in(origin: str, rest: str) -> tuple[str, str]:
    """Return module and class of a base's name: ``origin`` of its first part, and the others."""
    module, _, name = origin.partition(":")
    *inner, last = [part for part in (name, *rest.split(".")) if part] or [""]
    return ".".join([module, *inner]), last


def _imports(tree: ast.Module, module: str) -> dict[str, str]:
    """Return where imported names come from, as ``"module:name"``, and modules as ``"module:"``."""
    found = {}
    package = module if _is_package(module) else module.rpartition(".")[0]
    for node in ast.walk(tree):  # imports for type checkers too: a package may import lazily
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or whole] = f"{whole}:"
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = [*up, *filter(None, [node.module])] if node.level else [node.module or ""]
            for alias in node.names:
                found[alias.asname or alias.name] = f"{'.'.join(base)}:{alias.name}"
    return found


def _dotted(node: ast.expr) -> str:
    """Return a base as it is written, without type arguments; empty for anything but names."""
    if isinstance(node, ast.Subscript):
        return _dotted(node.value)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


@cache
def _parsed(module: str) -> ast.Module | None:
    path = _path(module)
    try:
        return ast.parse(path.read_bytes()) if path else None
    except (OSError, SyntaxError, ValueError):  # compiled, or gone
        return None


def _is_package(module: str) -> bool:
    path = _path(module)
    return path is not None and path.name == "__init__.py"


@cache
def _path(module: str) -> Path | None:
    """Return the file of a module; of packages only the outermost is asked for, none imported."""
    top, *inner = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    if inner:
        below = path.parent.joinpath(*inner)
        candidates = (below.with_suffix(".py"), below / "__init__.py")
        return next((p for p in candidates if p.is_file()), None)
    return path if path.suffix == ".py" else None
