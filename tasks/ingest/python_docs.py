"""The source ``python-docs``: the standard library's documentation, as this Python carries it.

One document a module, class, function, method or property that users can import and that has a
docstring, titled by the name they know it by, and one a topic of the language reference. Python
source is parsed, never imported; compiled modules are asked in a process of its own.

Left out: tests, demos and the insides of other modules; what works on one other system only;
``distutils`` and ``lib2to3``, which later Pythons no longer have; the codecs in ``encodings``, one
table each; special methods, which the language reference explains; whatever has no docstring.
"""

import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tasks.documents import Document
from tasks.ingest.left_out import LeftOut
from tasks.ingest.stdlib.compiled import cleaned, compiled_modules
from tasks.ingest.stdlib.definitions import Definition, Module
from tasks.ingest.stdlib.lookup import Library
from tasks.ingest.stdlib.public_names import (
    PublicName,
    member_names,
    public_modules,
    top_level_names,
)
from tasks.ingest.stdlib.python_source import module_from_tree, parse, source_files
from tasks.ingest.stdlib.topics import Topic, topics
from tasks.ingest.stdlib.uses import Mentions, mentions, use_key, uses_of_names
from tasks.params_ingest import PythonDocsParams
from tasks.progress import Progress, silent

SOURCE = "python-docs"
LICENSE = "PSF-2.0"
MANUAL = "https://docs.python.org/3"

SKIPPED_PARTS = frozenset(
    {"__hello__", "__main__", "__phello__", "_vendor", "antigravity", "distutils", "idlelib",
     "lib2to3", "macholib", "msilib", "pydoc_data", "test", "tests", "this", "turtledemo",
     "windows_events", "windows_utils"}
)  # fmt: skip

# Built-in types that the manual describes under "Built-in Types", not "Built-in Functions".
STANDARD_TYPES = frozenset(
    "bytearray bytes dict frozenset list memoryview range set str tuple".split()
)


def python_docs(
    params: PythonDocsParams,
    left_out: LeftOut,
    *,
    library: Path | None = None,
    progress: Progress = silent,
) -> Iterator[Document]:
    """The documents of the running Python's standard library.

    Args:
        params: ``limit`` keeps only so many documents, the most used first.
        left_out: gets counted what has no documentation and what cannot be parsed.
        library: the folder of the library's source, if not that of the running Python.

    Raises:
        ChatwrightError: the compiled modules could not be asked.
    """
    folder = library or Path(sysconfig.get_path("stdlib"))
    modules, mentioned = read_library(folder, left_out, progress)
    found = documents_of(Library(modules, compiled_modules()), mentioned, left_out)
    titles = {each.title for each in found}
    found += [topic_document(topic, titles) for topic in topics(folder)]
    if params.limit is not None and len(found) > params.limit:
        found.sort(key=lambda each: (-each.meta["uses"], each.id))
        above = found[params.limit :]
        left_out.add("above python_docs.limit", above[0].title, count=len(above))
        del found[params.limit :]
    yield from found


def read_library(
    folder: Path, left_out: LeftOut, progress: Progress
) -> tuple[dict[str, Module], dict[str, Mentions]]:
    """Every module of a library folder, and what each mentions, by module name."""
    modules, mentioned = {}, {}
    files = [
        (name, path)
        for name, path in source_files(folder)
        if SKIPPED_PARTS.isdisjoint(name.split(".")) and not name.startswith("encodings.")
    ]
    for number, (name, path) in enumerate(files):
        progress(number, len(files), "files")
        try:
            tree = parse(path)
        except (SyntaxError, ValueError):
            left_out.add("cannot be parsed", name)
            continue
        modules[name] = module_from_tree(name, tree, path.name == "__init__.py")
        mentioned[name] = mentions(tree, modules[name])
    progress(len(files), len(files), "files")
    return modules, mentioned


def documents_of(
    library: Library, mentioned: dict[str, Mentions], left_out: LeftOut
) -> list[Document]:
    """One document a public name that has documentation, sorted by id."""
    counted = uses_of_names(library, mentioned)
    spelled, attributes = Counter[str](), Counter[str]()
    for mentions_of_module in mentioned.values():
        spelled.update(mentions_of_module.names)
        attributes.update(mentions_of_module.attributes)
    top_level = top_level_names(library, spelled)
    uses = {name.title: counted[use_key(name.definition) or ""] for name in top_level.values()}
    members = member_names(library, top_level, spelled)
    sharing = Counter(name.title.rpartition(".")[2] for name in members)
    for name in members:
        last = name.title.rpartition(".")[2]
        direct = counted[use_key(name.definition) or ""]
        uses[name.title] = direct + attributes[last] // sharing[last]
    found: dict[str, Document] = {}
    for name in sorted(top_level.values(), key=lambda each: each.title) + members:
        doc = documentation(name.definition)
        if doc is None:
            left_out.add("public but undocumented", name.title)
        elif name.title not in found:
            found[name.title] = name_document(name, doc, uses[name.title], library)
    for title in public_modules(library):
        module = library.module(title)
        if module is None or title in found:  # unittest.main is a module and a class
            continue
        lender = library.module(module.doc_from) if module.doc_from else None
        doc = cleaned(module.doc or (lender.doc if lender else None))
        if doc is None:
            left_out.add("public but undocumented", title)
        else:
            found[title] = module_document(title, doc, counted[module.name])
    return sorted(found.values(), key=lambda each: each.id)


def documentation(definition: Definition) -> str | None:
    """A definition's docstring; that of a class is followed by its constructor's."""
    doc = cleaned(definition.doc)
    constructor = definition.members.get("__init__")
    if definition.compiled or constructor is None:
        return doc
    more = cleaned(constructor.doc)
    if doc and more and more not in doc:
        return f"{doc}\n\n{more}"
    return doc or more


def name_document(name: PublicName, doc: str, uses: int, library: Library) -> Document:
    """The document of a function, class, method or property."""
    definition = name.definition
    signature = definition.signature
    if signature is None and definition.kind == "class":
        inherited = (base.signature for base in library.bases(definition) if not base.compiled)
        signature = next((each for each in inherited if each), None)
    last = name.title.rpartition(".")[2]
    kind = definition.kind
    if kind == "method" and name.title == f"{name.module}.{last}":
        kind = "function"  # random.choice is a method of an object that the module makes
    return Document(
        id=f"{SOURCE}/{name.title}",
        source=SOURCE,
        url=f"{MANUAL}/{page(name)}#{name.title}",
        title=name.title,
        text=f"{name.title}{signature or ''}\n\n{doc}",
        lang="en",
        license=LICENSE,
        meta={
            "kind": kind,
            "module": name.module,
            "signature": f"{last}{signature}" if signature else None,
            "aliases": sorted(name.aliases),
            "uses": uses,
        },
    )


def page(name: PublicName) -> str:
    """The page of the manual that describes a name."""
    if name.module != "builtins":
        return f"library/{name.module}.html"
    if name.title.endswith(("Error", "Exception", "Warning", "Exit", "Iteration", "Interrupt")):
        return "library/exceptions.html"
    if "." in name.title or name.title in STANDARD_TYPES:
        return "library/stdtypes.html"
    return "library/functions.html"


def module_document(title: str, doc: str, uses: int) -> Document:
    """The document of a module."""
    return Document(
        id=f"{SOURCE}/{title}",
        source=SOURCE,
        url=f"{MANUAL}/library/{title}.html#module-{title}",
        title=title,
        text=f"{title}\n\n{doc}",
        lang="en",
        license=LICENSE,
        meta={"kind": "module", "module": title, "signature": None, "aliases": [], "uses": uses},
    )


def topic_document(topic: Topic, titles: set[str]) -> Document:
    """The document of a topic of the language reference.

    Its keys and keywords are its aliases, unless they are the ``titles`` of other documents:
    ``dict`` is the class, not the topic of dictionary displays.
    """
    key = topic.keys[0]
    return Document(
        id=f"{SOURCE}/topic/{key}",
        source=SOURCE,
        url=f"{MANUAL}/reference/index.html",
        title=topic.title,
        text=topic.text,
        lang="en",
        license=LICENSE,
        meta={
            "kind": "topic",
            "module": "",
            "signature": None,
            "aliases": sorted({*topic.keys, *topic.words} - titles),
            "uses": 0,
            "topic": key,
        },
    )
