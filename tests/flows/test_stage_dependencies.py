"""dvc.yaml names the code of each stage: all of what it imports, so that a change is noticed."""

from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

# How a stage is run, not what it makes: a change here asks for no new build.
FRAME = ("chatwright", "tasks.stage", "tasks.driver", "tasks.placing", "tasks.ranks", "tasks.progress", "tasks.params", "tasks.params_section",
         "tasks.executor", "tasks.params_executor", "tasks.quality_params", "tasks.params_ingest", "tasks.params_web", "tasks.params_huggingface", "tasks.params_training",
         "tasks.lineage",
         "tasks.tracking", "tasks.headlines", "tasks.registry", "tasks.corpus_page")  # fmt: skip


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("chatwright", "tasks", "model", "serving", cache_dir=None)


def code_of(stage: str, imports: grimp.ImportGraph) -> set[str]:
    """The modules that a stage's own module or package imports, directly or not."""
    own = {f"tasks.{stage}"} | imports.find_descendants(f"tasks.{stage}")
    reached: set[str] = set()
    while own:
        module = own.pop()
        if module in reached or any(module == f or module.startswith(f + ".") for f in FRAME):
            continue
        reached.add(module)
        own |= imports.find_modules_directly_imported_by(module)
    return reached


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_imports(
    stage: str, imports: grimp.ImportGraph
) -> None:
    named = {dependency for dependency in STAGES[stage]["deps"] if "$" not in dependency}
    missing = set()
    for module in code_of(stage, imports):
        path = Path(*module.split("."))
        if (ROOT / path).is_dir():
            path = path / "__init__.py"
            if not (ROOT / path).read_text(encoding="utf-8").count("\nimport ") and not any(
                line.startswith("from ") for line in (ROOT / path).read_text("utf-8").splitlines()
            ):
                continue  # a docstring only
        else:
            path = path.with_suffix(".py")
        if not named & {str(path), *(str(parent) for parent in path.parents)}:
            missing.add(str(path))
    assert not missing


def test_no_stage_depends_on_code_that_is_not_there() -> None:
    code = {d for s in STAGES.values() for d in s["deps"] if d.split("/")[0] in ("tasks", "model")}
    assert [path for path in sorted(code) if not (ROOT / path).exists()] == []
