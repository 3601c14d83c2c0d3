"""Text to ids and back, and conversations to ids by the template that the folder holds.

Notable choices: text is only ever text. A document or a message that contains the characters
``<|im_end|>`` is encoded as those characters, so that nobody can end a turn by writing so; only
the template's own markup becomes control tokens. (transformers calls the same rule
``sanitize_control_tokens``.)
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import TemplateError
from tokenizers import Tokenizer

from chatwright.errors import BadInput, MissingInput
from model.chat_template import compiled
from model.word_encoder import WordEncoder

END_OF_TEXT = "<|endoftext|>"
START_OF_TURN = "<|im_start|>"
END_OF_TURN = "<|im_end|>"
MASK = "<|mask|>"
# In the order of their ids: 0, 1, 2, 3.
SPECIAL_TOKENS = (END_OF_TEXT, START_OF_TURN, END_OF_TURN, MASK)

# ChatML, as Qwen writes it: each turn between its markers, after the name of who speaks.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# Private-use characters around control tokens in a message while the template is rendered.
_MARK_START, _MARK_END = "\U000f0000", "\U000f0001"

# A token that is cut into its characters gives as many, and few tokens have more than this.
_LONG_TOKEN = 100
_CHARACTERS_A_TOKEN = 4  # of English; other languages have fewer

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def save_tokenizer(tokenizer: Tokenizer, folder: Path, context_length: int) -> None:
    """Write a tokenizer in Hugging Face's layout, chat template included.

    Args:
        tokenizer: its vocabulary holds ``SPECIAL_TOKENS``, registered as special.
        folder: an existing folder.
        context_length: what ``AutoTokenizer`` shall know as ``model_max_length``.
    """
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TURN,
        "pad_token": END_OF_TEXT,
        "mask_token": MASK,
        "model_max_length": context_length,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def read_tokenizer(folder: Path) -> Tokenizer:
    """The bare tokenizer of a folder.

    Raises:
        MissingInput: there is no ``tokenizer.json``.
        BadInput: it cannot be read.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise MissingInput(str(path), "there is no such file")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception for anything it cannot read
        raise BadInput(str(path), f"is not a tokenizer: {_one_line(error)}") from None


def ids_of(tokenizer: Tokenizer) -> int:
    """One more than the highest id, which may be more than there are tokens."""
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())


class ChatTokenizer:
    """A tokenizer and its chat template.

    Attributes:
        vocab_size: one more than the highest id: what a model has to have room for.
        end_of_text_id: stands between documents.
        end_of_turn_id: ends a reply.
        mask_id: stands for a token that is to be told; None where there is no such token.
        special_ids: those of all special tokens, ascending.
    """

    def __init__(self, tokenizer: Tokenizer, config: Mapping[str, Any], folder: Path) -> None:
        self._folder = folder
        self._markup = tokenizer
        self._text = Tokenizer.from_str(tokenizer.to_str())
        self._text.encode_special_tokens = True
        self._words = WordEncoder(self._text)
        self.vocab_size: int = ids_of(tokenizer)
        special = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
        longest_first = sorted(special, key=len, reverse=True)
        control = "|".join(map(re.escape, longest_first)) or "(?!)"
        self._control = re.compile(control)
        # A template may cut a message between a mark and its token: lone marks just go.
        self._marks = re.compile(f"{_MARK_START}({control}){_MARK_END}|[{_MARK_START}{_MARK_END}]")
        self._names = {
            name: token["content"] if isinstance(token, dict) else token
            for name, token in config.items()
            if name.endswith("_token") and isinstance(token, str | dict)
        }
        self.end_of_turn_id = self._id(END_OF_TURN, "eos_token")
        self.end_of_text_id = self._id(END_OF_TEXT, "pad_token", "eos_token")
        self.mask_id: int | None = tokenizer.token_to_id(self._names.get("mask_token", MASK))
        self.special_ids = sorted(
            number for number, t in tokenizer.get_added_tokens_decoder().items() if t.special
        )
        try:
            self._template = compiled(config.get("chat_template"))
        except TemplateError as error:
            raise BadInput(
                str(folder), f"its chat template is not valid: {_one_line(error)}"
            ) from None

    @classmethod
    def load(cls, folder: Path) -> "ChatTokenizer":
        """Read ``tokenizer.json``, ``tokenizer_config.json`` and the chat template of a folder.

        Raises:
            MissingInput: one of the files is not there.
            BadInput: one of them cannot be read.
        """
        folder = Path(folder)
        for name in TOKENIZER_FILES[:2]:
            if not (folder / name).is_file():
                raise MissingInput(str(folder / name), "there is no such file")
        tokenizer = read_tokenizer(folder)
        path = folder / "tokenizer_config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadInput(str(path), f"is not JSON: {_one_line(error)}") from None
        if not isinstance(config, dict):
            raise BadInput(str(path), "does not hold a JSON object")
        template = folder / "chat_template.jinja"
        if template.is_file():
            config["chat_template"] = template.read_text(encoding="utf-8")
        return cls(tokenizer, config, folder)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without any special token, whatever the text says."""
        return self._text.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """``encode`` of many texts; much faster than one by one."""
        return [ids.tolist() for ids in self.encode_arrays(texts)]

    def encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        """``encode_batch``, each int32."""
        return self._words.encode(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special tokens are left out, broken characters come as U+FFFD."""
        return self._markup.decode(list(ids), skip_special_tokens=True)

    def chat_ids(
        self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool = True
    ) -> list[int]:
        """A conversation as the model reads it.

        Args:
            messages: each with ``role`` (system, user or assistant) and ``content``.
            add_generation_prompt: whether to open the assistant's next turn.

        Raises:
            BadInput: the folder has no chat template, or it refuses these messages.
        """
        return self._markup_ids(self._rendered(messages, add_generation_prompt))

    def chat_length(self, messages: Sequence[Mapping[str, Any]], most: int) -> int | None:
        """How many ids ``chat_ids`` gives, the assistant's next turn opened.

        Args:
            messages: as for ``chat_ids``.
            most: the highest count that matters. Of a text that is far longer only the beginning
                is encoded, so that the work does not grow with it.

        Returns:
            The exact count; None where it is more than ``most``.

        Raises:
            BadInput: as ``chat_ids``.
        """
        rendered = self._rendered(messages, True)
        # Where a text is cut, a word or control token may fall into more tokens than it has: twice
        # ``most`` and a long token's characters are more than that can make up for.
        surely_more = 2 * most + _LONG_TOKEN
        end = _CHARACTERS_A_TOKEN * surely_more
        while end < len(rendered):
            if len(self._markup_ids(rendered[:end])) > surely_more:
                return None
            end *= 2
        length = len(self._markup_ids(rendered))
        return length if length <= most else None

    def chat_ids_and_replies(
        self, messages: Sequence[Mapping[str, Any]]
    ) -> tuple[list[int], list[bool]]:
        """A whole conversation, and which of its ids the assistant has to write.

        Each assistant turn is encoded apart from what precedes it, exactly as it comes about in a
        chat, and counts from its first word to the end of its turn.

        Raises:
            BadInput: as ``chat_ids``; also where the template of a longer conversation does not
                begin as that of a shorter one.
        """
        ids: list[int] = []
        written: list[bool] = []
        done = ""
        for place, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self._rendered(messages[:place], True)
            through = self._rendered(messages[: place + 1], False)
            if not (prompt.startswith(done) and through.startswith(prompt)):
                raise BadInput(
                    str(self._folder),
                    "its chat template rewrites earlier turns, so that "
                    "it cannot be told which words are the assistant's",
                )
            opening = self._markup_ids(prompt[len(done) :])
            reply = self._markup_ids(through[len(prompt) :])
            end = len(reply)
            if self.end_of_turn_id in reply:
                end = len(reply) - reply[::-1].index(self.end_of_turn_id)
            ids += opening + reply
            written += [False] * len(opening) + [place < end for place in range(len(reply))]
            done = through
        return ids, written

    def _rendered(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool) -> str:
        """The template's text, control tokens in messages between marks."""
        if self._template is None:
            raise BadInput(str(self._folder), "has no chat template", "Use a chat model")
        marked = [{key: self._marked(value) for key, value in m.items()} for m in messages]
        try:
            return self._template.render(
                messages=marked, add_generation_prompt=add_generation_prompt, **self._names
            )
        except TemplateError as error:
            raise BadInput(
                "messages", f"do not fit the chat template: {_one_line(error)}"
            ) from None

    def _marked(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        plain = value.replace(_MARK_START, "").replace(_MARK_END, "")
        return self._control.sub(f"{_MARK_START}\\g<0>{_MARK_END}", plain)

    def _markup_ids(self, rendered: str) -> list[int]:
        ids: list[int] = []
        # Splitting gives markup, a marked token (None for a lone mark), markup, and so on.
        for place, piece in enumerate(self._marks.split(rendered)):
            if piece:
                encoder = self._text if place % 2 else self._markup
                ids += encoder.encode(piece, add_special_tokens=False).ids
        return ids

    def _id(self, token: str, *fallbacks: str) -> int:
        for candidate in (token, *(self._names.get(name) for name in fallbacks)):
            found = None if candidate is None else self._markup.token_to_id(candidate)
            if found is not None:
                return found
        raise BadInput(str(self._folder), f"its vocabulary has no {token} and names no substitute")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
