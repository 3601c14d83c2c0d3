"""params.yaml is strict: what cannot be right is refused with a sentence that helps."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks.params import check_params, known_keys, leaves, load_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree() -> dict[str, Any]:
    return YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def test_the_file_that_ships_is_right(tree: dict[str, Any]) -> None:
    assert load_params(ROOT / "params.yaml") == check_params(tree)


def test_every_key_of_the_file_has_a_comment() -> None:
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    bare = [
        line.strip()
        for before, line in zip(lines, lines[1:], strict=False)
        if ": " in line and "#" not in line and not before.strip().startswith("#")
    ]
    assert not bare


def test_every_known_key_stands_in_the_file(tree: dict[str, Any]) -> None:
    written = {key for key, _ in leaves(tree)}
    parts = [key.split(".") for key in written]
    sections = {".".join(names[:depth]) for names in parts for depth in range(1, len(names))}
    missing = set(known_keys()) - written - sections
    # A section that may be null stands there as that, and its keys in the comment above it.
    assert not [key for key in missing if key.rpartition(".")[0] not in written]


@pytest.mark.parametrize(
    ("section", "key", "value", "sentence"),
    [
        ("pretrain", "learning_rat", 1e-3, "there is no parameter pretrain.learning_rat. Did you mean pretrain.learning_rate"),
        ("pretrain", "tokens", 0, "params.yaml, pretrain.tokens: 0 cannot be used: input should be greater than or equal to 1"),
        ("pretrain", "tokens", "many", "pretrain.tokens: 'many' cannot be used: input should be a valid integer"),
        ("pretrain", "batch_size", "many", "pretrain.batch_size: 'many' cannot be used: it should be a whole number above 0, auto or null"),
        ("pretrain", "batch_size", True, "pretrain.batch_size: true cannot be used"),
        ("pretrain", "optimizer", "sgd", "pretrain.optimizer: 'sgd' cannot be used: input should be 'muon' or 'adamw'"),
        ("pretrain", "objective", "both", "pretrain.objective: 'both' cannot be used: input should be 'causal', 'masked' or 'mixed'"),
        ("pretrain", "spike_factor", 1.0, "pretrain.spike_factor: 1.0 cannot be used"),
        ("ingest", "sources", [], "ingest.sources: [] cannot be used"),
        ("ingest", "sources", ["wiki"], "'wiki' cannot be used: input should be 'python-docs'"),
        ("executor", "address", "nothing", "executor.address: 'nothing' cannot be used: is no address of a Dask scheduler, such as tcp://10.0.0.5:8786"),
        ("register", "model_name", "a:b", "register.model_name: 'a:b' cannot be used"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_place(
    tree: dict[str, Any], section: str, key: str, value: Any, sentence: str
) -> None:
    tree[section][key] = value
    with pytest.raises(BadParameter) as error:
        check_params(tree)
    assert sentence in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("section", "key", "value", "sentence"),
    [
        ("ingest", "huggingface", [{"datset": "a/b"}], ": there is no parameter ingest.huggingface.0.datset. Did you mean ingest.huggingface.0.dataset?"),
        ("ingest", "huggingface", [{"dataset": "a/b"}, {}], ": ingest.huggingface.1.dataset is missing. params.yaml explains every key."),
        ("ingest", "huggingface", ["a/b"], ", ingest.huggingface.0: 'a/b' cannot be used: it is a section, with keys such as ingest.huggingface.0.dataset."),
        ("preprocess", "classifier", {"good": ["a.txt"], "min_scroe": 0.5}, ": there is no parameter preprocess.classifier.min_scroe. Did you mean preprocess.classifier.min_score?"),
        ("preprocess", "classifier", {"good": ["a.txt"]}, ": preprocess.classifier.bad is missing. params.yaml explains every key."),
        ("preprocess", "augment", {"copis": 2}, ": there is no parameter preprocess.augment.copis. Did you mean preprocess.augment.copies?"),
        ("preprocess", "near_duplicates", {"jacard": 0.5}, ": there is no parameter preprocess.near_duplicates.jacard. Did you mean preprocess.near_duplicates.jaccard?"),
        ("preprocess", "near_duplicates", 5, ", preprocess.near_duplicates: 5 cannot be used: it is a section, with keys such as preprocess.near_duplicates.jaccard."),
        ("preprocess", "copies", 2, ": there is no parameter preprocess.copies. Did you mean preprocess.augment.copies?"),
        ("pretrain", "foo", 2, ": there is no parameter pretrain.foo. params.yaml explains every key."),
    ],
)  # fmt: skip
def test_a_typo_in_an_inner_section_is_named_with_the_right_key(
    tree: dict[str, Any], section: str, key: str, value: Any, sentence: str
) -> None:
    tree[section][key] = value
    with pytest.raises(BadParameter) as error:
        check_params(tree)
    assert str(error.value).startswith(f"params.yaml{sentence}")


def test_an_unknown_key_counts_before_a_missing_one(tree: dict[str, Any]) -> None:
    tree["pack"] = {"context_lenght": 64}
    with pytest.raises(BadParameter) as error:
        check_params(tree)
    assert str(error.value).endswith(
        "there is no parameter pack.context_lenght. Did you mean pack.context_length?"
    )


def test_true_is_no_number(tree: dict[str, Any]) -> None:
    numbers = [(key, value) for key, value in leaves(tree) if type(value) in (int, float)]
    assert len(numbers) > 50
    for key, value in numbers:
        *sections, last = key.split(".")
        section = tree
        for name in sections:
            section = section[name]
        section[last] = True
        with pytest.raises(BadParameter, match=f", {key}: true cannot be used"):
            check_params(tree)
        section[last] = value


@pytest.mark.parametrize("value", [5, None, "many", [1]])
def test_a_section_is_said_to_be_one(tree: dict[str, Any], value: Any) -> None:
    tree["pretrain"] = value
    with pytest.raises(
        BadParameter, match=r"cannot be used: it is a section, with keys such as pretrain\.tokens\."
    ):
        check_params(tree)


def test_a_missing_key_is_named(tree: dict[str, Any]) -> None:
    del tree["pack"]["context_length"]
    with pytest.raises(BadParameter, match="pack.context_length is missing"):
        check_params(tree)


def test_a_missing_file_and_broken_yaml_are_said(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="there is no such file"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("pretrain: [1, 2")
    with pytest.raises(BadParameter, match="is not valid YAML"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("seed: 1\nseed: 2")
    with pytest.raises(BadParameter) as error:
        load_params(tmp_path / "params.yaml")
    assert str(error.value).endswith(
        'is not valid YAML: line 2: found duplicate key "seed" with value "2"'
        ' (original value: "1").'
    )
    (tmp_path / "params.yaml").write_bytes("seed: é".encode("latin-1"))
    with pytest.raises(BadParameter, match="is not UTF-8"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("seed: \0")
    with pytest.raises(BadParameter, match=r"is not valid YAML: [^<]*position 6") as error:
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("- 1")
    with pytest.raises(BadParameter, match="not a mapping"):
        load_params(tmp_path / "params.yaml")


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(BadInput, match=r"params.yaml: cannot be read: Is a directory\. Make it"):
        load_params(tmp_path / "params.yaml")


def test_a_mistake_is_told_without_all_of_the_section(tree: dict[str, Any]) -> None:
    tree["preprocess"] |= {"test_share": 0.6, "validation_share": 0.5}
    with pytest.raises(BadParameter) as error:
        check_params(tree)
    assert str(error.value) == (
        "params.yaml, preprocess: validation_share and test_share together leave nothing to train"
        " on. The comment above that key in params.yaml says what it takes."
    )
    tree["preprocess"] |= {"test_share": 0.1, "min_characters": ["many"] * 100}
    with pytest.raises(BadParameter, match=r"preprocess.min_characters: \['many', ") as error:
        check_params(tree)
    assert len(str(error.value)) < 250
