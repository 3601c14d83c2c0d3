"""A tokenizer that comes with weights, made fit for chat where it is not.

Notable choices: one that has a chat template is copied as it is. One that has none, a base model's,
gets ours and the two tokens that it is made of, after all ids that it has, so that the others keep
their meaning.
"""

import json
import shutil
from pathlib import Path

from tokenizers import AddedToken

from chatwright.errors import BadInput
from model.hf_config import CONFIG, model_config, read_json
from model.tokenizer import (
    CHAT_TEMPLATE,
    END_OF_TURN,
    START_OF_TURN,
    TOKENIZER_FILES,
    ChatTokenizer,
    read_tokenizer,
)

VOCABULARY, SETTINGS, TEMPLATE = TOKENIZER_FILES


def adopt_tokenizer(folder: Path, out: Path) -> ChatTokenizer:
    """Write the tokenizer of a checkpoint to a folder of its own.

    Args:
        folder: the checkpoint, in Hugging Face's layout.
        out: the folder to write to.

    Raises:
        BadInput: there is no tokenizer in that layout, it cannot be read, its ids go beyond the
            vocabulary of the checkpoint, or that is of an architecture that cannot be loaded.
        MissingInput: there is no ``config.json``.
    """
    config = model_config(read_json(folder / CONFIG), folder / CONFIG)
    if not (folder / VOCABULARY).is_file():
        raise BadInput(
            str(folder),
            f"has no {VOCABULARY}, which the tokenizer is read from",
            "Write it with transformers: AutoTokenizer.from_pretrained(..).save_pretrained(..)",
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    if not (out / SETTINGS).is_file():
        _write_settings(out, {"tokenizer_class": "PreTrainedTokenizerFast"})
    tokenizer = read_tokenizer(out)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    if highest >= config.vocab_size:
        raise BadInput(
            str(folder),
            f"its tokenizer has ids up to {highest:,}, "
            f"but {CONFIG} a vocabulary of {config.vocab_size:,}",
            "Take the tokenizer that the weights were trained with",
        )
    settings = read_json(out / SETTINGS)
    if not settings.get("chat_template") and not (out / TEMPLATE).is_file():
        turns = (START_OF_TURN, END_OF_TURN)
        tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in turns])
        tokenizer.save(str(out / VOCABULARY))
        _write_settings(out, settings | {"chat_template": CHAT_TEMPLATE})
    return ChatTokenizer.load(out)


def _write_settings(folder: Path, settings: dict[str, object]) -> None:
    text = json.dumps(settings, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / SETTINGS).write_text(text, encoding="utf-8")
