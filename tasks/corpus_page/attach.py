"""The page in the run that MLflow keeps of a stage: ``corpus.html`` and ``corpus.png``."""

import tempfile
from pathlib import Path

from tasks.corpus_folder import here
from tasks.corpus_page.chart import draw_chart
from tasks.corpus_page.html import page_html
from tasks.corpus_page.page import corpus_page
from tasks.corpus_page.samples import before_and_after
from tasks.stage import Stage


def attach_page(stage: Stage, raw: Path, clean: Path, rejected: Path) -> None:
    """Attach the page of a corpus that was just made.

    Tokens are not on it, since there is no tokenizer of this corpus yet. Texts as they came are
    not either where personal data is replaced: it would live on in the tracking server. Where there
    is no drawing it the log says why: the corpus is made all the same.
    """
    try:
        _attach(stage, raw, clean, rejected)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        stage.log(f"the page of the corpus could not be made ({reason}); the corpus is whole")


def _attach(stage: Stage, raw: Path, clean: Path, rejected: Path) -> None:
    page = corpus_page(here(clean), here(rejected), here(raw))
    samples = []
    if not stage.params.preprocess.personal_data:
        samples = before_and_after(here(raw), here(clean))
    with tempfile.TemporaryDirectory(prefix="chatwright-") as folder:
        chart = Path(folder) / "corpus.png"
        draw_chart(page, chart)
        stage.figure(chart)
        stage.text("corpus.html", page_html(page, samples, chart))
