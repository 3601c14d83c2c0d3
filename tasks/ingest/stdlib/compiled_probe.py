"""Run as a script in a process of its own: what the compiled modules say about themselves, as JSON.

Compiled modules have no source to parse, so they have to be imported. That happens here, by
``compiled.py`` starting this file with ``python -I``, so that nothing an import does reaches the
process that builds the corpus. This file imports nothing of the project.

Prints ``{"modules": {name: {"doc", "names": {name: key}}}, "objects": {key: {...}}}``; objects
that several names refer to stand there once, which is how aliases are told from equals.
"""

import contextlib
import importlib
import importlib.util
import io
import json
import sys
import types
from typing import Any

METHOD_TYPES = (
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.BuiltinFunctionType,
    staticmethod,
    classmethod,
)
PROPERTY_TYPES = (types.GetSetDescriptorType, types.MemberDescriptorType)
CALLABLE_TYPES = (types.BuiltinFunctionType, type, *METHOD_TYPES)
SKIPPED_PREFIXES = ("_test", "_xx", "xx", "_ctypes_test")


def compiled_module_names() -> list[str]:
    """The standard library's modules that are not Python source, sorted."""
    names = []
    for name in sorted(sys.stdlib_module_names):
        if name.startswith(SKIPPED_PREFIXES):
            continue
        with contextlib.suppress(ImportError, ValueError, AttributeError):
            spec = importlib.util.find_spec(name)
            origin = spec.origin if spec else None
            if origin == "built-in" or (origin and not origin.endswith((".py", "frozen"))):
                names.append(name)
    return names


def own_name(value: Any) -> str | None:
    """The name that a function or class gives itself."""
    return getattr(value, "__name__", None) if isinstance(value, CALLABLE_TYPES) else None


def member_entry(name: str, member: Any) -> dict[str, Any] | None:
    """What a class attribute says about itself; None for what has no documentation of its own."""
    if isinstance(member, PROPERTY_TYPES):
        kind, signature = "property", None
    elif isinstance(member, METHOD_TYPES):
        kind = "method"
        member = getattr(member, "__func__", member)
        signature = getattr(member, "__text_signature__", None)
    else:
        return None
    doc = getattr(member, "__doc__", None)
    if not isinstance(doc, str):
        return None
    return {"name": name, "kind": kind, "doc": doc, "signature": signature}


def object_entry(value: Any, keys: dict[int, str]) -> dict[str, Any]:
    """What a function or class says about itself; ``bases`` are keys of other objects."""
    doc = value.__doc__ if isinstance(value.__doc__, str) else None
    entry: dict[str, Any] = {
        "module": getattr(value, "__module__", None),
        "qualname": getattr(value, "__qualname__", value.__name__),
        "kind": "class" if isinstance(value, type) else "function",
        "doc": doc,
        "signature": getattr(value, "__text_signature__", None),
    }
    if isinstance(value, type):
        found = (
            member_entry(name, member)
            for name, member in sorted(vars(value).items())
            if not name.startswith("_")
        )
        entry["members"] = [member for member in found if member]
        entry["bases"] = [keys[id(base)] for base in value.__bases__ if id(base) in keys]
    return entry


def subclasses(root: type) -> list[type]:
    """All classes of this process."""
    seen: dict[int, type] = {}
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for child in list[type](type.__subclasses__(parent)):
            if id(child) not in seen:
                seen[id(child)] = child
                waiting.append(child)
    return list(seen.values())


def survey() -> dict[str, Any]:
    """Import every compiled module and describe what it holds."""
    modules: dict[str, Any] = {}
    objects: dict[int, Any] = {}
    keys: dict[int, str] = {}
    # builtins first, so that OSError is not known as _socket.error.
    for module_name in sorted(compiled_module_names(), key=lambda name: (name != "builtins", name)):
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue  # built for this Python, but a library it needs is not installed
        names = {}
        # OSError before EnvironmentError: a thing's own name before others that it goes by.
        for name, value in sorted(
            vars(module).items(), key=lambda item: (own_name(item[1]) != item[0], item[0])
        ):
            if isinstance(value, CALLABLE_TYPES) and not name.startswith("__"):
                keys.setdefault(id(value), f"{module_name}:{name}")
                objects[id(value)] = value
                names[name] = keys[id(value)]
        modules[module_name] = {"doc": module.__doc__, "names": names}
    # Types that no module holds under a name, such as re.Pattern: a module of Python source
    # gives them theirs, so they are kept under the name they claim.
    for value in sorted(subclasses(object), key=lambda c: (str(c.__module__), c.__qualname__)):
        written_in_python = any(isinstance(v, types.FunctionType) for v in vars(value).values())
        if id(value) not in keys and isinstance(value.__module__, str) and not written_in_python:
            keys[id(value)] = f"{value.__module__}:{value.__qualname__}"
            objects[id(value)] = value
    described = {keys[number]: object_entry(value, keys) for number, value in objects.items()}
    return {"modules": modules, "objects": described}


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        answer = survey()
    json.dump(answer, sys.stdout)
