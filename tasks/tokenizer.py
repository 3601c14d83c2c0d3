"""The tokenizer stage: byte-level BPE, trained on the clean training documents and the dialogues.

Notable choices: any text can be encoded, because the alphabet is all 256 bytes; text is cut as
Qwen and GPT-4 cut it, so that no token joins a word to a line break or a comma, and digits stand
alone, which makes numbers regular; only training documents are learnt from, so that the held-out
text stays unseen; it is measured, though. Of a large corpus a share is read, which the documents'
ids decide. The same corpus gives the same file.

Where the weights exist already (``model.init``), so does their tokenizer, and is taken as it is;
one without a chat template is given ours and its tokens.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

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
from model.word_encoder import parts_of
from model.word_pieces import pieces_then_bytes
from tasks.params import TokenizerParams
from tasks.progress import Progress, silent
from tasks.stage import Stage
from tasks.tokenizer_report import FREQUENT, TokenizerReport, report_on
from tasks.training_texts import Texts, training_texts
from tasks.vocabulary import ALPHABET, balanced, chosen_size, first_tokens

LEAST_MERGES = 44
"""300 tokens and below is the alphabet and next to nothing else: no corpus, but an accident."""

LARGEST = 262_144
"""Of the vocabularies that are tried where the corpus chooses; what params.yaml allows, too."""

NO_LIMIT = int(1e30)
"""What transformers writes as ``model_max_length`` where a tokenizer belongs to no model yet."""


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
        corpus: the clean corpus; its ``train`` folder is learnt from, ``validation`` measured.
        dialogues: conversations, so that the languages of small talk are known too.
        out: the folder to write to.

    Returns:
        Sizes, and what it makes of the texts; ``vocab_size`` is below what was
        wanted where the corpus has no more pairs to merge.

    Raises:
        CorpusTooSmall: there is next to no text to learn from.
        MissingInput, BadInput: a folder is not there, or one of its files cannot be read.
    """
    texts = training_texts(corpus, dialogues, params.training_bytes)
    number = sum(map(len, texts.learnt_from.values()))
    progress(0, number, "texts")
    tokenizer = learnt(texts.learnt_from, params)
    vocab_size = tokenizer.get_vocab_size()
    if vocab_size < min(params.vocab_size or NO_LIMIT, ALPHABET + LEAST_MERGES):
        raise CorpusTooSmall(
            str(corpus / "train"),
            f"its {number:,} texts gave {vocab_size - ALPHABET} merges "
            f"where {LEAST_MERGES} are the least",
            "Put more text into corpus/"
            + ("" if texts.share == 1 else ", or raise tokenizer.training_bytes"),
        )
    progress(number, number, "texts", vocabulary=vocab_size)
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, out, NO_LIMIT)
    return report_on(tokenizer, texts, wanted=params.vocab_size)


def learnt(texts: Texts, params: TokenizerParams) -> Tokenizer:
    """The tokenizer that the parameters ask for."""
    if params.vocab_size is not None:
        return byte_level_bpe(balanced(texts, params.language_exponent), params.vocab_size)
    # What is rarer when it is merged has too few examples in any case.
    largest = byte_level_bpe(
        balanced(texts, params.language_exponent), LARGEST, least_examples=FREQUENT
    )
    everything = [text for some in texts.values() for text in some]
    return first_tokens(largest, chosen_size(largest, everything))


def adopt_tokenizer(
    weights: Path, corpus: Path, dialogues: Path, out: Path, params: TokenizerParams
) -> TokenizerReport:
    """Take over the tokenizer of weights that exist.

    Args:
        weights: a folder in Hugging Face's layout.
        corpus, dialogues: what it is measured on.
        out: the folder to write to.
        params: how much of that is read.

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
    texts = training_texts(corpus, dialogues, params.training_bytes)
    return report_on(adopted, texts, wanted=adopted.get_vocab_size())


def byte_level_bpe(texts: Iterable[str], vocab_size: int, *, least_examples: int = 0) -> Tokenizer:
    """A byte-level BPE tokenizer of at most ``vocab_size`` tokens, special ones first.

    Args:
        least_examples: how often a pair has to stand in the texts when it is merged.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pieces_then_bytes()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=least_examples,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # It takes 256 texts at once, and what it makes of a long one is a hundred times as large.
    tokenizer.train_from_iterator((part for text in texts for part in parts_of(text)), trainer)
    return tokenizer


def main() -> None:
    """Run the stage."""
    with Stage("tokenizer") as stage:
        corpus, dialogues = stage.input("data/clean"), stage.input("data/dialogues")
        out, init = stage.output("artifacts/tokenizer"), stage.params.model.init
        params = stage.params.tokenizer
        if init == RANDOM:
            report = train_tokenizer(corpus, dialogues, out, params, progress=stage.progress)
        else:
            report = adopt_tokenizer(weights_folder(init), corpus, dialogues, out, params)
        stage.log(report.line())
        stage.report(report)


if __name__ == "__main__":
    main()
