"""A wrong file name or address is refused before any work, and stays out of params.yaml."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatwright.commands.parameters import apply_choices, chosen_params
from chatwright.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(params_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (params_folder / "corpus" / "talk.jsonl").touch()
    (params_folder / "outside.jsonl").touch()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(params_folder.parent))
    return params_folder


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["evaluate.questions=no.jsonl"], "evaluate.questions, no.jsonl: there is no such file. Mend the name."),
        (["evaluate.questions=corpus"], "evaluate.questions, corpus: cannot be read: Is a directory. Mend the name."),
        (["preprocess.decontaminate=[no.jsonl]"], "preprocess.decontaminate, no.jsonl: there is no such file. Mend the name."),
        (["preprocess.earlier_corpora=[none]"], "preprocess.earlier_corpora, none: there is no such folder. Mend the name; revisions are written git:NAME."),
        (["preprocess.earlier_corpora=[corpus]"], "preprocess.earlier_corpora, corpus: there is no Parquet file in it. Name a copy of data/clean."),
        (["preprocess.earlier_corpora=['git:v1']"], "preprocess.earlier_corpora, git:v1: this folder is in no git repository."),
        (["preprocess.classifier={good: [no.txt], bad: [corpus/talk.jsonl]}"], "preprocess.classifier.good, no.txt: there is no such file. Mend the name."),
        (["preprocess.classifier={good: [corpus/talk.jsonl], bad: [no.txt]}"], "preprocess.classifier.bad, no.txt: there is no such file. Mend the name."),
        (["preprocess.augment={synonyms: no.txt}"], "preprocess.augment.synonyms, no.txt: there is no such file. Mend the name."),
        (["ingest.folder.path=none"], "ingest.folder.path, none: there is no such folder. Make it (it may be empty), or name another."),
        (["ingest.folder.path=s3://bucket/texts"], "--set ingest.folder.path: 's3://bucket/texts' cannot be used: it stands elsewhere, where DVC cannot watch it; name it in ingest.folder.addresses, and here a folder of this machine, which may be empty."),
        (["ingest.folder.addresses=[more/texts]"], "--set ingest.folder.addresses: 'more/texts' cannot be used: it is no address; what stands here belongs in the folder."),
        (["ingest.folder.addresses=['https://example.com/texts/']"], "ingest.folder.addresses, https://example.com/texts/: https gives no list of the files in a folder."),
        (["ingest.sources=[chat]", "ingest.chat.paths=[corpus/no.jsonl]"], "ingest.chat.paths, corpus/no.jsonl: there is no such file. Mend the name"),
        (["ingest.sources=[chat]"], "ingest.chat.paths: names no file. Name some, or take chat out of ingest.sources."),
        (["ingest.sources=[wikipedia]", "ingest.wikipedia.paths=[outside.jsonl]"], "ingest.wikipedia.paths, outside.jsonl: stands outside corpus"),
        (["ingest.sources=[chat]", "ingest.chat.paths=[ftp://x/a.json]"], "ingest.chat.paths, ftp://x/a.json: ftp:// is not read."),
        (["ingest.sources=[chat]", "ingest.chat.paths=['https://[x/a.json']"], "ingest.chat.paths, https://[x/a.json: is no address: Invalid IPv6 URL. Mend it."),
        (["ingest.sources=[chat]", "ingest.chat.paths=['https://x:y/a.json']"], "ingest.chat.paths, https://x:y/a.json: is no address: Port could not"),
        (["ingest.sources=[chat]", "ingest.chat.paths=['https:///a.json']"], "ingest.chat.paths, https:///a.json: names no server. Mend it."),
        (["ingest.sources=[web]"], "ingest.web.urls: names no page."),
        (["ingest.sources=[huggingface]"], "ingest.huggingface: names no data set."),
        (["ingest.sources=[huggingface]", "ingest.huggingface=[{dataset: ./none}]"], "ingest.huggingface, ./none: there is no such folder"),
        (["ingest.sources=[huggingface]", "ingest.huggingface=[{dataset: tests/data}]"], "ingest.huggingface, tests/data: stands outside corpus"),
        (["model.init=./none"], "model.init, ./none: there is no such folder. Mend the name."),
        (["tracking.uri=nonsense://x"], "tracking.uri, nonsense://x: MLflow knows no nonsense://. Write sqlite:///mlflow.db, or the https:// address of an MLflow server."),
        (["tracking.uri=sqlite:///none/x.db"], "tracking.uri, sqlite:///none/x.db: there is no folder none. Make it, or mend the address."),
        (["tracking.uri=sqlite:////none/at/all.db"], "tracking.uri, sqlite:////none/at/all.db: there is no folder /none/at. Make it"),
        (["tracking.uri=https://"], "tracking.uri, https://: names no server."),
        (["tracking.uri=mlruns"], "tracking.uri, mlruns: MLflow no longer keeps its runs in plain files."),
        (["tracking.uri='http://[x'"], "tracking.uri, http://[x: is no address: Invalid IPv6 URL."),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_by_its_key(
    folder: Path, settings: list[str], sentence: str
) -> None:
    before = (folder / "params.yaml").read_bytes()
    for choose in (apply_choices, chosen_params):
        with pytest.raises(UserError) as error:
            choose(None, settings)
        assert str(error.value).startswith(sentence)
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "settings",
    [
        ["ingest.sources=[chat]", "ingest.chat.paths=['corpus/*.jsonl']"],
        ["ingest.sources=[chat]", "ingest.chat.paths=[https://nowhere.invalid/a.json, 's3://b/*']"],
        ["ingest.chat.paths=[corpus/no.jsonl]"],  # the source is not among those that are read
        ["preprocess.decontaminate=[outside.jsonl]"],
        ["ingest.sources=[huggingface]", "ingest.huggingface=[{dataset: nobody/nothing}]"],
        ["model.init=nobody/nothing"],  # whether the hub has it is asked in its stage
        ["tracking.uri=https://mlflow.invalid"],
        ["tracking.uri=postgresql+psycopg2://user@host/db"],
    ],
)
def test_what_can_be_is_allowed_and_no_server_is_asked(folder: Path, settings: list[str]) -> None:
    assert apply_choices(None, settings)


def test_the_check_of_the_default_needs_nothing_heavy() -> None:
    script = (
        "import sys\nfrom chatwright.commands.parameters import chosen_params\n"
        "chosen_params(None, [])\n"
        "heavy = {'torch', 'mlflow', 'prefect', 'dvc', 'pyarrow', 'pandas', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_what_is_set_leaves_the_line_ends_of_the_file(folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    apply_choices(None, ["pack.context_length=128"])
    assert path.read_bytes() == before.replace(b"context_length: 256", b"context_length: 128")
