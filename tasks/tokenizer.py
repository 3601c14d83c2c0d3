"""The tokenizer stage: byte-level BPE, trained on the clean training documents and the dialogues.

Notable choices: any text can be encoded, because the alphabet is all 256 bytes; text is cut as
Qwen and GPT-4 cut it, so that no token joins a word to a line break or a comma, and digits stand
alone, which makes numbers regular; only training documents are read, so that the held-out text
stays unseen. The same corpus gives the same file.

Where the weights exist already (``model.init``), so does their tokenizer, and is taken as it is;
one without a chat template is given ours and its tokens.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from chatwright.errors import BadInput, CorpusTooSmall
from model.hf_config import CONFIG, model_config, read_json
from model.hub import RANDOM, weights_folder
from model.tokenizer import (
    SPECIAL_TOKENS,
    TOKENIZER_FILES,
    ids_of,
    read_tokenizer,
    save_tokenizer,
)
from tasks.documents import read_dialogues, read_documents
from tasks.params import TokenizerParams
from tasks.progress import Progress, silent
from tasks.stage import Stage

# Qwen's: contractions; words with what stands before them; single digits; punctuation with the
# line breaks that follow it; line breaks; other white space, its last character left to the word.
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LEAST_MERGES = 44
"""300 tokens and below is the alphabet and next to nothing else: no corpus, but an accident."""

NO_LIMIT = int(1e30)
"""What transformers writes as ``model_max_length`` where a tokenizer belongs to no model yet."""


class TokenizerReport(BaseModel):
    """What came of it. ``bytes_per_token`` is by language, on the text it was trained on."""

    vocab_size: int
    wanted_vocab_size: int
    documents: int
    training_bytes: int
    bytes_per_token: dict[str, float]


def train_tokenizer(
    corpus: Path,
    dialogues: Path,
    out: Path,
    params: TokenizerParams,
    *,
    progress: Progress = silent,
) -> TokenizerReport:
    """Learn the merges and write the tokenizer in Hugging Face's layout.

    Args:
        corpus: the clean corpus; its ``train`` folder is read.
        dialogues: conversations, so that the languages of small talk are known too.
        out: the folder to write to.

    Returns:
        Sizes; ``vocab_size`` is below what was wanted where the corpus has no more pairs to merge.

    Raises:
        CorpusTooSmall: there is next to no text to learn from.
    """
    texts = texts_by_language(corpus, dialogues)
    everything = [text for lang in sorted(texts) for text in texts[lang]]
    progress(0, len(everything), "texts")
    tokenizer = byte_level_bpe(everything, params.vocab_size)
    vocab_size = tokenizer.get_vocab_size()
    alphabet = 256 + len(SPECIAL_TOKENS)
    if vocab_size < min(params.vocab_size, alphabet + LEAST_MERGES):
        raise CorpusTooSmall(
            str(corpus / "train"),
            f"its {len(everything):,} texts gave {vocab_size - alphabet} merges "
            f"where {LEAST_MERGES} are the least",
            "Put more text into corpus/",
        )
    progress(len(everything), len(everything), "texts", vocabulary=vocab_size)
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, out, NO_LIMIT)
    return report_on(tokenizer, texts, wanted=params.vocab_size)


def adopt_tokenizer(weights: Path, corpus: Path, dialogues: Path, out: Path) -> TokenizerReport:
    """Take over the tokenizer of weights that exist.

    Args:
        weights: a folder in Hugging Face's layout.
        corpus, dialogues: what it is measured on.
        out: the folder to write to.

    Raises:
        MissingInput, BadInput: the folder has no tokenizer, or one that cannot be read; its ids
            go beyond the weights' vocabulary, or these are of an architecture that is not there.
    """
    tokenizer = read_tokenizer(weights)
    config = model_config(read_json(weights / CONFIG), weights / CONFIG)
    if ids_of(tokenizer) > config.vocab_size:
        raise BadInput(
            str(weights),
            f"its tokenizer has ids up to {ids_of(tokenizer) - 1:,}, "
            f"but {CONFIG} a vocabulary of {config.vocab_size:,}",
            "Take the tokenizer that the weights were trained with",
        )
    out.mkdir(parents=True, exist_ok=True)
    settings = weights / "tokenizer_config.json"
    # Not asked of ChatTokenizer: a base model's settings may name no token that ends a turn.
    if (weights / "chat_template.jinja").is_file() or (
        settings.is_file() and read_json(settings).get("chat_template")
    ):
        for name in TOKENIZER_FILES:
            if (weights / name).is_file():
                shutil.copyfile(weights / name, out / name)
    else:
        # Those it has keep their ids; new ones come last.
        tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
        save_tokenizer(tokenizer, out, NO_LIMIT)
    adopted = Tokenizer.from_file(str(out / "tokenizer.json"))
    return report_on(adopted, texts_by_language(corpus, dialogues), wanted=adopted.get_vocab_size())


def texts_by_language(corpus: Path, dialogues: Path) -> dict[str, list[str]]:
    """The training documents and the turns of the dialogues."""
    texts: dict[str, list[str]] = defaultdict(list)
    for document in read_documents(corpus / "train"):
        texts[document.lang].append(document.text)
    for dialogue in read_dialogues(dialogues):
        texts[dialogue.lang] += [m["content"] for m in dialogue.messages]
    return texts


def report_on(
    tokenizer: Tokenizer, texts: Mapping[str, list[str]], *, wanted: int
) -> TokenizerReport:
    """What a tokenizer makes of the texts of each language."""
    return TokenizerReport(
        vocab_size=tokenizer.get_vocab_size(),
        wanted_vocab_size=wanted,
        documents=sum(len(some) for some in texts.values()),
        training_bytes=sum(len(text.encode()) for some in texts.values() for text in some),
        bytes_per_token={lang: _bytes_per_token(tokenizer, texts[lang]) for lang in sorted(texts)},
    )


def byte_level_bpe(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer of at most ``vocab_size`` tokens, special ones first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _bytes_per_token(tokenizer: Tokenizer, texts: list[str]) -> float:
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    return round(sum(len(text.encode()) for text in texts) / max(1, tokens), 3)


def main() -> None:
    """Run the stage."""
    with Stage("tokenizer") as stage:
        corpus, dialogues = stage.input("data/clean"), stage.input("data/dialogues")
        out, init = stage.output("artifacts/tokenizer"), stage.params.model.init
        if init == RANDOM:
            report = train_tokenizer(
                corpus, dialogues, out, stage.params.tokenizer, progress=stage.progress
            )
        else:
            report = adopt_tokenizer(weights_folder(init), corpus, dialogues, out)
        stage.report(report)


if __name__ == "__main__":
    main()
