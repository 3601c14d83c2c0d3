"""What ``python -m tasks.<stage>`` does with arguments: a stage has none but ``--help``."""

import shlex
import sys

from chatwright.errors import BadParameter


def answer_arguments(stage: str) -> None:
    """Where ``python -m tasks.<stage>`` is given any arguments: say what it is, or that it takes
    none, and end."""
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", "")
    command, arguments = f"tasks.{stage}", sys.argv[1:]
    if name.removesuffix(".__main__") != command or not arguments:
        return
    if set(arguments) & {"-h", "--help"}:
        choices = f"Its parameters are in params.yaml (the section {stage}); it takes no arguments."
        print(f"python -m {command}\n\n{(main.__doc__ or '').strip()}\n\n{choices}")
        sys.exit(0)
    where = f"python -m {command} {shlex.join(arguments)}"
    refusal = BadParameter(where, "a stage takes no arguments", "Its parameters are in params.yaml")
    print(refusal, file=sys.stderr)
    sys.exit(refusal.exit_code)
