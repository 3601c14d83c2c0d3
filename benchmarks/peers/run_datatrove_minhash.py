"""Child process: datatrove's MinHash. ``python run_datatrove_minhash.py JOB.json``, in its venv.

Its three steps (signatures, buckets, clusters) run one after the other, the former two in as many
processes as there are cores, as in its pipelines, on texts that are in memory already; its
intermediate files are in a temporary folder. Numbers, weekdays and months are left as they are, so
that its shingles are ours.
"""

import json
import struct
import sys
import tempfile
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.logging import logger
from datatrove.utils.text import TextNormConfig
from forked import side_by_side


def main() -> None:
    """Write the first document of each document's cluster, and the seconds it took."""
    logger.remove()
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    lines = Path(job["texts"]).read_text("utf-8").split("\n")
    documents = [Document(text=json.loads(line), id=str(n)) for n, line in enumerate(lines) if line]
    cores = job["cores"]
    config = MinhashConfig(
        n_grams=job["shingle"],
        num_buckets=job["bands"],
        hashes_per_bucket=job["rows"],
        norm_config=TextNormConfig(norm_numbers=False, norm_weekdays=False, norm_monthnames=False),
    )
    with tempfile.TemporaryDirectory() as folder:
        signatures, buckets, clusters = (f"{folder}/{name}" for name in "sbc")
        sign = MinhashDedupSignature(signatures, config=config, language=job["language"])
        sign.get_shingles("its tokenizer is loaded before the clock starts")

        def sign_some(rank: int) -> None:
            sign.run(iter(documents[rank::cores]), rank=rank, world_size=cores)

        def sort_some(rank: int) -> None:
            for bucket in range(rank, config.num_buckets, cores):
                MinhashDedupBuckets(signatures, buckets, config=config).run(
                    rank=bucket, world_size=config.num_buckets
                )

        start = time.perf_counter()
        ranks = [(rank,) for rank in range(cores)]
        side_by_side(sign_some, ranks)
        side_by_side(sort_some, ranks)
        MinhashDedupCluster(buckets, clusters, config=config, save_cluster_id=True).run(None, 0, 1)
        seconds = time.perf_counter() - start
        cluster_of = {
            document * cores + rank: cluster
            for rank in range(cores)
            for document, cluster in struct.iter_unpack(
                "<2I", Path(clusters, f"{rank:06d}.clusters").read_bytes()
            )
        }
    firsts: dict[int, int] = {}
    for document, cluster in sorted(cluster_of.items()):
        firsts.setdefault(cluster, document)
    found = [firsts[cluster_of[n]] if n in cluster_of else n for n in range(len(documents))]
    Path(job["result"]).write_text(json.dumps({"seconds": seconds, "firsts": found}), "utf-8")


if __name__ == "__main__":
    main()
