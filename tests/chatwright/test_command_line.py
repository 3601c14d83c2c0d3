"""The command line: a user's mistake is one sentence, exit status 2, and nothing is changed."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chatwright.commands import parameters
from tasks.params import load_params
from tests.chatwright.command import ROOT, chatwright


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    (tmp_path / "presets").mkdir()
    for preset in (ROOT / "presets").glob("*.yaml"):
        (tmp_path / "presets" / preset.name).write_text(preset.read_text("utf-8"), "utf-8")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "tests" / "data").mkdir(parents=True)
    (tmp_path / "tests" / "data" / "questions.jsonl").touch()
    return tmp_path


def test_help_names_the_commands_and_imports_nothing_heavy(tmp_path: Path) -> None:
    done = chatwright(tmp_path, "--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("run", "serve", "chat", "ui"))
    script = (
        "import sys, chatwright.cli\n"
        "heavy = {'torch', 'mlflow', 'prefect', 'dvc', 'pytorch_lightning', 'pandas', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert imported.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "pretrain.tokns=5"], "--set: there is no parameter pretrain.tokns. Did you mean pretrain.tokens?"),
        (["--set", "pretrain.tokens"], "--set pretrain.tokens: has no value. Write: --set pretrain.tokens=VALUE, where null is one, too."),
        (["--set", "pretrain.tokens=0"], "--set pretrain.tokens: 0 cannot be used"),
        (["--set", "pretrain.tokens=[1"], "--set pretrain.tokens: '[1' is not a value: expected ',' or ']', but got '<stream end>'. The comment above that key in params.yaml says what it takes."),
        (["--set", "tracking.experiment=@x"], """--set tracking.experiment: '@x' is not a value: found character '@' that cannot start any token. Quote it: --set 'tracking.experiment="@x"'."""),
        (["--set", "ingest.sources=[]"], "--set ingest.sources: [] cannot be used: it names none, and needs one at least."),
        (["--set", "ingest.sources=[folde]"], "or 'commoncrawl'. Did you mean folder?"),
        (["--set", "pretrain.devices=x"], "--set pretrain.devices: 'x' cannot be used: "),
        (["--preset", "quick", "--set", "pack.context_length=1"], "--set pack.context_length: 1 cannot be used: "),
        (["--set", "preprocess.test_share=1"], "--set preprocess.test_share: validation_share and test_share together leave nothing"),
        (["--set", "preprocess.test_share=1", "--set", "preprocess.min_characters=5"], "--set preprocess.test_share: validation_share and test_share together leave nothing"),
        (["--set", "preprocess.near_duplicates.rows=0"], "--set preprocess.near_duplicates.rows: 0 cannot be used: "),
        (["--set", "preprocess.near_duplicates={jacard: 1}"], "--set preprocess.near_duplicates: there is no parameter preprocess.near_duplicates.jacard. Did you mean preprocess.near_duplicates.jaccard?"),
        (["--preset", ""], "--preset : there is no presets/.yaml. There are: "),
        (["--set", "=5"], "--set =5: names no parameter. Write: --set KEY=VALUE."),
        (["--set", "pretrain.tokens="], "--set pretrain.tokens: has no value. Write: --set pretrain.tokens=VALUE, where null is one, too."),
        (["--set", "pretrain.tokens=null"], "--set pretrain.tokens: null cannot be used: "),
        (["--set", "pretrain.tokens=1.5e0"], "--set pretrain.tokens: 1.5 cannot be used: "),
        (["--preset", "../params"], "--preset ../params: is a path; a preset is a name, of a file in presets/. There are: "),
        (["--set", "pretrain=5"], "--set pretrain: 5 cannot be used: it is a section, with keys such as pretrain.tokens"),
        (["--set", "preprocess.near_duplicates.jacard=0.5"], "--set: there is no parameter preprocess.near_duplicates.jacard. Did you mean preprocess.near_duplicates.jaccard?"),
        (["--set", "preprocess.filters.gopher-quality.foo=1"], "--set: there is no parameter preprocess.filters.gopher-quality.foo. Set preprocess.filters as a whole."),
        (["--set", "ingest.huggingface.0.dataset=a/b"], "--set: there is no parameter ingest.huggingface.0.dataset. Set ingest.huggingface as a whole."),
        (["--set", "seed=true"], "--set seed: true cannot be used: input should be a valid integer"),
        (["--set", "seed=1.0"], "--set seed: 1.0 cannot be used: input should be a valid integer"),
        (["--set", "foo=1"], "--set: there is no parameter foo. params.yaml explains every key."),
        (["--set", "learning_rate=1"], "Did you mean pretrain.learning_rate or finetune.learning_rate?"),
        (["--preset", "labtop"], "--preset labtop: there is no presets/labtop.yaml. There are: "),
    ],
)  # fmt: skip
def test_a_bad_choice_changes_nothing(folder: Path, arguments: list[str], sentence: str) -> None:
    before = (folder / "params.yaml").read_bytes()
    done = chatwright(folder, "run", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert (folder / "params.yaml").read_bytes() == before


def test_a_value_that_a_preset_gives_is_named_with_its_file(folder: Path) -> None:
    (folder / "presets" / "own.yaml").write_text("pretrain:\n  tokens: 0\n")
    done = chatwright(folder, "run", "--preset", "own")
    assert done.returncode == 2
    assert done.stderr.startswith("presets/own.yaml, pretrain.tokens: 0 cannot be used: ")


def test_a_project_that_cannot_be_written_to_is_said(folder: Path) -> None:
    (folder / ".chatwright").touch()  # stops root as well, whom no mode stops
    done = chatwright(folder, "run")
    assert done.returncode == 2
    assert done.stderr == (
        ".chatwright: the project's folder cannot be written to: File exists. "
        "Make it writable, or copy the project to where you may write.\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_project_is_said(folder: Path) -> None:
    folder.chmod(0o555)
    done = chatwright(folder, "run")
    folder.chmod(0o755)
    assert done.returncode == 2
    assert "cannot be written to: Permission denied." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_option_is_refused(folder: Path) -> None:
    assert chatwright(folder, "run", "--pre", "x").returncode == 2


def test_a_folder_that_is_no_project_is_said(tmp_path: Path) -> None:
    done = chatwright(tmp_path, "run")
    assert done.returncode == 2
    assert "there is no dvc.yaml. Go to the folder of your Chatwright project." in done.stderr


@pytest.mark.parametrize("command", ["serve", "chat"])
def test_without_a_model_there_is_nothing_to_talk_to(folder: Path, command: str) -> None:
    done = chatwright(folder, command)
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "chatwright: there is no model to serve yet. Make one: make run."
    )
    assert not (folder / "mlflow.db").exists()


@pytest.mark.parametrize("command", ["serve", "ui"])
def test_a_port_in_use_is_said(folder: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = chatwright(folder, command, "--port", port)
    assert done.returncode == 2
    assert f"port {port}: another program listens there already" in done.stderr
    assert f"chatwright {command} --port" in done.stderr
    assert done.stdout == ""


def test_a_prefect_server_that_is_away_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    monkeypatch.setenv("PREFECT_API_URL", address)
    done = chatwright(folder, "run")
    assert done.returncode == 1
    sentence = f"{address}: the Prefect server that PREFECT_API_URL names does not answer. "
    assert done.stderr.startswith(sentence) and len(done.stderr.strip().splitlines()) == 1


def test_a_run_in_the_background_of_a_shell_hears_sigint_from_its_beginning(folder: Path) -> None:
    # Shells without job control start what is in the background deaf to it.
    deaf = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "chatwright.cli"]
    with subprocess.Popen(
        [*deaf, "run"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as run:
        assert run.stdout is not None and run.stdout.readline() == b"Checking the choices ...\n"
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 130


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("pretrain.tokens=500_000", "  tokens: 500000"),
        ("pretrain.tokens=1e6", "  tokens: 1000000"),
        ("seed=7", "seed: 7"),
        ("preprocess.languages=[en, zh]", "  languages: [en, zh]"),
        ("ingest.sources=[folder]", "  sources: [folder]"),
        ("ingest.dialogues.without=[]", "    without: []"),
        ("preprocess.near_duplicates={jaccard: null, rows: 8}", "  near_duplicates: {jaccard: null, rows: 8}"),
        ("tokenizer.vocab_size=null", "  vocab_size: null"),
        ("preprocess.quality.gopher_repetition.line_characters=0.5", "      line_characters: 0.5  # the same line, by its characters"),
        ("tracking.experiment='a: b #c'", "  experiment: 'a: b #c'"),
        ("tracking.experiment=中文", "  experiment: 中文"),
    ],
)  # fmt: skip
def test_a_setting_changes_its_own_line_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, line: str
) -> None:
    before = (folder / "params.yaml").read_text("utf-8").splitlines()
    monkeypatch.chdir(folder)
    (change,) = parameters.apply_choices(None, [setting])
    after = (folder / "params.yaml").read_text("utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [line]
    key, value = setting.partition("=")[::2]
    assert change.startswith(f"{key}: ") and " → " in change
    assert parameters.apply_choices(None, [setting]) == []


def test_a_key_of_a_section_that_is_null_sets_the_section(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = (folder / "params.yaml").read_text("utf-8").splitlines()
    choices = ["preprocess.near_duplicates.jaccard=0.5", "preprocess.near_duplicates.rows=8"]
    assert parameters.apply_choices(None, choices) == [
        "preprocess.near_duplicates: null → {jaccard: 0.5}",
        "preprocess.near_duplicates.rows: null → 8",
    ]
    after = (folder / "params.yaml").read_text("utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        "  near_duplicates: {jaccard: 0.5, rows: 8}"
    ]
    assert parameters.apply_choices(None, choices) == []
    (change,) = parameters.apply_choices(None, ["preprocess.near_duplicates.rows=9"])
    assert change == "preprocess.near_duplicates.rows: 8 → 9"


def test_a_preset_and_settings_are_all_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "params.yaml").read_text("utf-8")
    monkeypatch.chdir(folder)
    changes = parameters.apply_choices("quick", ["pretrain.tokens=5", "preprocess.languages=[en]"])
    assert [change for change in changes if change.startswith("preprocess.lang")] == [
        "preprocess.languages: null → [en]"
    ]
    params = load_params()
    assert (params.pretrain.tokens, params.preprocess.languages) == (5, ["en"])
    after = (folder / "params.yaml").read_text("utf-8")
    assert [line for line in after.splitlines() if "#" in line] == [
        line for line in before.splitlines() if "#" in line
    ]


def test_ui_begins_no_history_in_a_folder_that_is_not_there(folder: Path) -> None:
    params = folder / "params.yaml"
    text = params.read_text("utf-8").replace("sqlite:///mlflow.db", "sqlite:///none/mlflow.db")
    params.write_text(text, "utf-8")
    done = chatwright(folder, "ui")
    assert done.returncode == 2
    assert done.stderr.startswith("tracking.uri, sqlite:///none/mlflow.db: there is no folder none")
    assert not (folder / "none").exists()
