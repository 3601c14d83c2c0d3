"""What a module does, as a hash: of its own source and of all of ours that it imports.

Results that are kept from run to run stand under it, so that a changed program makes them anew.
Packages of others count by their version, and Python by its own, which is that of Unicode as well.
"""

import ast
import hashlib
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

OURS = ("tasks", "model")
# Types and limits of parameters, whose values stand in the fingerprints themselves, and progress.
LEFT_OUT = ("tasks.params", "tasks.quality_params", "tasks.progress")


@cache
def program(module: str) -> str:
    """The hash of a module, whole, as hexadecimal digits.

    Lazy imports, inside functions, count as well.

    >>> program("tasks.preprocess.cleaning") == program("tasks.preprocess.cleaning")
    True
    """
    digest = hashlib.blake2b(f"{sys.version_info[:2]}".encode(), digest_size=16)
    todo, seen, others = [module], {module}, set()
    while todo:
        name = todo.pop()
        for imported in _imported(_source(name)):
            top = imported.partition(".")[0]
            if top not in OURS:
                others.add(top)
            elif imported not in seen and not imported.startswith(LEFT_OUT) and _file(imported):
                seen.add(imported)
                todo.append(imported)
    for name in sorted(seen):
        digest.update(f"{name}\0".encode() + _source(name) + b"\0")
    for top in sorted(others - sys.stdlib_module_names):
        digest.update(f"{top} {_version(top)}\0".encode())
    return digest.hexdigest()


def own_source(module: str) -> str:
    """The hash of a module's own file alone."""
    return hashlib.blake2b(_source(module), digest_size=16).hexdigest()


@cache
def _file(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # what is imported is a name in a module, not a module
        return None
    return Path(spec.origin) if spec and spec.origin else None


@cache
def _source(module: str) -> bytes:
    path = _file(module)
    if path is None:
        raise ModuleNotFoundError(module)
    return path.read_bytes()


@cache
def _imported(source: bytes) -> list[str]:
    """The modules that a source names in its imports, and what it takes out of them."""
    found = []
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif not isinstance(node, ast.expr):  # in which no import is, and which most nodes are
            todo += ast.iter_child_nodes(node)
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # not installed, or installed under another name
        return ""
