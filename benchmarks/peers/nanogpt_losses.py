"""Child process: losses of nanoGPT's checkpoints on the whole validation set, as JSON.

``python -P nanogpt_losses.py NANOGPT VAL.bin CONTEXT CHECKPOINT...``. Uses nanoGPT's own model
code. Windows of the context stand side by side; every position of each is predicted, as in
nanoGPT's ``estimate_loss``, which draws windows instead.
"""

import json
import sys

import numpy as np
import torch


def main() -> None:
    """Measure and print ``[[steps, loss], ...]``."""
    folder, validation, context, *checkpoints = sys.argv[1:]
    sys.path.insert(0, folder)
    from model import GPT, GPTConfig  # type: ignore[attr-defined]

    ids = torch.from_numpy(np.fromfile(validation, np.uint16).astype(np.int64))
    length = int(context)
    count = (len(ids) - 1) // length
    inputs = ids[: count * length].view(count, length)
    targets = ids[1 : count * length + 1].view(count, length)
    losses = []
    for path in checkpoints:
        # Its own format: pickled, from our own run of a minute ago.
        checkpoint = torch.load(path, map_location="cpu", weights_only=False)
        model = GPT(GPTConfig(**checkpoint["model_args"])).eval()
        prefix = "_orig_mod."
        model.load_state_dict(
            {name.removeprefix(prefix): tensor for name, tensor in checkpoint["model"].items()}
        )
        with torch.no_grad():
            total = sum(
                float(model(x, y)[1]) * y.numel()
                for x, y in zip(inputs.split(128), targets.split(128), strict=True)
            )
        losses.append([checkpoint["iter_num"], total / targets.numel()])
    print("losses", json.dumps(losses))


if __name__ == "__main__":
    main()
