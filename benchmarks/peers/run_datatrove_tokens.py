"""Child process: datatrove's DocumentTokenizer. ``python run_datatrove_tokens.py JOB.json``.

It tokenises texts that are in memory already, shuffles the documents and writes the tokens, as in
its pipelines: one rank a process, each with its share of the documents.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.utils.logging import logger
from forked import side_by_side


def tokenise(documents: list[Document], tokenizer: str, out: str, rank: int, ranks: int) -> None:
    """What one rank does."""
    step = DocumentTokenizer(
        out,
        local_working_dir=f"{out}/{rank}",
        tokenizer_name_or_path=tokenizer,
        eos_token="<|endoftext|>",
        seed=1,
    )
    step.run(iter(documents), rank=rank, world_size=ranks)


def main() -> None:
    """Write the seconds that it took and how many tokens there are."""
    logger.remove()
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    lines = Path(job["texts"]).read_text("utf-8").split("\n")
    documents = [Document(text=json.loads(line), id=str(n)) for n, line in enumerate(lines) if line]
    ranks = job["processes"]
    with tempfile.TemporaryDirectory() as out:
        shares = [
            (documents[rank::ranks], job["tokenizer"], out, rank, ranks) for rank in range(ranks)
        ]
        start = time.perf_counter()
        side_by_side(tokenise, shares)
        seconds = time.perf_counter() - start
        tokens = sum(path.stat().st_size for path in Path(out).rglob("*.ds")) // 2
    Path(job["result"]).write_text(json.dumps({"seconds": seconds, "tokens": tokens}), "utf-8")


if __name__ == "__main__":
    main()
