"""The modules of the standard library together: what a name in any of them stands for.

Names are followed through imports, ``from x import *``, aliases and base classes, all from what
parsing found; a name bound in several branches (``try``/``except ImportError``) may stand for
several definitions, the Python one first and its compiled twin after it.
"""

from collections.abc import Iterator

from tasks.ingest.stdlib.definitions import Binding, Definition, Module, Reference

# Modules that carry a public name but are the insides of another: `os` and `os.path` take their
# names from there, and those are the ones users import.
IMPLEMENTATIONS = frozenset({"posix", "nt", "posixpath", "ntpath", "genericpath", "nturl2path"})

# multiprocessing fills its own namespace with the methods of its default context; the class that
# its Process stands for is chosen by the platform.
CONTEXT = "multiprocessing.context"
RUN_TIME_NAMES = {
    "multiprocessing": {
        "Process": Reference("multiprocessing.process", ("BaseProcess",)),
        **{
            name: Reference(CONTEXT, ("BaseContext", name))
            for name in (
                "Array Barrier BoundedSemaphore Condition Event JoinableQueue Lock Manager Pipe"
                " Pool Queue RLock RawArray RawValue Semaphore SimpleQueue Value cpu_count"
                " freeze_support get_context get_logger log_to_stderr set_executable"
                " set_forkserver_preload"
            ).split()
        },
    }
}


def is_private(module: str) -> bool:
    """Whether a module is not meant for users, by its name."""
    return module in IMPLEMENTATIONS or any(part.startswith("_") for part in module.split("."))


class Library:
    """Modules looked up by name, and what their names stand for."""

    def __init__(self, source: dict[str, Module], compiled: dict[str, Module]) -> None:
        """Take modules read from source, and compiled ones, which come second where both are."""
        self.source = source
        self.compiled = compiled
        self._definitions: dict[Reference, Definition | None] = {}
        self._bases: dict[tuple[str, str], list[Definition]] = {}

    def module(self, name: str) -> Module | None:
        """The module of that name, also one that a package holds as an attribute: ``os.path``."""
        found = self.source.get(name) or self.compiled.get(name)
        if found is None and "." in name:
            package, last = name.rsplit(".", 1)
            for binding in self.bindings(package, last):
                if isinstance(binding, Reference) and not binding.path:
                    return self.module(binding.module)
        return found

    def bindings(self, module: str, name: str) -> Iterator[Binding]:
        """What a name in a module may stand for, first choice first."""
        found = self.source.get(module) or self.compiled.get(module)
        if found is None:
            return
        yield from found.bindings.get(name, [])
        if name in RUN_TIME_NAMES.get(module, {}):
            yield RUN_TIME_NAMES[module][name]
        for origin in found.star_imports:
            yield Reference(origin, (name,))
        if module in self.compiled and name in self.compiled[module].claimed:
            yield self.compiled[module].claimed[name]
        if found.exports and name in found.exports:
            yield from self._bound_at_run_time(found, name)

    def _bound_at_run_time(self, module: Module, name: str) -> Iterator[Binding]:
        """What an exported name may stand for that only running the module would bind.

        hashlib takes its functions from the compiled modules that it imports, concurrent.futures
        its executors from its parts when they are first asked for, turtle its functions from the
        methods of its classes.
        """
        for origin in sorted(module.mentioned):
            if is_private(origin) and origin in self.compiled:
                yield from self.compiled[origin].bindings.get(name, [])
            elif origin.startswith(module.name + ".") and origin in self.source:
                yield from self.source[origin].bindings.get(name, [])
        if name not in module.bindings:
            for owners in module.bindings.values():
                for owner in owners:
                    if isinstance(owner, Definition) and name in owner.members:
                        yield owner.members[name]

    def definitions(
        self, reference: Reference, seen: frozenset[Reference] = frozenset()
    ) -> Iterator[Definition]:
        """All definitions a reference may stand for, first choice first."""
        if reference in seen or not reference.path:
            return
        seen |= {reference}
        first, rest = reference.path[0], reference.path[1:]
        candidates = list(self.bindings(reference.module, first))
        if not candidates and "builtins" in self.compiled:
            candidates = list(self.compiled["builtins"].bindings.get(first, []))
        if rest and f"{reference.module}.{first}" in self.source:
            candidates.append(Reference(f"{reference.module}.{first}"))
        for candidate in candidates:
            if isinstance(candidate, Reference):
                if candidate.instance and not rest:
                    continue
                path = (*candidate.path, *rest)
                yield from self.definitions(Reference(candidate.module, path), seen)
            elif not rest:
                yield candidate
            elif member := self.member(candidate, rest, seen):
                yield member

    def definition(self, reference: Reference) -> Definition | None:
        """The definition a reference stands for: the first that is documented, else the first.

        What a Python class leaves undocumented is taken from its compiled twin.
        """
        if reference not in self._definitions:
            self._definitions[reference] = None  # ends a circle of docstrings taken over
            found = list(self.definitions(reference))
            for each in found:
                if each.doc_from and not each.doc:
                    lender = self.definition(each.doc_from)
                    each.doc = lender.doc if lender else None
            chosen = next((each for each in found if each.doc), found[0] if found else None)
            if chosen and chosen.kind == "class":
                for twin in found:
                    lend_documentation(twin, chosen)
            self._definitions[reference] = chosen
        return self._definitions[reference]

    def member(
        self, owner: Definition, path: tuple[str, ...], seen: frozenset[Reference]
    ) -> Definition | None:
        """A member of a class or of one of its bases."""
        found = owner.members.get(path[0])
        if found:
            return self.member(found, path[1:], seen) if path[1:] else found
        for base in owner.bases:
            for definition in self.definitions(base, seen):
                if definition is not owner and (member := self.member(definition, path, seen)):
                    return member
        return None

    def bases(self, owner: Definition) -> list[Definition]:
        """A class's bases and theirs, depth first, as far as the library has them."""
        if owner.key not in self._bases:
            found: dict[tuple[str, str], Definition] = {}
            self._bases[owner.key] = []  # a class that is its own base by mistake ends here
            for reference in owner.bases:
                base = self.definition(reference)
                for each in [base, *self.bases(base)] if base else ():
                    if each.key != owner.key:
                        found.setdefault(each.key, each)
            self._bases[owner.key] = list(found.values())
        return self._bases[owner.key]

    def holder(self, owner: Definition, name: str) -> Definition | None:
        """The class, of a class and its bases, that a member comes from."""
        return next((e for e in (owner, *self.bases(owner)) if name in e.members), None)

    def name_of_module(self, module: Module, path: str) -> str:
        """The full name of a module that another one calls by ``path``."""
        first, _, rest = path.partition(".")
        for binding in module.bindings.get(first, []):
            if isinstance(binding, Reference):
                full = ".".join([binding.module, *binding.path] + ([rest] if rest else []))
                if self.module(full):
                    return full
        inside = f"{module.name}.{path}"
        return inside if self.module(inside) else path


def lend_documentation(twin: Definition, chosen: Definition) -> None:
    """Fill the docstrings that a class's methods lack from the same class defined elsewhere."""
    for name, member in chosen.members.items():
        other = twin.members.get(name)
        if other and not member.doc:
            member.doc = other.doc
