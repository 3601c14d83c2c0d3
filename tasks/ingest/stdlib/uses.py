"""How often the standard library's own source uses each public name: how well known it is.

Imports, attributes of imported modules and uses of imported names and builtins are counted, in
every module but the one that defines the name. A method is looked up in objects whose class
parsing does not tell, so ``x.split()`` counts for every public class with a ``split``, in equal
parts.
"""

import ast
import builtins
from collections import Counter
from dataclasses import dataclass, field

from tasks.ingest.stdlib.definitions import Definition, Module, Reference
from tasks.ingest.stdlib.lookup import Library
from tasks.ingest.stdlib.python_source import absolute, all_nodes, dotted

BUILTIN_NAMES = frozenset(dir(builtins))


@dataclass(slots=True)
class Mentions:
    """What the source of one module mentions: full dotted names, and attributes of unknowns."""

    names: Counter[str] = field(default_factory=Counter)
    attributes: Counter[str] = field(default_factory=Counter)


def mentions(tree: ast.Module, module: Module) -> Mentions:
    """Count what a module mentions."""
    found = Mentions()
    nodes = all_nodes(tree)
    imported: dict[str, str] = {}
    bound: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.split(".")[0]
                imported[alias.asname or full] = full
                module.mentioned.add(alias.name)
                found.names[alias.name] += 1
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, module.name, module.is_package)
            module.mentioned.add(origin)
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{origin}.{alias.name}"
                found.names[f"{origin}.{alias.name}"] += 1
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
    for node in nodes:
        if isinstance(node, ast.Attribute):
            path = dotted(node)
            if path and path[0] in imported:
                found.names[".".join((imported[path[0]], *path[1:]))] += 1
            elif not path or path[0] not in ("self", "cls") or len(path) > 2:
                found.attributes[node.attr] += 1
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in imported:
                found.names[imported[node.id]] += 1
            elif node.id in BUILTIN_NAMES and node.id not in bound:
                found.names[f"builtins.{node.id}"] += 1
    return found


def uses_of_names(library: Library, found: dict[str, Mentions]) -> Counter[str]:
    """Uses of each module (by its name) and each definition (by ``module:qualname``)."""
    uses: Counter[str] = Counter()
    meaning: dict[str, str | None] = {}
    home: dict[str, str] = {}
    for module, mentioned in found.items():
        for name, count in mentioned.names.items():
            if name not in meaning:
                target = _target(library, name)
                meaning[name] = target if isinstance(target, str) else use_key(target)
                home[name] = target if isinstance(target, str) else getattr(target, "module", "")
            key = meaning[name]
            if key and home[name] != module:
                uses[key] += count
    return uses


def use_key(definition: Definition | None) -> str | None:
    """The key under which a definition's uses are counted."""
    return f"{definition.module}:{definition.qualname}" if definition else None


def _target(library: Library, name: str) -> Definition | str | None:
    """What a full dotted name stands for: a module (its name), a definition, or nothing known."""
    module = library.module(name)
    if module:
        return module.name
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = library.module(".".join(parts[:length]))
        if module:
            return library.definition(Reference(module.name, tuple(parts[length:])))
    return None
