"""Brings the peers: nanoGPT as a checkout of one commit, the others as virtual environments.

They stand in ``CHATWRIGHT_PEERS``, by default ``~/.cache/chatwright/peers``, and are made once.
``CHATWRIGHT_NANOGPT`` names another place to take nanoGPT from, as git understands it: a folder or
an address. uv is told what pip knows, as in the Makefile.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from chatwright.errors import ServiceUnavailable

NANOGPT = "https://github.com/karpathy/nanoGPT"
NANOGPT_COMMIT = "3adf61e154c3fe3fca428ad6bc3818b27a3b8291"

# Two environments: litgpt wants a huggingface-hub below 1.4, transformers one above 1.31.
PACKAGES: Mapping[str, Sequence[str]] = {
    "litgpt": ("litgpt==0.5.13", "torchmetrics==1.9.0", "numpy==2.4.6"),
    "trainer": ("transformers==5.24.0", "accelerate==1.15.0", "numpy==2.4.6"),
    # spaCy's blank English is what datatrove's filters split words and sentences with.
    "datatrove": (
        "datatrove[processing]==0.10.1",
        "spacy==3.8.18",
        "regex==2026.11.19",
        "xxhash==3.8.2",
        "numpy==2.4.6",
    ),
    # Its reader of WARC wants warcio and two detectors; resiliparse, so that both extract alike.
    "datatrove-warc": (
        "datatrove[processing]==0.10.1",
        "spacy==3.8.18",
        "regex==2026.11.19",
        "xxhash==3.8.2",
        "numpy==2.4.6",
        "warcio==1.8.1",
        "faust-cchardet==3.2.0",
        "python-magic==0.4.27",
        "resiliparse==2.0.1",
    ),
    "extractors": (
        "resiliparse==2.0.1",
        "trafilatura==2.3.1",
        "readability-lxml==0.9",
        "justext==3.0.2",
        "beautifulsoup4==4.15.0",
    ),
    "languages": ("py3langid==0.4.0", "lingua-language-detector==2.1.1", "numpy==2.4.6"),
    "wikipedia": ("gensim==4.4.0", "wikiextractor==3.1.0", "numpy==2.4.6"),
}
WITHOUT_TORCH = ("datatrove", "datatrove-warc", "extractors", "languages", "wikipedia")


def cache() -> Path:
    """The folder that all peers stand in."""
    named = os.environ.get("CHATWRIGHT_PEERS")
    folder = Path(named) if named else Path.home() / ".cache" / "chatwright" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def nanogpt() -> Path:
    """The checkout of nanoGPT.

    Raises:
        ServiceUnavailable: git could not bring it.
    """
    folder = cache() / f"nanoGPT-{NANOGPT_COMMIT[:8]}"
    if not (folder / "train.py").exists():
        source = os.environ.get("CHATWRIGHT_NANOGPT", NANOGPT)
        print(f"fetching nanoGPT from {source} ...", flush=True)
        folder.mkdir(exist_ok=True)
        remedy = f"Name a copy that has commit {NANOGPT_COMMIT} in CHATWRIGHT_NANOGPT"
        for arguments in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--depth", "1", source, NANOGPT_COMMIT],
            ["checkout", "--quiet", NANOGPT_COMMIT],
        ):
            _run(["git", *arguments], "nanoGPT", remedy, cwd=folder)
    return folder


def python_of(peer: str) -> Path:
    """The interpreter of a peer's own environment, with the torch that we have if it needs one.

    Raises:
        ServiceUnavailable: the packages could not be installed.
    """
    torch = f"torch=={version('torch').split('+')[0]}"
    wanted = [*([] if peer in WITHOUT_TORCH else [torch]), *PACKAGES[peer]]
    folder = cache() / f"{peer}-venv"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists() or done.read_text() != " ".join(wanted):
        print(f"installing {' '.join(wanted)} ...", flush=True)
        uv = str(Path(sys.executable).parent / "uv")
        remedy = "Check the network and pip's settings"
        _run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], peer, remedy)
        _run([uv, "pip", "install", "-q", "--python", str(python), *wanted], peer, remedy)
        done.write_text(" ".join(wanted))
    return python


def _run(command: list[str], what: str, remedy: str, cwd: Path | None = None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment.setdefault("UV_FIND_LINKS", environment.get("PIP_FIND_LINKS", ""))
    environment.setdefault("UV_INDEX_URL", environment.get("PIP_INDEX_URL", _pip_index()))
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split())[-300:]
        raise ServiceUnavailable(what, f"{command[0]} {command[1]} failed: {reason}", remedy)


def _pip_index() -> str:
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
    )
    return told.stdout.strip() or "https://pypi.org/simple"
