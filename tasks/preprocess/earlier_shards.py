"""The shards of earlier corpora: a few numbers of each text, made once and kept.

They stand under the shard's content, whatever it is named and wherever it lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from chatwright.errors import BadInput
from tasks.arrow_bytes import from_bytes, to_bytes
from tasks.corpus_folder import Folder
from tasks.executor import Workers, ordered_map
from tasks.kept_results import KeptResults
from tasks.params import NearDuplicatesParams, PreprocessParams
from tasks.preprocess.cleaning import DIGEST_BYTES, content_hash
from tasks.preprocess.earlier_corpora import REMEDY, EarlierCorpus
from tasks.preprocess.layers.fingerprints import hashed
from tasks.preprocess.layers.keys import keys
from tasks.preprocess.paragraphs import paragraph_hashes
from tasks.program import own_source, program
from tasks.progress import Progress
from tasks.same_program import must_be_the_same

DIGESTS, PARAGRAPHS, KEYS = "earlier_digests", "earlier_paragraphs", "earlier_keys"
_CODE = {
    DIGESTS: "tasks.preprocess.cleaning",
    PARAGRAPHS: "tasks.preprocess.paragraphs",
    KEYS: "tasks.preprocess.layers.keys",
}
_HASHES = pa.schema([pa.field("hash", pa.binary(DIGEST_BYTES), nullable=False)])


@dataclass(frozen=True)
class Shard:
    """One file.

    Attributes:
        corpus: the place of its corpus in the list.
        file: it alone.
        md5: of its content.
        layers: under which fingerprint each is kept.
    """

    corpus: int
    file: Folder
    md5: str
    layers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """Some texts of a shard, and what is to be made of them.

    Attributes:
        number: of the shard.
        texts: a table with the column ``text``.
        wanted: layers.
        near: the numbers that keys are made with, if they are wanted.
        program: of this module.
    """

    number: int
    texts: bytes
    wanted: Sequence[str]
    near: NearDuplicatesParams | None
    program: str


class EarlierShards:
    """All shards of some corpora.

    Args:
        corpora: in the order of the list.
        kept: where what is made of them is kept.
        params: what will be compared.

    Attributes:
        shards: corpus by corpus.
        text_bytes: of all texts, unpacked.

    Raises:
        BadInput: a shard is damaged, or lacks a column.
        MissingInput: it is neither in DVC's cache nor in a remote.
    """

    def __init__(
        self, corpora: Sequence[EarlierCorpus], kept: KeptResults, params: PreprocessParams
    ) -> None:
        self._kept, self._near = kept, params.near_duplicates
        files = [
            (number, file)
            for number, corpus in enumerate(corpora)
            for file in corpus.clean.shards()
        ]
        self.text_bytes = sum(file.text_bytes(["id", "text"]) for _, file in files)
        wanted = [DIGESTS]
        wanted += [PARAGRAPHS] * params.duplicate_paragraphs + [KEYS] * (self._near is not None)
        rules = {layer: self._rule(layer) for layer in wanted}
        self.shards: list[Shard] = []
        for number, file in files:
            md5 = file.md5()
            layers = {layer: hashed(rule, md5) for layer, rule in rules.items()}
            self.shards.append(Shard(number, file, md5, layers))

    def _rule(self, layer: str) -> str:
        frame = own_source(__name__) + own_source("tasks.arrow_bytes")
        numbers = {"shingle", "bands", "rows"}
        near = self._near.model_dump_json(include=numbers) if self._near and layer == KEYS else ""
        return hashed(layer, program(_CODE[layer]), near, frame)

    def make(self, workers: Workers, progress: Progress) -> None:
        """Make what is not kept yet."""

        def pieces() -> Iterator[Piece]:
            sent = program(__name__)
            for number, shard in enumerate(self.shards):
                progress(number, len(self.shards), "earlier shards")
                wanted = [
                    layer
                    for layer, name in shard.layers.items()
                    if self._kept.find(layer, name) is None
                ]
                if wanted:
                    for texts in _texts(shard.file):
                        yield Piece(number, to_bytes(texts), wanted, self._near, sent)

        done = ordered_map(workers, work, pieces())
        for number, parts in groupby(done, key=itemgetter(0)):
            shard, layers = self.shards[number], [layers for _, layers in parts]
            if shard.file.md5() != shard.md5:
                raise BadInput(shard.file.where, "was changed while it was read", "Run again")
            for layer in layers[0]:
                whole = pa.concat_tables([from_bytes(part[layer]) for part in layers])
                self._kept.keep(layer, shard.layers[layer], to_bytes(whole))

        if self.shards:
            progress(len(self.shards), len(self.shards), "earlier shards")

    def read(self, shard: Shard, layer: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A layer of a shard, or some columns of it."""
        return from_bytes(self._kept[layer, shard.layers[layer]], columns)


def work(piece: Piece) -> tuple[int, dict[str, bytes]]:
    """The number of the shard, and the layers of these texts that were wanted."""
    must_be_the_same(__name__, piece.program)
    texts = from_bytes(piece.texts)["text"].to_pylist()
    made: dict[str, pa.Table] = {}
    for layer in piece.wanted:
        if layer == DIGESTS:
            made[layer] = _hashes([content_hash(text) for text in texts])
        elif layer == PARAGRAPHS:
            made[layer] = _hashes([each for text in texts for each in paragraph_hashes(text)])
        elif piece.near is not None:
            made[layer] = keys(texts, piece.near)
    return piece.number, {layer: to_bytes(table) for layer, table in made.items()}


def _hashes(found: list[bytes]) -> pa.Table:
    return pa.table({"hash": found}, _HASHES)


def _texts(file: Folder) -> Iterator[pa.Table]:
    """The texts of a shard, some thousand at a time; of an empty one, none once."""
    schema = pa.schema([pa.field("text", pa.string(), nullable=False)])
    is_empty = True
    for table in file.batches(["text"]):
        is_empty = False
        if table["text"].null_count or not _is_text(table["text"].type):
            raise BadInput(file.where, "not all of its column text is text", REMEDY)
        yield table.cast(schema)
    if is_empty:
        yield schema.empty_table()


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
