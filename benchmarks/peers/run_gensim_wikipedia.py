"""Child process: gensim's text of a dump. ``python -P run_gensim_wikipedia.py DUMP OUT``, in its
venv.

Pages one by one, each through ``filter_wiki``; not ``WikiCorpus``, which would split words as well.
Redirects are left out, as ours are.
"""

import bz2
import sys
from pathlib import Path

from gensim.corpora.wikicorpus import extract_pages, filter_wiki


def main() -> None:
    """Write the text of every page."""
    dump, out = map(Path, sys.argv[1:])
    opened = bz2.open(dump) if dump.suffix == ".bz2" else dump.open("rb")
    with opened as stream, out.open("w", encoding="utf-8") as written:
        for _, wikitext, _ in extract_pages(stream, filter_namespaces=("0",)):
            if not wikitext.startswith("#REDIRECT"):
                written.write(filter_wiki(wikitext) + "\n\n")


if __name__ == "__main__":
    main()
