"""The assistant as MLflow loads it: the code that stands beside a registered version.

    model = mlflow.pyfunc.load_model("models:/chatwright@champion")
    model.predict("What does shutil.copytree do?")
    model.predict([{"role": "user", "content": "What does shutil.copytree do?"}])

MLflow copies this file and the rooms it imports into the version ("models from code"), so that
nothing is pickled and the version can be loaded where this project is not.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

MAX_TOKENS = 256


class RegisteredAssistant(PythonModel):
    """Answers chat messages from a bundle (model and index)."""

    def load_context(self, context: PythonModelContext) -> None:
        from serving.assistant import Assistant

        self.assistant = Assistant.load(Path(context.artifacts["bundle"]))

    # No type hints: MLflow would take them for a schema and refuse all other kinds of input.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Answer one conversation, or one question a row.

        Args:
            context: MLflow's, with the bundle's place.
            model_input: a question; a list of questions; a list of messages (``role``,
                ``content``), which are one conversation; ``{"messages": [...]}``; or a data frame
                with these columns.
            params: ``max_tokens``, ``temperature``, ``seed``, as in the API.

        Returns:
            A dictionary a conversation: ``content`` and ``citations``.
        """
        options = {"max_tokens": MAX_TOKENS, **(params or {})}
        return [self._answer(messages, options) for messages in conversations(model_input)]

    def _answer(self, messages: list[dict[str, str]], options: dict[str, Any]) -> dict[str, Any]:
        pieces = list(self.assistant.reply(messages, **options))
        citations = pieces[-1].citations or []
        return {
            "content": "".join(piece.text for piece in pieces),
            "citations": [vars(citation) for citation in citations],
        }


def conversations(given: Any) -> list[list[dict[str, str]]]:
    """The conversations in what ``predict`` was given."""
    if isinstance(given, pd.DataFrame):
        if "role" in given:
            return conversations(given.to_dict("records"))
        column = "messages" if "messages" in given else given.columns[0]
        return [c for value in given[column] for c in conversations(value)]
    if isinstance(given, dict):
        return conversations(given["messages"])
    if isinstance(given, str):
        return [[{"role": "user", "content": given}]]
    given = list(given)
    if given and isinstance(given[0], dict) and "role" in given[0]:
        return [given]
    return [c for value in given for c in conversations(value)]


mlflow.models.set_model(RegisteredAssistant())
