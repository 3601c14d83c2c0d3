"""Under what each layer of a chunk is kept: what it is made of, and by what rules and program."""

import hashlib
import json
from typing import Any

from tasks.params import PreprocessParams
from tasks.program import own_source, program

LAYERS = "tasks.preprocess.layers"
_CODE = {
    "rows": f"{LAYERS}.rows",
    "formed": f"{LAYERS}.formed",
    "worth": f"{LAYERS}.worth",
    "scores": f"{LAYERS}.scores",
    "leaks": f"{LAYERS}.leaks",
    "paragraphs": f"{LAYERS}.paragraphs",
    "shortened": f"{LAYERS}.paragraphs",
    "keys": f"{LAYERS}.keys",
}


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
    """

    def __init__(
        self, params: PreprocessParams, *, classifier: bytes | None, evaluation: bytes | None
    ) -> None:
        near = params.near_duplicates
        rules: dict[str, Any] = {
            "formed": params.model_dump(
                include={
                    "repair_mojibake", "normalize_widths", "simplify_chinese", "personal_data"
                }
            ),
            "rows": None,
            "worth": _of_worth(params),
            "paragraphs": None,
            "shortened": None,
            "keys": near and near.model_dump(include={"shingle", "bands", "rows"}),
        }  # fmt: skip
        self._rules = {layer: json.dumps(rule, sort_keys=True) for layer, rule in rules.items()}
        self._rules["scores"] = hashed(classifier or b"")
        self._rules["leaks"] = hashed(evaluation or b"")
        # What calls the layers and the form that they are kept in.
        frame = own_source(f"{LAYERS}.work") + own_source("tasks.arrow_bytes")
        self._rules = {
            layer: hashed(layer, rule, program(_CODE[layer]), frame)
            for layer, rule in self._rules.items()
        }
        first = ["rows", "formed", "worth"]
        first += ["scores"] * (classifier is not None) + ["leaks"] * (evaluation is not None)
        if params.duplicate_paragraphs:
            first += ["paragraphs"]
        elif near:
            first += ["keys"]
        self.name = hashed(*(self._rules[layer] for layer in sorted(self._rules)))
        """Of all of it together."""
        self.first = tuple(first)
        """The layers that a chunk's documents decide by themselves, in the order of making."""

    def of_rows(self, raw: bytes) -> str:
        """That of the layer ``rows`` of a chunk; it stands for all that is in it."""
        return hashed(self._rules["rows"], raw)

    def of_first(self, rows: str) -> dict[str, str]:
        """Those of the first layers of a chunk."""
        found = {"rows": rows}
        for layer in self.first[1:]:
            of = {"formed": "rows", "worth": "formed"}.get(layer, "worth")
            found[layer] = hashed(self._rules[layer], found[of])
        return found

    def of_shortened(self, worth: str, repeated: bytes) -> str:
        """That of the layer ``shortened``, where paragraphs stood before."""
        return hashed(self._rules["shortened"], worth, repeated)

    def of_keys(self, texts: str) -> str:
        """That of the layer ``keys`` on ``worth`` or ``shortened``."""
        return hashed(self._rules["keys"], texts)


def _of_worth(params: PreprocessParams) -> dict[str, Any]:
    """The limits of the filters that are on, and what else is asked of a text."""
    chosen = {name.replace("-", "_") for name in params.filters}
    return {
        **params.model_dump(include={"min_characters", "languages", "filters"}),
        "quality": params.quality.model_dump(include=chosen),
        "quality_zh": params.quality_zh.model_dump(include=chosen),
    }
