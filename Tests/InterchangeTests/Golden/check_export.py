#!/usr/bin/env python3
"""Checks that transformers computes the same logits from what `dtrain export` writes.

    python Tests/InterchangeTests/Golden/check_export.py [DTRAIN]

Every model beside this script is imported and exported by DTRAIN (default: the release build), loaded with
`from_pretrained`, and asked for the logits of its example. No tensor may be missing or left over, and the logits may
differ by 1e-4; the largest difference of each model is printed. dtrain's own logits of the same examples are compared by
`swift test --filter InterchangeTests`, which needs no Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def logits(model: torch.nn.Module, example: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the model makes of the inputs of an example."""
    if "pixels" in example:
        return model(pixel_values=example["pixels"]).logits
    mask = None
    if "lengths" in example:
        positions = example.get("sources", example["tokens"]).shape[1]
        mask = (torch.arange(positions)[None] < example["lengths"][:, None]).long()
    if "sources" in example:
        return model(
            input_ids=example["sources"].long(), attention_mask=mask, decoder_input_ids=example["tokens"].long()
        ).logits
    return model(input_ids=example["tokens"].long(), attention_mask=mask).logits


def main() -> None:
    dtrain = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[2] / ".build/release/dtrain")
    worst = 0.0
    for folder in sorted(path.parent for path in HERE.glob("*/config.json")):
        kind = json.loads((folder / "config.json").read_text())["architectures"][0]
        with tempfile.TemporaryDirectory() as scratch:
            run, exported = f"{scratch}/run", f"{scratch}/exported"
            subprocess.run([dtrain, "import", "--from", folder, "--output", run], check=True, stdout=subprocess.DEVNULL)
            checkpoint = f"{run}/checkpoints/step-00000000"
            subprocess.run(
                [dtrain, "export", "--checkpoint", checkpoint, "--class", kind, "--output", exported],
                check=True, stdout=subprocess.DEVNULL)
            model, info = getattr(transformers, kind).from_pretrained(
                exported, output_loading_info=True, dtype=torch.float32)
        problems = {key: value for key, value in info.items() if value}
        assert not problems, f"{folder.name}: {problems}"
        example = load_file(folder / "example.safetensors")
        with torch.no_grad():
            difference = (logits(model.eval(), example) - example["logits"]).abs().max().item()
        worst = max(worst, difference)
        print(f"{folder.name:14} {kind:30} largest difference {difference:.1e}")
        assert difference <= TOLERANCE, folder.name
    print(f"largest of all: {worst:.1e}")


if __name__ == "__main__":
    main()
