"""The compress stage: ``python -m tasks.compress``.

Makes the chat model smaller by each recipe of the section and measures what that costs; each
result stands in ``artifacts/compressed/<recipe>``.
"""

from tasks.compress.recipes import compress, table
from tasks.stage import Stage


def main() -> None:
    """Run the stage in the current folder."""
    with Stage("compress") as stage:
        report = compress(
            stage.input("artifacts/chat"),
            stage.input("data/clean"),
            stage.output("artifacts/compressed"),
            stage.params.compress,
            progress=stage.progress,
        )
        for line in table(report).splitlines():
            stage.log(line)
        stage.text("compression.md", table(report))
        stage.report(report)


if __name__ == "__main__":
    main()
