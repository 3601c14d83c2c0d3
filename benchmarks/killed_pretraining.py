"""Whether pretraining that is killed again and again ends with the bytes of one that was not.

Run as ``python -m benchmarks.killed_pretraining`` in the folder of a built project: its pretraining
is done once more in a folder aside, killed (SIGKILL) at random moments and started again, and the
weights are compared with ``artifacts/base``. Of the default preset that takes some 15 minutes on
two cores, for a kill may come before the first checkpoint of its turn.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WEIGHTS = Path("artifacts/base/model.safetensors")
READ = ("params.yaml", "data/tokens", "artifacts/tokenizer")
FEWEST_SECONDS, MOST_SECONDS = 8.0, 45.0


def sha256(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copied(folder: Path) -> None:
    """What the stage reads, in another folder."""
    for name in READ:
        source, target = Path(name), folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)


def trained(folder: Path, kills: int, seed: int) -> int:
    """Train there; returns how often it was killed before it was done.

    Raises:
        RuntimeError: the stage failed by itself.
    """
    chance = random.Random(seed)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with open(folder / "said.txt", "ab") as said:
        for done in range(kills + 1):
            process = subprocess.Popen(
                [sys.executable, "-m", "tasks.pretrain"],
                cwd=folder,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            try:
                last = done == kills
                process.wait(None if last else chance.uniform(FEWEST_SECONDS, MOST_SECONDS))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                continue
            if process.returncode:
                raise RuntimeError((folder / "said.txt").read_text("utf-8")[-2000:])
            return done
    raise AssertionError("the last turn is not killed")


def main() -> None:
    """Print both hashes, and how often the second training was killed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=7, help="decides the moments")
    chosen = options.parse_args()
    if not WEIGHTS.exists():
        sys.exit(f"{WEIGHTS}: there is no base model to compare with. Run: chatwright run.")
    began = time.monotonic()
    # The process that sends the curves to MLflow outlives the stage by some seconds.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        copied(folder)
        kills = trained(folder, chosen.kills, chosen.seed)
        ours, theirs = sha256(WEIGHTS), sha256(folder / WEIGHTS)
    print(f"never killed     {ours}")
    print(f"killed {kills:>2} times  {theirs}")
    print(
        "the same" if ours == theirs else "NOT the same", f"after {time.monotonic() - began:.0f} s"
    )
    sys.exit(ours != theirs)


if __name__ == "__main__":
    main()
