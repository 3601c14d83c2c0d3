"""Under which names users know what the standard library defines.

A definition often can be reached by several names: ``posixpath.split`` is what ``os.path.split``
stands for, ``json.decoder.JSONDecoder`` is also ``json.JSONDecoder``, ``Path.name`` is inherited
from ``PurePath``. All public names of a definition are collected; one becomes its title, the
others its aliases. Public is what Python says is: named in ``__all__``, or, in a module without
one, defined there without a leading underscore or taken over from a private module.
"""

from collections import Counter
from dataclasses import dataclass, field

from tasks.ingest.stdlib.definitions import Binding, Definition, Module, Reference
from tasks.ingest.stdlib.lookup import RUN_TIME_NAMES, Library, is_private

Key = tuple[str, str]

MOST_HEIRS = 8
"""A class with more public subclasses in its module (``Exception``) lends them no aliases."""


@dataclass(slots=True)
class PublicName:
    """A definition under the name that users know; ``title`` is ``module`` and the name in it."""

    title: str
    module: str
    definition: Definition
    aliases: set[str] = field(default_factory=set)


def title_of(module: str, name: str) -> str:
    """The name a user would write: builtins need no module."""
    return name if module == "builtins" else f"{module}.{name}"


def public_modules(library: Library) -> list[str]:
    """The modules users may import, sorted."""
    names = {name for name in {*library.source, *library.compiled} if not is_private(name)}
    if library.module("os.path"):
        names.add("os.path")
    return sorted(names)


def names_in(library: Library, module_name: str) -> set[str]:
    """The names that a module offers to users."""
    module = library.module(module_name)
    if module is None:
        return set()
    if module.exports is not None:
        names = set(module.exports)
        for origin in module.exports_of:
            names |= names_in(library, library.name_of_module(module, origin))
    else:
        names = {
            name
            for name, bindings in module.bindings.items()
            if any(_is_own(module, each) for each in bindings)
        }
        for origin in module.star_imports:
            if _belongs_to(origin, module):
                names |= names_in(library, origin)
    names |= RUN_TIME_NAMES.get(module_name, {}).keys()
    return {name for name in names if not name.startswith("_")}


def _is_own(module: Module, binding: Binding) -> bool:
    """Whether what a module without ``__all__`` binds is its own, not a mere import."""
    if isinstance(binding, Definition):
        return True
    if not binding.path:
        return False
    return binding.module == module.name or _belongs_to(binding.module, module)


def _belongs_to(origin: str, module: Module) -> bool:
    """Whether a module is private, or a part of the package that takes from it."""
    return is_private(origin) or origin.startswith(module.name + ".")


def top_level_names(library: Library, spelled: Counter[str]) -> dict[Key, PublicName]:
    """Every public function and class, each under one title.

    Args:
        library: the modules.
        spelled: how often the library's source spells out each dotted name.
    """
    candidates: dict[Key, set[tuple[str, str]]] = {}
    definitions: dict[Key, Definition] = {}
    for module_name in public_modules(library):
        module = library.module(module_name)
        home = module.name if module else module_name
        for name in sorted(names_in(library, module_name)):
            found = library.definition(Reference(home, (name,)))
            if found:
                definitions[found.key] = found
                candidates.setdefault(found.key, set()).add((module_name, name))
    public = {}
    for key, names in candidates.items():
        module_name, name = min(names, key=lambda each: _rank(each, definitions[key], spelled))
        title = title_of(module_name, name)
        aliases = {title_of(*each) for each in names} - {title}
        public[key] = PublicName(title, module_name, definitions[key], aliases)
    return public


def _rank(
    candidate: tuple[str, str], definition: Definition, spelled: Counter[str]
) -> tuple[bool, bool, int, int, bool, str]:
    """Sorts the public names of a definition, the best first.

    Builtins before all; then where it is defined, or a package around that; then the fewest dots;
    then the one that is spelled out most; then the name that it was defined under.
    """
    (module, name), home = candidate, definition.module
    if is_private(home):  # _csv is the inside of csv, importlib._bootstrap of importlib.machinery
        foreign = home.lstrip("_").split(".")[0] != module.split(".")[0]
    else:
        foreign = home != module and not home.startswith(module + ".")
    title = title_of(module, name)
    times = spelled[f"{module}.{name}"]
    return (
        module != "builtins",
        foreign,
        title.count("."),
        -times,
        name != definition.qualname,
        title,
    )


def member_names(
    library: Library, top_level: dict[Key, PublicName], spelled: Counter[str]
) -> list[PublicName]:
    """Every public method, property and inner class, each under one title, sorted by title.

    What a public class inherits from a private one counts as its own. A method that is also a
    module's function (``random.choice``) keeps that title, and gets an alias more.

    Args:
        library: where bases are looked up.
        top_level: the public functions and classes; aliases may be added to them.
        spelled: how often the library's source spells out each dotted name.
    """
    owners = sorted(
        (each for each in top_level.values() if each.definition.kind == "class"),
        key=lambda each: each.title,
    )
    holders = _holders(library, owners, top_level)
    found: dict[Key, PublicName] = {}

    def add(owner: PublicName, others: list[PublicName], member: Definition, name: str) -> None:
        names = {f"{each.title}.{name}" for each in (owner, *others)}
        known = top_level.get(member.key)
        if known is None:
            known = found.setdefault(
                member.key, PublicName(f"{owner.title}.{name}", owner.module, member)
            )
        known.aliases |= names - {known.title}
        for inner_name, inner in sorted(member.members.items()):
            if not inner_name.startswith("_"):
                add(owner, [], inner, f"{name}.{inner_name}")

    for holder, users in holders:
        for name, member in sorted(holder.members.items()):
            if name.startswith("_"):
                continue
            users_of_name = [u for u in users if library.holder(u.definition, name) is holder]
            if users_of_name:
                owner = min(
                    users_of_name, key=lambda each: _distance(library, each, holder, name, spelled)
                )
                near = [u for u in users_of_name if u.module == owner.module and u is not owner]
                add(owner, near if len(near) <= MOST_HEIRS else [], member, name)
    return sorted(found.values(), key=lambda each: each.title)


def _holders(
    library: Library, owners: list[PublicName], top_level: dict[Key, PublicName]
) -> list[tuple[Definition, list[PublicName]]]:
    """Each class whose members are public, with the public classes that have them.

    These are the public classes and those of their bases that are private or of the same package;
    of pydoc's HTMLDoc, which is neither public nor near, nobody wants to hear in xmlrpc.server.
    """
    found: dict[Key, tuple[Definition, list[PublicName]]] = {}
    for owner in owners:
        package = owner.definition.module.split(".")[0]
        for holder in (owner.definition, *library.bases(owner.definition)):
            inside = is_private(holder.module) or holder.qualname.startswith("_")
            if holder.key in top_level or inside or holder.module.split(".")[0] == package:
                found.setdefault(holder.key, (holder, []))[1].append(owner)
    return list(found.values())


def _distance(
    library: Library, owner: PublicName, holder: Definition, name: str, spelled: Counter[str]
) -> tuple[bool, int, bool, int, str]:
    """Sorts the public classes that have a member, the one to name it after first.

    The class that users know goes before the one it was taken out of: ``Path`` before
    ``PurePath``, ``ConfigParser`` before ``RawConfigParser``, and the class that a module is
    named after before others of it, ``datetime.datetime.strftime`` before ``datetime.date``'s;
    but ``datetime.date.today`` stays, as that is how it is spelled. Then the nearest; of those the
    one that has the name of its private base (``io.IOBase`` of ``_io._IOBase``); then the most
    used.
    """
    bases = library.bases(owner.definition)
    steps = 1 + bases.index(holder) if holder in bases else 0
    last, base = owner.title.rpartition(".")[2], holder.qualname.lstrip("_")
    better_known = last == owner.module or (base.endswith(last) and base != last)
    beside = steps > 0 and holder.module.lstrip("_") == owner.module
    original = spelled[f"{owner.module}.{holder.qualname}.{name}"]
    first = beside and better_known and spelled[f"{owner.title}.{name}"] >= original
    return (not first, steps, last != base, -spelled[owner.title], owner.title)
