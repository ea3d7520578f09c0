#!/usr/bin/env python3
"""Makes the adapters of PEFT that dtrain's tests import, with the logits and gradients that PEFT computes.

Made with PyTorch 2.15.0, transformers 5.24.0, peft 0.21.2 and Python 3.11 on x86-64:

    pip install torch transformers peft
    python Tests/InterchangeTests/Golden/make_adapters.py

A folder an adapter is written to `adapters` beside this script, for a model of `make_golden.py` of the same name. It
holds what `save_pretrained` writes and `example.safetensors`: the logits for the model's example, the targets of a
cross-entropy, and the gradients of its sum for both matrices of every module, in float64, rounded to float32. B is
random as well, which PEFT starts as zeros. Running the script again gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import peft
import torch
import transformers
from check_export import logits
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
ADAPTERS = {
    "llama": (3, 6.0, ["q_proj", "v_proj", "gate_proj", "down_proj"]),
    "gpt2": (2, 5.0, ["c_attn", "mlp.c_proj"]),
    "gpt_neox": (4, 4.0, ["query_key_value", "dense_4h_to_h"]),
    "marian": (2, 8.0, ["q_proj", "k_proj", "out_proj", "fc1"]),
}


def main() -> None:
    for number, (name, (rank, alpha, targets)) in enumerate(ADAPTERS.items()):
        torch.manual_seed(number + 1)
        kind = json.loads((HERE / name / "config.json").read_text())["architectures"][0]
        base = getattr(transformers, kind).from_pretrained(HERE / name, dtype=torch.float64)
        config = peft.LoraConfig(
            r=rank, lora_alpha=alpha, target_modules=targets, fan_in_fan_out=name == "gpt2")
        model = peft.get_peft_model(base, config).double().eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if ".lora_" in key:
                    # Values that float32 holds, in which they are stored.
                    spread = 0.3 if ".lora_A." in key else 0.05
                    parameter.copy_(torch.randn_like(parameter).mul(spread).float().double())
        example = load_file(HERE / name / "example.safetensors")
        found = logits(model, example)
        targets = torch.randint(0, found.shape[-1], found.shape[:-1])
        torch.nn.functional.cross_entropy(found.flatten(0, 1), targets.flatten(), reduction="sum").backward()
        gradients = {
            "gradient." + key.replace(".default", ""): parameter.grad.float().contiguous()
            for key, parameter in model.named_parameters() if parameter.grad is not None
        }
        folder = HERE / "adapters" / name
        shutil.rmtree(folder, ignore_errors=True)
        model.float().save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        configuration = json.loads((folder / "adapter_config.json").read_text())
        configuration["base_model_name_or_path"] = name
        configuration["target_modules"] = sorted(configuration["target_modules"])
        (folder / "adapter_config.json").write_text(json.dumps(configuration, indent=2, sort_keys=True) + "\n")
        save_file(
            gradients | {"logits": found.detach().float(), "targets": targets.int()}, folder / "example.safetensors")
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {kind}, {size} bytes, logits up to {found.abs().max():.2f}")


if __name__ == "__main__":
    main()
