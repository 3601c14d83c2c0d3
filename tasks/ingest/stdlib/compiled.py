"""The compiled modules of the standard library: their docstrings, from a process of their own."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from chatwright.errors import ChatwrightError
from tasks.ingest.stdlib.definitions import Definition, Module, Reference

PROBE = Path(__file__).with_name("compiled_probe.py")
# "get(", "D.get(" or, at the start of an example, "csv_reader = reader("
CALL = re.compile(r"(\w+ = )?(?:\w+\.)?(\w+)(?=\()")
TYPE = r"\w+(?:\.\w+)*(?:\[[\w., ]*\])?"
RETURNS = re.compile(rf"\s*->\s*({TYPE}(?:(?: or |, | \| ){TYPE})*)")


def compiled_modules(*, timeout_seconds: float = 60.0) -> dict[str, Module]:
    """Every compiled module of the running Python's standard library, by name.

    Types that only a module of Python source names (``re.Pattern``) are ``claimed`` by a ``Module``
    of that name, to be found when the source does not tell what the name is.

    Raises:
        ChatwrightError: the process that imports them failed or did not end in time.
    """
    command = [sys.executable, "-I", "-W", "ignore", str(PROBE)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_seconds, check=True)
    except subprocess.TimeoutExpired:
        raise ChatwrightError(
            sys.executable, f"did not describe its compiled modules in {timeout_seconds:g} s"
        ) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="backslashreplace").strip().splitlines()
        raise ChatwrightError(
            sys.executable, f"could not describe its compiled modules: {(said or [''])[-1]}"
        ) from None
    return modules_from_survey(json.loads(done.stdout))


def modules_from_survey(survey: dict[str, Any]) -> dict[str, Module]:
    """Turn the answer of ``compiled_probe.survey`` into modules."""
    definitions = {key: definition(key, entry) for key, entry in survey["objects"].items()}
    modules = {
        name: Module(name, cleaned(entry["doc"]), compiled=True)
        for name, entry in survey["modules"].items()
    }
    for name, entry in survey["modules"].items():
        for attribute, key in entry["names"].items():
            modules[name].bind(attribute, definitions[key])
    for key, found in definitions.items():
        claimed_module = survey["objects"][key]["module"]
        claimed_name = survey["objects"][key]["qualname"]
        if isinstance(claimed_module, str) and "." not in claimed_name:
            module = modules.setdefault(claimed_module, Module(claimed_module, None, compiled=True))
            module.claimed.setdefault(claimed_name, found)
    return modules


def definition(key: str, entry: dict[str, Any]) -> Definition:
    """One function or class with its members."""
    module, name = key.split(":", 1)
    doc, signature = doc_and_signature(name.rsplit(".", 1)[-1], entry["doc"], entry["signature"])
    found = Definition(module, name, entry["kind"], doc, signature, compiled=True)
    for member in entry.get("members", []):
        doc, signature = doc_and_signature(member["name"], member["doc"], member["signature"])
        found.members[member["name"]] = Definition(
            module, f"{name}.{member['name']}", member["kind"], doc, signature, compiled=True
        )
    for base in entry.get("bases", []):
        base_module, base_name = base.split(":", 1)
        found.bases.append(Reference(base_module, (base_name,)))
    return found


def cleaned(doc: str | None) -> str | None:
    """A docstring without its indentation; None when nothing is left."""
    return (inspect.cleandoc(doc).strip() or None) if doc else None


def doc_and_signature(
    name: str, doc: str | None, text_signature: str | None
) -> tuple[str | None, str | None]:
    """The docstring and the signature, which older C code writes into the docstring's first line.

    >>> doc_and_signature("get", "D.get(k[,d]) -> D[k] if k in D.", None)
    ('D[k] if k in D.', '(k[,d])')
    >>> doc_and_signature("len", "Return the number of items.", "($module, obj, /)")
    ('Return the number of items.', '(obj, /)')
    """
    doc = cleaned(doc)
    signature = None
    if text_signature:
        signature = re.sub(r"^\(\$\w+(, /)?(, )?", "(", " ".join(text_signature.split()))
    head = CALL.match(doc or "")
    head = head if head and head[2] == name else None
    end = closing_parenthesis(doc or "", head.end()) if head else None
    if not doc or not head or end is None:
        return doc, signature
    written, rest = " ".join(doc[head.end() : end].split()), doc[end:]
    returns = RETURNS.match(rest)
    if returns and re.match(r"\s*(?:\n|[.:,;]|--|$)", rest[returns.end() :]):
        written += f" -> {returns[1]}"
        rest = rest[returns.end() :]
    rest = re.sub(r"^\s*(?:[.:,;]|--?>?)?\s*", "", rest)
    # "csv_reader = reader(...)" begins an example, which stays whole.
    return doc if head[1] else cleaned(rest) or doc, signature or written


def closing_parenthesis(text: str, start: int) -> int | None:
    """The place after the parenthesis that closes the one at ``start``; None if none does."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return None
