#!/usr/bin/env python3
"""Makes the golden values of word vectors: negative sampling with skip-gram and with the mean of several words (CBOW).

Made with PyTorch 2.15.0, safetensors 0.8.0 and Python 3.11 on x86-64:

    pip install torch numpy safetensors
    python Tests/ModelsTests/Golden/make_golden_words.py

word_vectors.safetensors is written beside this script, computed as `make_golden.py` says; running it again gives the
same bytes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from make_golden import IGNORED, Tensors, in_both_precisions
from safetensors.torch import save_file
from torch.nn import functional as F

JOINED = -2
VOCABULARY, WIDTH, NOISE = 9, 5, 3


def negative_sampling(inputs: Tensors) -> Tensors:
    """The loss of each row with a target, and the gradients of their weighted sum for both tables."""
    table, head = (inputs[name].clone().requires_grad_() for name in ("table", "head"))
    losses, group = [], []
    for token, target, noise in zip(inputs["tokens"], inputs["targets"].tolist(), inputs["noise"], strict=True):
        if target == IGNORED:
            group = []
            continue
        group.append(table[token])
        if target == JOINED:
            continue
        hidden = torch.stack(group).mean(dim=0)
        kept = noise[noise != IGNORED]
        losses.append(-F.logsigmoid(head[target] @ hidden) - F.logsigmoid(-(head[kept] @ hidden)).sum())
        group = []
    (torch.stack(losses).sum() * 0.25).backward()
    return {"losses": torch.stack(losses).detach(), "table_gradient": table.grad, "head_gradient": head.grad}


def main() -> None:
    random = torch.Generator().manual_seed(17)

    def integers(*shape: int) -> torch.Tensor:
        return torch.randint(VOCABULARY, shape, generator=random, dtype=torch.int32)

    goldens: Tensors = {}
    targets = {
        "skip_gram": [3, 1, IGNORED, 7, 3, 0, IGNORED, IGNORED],
        # A group of three, one of one, a group that padding cuts off, and one of two.
        "cbow": [JOINED, JOINED, 4, 6, JOINED, IGNORED, JOINED, 2],
    }
    for name, rows in targets.items():
        inputs = {
            "table": torch.randn(VOCABULARY, WIDTH, generator=random),
            "head": torch.randn(VOCABULARY, WIDTH, generator=random),
            "tokens": integers(len(rows)),
            "targets": torch.tensor(rows, dtype=torch.int32),
            "noise": integers(len(rows), NOISE),
        }
        # Noise that is the target itself does not count.
        inputs["noise"][inputs["noise"] == inputs["targets"][:, None]] = IGNORED
        inputs["noise"][3, 1] = IGNORED
        results = inputs | in_both_precisions(negative_sampling, inputs, 2e-6)
        goldens.update({f"{name}/{part}": value for part, value in results.items()})
    save_file(goldens, Path(__file__).with_name("word_vectors.safetensors"))


if __name__ == "__main__":
    main()
