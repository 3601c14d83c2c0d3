"""A dump of Wikipedia to text: ours against gensim's and wikiextractor's, the same dump.

Run as ``python -m benchmarks.wikipedia DUMP.xml.bz2``. The pages of the dump are repeated under new
numbers until there is as much XML as wished for. Each program reads it and writes the text of its
articles into a file. Timed in seconds of the processor, its child processes' included, which hardly
depend on what else the machine does; from plain XML and from bzip2, whose unpacking costs all the
same. wikiextractor is run with ``--no-templates``, its faster way, in one process beside its own
two for reading and writing.

Expected: ours at least twice as fast as either from plain XML; less from bzip2, where unpacking is
the greater part of the time.
"""

import argparse
import bz2
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.peers.install import python_of
from chatwright.errors import BadInput, ServiceUnavailable
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.wikipedia import wikipedia
from tasks.params_ingest import FolderParams

PEER = "wikipedia"
GENSIM = Path(__file__).parent / "peers" / "run_gensim_wikipedia.py"
PAGE_NUMBER = re.compile(rb"(<page>\s*<title>[^<]*</title>\s*<ns>\d+</ns>\s*<id>)(\d+)")


def repeated(dump: Path, size: int) -> bytes:
    """The pages of a dump, again and again under new numbers, until it has ``size`` bytes.

    Raises:
        BadInput: there is no page in it.
    """
    packed = dump.read_bytes()
    xml = bz2.decompress(packed) if packed[:3] == b"BZh" else packed
    begin, end = xml.find(b"<page>"), xml.rfind(b"</page>") + len(b"</page>\n")
    if begin < 0:
        raise BadInput(str(dump), "holds no <page>", "Name a dump of Wikipedia")
    pages = xml[begin:end]
    copies = [
        PAGE_NUMBER.sub(lambda found, n=n: found[1] + b"%d" % (int(found[2]) + n * 10**9), pages)
        for n in range(max(1, size // len(pages)))
    ]
    return b"".join([xml[:begin], *copies, xml[end:]])


def ours(dump: Path, out: Path) -> None:
    """Write the text of the articles."""
    files = NamedFiles("wikipedia", [str(dump)], FolderParams(path=str(dump.parent)))
    with out.open("w", encoding="utf-8") as written:
        for document in wikipedia(files, LeftOut()):
            written.write(document.text + "\n\n")


def gensim(dump: Path, out: Path) -> None:
    """The same by gensim."""
    _run(["-P", str(GENSIM), str(dump), str(out)])


def wikiextractor(dump: Path, out: Path) -> None:
    """The same by wikiextractor."""
    told = ["--no-templates", "--processes", "1", "-q", "-b", "10G", "-o", str(out), str(dump)]
    _run(["-m", "wikiextractor.WikiExtractor", *told])


def _run(arguments: list[str]) -> None:
    done = subprocess.run([str(python_of(PEER)), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ServiceUnavailable(arguments[1], f"failed: {done.stderr[-300:].strip()}")


def _seconds(program: Callable[[Path, Path], None], dump: Path, out: Path) -> tuple[float, float]:
    """Seconds on the wall, and of the processor."""

    def used() -> float:
        who = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in who)

    wall, processor = time.perf_counter(), used()
    program(dump, out)
    return time.perf_counter() - wall, used() - processor


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--megabytes", type=float, default=200, help="of XML")
    options = parser.parse_args()
    xml = repeated(options.dump, int(options.megabytes * 1e6))
    megabytes = len(xml) / 1e6
    python_of(PEER)  # brought before the clock starts

    table = Table(title=f"{megabytes:.0f} MB of XML")
    for name in ("", "from", "wall s", "processor s", "MB/s", "ours is", "MB of text"):
        table.add_column(name, justify="right" if name not in ("", "from") else "left")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("dump.xml", xml), ("dump.xml.bz2", bz2.compress(xml))):
            (dump := Path(folder, name)).write_bytes(data)
            our_seconds = 0.0
            for program in (ours, gensim, wikiextractor):
                out = Path(folder, f"{program.__name__}-{name}")
                wall, processor = _seconds(program, dump, out)
                our_seconds = our_seconds or processor
                written = [out] if out.is_file() else [*out.rglob("wiki_*")]
                table.add_row(
                    program.__name__,
                    dump.suffix[1:],
                    f"{wall:.1f}",
                    f"{processor:.1f}",
                    f"{megabytes / processor:.1f}",
                    f"{processor / our_seconds:.1f}x",
                    f"{sum(each.stat().st_size for each in written) / 1e6:.1f}",
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
