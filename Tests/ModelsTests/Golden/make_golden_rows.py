#!/usr/bin/env python3
"""Makes the golden values of the operations on elements and rows that families differ by.

Made with PyTorch 2.15.0, transformers 5.23.0, safetensors 0.8.0 and Python 3.11 on x86-64:

    pip install torch numpy safetensors transformers
    python Tests/ModelsTests/Golden/make_golden_rows.py

row_operations.safetensors is written beside this script, computed as `make_golden.py` says; running it again gives the
same bytes. Rotation and Marian's position table are transformers' own functions, everything else is PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from make_golden import IGNORED, Tensors, forward_and_backward, in_both_precisions
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

RMS_EPSILON = 1e-6
LABEL_SMOOTHING = 0.1


def rotated(rows: Tensor, first_position: int, base: float) -> Tensor:
    """Queries [B, T, H, D] turned by their positions."""
    positions, width = rows.shape[1], rows.shape[3]
    frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(first_position, first_position + positions, dtype=torch.float64), frequencies)
    angles = torch.cat([angles, angles], dim=-1)[None]
    queries = rows.transpose(1, 2)
    turned, _ = apply_rotary_pos_emb(queries, queries, angles.cos().to(rows), angles.sin().to(rows))
    return turned.transpose(1, 2)


def row_operation_goldens(seed: int) -> Tensors:
    """Every operation under its own prefix."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    goldens: Tensors = {}

    def add(name: str, inputs: Tensors, operation: Callable[[Tensors], Tensor], output: str = "output") -> None:
        results = inputs | in_both_precisions(forward_and_backward(operation, output), inputs, 2e-6)
        goldens.update({f"{name}/{part}": value for part, value in results.items()})

    extremes = torch.tensor([0.0, 1e-4, 0.5, 0.62, 0.63, 1.0, 2.0, 3.0, 5.0, 8.0, 20.0])
    activated = torch.cat([extremes, -extremes, 3 * normal(19)])
    for name, function in (("relu", F.relu), ("silu", F.silu), ("tanh", torch.tanh)):
        inputs = {"input": activated, "output_gradient": torch.ones_like(activated)}
        add(name, inputs, lambda x, function=function: function(x["input"]))

    rows, width = 5, 19
    add(
        "swiglu",
        {"input": 2 * normal(rows, 2 * width), "output_gradient": normal(rows, width)},
        lambda x: F.silu(x["input"][:, :width]) * x["input"][:, width:],
    )
    add(
        "rms_norm",
        {
            "input": 2 * normal(rows, width) + 1,
            "scale": 1 + 0.3 * normal(width),
            "output_gradient": normal(rows, width),
        },
        lambda x: F.rms_norm(x["input"], (width,), x["scale"], RMS_EPSILON),
    )
    add(
        "rotary",
        {"input": normal(2, 7, 3, 10), "output_gradient": normal(2, 7, 3, 10)},
        lambda x: rotated(x["input"], 4, 500.0),
    )

    logits = 3 * normal(7, 23)
    logits[2] *= 20
    targets = torch.tensor([4, IGNORED, 0, 22, 7, IGNORED, 11], dtype=torch.int32)
    add(
        "smoothed_cross_entropy",
        {"logits": logits, "targets": targets},
        lambda x: F.cross_entropy(
            x["logits"],
            x["targets"].long(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=LABEL_SMOOTHING,
        ),
        "loss",
    )
    labels = torch.rand(7, 23, generator=random).round()
    add(
        "binary_cross_entropy",
        {"logits": logits, "targets": labels.to(torch.int32)},
        lambda x: F.binary_cross_entropy_with_logits(x["logits"], x["targets"].to(x["logits"]), reduction="sum"),
        "loss",
    )
    add(
        "squared_error",
        {"outputs": normal(7, 3), "targets": (9 * normal(7, 3)).to(torch.int32)},
        lambda x: F.mse_loss(x["outputs"], x["targets"].to(x["outputs"]), reduction="sum"),
        "loss",
    )

    goldens["marian_positions/table"] = MarianSinusoidalPositionalEmbedding(9, 14).create_weight()
    return goldens


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tensors = row_operation_goldens(5)
    path = Path(__file__).with_name("row_operations.safetensors")
    save_file({key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}, path)
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
