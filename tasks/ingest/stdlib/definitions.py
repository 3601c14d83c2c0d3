"""What a module of the standard library defines, whether it was read from source or compiled.

``python_source`` fills these from syntax trees and ``compiled`` from a process of its own;
``public_names`` finds out under which names users know them.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["module", "class", "function", "method", "property", "topic"]


@dataclass(slots=True)
class Definition:
    """A function, class, method or property where it is defined.

    ``signature`` is the parenthesised part, without the name: ``(src, dst, *, symlinks=False)``.
    ``bases`` are names as written (source) or keys of other definitions (compiled);
    ``doc_from`` is whose docstring it takes over (``splitext.__doc__ = genericpath...``).
    """

    module: str
    qualname: str
    kind: Kind
    doc: str | None
    signature: str | None = None
    members: dict[str, "Definition"] = field(default_factory=dict)
    bases: list["Reference"] = field(default_factory=list)
    compiled: bool = False
    doc_from: "Reference | None" = None

    @property
    def key(self) -> tuple[str, str]:
        """Tells this definition from all others."""
        return (self.module, self.qualname)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands for something defined elsewhere.

    ``path`` is looked up in ``module``: ``Reference("json.decoder", ("JSONDecoder",))``. An empty
    path stands for the module itself. ``instance`` says that an object of that class is meant, so
    that only its members can be told.
    """

    module: str
    path: tuple[str, ...] = ()
    instance: bool = False


Binding = Definition | Reference


@dataclass(slots=True)
class Module:
    """A module's documentation and the names it binds, in the order of the source.

    ``exports`` is its ``__all__`` as far as it can be told without running it, else None;
    ``exports_of`` are modules whose public names it adds to that list; ``strings`` are lists of
    strings under a name, which that list may be put together from. ``star_imports`` are the
    modules of ``from x import *``, ``mentioned`` all modules it imports anywhere, also inside
    functions, and ``doc_from`` is a module whose docstring it takes over. ``claimed`` are compiled
    types that say they are the module's, though it may hold them under no name, or another.
    """

    name: str
    doc: str | None
    is_package: bool = False
    doc_from: str | None = None
    compiled: bool = False
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    claimed: dict[str, Definition] = field(default_factory=dict)
    exports: list[str] | None = None
    exports_of: list[str] = field(default_factory=list)
    strings: dict[str, list[str]] = field(default_factory=dict)
    star_imports: list[str] = field(default_factory=list)
    mentioned: set[str] = field(default_factory=set)

    def bind(self, name: str, binding: Binding) -> None:
        """Add one more thing that a name may stand for; the first found wins later."""
        self.bindings.setdefault(name, []).append(binding)
