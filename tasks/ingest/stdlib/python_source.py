"""The standard library's Python source, read by parsing: nothing of it is ever imported or run."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from tasks.ingest.stdlib.definitions import Definition, Kind, Module, Reference

# Decorators that make an attribute of a method.
PROPERTY_DECORATORS = {"property", "cached_property", "abstractproperty", "DynamicClassAttribute"}
SKIPPED_DECORATORS = {"overload", "setter", "deleter", "getter", "register"}


def source_files(library: Path) -> Iterator[tuple[str, Path]]:
    """Every module of a library folder, as (dotted name, file), sorted by name.

    Folders without ``__init__.py`` and ``site-packages`` are not part of the library.
    """

    def inside(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
        for path in sorted(folder.iterdir()):
            if path.suffix == ".py" and path.stem.isidentifier() and path.stem != "__init__":
                yield prefix + path.stem, path
            elif path.name.isidentifier() and (path / "__init__.py").is_file():
                yield prefix + path.name, path / "__init__.py"
                yield from inside(path, f"{prefix}{path.name}.")

    yield from inside(library, "")


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file; warnings about its string escapes are not ours to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(path.read_bytes(), filename=str(path))


def module_from_tree(name: str, tree: ast.Module, is_package: bool) -> Module:
    """What a module binds at its top level, all branches of ``if`` and ``try`` included."""
    module = Module(name, ast.get_docstring(tree), is_package)
    for statement in statements(tree.body):
        read_statement(statement, module)
    return module


def all_nodes(tree: ast.Module) -> list[ast.AST]:
    """Every node of a tree; a quarter of the time that ``ast.walk`` takes."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        for value in vars(node).values():
            if isinstance(value, list):
                nodes += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.Load):
                nodes.append(value)
    return nodes


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those inside ``if``, ``try``, ``for`` and ``with`` included."""
    for statement in body:
        if isinstance(statement, ast.If | ast.For | ast.While):
            yield from statements(statement.body)
            yield from statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from statements(statement.body)
            for handler in statement.handlers:
                yield from statements(handler.body)
            yield from statements(statement.orelse)
            yield from statements(statement.finalbody)
        elif isinstance(statement, ast.With):
            yield from statements(statement.body)
        else:
            yield statement


def read_statement(statement: ast.stmt, module: Module) -> None:
    """Add what one top-level statement binds to the module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        if not decorators(statement) & SKIPPED_DECORATORS:
            module.bind(statement.name, function(statement, module.name))
    elif isinstance(statement, ast.ClassDef):
        module.bind(statement.name, class_(statement, module.name))
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                module.bind(alias.asname, Reference(alias.name))
            else:
                top = alias.name.split(".")[0]
                module.bind(top, Reference(top))
    elif isinstance(statement, ast.ImportFrom):
        origin = absolute(statement, module.name, module.is_package)
        for alias in statement.names:
            if alias.name == "*":
                module.star_imports.append(origin)
            elif alias.name == "__doc__":
                module.doc_from = origin
            elif alias.name == "__all__":
                module.exports = module.exports or []
                module.exports_of.append(origin)
            else:
                module.bind(alias.asname or alias.name, Reference(origin, (alias.name,)))
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            read_assignment(target, statement.value, module)
    elif isinstance(statement, ast.AnnAssign) and statement.value:
        read_assignment(statement.target, statement.value, module)
    elif isinstance(statement, ast.AugAssign):
        if isinstance(statement.target, ast.Name) and statement.target.id == "__all__":
            read_exports(statement.value, module)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if dotted(call.func) in (("__all__", "append"), ("__all__", "extend")) and call.args:
            read_exports(call.args[0], module)


def read_assignment(target: ast.expr, value: ast.expr, module: Module) -> None:
    """Add what ``target = value`` binds: an alias, an instance's bound method, or ``__all__``."""
    if isinstance(target, ast.Attribute) and target.attr == "__doc__":
        owners = module.bindings.get(".".join(dotted(target.value)), [])
        for owner in owners:
            if isinstance(owner, Definition):
                take_documentation(owner, value)
    if not isinstance(target, ast.Name):
        return
    if target.id == "__doc__" and isinstance(value, ast.Constant):
        module.doc = str(value.value)
    if target.id == "__all__":
        module.exports = None
        module.exports_of = []
        if not isinstance(value, ast.ListComp):  # tkinter: only running it would tell
            read_exports(value, module)
        return
    words = strings(value)
    if words is not None:
        module.strings[target.id] = words
    path = dotted(value)
    if isinstance(value, ast.Call):
        # `_inst = Random()`: what is looked up in the instance stands in its class.
        path = dotted(value.func)
        if path and target.id.startswith("_"):
            module.bind(target.id, Reference(module.name, path, instance=True))
    elif path:
        module.bind(target.id, Reference(module.name, path))


def take_documentation(definition: Definition, value: ast.expr) -> None:
    """Add what ``definition.__doc__ = value`` says: a text, or whose docstring it is."""
    path = dotted(value)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        definition.doc = value.value
    elif path[-1:] == ("__doc__",):
        definition.doc_from = Reference(definition.module, path[:-1])


def read_exports(value: ast.expr, module: Module) -> None:
    """Add the names that an expression puts into ``__all__``, as far as they can be told."""
    module.exports = module.exports if module.exports is not None else []
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        module.exports.append(value.value)
    elif isinstance(value, ast.List | ast.Tuple | ast.Set):
        for element in value.elts:
            read_exports(element, module)
    elif isinstance(value, ast.Name):
        module.exports.extend(module.strings.get(value.id, []))
    elif isinstance(value, ast.Starred):
        read_exports(value.value, module)
    elif isinstance(value, ast.BinOp):
        read_exports(value.left, module)
        read_exports(value.right, module)
    elif isinstance(value, ast.Attribute) and value.attr == "__all__":
        path = dotted(value.value)
        if path:
            module.exports_of.append(".".join(path))
    elif isinstance(value, ast.Call):
        # os.py: __all__.extend(_get_exports_list(posix))
        for argument in value.args:
            path = dotted(argument)
            if path:
                module.exports_of.append(".".join(path))


def strings(value: ast.expr) -> list[str] | None:
    """The elements of a literal list, tuple or set of strings; None for anything else."""
    if not isinstance(value, ast.List | ast.Tuple | ast.Set):
        return None
    found = [e.value for e in value.elts if isinstance(e, ast.Constant)]
    words = [each for each in found if isinstance(each, str)]
    return words if len(words) == len(value.elts) else None


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The full name of the module that ``from ... import`` takes from."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def dotted(node: ast.expr) -> tuple[str, ...]:
    """The parts of ``a.b.c``; empty for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The last part of each decorator's name."""
    names = (
        dotted(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list
    )
    return {name[-1] for name in names if name}


def function(node: ast.FunctionDef | ast.AsyncFunctionDef, module: str) -> Definition:
    """A function of a module's top level."""
    call: str | None = signature(node, bound=False)
    if any(name.endswith("SpecialForm") for name in decorators(node)):
        call = None  # typing.Union is written as a function, but is subscripted
    return Definition(module, node.name, "function", ast.get_docstring(node), call)


def class_(node: ast.ClassDef, module: str, outer: str = "") -> Definition:
    """A class with its methods, properties and inner classes."""
    qualname = outer + node.name
    found = Definition(module, qualname, "class", ast.get_docstring(node))
    found.bases = [
        Reference(module, path)
        for path in (dotted(b.value if isinstance(b, ast.Subscript) else b) for b in node.bases)
        if path
    ]
    for statement in statements(node.body):
        if isinstance(statement, ast.ClassDef):
            found.members[statement.name] = class_(statement, module, qualname + ".")
        elif isinstance(statement, ast.Assign):
            if any(isinstance(t, ast.Name) and t.id == "__doc__" for t in statement.targets):
                take_documentation(found, statement.value)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            named = decorators(statement)
            if named & SKIPPED_DECORATORS:
                continue
            kind: Kind = "property" if named & PROPERTY_DECORATORS else "method"
            call = None
            if kind == "method":
                call = signature(statement, bound="staticmethod" not in named)
            member = Definition(
                module,
                f"{qualname}.{statement.name}",
                kind,
                ast.get_docstring(statement),
                call,
            )
            if statement.name not in found.members or member.doc:
                found.members[statement.name] = member
    for constructor in ("__init__", "__new__"):
        if constructor in found.members:
            found.signature = (found.members[constructor].signature or "").split(" -> ")[0]
            break
    return found


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef, bound: bool) -> str:
    """The parameters as written, without ``self`` or ``cls`` where the method is bound."""
    arguments = node.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    if bound and positional:
        arguments = ast.arguments(
            posonlyargs=arguments.posonlyargs[1:],
            args=arguments.args if arguments.posonlyargs else arguments.args[1:],
            vararg=arguments.vararg,
            kwonlyargs=arguments.kwonlyargs,
            kw_defaults=arguments.kw_defaults,
            kwarg=arguments.kwarg,
            # They belong to the last parameters, so only a default of `self` itself would go.
            defaults=arguments.defaults[max(0, len(arguments.defaults) - positional + 1) :],
        )
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"
