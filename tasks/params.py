"""The typed, strict form of params.yaml: every choice of every stage, checked before any work.

``load_params`` reads the file, refuses unknown keys (naming the nearest right one) and values out
of range, and returns the tree that stages take their section from. What a key does and what to
make of it is explained once, in params.yaml; here stand types and limits.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks import params_mistakes
from tasks.params_executor import ExecutorParams
from tasks.params_ingest import IngestParams
from tasks.params_mistakes import keys_below, mistake
from tasks.params_section import PositiveInt, Section, Share
from tasks.params_training import FinetuneParams, ModelParams, PretrainParams
from tasks.quality_params import ChineseParams, ClassifierParams, Filter, QualityParams


class NearDuplicatesParams(Section):
    """When two documents count as almost the same."""

    jaccard: Annotated[float, Field(gt=0, le=1)] | None = 0.8
    shingle: PositiveInt = 5
    bands: Annotated[int, Field(ge=1, le=1_000)] = 20
    rows: Annotated[int, Field(ge=1, le=100)] = 6


class AugmentParams(Section):
    """What is made of labelled training texts."""

    copies: Annotated[int, Field(ge=0, le=100)] = 4
    replace: Share = 0.1
    insert: Share = 0.1
    swap: Share = 0.1
    delete: Share = 0.1
    synonyms: str | None = None
    translate: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    seed: int = 1


class PreprocessParams(Section):
    """The form they are brought into, what is kept of them, and how they are split."""

    repair_mojibake: bool = True
    normalize_widths: bool = False
    simplify_chinese: bool = False
    personal_data: list[
        Literal["email", "phone", "ip", "card", "iban", "china_id", "us_ssn", "name"]
    ] = []
    min_characters: PositiveInt
    decontaminate: list[Annotated[str, Field(min_length=1)]] = []
    earlier_corpora: list[Annotated[str, Field(min_length=1)]] = []
    duplicate_paragraphs: bool = False
    near_duplicates: NearDuplicatesParams | None = None
    languages: list[Annotated[str, Field(pattern="^[a-z]{2,3}$")]] | None = Field(
        None, min_length=1
    )
    filters: list[Filter] = []
    quality: QualityParams = QualityParams()
    quality_zh: ChineseParams = ChineseParams()
    classifier: ClassifierParams | None = None
    augment: AugmentParams | None = None
    validation_share: Share
    test_share: Share
    shard_documents: PositiveInt = 50_000

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "PreprocessParams":
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share together leave nothing to train on")
        return self


class TokenizerParams(Section):
    """The vocabulary."""

    vocab_size: Annotated[int, Field(ge=300, le=262_144)] | None
    language_exponent: Share = 1.0
    training_bytes: Annotated[int, Field(ge=100_000)] | None = 100_000_000


class PackParams(Section):
    """Rows of token ids."""

    context_length: Annotated[int, Field(ge=16, le=131_072)]


class IndexParams(Section):
    """Passages and how they are found."""

    passage_characters: Annotated[int, Field(ge=100)]
    min_score: Share = 0.08


class CompressParams(Section):
    """Ways to make the model small."""

    recipe: Literal["int8"]
    held_out_bytes: PositiveInt


class EvaluateParams(Section):
    """What is measured."""

    questions: str
    generated_questions: PositiveInt
    held_out_bytes: PositiveInt


class RegisterParams(Section):
    """When a new model becomes the one that is served."""

    model_name: str = Field(min_length=1, pattern=r"^[^/:@]+$")
    tolerance: Share


class TrackingParams(Section):
    """Where runs are recorded; not part of any stage's fingerprint."""

    uri: str
    experiment: str = Field(min_length=1)


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    ingest: IngestParams
    preprocess: PreprocessParams
    tokenizer: TokenizerParams
    pack: PackParams
    model: ModelParams
    pretrain: PretrainParams
    finetune: FinetuneParams
    index: IndexParams
    compress: CompressParams
    evaluate: EvaluateParams
    register_: RegisterParams = Field(alias="register")
    tracking: TrackingParams
    executor: ExecutorParams = ExecutorParams()


def known_keys() -> list[str]:
    """All dotted keys of params.yaml, sections included, also those that may be null."""
    return list(keys_below(Params))


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a tree with their dotted names."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nearest_key(key: str) -> str:
    """A sentence that names the known key nearest to a wrong one, or the place of the list."""
    return params_mistakes.nearest_key(Params, key.split("."))


def check_params(
    tree: Any, source: str = "params.yaml", given: Mapping[str, str] | None = None
) -> Params:
    """Turn a tree of plain values into ``Params``.

    Args:
        source: the file it comes from, for errors to name.
        given: for dotted keys that were not taken from the file, what errors name instead.

    Raises:
        BadParameter: an unknown key (the nearest right one is named), a missing one, a value of
            the wrong type or out of range.
    """
    if not isinstance(tree, dict):
        raise BadParameter(
            source, "is not a mapping of sections", "Restore it with: git checkout params.yaml"
        )
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise mistake(error, source, Params, given) from None


def yaml_mistake(error: YAMLError) -> str:
    """What is wrong with a text that is no YAML, and in which of its lines.

    >>> from ruamel.yaml import YAML
    >>> try:
    ...     YAML(typ="safe").load("a: 1\\na: 2")
    ... except YAMLError as error:
    ...     print(yaml_mistake(error))
    line 2: found duplicate key "a" with value "2" (original value: "1")
    """
    if isinstance(error, MarkedYAMLError) and error.problem and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {' '.join(error.problem.split())}"
    return " ".join(str(error).replace('in "<unicode string>", ', "").split())


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check a parameter file.

    Raises:
        MissingInput: there is no such file.
        BadInput: it cannot be read.
        BadParameter: it is not YAML, or does not hold what it should.
    """
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(
            str(path), "there is no such file", "Go to the folder of your Chatwright project"
        ) from None
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read: {error.strerror}", "Make it a file that you may read"
        ) from None
    except UnicodeDecodeError as error:
        raise BadParameter(str(path), f"is not UTF-8 ({error.reason})") from None
    except YAMLError as error:
        raise BadParameter(str(path), f"is not valid YAML: {yaml_mistake(error)}") from None
    return check_params(tree, path.name)
