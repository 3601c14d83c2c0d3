"""Under what each layer of a chunk is kept: what it is made of, and by what rules and program.

What builds on texts stands under the texts that the filters leave, not under which of them stay:
see ``asked.py``.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tasks.params import PreprocessParams
from tasks.program import own_source, program

LAYERS = "tasks.preprocess.layers"
QUALITY = "tasks.preprocess.quality"
CHUNK_WORK = "tasks.preprocess.chunk_work"
_CODE = {
    "rows": f"{LAYERS}.rows",
    "formed": f"{LAYERS}.formed",
    "numbers": f"{LAYERS}.numbers",
    "sentences": f"{LAYERS}.sentences",
    "numbers_left": f"{LAYERS}.numbers",
    "worth": f"{LAYERS}.worth",
    "scores": f"{LAYERS}.scores",
    "leaks": f"{LAYERS}.leaks",
    "paragraphs": f"{LAYERS}.paragraphs",
    "shortened": f"{LAYERS}.paragraphs",
    "keys": f"{LAYERS}.keys",
    "outlines": f"{LAYERS}.outlines",
}
IN_ORDER = tuple(_CODE)
"""The layers, each after those that it builds on."""


def hashed(*parts: bytes | str) -> str:
    """A hash of some parts, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class Fingerprints:
    """The fingerprints of layers.

    Args:
        params: the stage's.
        classifier: its content; None: there is none.
        evaluation: the evaluation sets' texts; None: there is none.

    Attributes:
        name: of all of it together.
        asked: the layers of which a row is made when it is asked for, in the order of making.
        first: these and those that they build on: all that documents decide by themselves.
        found: what the filters find out on the way; these layers may lack.
    """

    def __init__(
        self, params: PreprocessParams, *, classifier: bytes | None, evaluation: bytes | None
    ) -> None:
        near = params.near_duplicates
        lines = _of_lines(params)
        rules: dict[str, Any] = {
            "formed": params.model_dump(
                include={
                    "repair_mojibake", "normalize_widths", "simplify_chinese", "personal_data"
                }
            ),
            "rows": None,
            "numbers": None,
            "sentences": lines,
            "numbers_left": None,
            "worth": _of_worth(params),
            "paragraphs": None,
            "shortened": None,
            "keys": near and near.model_dump(include={"shingle", "bands", "rows"}),
            "outlines": None,
        }  # fmt: skip
        self._rules = {layer: json.dumps(rule, sort_keys=True) for layer, rule in rules.items()}
        self._rules["scores"] = hashed(classifier or b"")
        self._rules["leaks"] = hashed(evaluation or b"")
        # What calls the layers and the form that they are kept in.
        frame = "".join(map(own_source, (f"{LAYERS}.work", f"{LAYERS}.asked", "tasks.arrow_bytes")))
        self._rules = {
            layer: hashed(layer, rule, program(_CODE[layer]), frame)
            for layer, rule in self._rules.items()
        }
        # What puts documents together of their layers.
        together = map(own_source, ("tasks.preprocess.finished_documents", CHUNK_WORK))
        self._rules["outlines"] = hashed(self._rules["outlines"], *together)
        # The texts that stay, where they do, are those of their form, or what C4's filter leaves.
        takes_out = [each.c4.takes_lines_out for each in (params.quality, params.quality_zh)]
        self._rules["texts"] = hashed(
            json.dumps(takes_out if lines else []),
            self._rules["sentences"] if lines else "",
            own_source(f"{LAYERS}.worth"),
            own_source(f"{QUALITY}.judgement"),
            own_source("tasks.ingest.language"),  # which of the two sections a text is under
        )
        asked = ["scores"] * (classifier is not None) + ["leaks"] * (evaluation is not None)
        if params.duplicate_paragraphs:
            asked += ["paragraphs"]
        elif near:
            asked += ["keys"]
        self.name = hashed(*(self._rules[layer] for layer in sorted(self._rules)))
        self.asked = tuple(asked)
        self.first = ("rows", "formed", "worth", *asked)
        found = ["numbers"] * bool(params.filters) + ["sentences", "numbers_left"] * bool(lines)
        self.found = tuple(found)

    def of_rows(self, raw: str) -> str:
        """That of the layer ``rows`` of a chunk with this hash; it stands for all that is in it."""
        return hashed(self._rules["rows"], raw)

    def of_first(self, rows: str) -> dict[str, str]:
        """Those of the first layers of a chunk, what is found among them, and of its texts."""
        on = {"formed": "rows", "numbers_left": "sentences"} | dict.fromkeys(self.asked, "texts")
        prints = {"rows": rows}
        for layer in ("formed", "texts", *self.found, "worth", *self.asked):
            prints[layer] = hashed(self._rules[layer], prints[on.get(layer, "formed")])
        return prints

    def of_shortened(self, texts: str, repeated: bytes) -> str:
        """That of the layer ``shortened``, where paragraphs stood before."""
        return hashed(self._rules["shortened"], texts, repeated)

    def of_keys(self, texts: str) -> str:
        """That of the layer ``keys`` on the texts, or on ``shortened``."""
        return hashed(self._rules["keys"], texts)

    def of_outlines(self, layers: Mapping[str, str], came: str, are_whole: bytes) -> str:
        """That of the layer ``outlines``, on what the texts are made of and all else stays as."""
        on = [layers.get(name, "") for name in ("formed", "worth", "shortened")]
        return hashed(self._rules["outlines"], *on, came, are_whole)


def _of_lines(params: PreprocessParams) -> list[dict[str, Any]] | None:
    """What decides which lines C4's filter keeps; None: it is off."""
    if "c4" not in params.filters:
        return None
    decides_nothing = {"min_sentences", "takes_lines_out"}
    sections = (params.quality, params.quality_zh)
    return [section.c4.model_dump(exclude=decides_nothing) for section in sections]


def _of_worth(params: PreprocessParams) -> dict[str, Any]:
    """The limits of the filters that are on, and what else is asked of a text."""
    chosen = {name.replace("-", "_") for name in params.filters}
    return {
        **params.model_dump(include={"min_characters", "languages", "filters"}),
        "quality": params.quality.model_dump(include=chosen),
        "quality_zh": params.quality_zh.model_dump(include=chosen),
    }
