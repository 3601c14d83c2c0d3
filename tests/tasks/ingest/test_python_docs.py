"""The standard library's documentation, under the names its users know."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tasks.documents import Document
from tasks.ingest.left_out import LeftOut
from tasks.ingest.python_docs import python_docs
from tasks.params_ingest import PythonDocsParams

RARELY_IMPORTED = {"turtle", "mailbox", "cgi", "sched", "imaplib", "xmlrpc.server"}


@pytest.fixture(scope="module")
def corpus() -> dict[str, Document]:
    before = set(sys.modules)
    found = list(python_docs(PythonDocsParams(), LeftOut()))
    assert RARELY_IMPORTED & (set(sys.modules) - before) == set(), "the library was imported"
    return {document.title: document for document in found}


# Names from the manual at docs.python.org, of every sort there is.
WELL_KNOWN = """
    os os.path os.path.split os.path.join os.listdir os.makedirs os.walk shutil.copytree
    shutil.rmtree json.dumps json.JSONDecoder csv.reader os.path.splitext itertools.chain
    itertools.groupby time.sleep time.strftime math.sqrt len print open sorted str.split str.join
    dict.get dict.items list.sort set.union bytes.decode int.bit_length ValueError OSError
    tempfile.TemporaryDirectory datetime.datetime datetime.datetime.strftime datetime.datetime.now
    datetime.date.today pathlib.Path pathlib.Path.exists pathlib.Path.name
    collections.Counter.most_common collections.OrderedDict collections.deque.append
    collections.abc.Mapping re.compile re.Pattern.match re.Match.group hashlib.sha256
    threading.Thread.start threading.Lock queue.Queue.get random.choice random.randint
    functools.partial functools.lru_cache heapq.heappush bisect.bisect_left copy.deepcopy
    struct.pack zlib.compress zipfile.ZipFile.extractall io.StringIO.getvalue io.IOBase.readline
    socket.socket.bind sqlite3.connect sqlite3.Connection.execute decimal.Decimal.quantize
    struct hashlib decimal heapq.merge asyncio.run asyncio.sleep asyncio.Queue.get
    concurrent.futures.ThreadPoolExecutor
    multiprocessing.Process multiprocessing.Pool configparser.ConfigParser.read
    unittest.TestCase.assertEqual unittest.mock.patch logging.getLogger array.array.append
    argparse.ArgumentParser.add_argument subprocess.run subprocess.Popen.communicate
    urllib.request.urlopen urllib.parse.urlparse xml.etree.ElementTree.parse turtle.forward
    importlib.import_module typing.NamedTuple statistics.mean contextlib.contextmanager
""".split()

# Where they are defined, which is not how users import them, or their other names.
NOT_TITLES = """
    posixpath.split ntpath.split genericpath.exists _csv.reader builtins.len io.open
    json.decoder.JSONDecoder _collections_abc.Mapping collections._OrderedDict asyncio.runners.run
    EnvironmentError pathlib.PurePath.name random.Random.choice unittest.case.TestCase
    _io._IOBase.readline _datetime.datetime bisect.bisect
""".split()


def test_the_manuals_names_are_titles(corpus: dict[str, Document]) -> None:
    assert [name for name in WELL_KNOWN if name not in corpus] == []


def test_other_names_of_the_same_thing_are_not_titles(corpus: dict[str, Document]) -> None:
    assert [name for name in NOT_TITLES if name in corpus] == []


@pytest.mark.parametrize(
    ("title", "alias"),
    [
        ("open", "io.open"),
        ("OSError", "IOError"),
        ("json.JSONDecoder", "json.decoder.JSONDecoder"),
        ("pathlib.Path.name", "pathlib.PurePath.name"),
        ("random.choice", "random.Random.choice"),
        ("datetime.datetime.strftime", "datetime.date.strftime"),
        ("bisect.bisect_right", "bisect.bisect"),
    ],
)
def test_other_names_are_aliases(corpus: dict[str, Document], title: str, alias: str) -> None:
    assert alias in corpus[title].meta["aliases"]


def test_no_name_is_private_and_none_is_there_twice(corpus: dict[str, Document]) -> None:
    named = [each for each in corpus.values() if each.meta["kind"] != "topic"]
    assert [d.title for d in named if any(p.startswith("_") for p in d.title.split("."))] == []
    aliases = {alias for each in corpus.values() for alias in each.meta["aliases"]}
    assert aliases & set(corpus) == set()


def test_tests_demos_and_other_systems_are_left_out(corpus: dict[str, Document]) -> None:
    parts = {part for title in corpus for part in title.split(".")[:-1]}
    assert parts & {"idlelib", "turtledemo", "lib2to3", "distutils", "winreg", "msilib"} == set()
    assert not any(title.startswith(("test.", "unittest.test", "tkinter.test")) for title in corpus)


def test_size_is_that_of_the_library(corpus: dict[str, Document]) -> None:
    # The standard library of 3.11 and 3.12 has some 7,000 documented public names, 2.3 MB of text.
    kinds = Counter(document.meta["kind"] for document in corpus.values())
    assert 6_000 < len(corpus) < 8_000
    assert kinds["topic"] > 70 and kinds["module"] > 200 and kinds["function"] > 1_500
    assert 1.8e6 < sum(len(document.text) for document in corpus.values()) < 3e6


def test_text_is_signature_and_docstring(corpus: dict[str, Document]) -> None:
    # As in Lib/shutil.py and, for the compiled ones, in their __text_signature__.
    copy = corpus["shutil.copytree"]
    head, blank, first = copy.text.splitlines()[:3]
    assert head.startswith("shutil.copytree(src, dst, symlinks=False, ignore=None, copy_function=")
    assert blank == "" and first.startswith("Recursively copy a directory tree and return the")
    assert copy.meta["signature"] == head.removeprefix("shutil.")
    assert corpus["str.split"].text.startswith("str.split(sep=None, maxsplit=-1)\n\nReturn a list")
    assert corpus["len"].text == "len(obj, /)\n\nReturn the number of items in a container."


def test_signature_in_a_docstring_is_taken_out_of_it(corpus: dict[str, Document]) -> None:
    # time.sleep's docstring in C begins "sleep(seconds)\n\nDelay execution ..."
    assert corpus["time.sleep"].text.startswith("time.sleep(seconds)\n\nDelay execution")
    # dict.update's is "D.update([E, ]**F) -> None.  Update D from dict/iterable E and F. ..."
    head, _, body = corpus["dict.update"].text.partition("\n\n")
    assert head == "dict.update([E, ]**F) -> None"
    assert body.startswith("Update D from")


def test_self_is_not_part_of_a_signature(corpus: dict[str, Document]) -> None:
    assert corpus["collections.Counter.most_common"].meta["signature"] == "most_common(n=None)"
    assert corpus["pathlib.Path.cwd"].meta["signature"] == "cwd()"


def test_address_leads_to_the_manual(corpus: dict[str, Document]) -> None:
    library = "https://docs.python.org/3/library"
    assert corpus["shutil.copytree"].url == f"{library}/shutil.html#shutil.copytree"
    assert corpus["len"].url == f"{library}/functions.html#len"
    assert corpus["str.split"].url == f"{library}/stdtypes.html#str.split"
    assert corpus["ValueError"].url == f"{library}/exceptions.html#ValueError"
    assert corpus["shutil"].url == f"{library}/shutil.html#module-shutil"


def test_topics_of_the_language_reference_have_their_heading_and_keywords(
    corpus: dict[str, Document],
) -> None:
    topic = corpus["The with statement"]
    assert topic.id == "python-docs/topic/with"
    assert topic.meta["topic"] == "with" and topic.meta["aliases"] == ["as", "with"]
    assert "context manager" in topic.text and "****" not in topic.text.splitlines()[1]
    assert {"else", "elif"} <= set(corpus["The if statement"].meta["aliases"])
    assert {"and", "or", "not"} <= set(corpus["Boolean operations"].meta["aliases"])


def test_uses_tell_known_names_from_rare_ones(corpus: dict[str, Document]) -> None:
    uses = {title: document.meta["uses"] for title, document in corpus.items()}
    assert uses["os.path.join"] > uses["os.path.samestat"]
    assert uses["len"] > uses["breakpoint"]
    assert uses["re.compile"] > uses["re.fullmatch"]
    assert uses["str.startswith"] > uses["str.zfill"]


LIBRARY = {
    "loud.py": '''
        """A module that must not be run."""
        import sys
        from pathlib import Path
        Path(__file__).with_name("was_run").write_text("")
        sys.exit("imported")
        __all__ = ["shout", "Voice", "murmur"]
        def shout(word, /, times: int = 2, *, end="!") -> str:
            """Say a word loudly."""
        def helper():
            """Not in __all__."""
        class Voice:
            """Something that speaks."""
            def __init__(self, pitch=440.0):
                """The pitch is in hertz."""
            def speak(self, word): "Say a word."
            @classmethod
            def default(cls, volume=1): "The usual voice."
            @staticmethod
            def tune(note): "Tune it."
            @property
            def pitch(self) -> float: "The pitch in hertz."
            @pitch.setter
            def pitch(self, value): "Never shown."
            def mute(self): pass
        whisper = murmur = shout
    ''',
    "package/__init__.py": '''
        """A package that takes names from its parts."""
        from .part import Part, _hidden
        from ._inside import inner as outer
        from loud import helper
        import os
    ''',
    "package/part.py": '''
        class Part:
            """A part."""
        def _hidden():
            """Private."""
    ''',
    "package/_inside.py": '''
        def inner():
            """From a private module."""
        def unseen():
            """Nobody takes it."""
    ''',
    "package/test/__init__.py": '"""Tests."""',
    "broken.py": "def (",
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for name, source in LIBRARY.items():
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = source.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[indent:] for line in lines) + "\n", encoding="utf-8")
    return tmp_path / "lib"


def own_titles(library: Path, left_out: LeftOut | None = None) -> dict[str, Document]:
    found = python_docs(PythonDocsParams(), left_out or LeftOut(), library=library)
    return {d.title: d for d in found if d.title.split(".")[0] in ("loud", "package", "broken")}


def test_parsed_modules_are_never_run(library: Path) -> None:
    assert "loud.shout" in own_titles(library)
    assert not (library / "was_run").exists()
    assert "loud" not in sys.modules


def test_names_of_a_small_library(library: Path) -> None:
    left_out = LeftOut()
    found = own_titles(library, left_out)
    assert {t: d.meta["signature"] for t, d in found.items()} == {
        "loud": None,
        "loud.shout": "shout(word, /, times: int=2, *, end='!') -> str",
        "loud.Voice": "Voice(pitch=440.0)",
        "loud.Voice.speak": "speak(word)",
        "loud.Voice.default": "default(volume=1)",
        "loud.Voice.tune": "tune(note)",
        "loud.Voice.pitch": None,
        "package": None,
        "package.Part": None,
        "package.outer": "outer()",
    }
    assert found["loud.shout"].meta["aliases"] == ["loud.murmur"]
    assert found["package.Part"].meta["aliases"] == ["package.part.Part"]
    assert found["loud.Voice"].text.endswith("Something that speaks.\n\nThe pitch is in hertz.")
    assert found["loud.Voice.pitch"].meta["kind"] == "property"
    assert left_out.counts["cannot be parsed"] == 1 and "broken: cannot be parsed" in left_out.named


def test_limit_keeps_the_most_used_names(library: Path) -> None:
    (library / "user.py").write_text("from loud import shout\n" + "shout('word')\n" * 9)
    left_out = LeftOut()
    everything = len(list(python_docs(PythonDocsParams(), LeftOut(), library=library)))
    found = list(python_docs(PythonDocsParams(limit=1), left_out, library=library))
    assert [(each.title, each.meta["uses"]) for each in found] == [("loud.shout", 10)]
    assert left_out.counts["above python_docs.limit"] == everything - 1
