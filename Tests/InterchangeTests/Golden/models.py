#!/usr/bin/env python3
"""Makes models of transformers of random sizes, and checks dtrain's exports of them; `Tests/Scripts/models` runs both.

    python models.py make DIRECTORY
    python models.py check DIRECTORY

`make` writes five models of each class, with random weights and sizes that are no round numbers. The folder of a model
holds what `save_pretrained` writes; `example.safetensors` with inputs, targets, the logits of the inputs, and the
rounding errors of PyTorch itself in float32 (of logits and of trained weights); and `trained/`, the model after three
steps of AdamW, computed in float64. `check` loads what dtrain exported to `exported/`
and compares its logits with those of the example.
"""

from __future__ import annotations

import copy
import random
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

from check_export import logits
from make_golden import randomize

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

COUNT = 5
# The size of ε limits the effect of a rounding error of a gradient near 0 to about that error.
STEPS, RATE, EPSILON, DECAY = 3, 1e-2, 1e-2, 0.1
IGNORED = -100
LABELS = {0: "a", 1: "b", 2: "c"}


def labels() -> dict[str, object]:
    """A classifier's three classes."""
    return {"id2label": LABELS, "label2id": {name: number for number, name in LABELS.items()}}


def text(draw: random.Random) -> dict[str, object]:
    """The sizes of a text model; `heads` and `head` are for the class to use."""
    heads = draw.choice([1, 2, 3, 5, 6])
    return {"vocab_size": draw.randrange(37, 211), "layers": draw.choice([1, 2, 3]), "heads": heads,
            "head": draw.choice([6, 10, 14, 22]), "inner": draw.randrange(19, 75)}


def decoder(draw: random.Random, own_head: bool = True) -> dict[str, object]:
    """The members of a descendant of Llama."""
    size = text(draw)
    heads = size["heads"]
    keys = draw.choice([count for count in range(1, heads + 1) if heads % count == 0])
    width = heads * (draw.choice([7, 9, 13]) if own_head else size["head"])
    return {
        "vocab_size": size["vocab_size"], "hidden_size": width, "num_hidden_layers": size["layers"],
        "num_attention_heads": heads, "num_key_value_heads": keys, "head_dim": size["head"],
        "intermediate_size": size["inner"], "max_position_embeddings": 23, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": None, "tie_word_embeddings": draw.random() < 0.5, "rms_norm_eps": draw.choice([1e-6, 1e-5]),
    }


def scaled(draw: random.Random) -> dict[str, object]:
    """One of the kinds of rotary frequencies."""
    kind = draw.choice(["default", "linear", "dynamic", "llama3"])
    values = {"rope_type": kind, "rope_theta": draw.choice([300.0, 10000.0])}
    if kind != "default":
        values["factor"] = draw.choice([2.0, 2.5])
    if kind == "llama3":
        values |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 9}
    return {"rope_parameters": values} | ({"max_position_embeddings": 11} if kind == "dynamic" else {})


def encoder(draw: random.Random) -> dict[str, object]:
    """The members of BERT and its descendants."""
    size = text(draw)
    return {
        "vocab_size": size["vocab_size"], "hidden_size": size["heads"] * size["head"],
        "num_hidden_layers": size["layers"], "num_attention_heads": size["heads"], "intermediate_size": size["inner"],
        "max_position_embeddings": 25,
    }


def distilled(draw: random.Random) -> dict[str, object]:
    """The members of DistilBERT."""
    size = text(draw)
    return {
        "vocab_size": size["vocab_size"], "dim": size["heads"] * size["head"], "n_layers": size["layers"],
        "n_heads": size["heads"], "hidden_dim": size["inner"], "max_position_embeddings": 23,
        "activation": draw.choice(["gelu", "relu"]),
    }


def pair(draw: random.Random) -> dict[str, object]:
    """The members of Marian and BART."""
    size = text(draw)
    last = size["vocab_size"] - 1
    width = 2 * 3 * draw.choice([5, 7, 11])
    return {
        "vocab_size": size["vocab_size"], "d_model": width, "encoder_layers": size["layers"],
        "decoder_layers": draw.choice([1, 2]), "encoder_attention_heads": draw.choice([1, 2, 3, 6]),
        "decoder_attention_heads": draw.choice([1, 2, 3, 6]), "encoder_ffn_dim": size["inner"],
        "decoder_ffn_dim": draw.randrange(19, 75), "max_position_embeddings": 23, "pad_token_id": last,
        "decoder_start_token_id": last, "eos_token_id": 0, "bos_token_id": None, "forced_eos_token_id": 0,
        "scale_embedding": draw.random() < 0.5, "activation_function": draw.choice(["gelu", "relu", "swish"]),
    }


def image(draw: random.Random) -> dict[str, object]:
    """The members of ViT and DeiT."""
    size, patch = text(draw), draw.choice([2, 3, 5])
    return {
        "hidden_size": size["heads"] * size["head"], "num_hidden_layers": size["layers"],
        "num_attention_heads": size["heads"], "intermediate_size": size["inner"],
        "image_size": [patch * draw.choice([2, 3]), patch * draw.choice([1, 3])], "patch_size": patch,
        "num_channels": draw.choice([1, 3]),
    } | labels()


def gpt2(draw: random.Random) -> dict[str, object]:
    size = text(draw)
    return {
        "vocab_size": size["vocab_size"], "n_embd": size["heads"] * size["head"], "n_layer": size["layers"],
        "n_head": size["heads"], "n_inner": size["inner"], "n_positions": 23, "bos_token_id": None, "eos_token_id": 2,
    }


def neox(draw: random.Random) -> dict[str, object]:
    head = draw.choice([8, 16, 24])
    members = decoder(draw)
    return {name: members[name] for name in (
        "vocab_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings",
        "tie_word_embeddings")} | {
        "hidden_size": members["num_attention_heads"] * head, "use_parallel_residual": draw.random() < 0.6,
        "attention_bias": draw.random() < 0.6, "hidden_act": draw.choice(["gelu", "gelu_new", "relu"]),
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": draw.choice([0.25, 0.5, 1.0])},
    }


def t5(draw: random.Random) -> dict[str, object]:
    size = text(draw)
    return {
        "vocab_size": size["vocab_size"], "d_model": draw.choice([22, 26, 38]), "d_kv": size["head"] - 1,
        "d_ff": size["inner"], "num_layers": size["layers"], "num_decoder_layers": draw.choice([1, 2]),
        "num_heads": size["heads"], "relative_attention_num_buckets": draw.choice([8, 12, 32]),
        "relative_attention_max_distance": draw.choice([17, 128]), "decoder_start_token_id": 0,
        "feed_forward_proj": draw.choice(["relu", "gated-gelu"]), "tie_word_embeddings": draw.random() < 0.5,
    }


CLASSES = {
    "GPT2LMHeadModel": gpt2,
    "LlamaForCausalLM": lambda draw: decoder(draw) | scaled(draw) | {
        "attention_bias": draw.random() < 0.5, "mlp_bias": draw.random() < 0.5},
    "MistralForCausalLM": lambda draw: decoder(draw) | {"sliding_window": draw.choice([None, 4, 7, 64])},
    "Qwen2ForCausalLM": lambda draw: decoder(draw) | {
        "use_sliding_window": draw.random() < 0.5, "sliding_window": 5, "max_window_layers": draw.choice([0, 1])},
    "Qwen3ForCausalLM": lambda draw: decoder(draw) | scaled(draw) | {"attention_bias": draw.random() < 0.5},
    "GemmaForCausalLM": lambda draw: decoder(draw) | {"pad_token_id": 0},
    "GPTNeoXForCausalLM": neox,
    "Starcoder2ForCausalLM": lambda draw: {
        name: value for name, value in decoder(draw, own_head=False).items() if name not in ("head_dim", "rms_norm_eps")
    } | {"sliding_window": draw.choice([None, 4, 7, 64]), "hidden_act": draw.choice(["gelu", "gelu_pytorch_tanh"])},
    "BertForMaskedLM": encoder,
    "BertForSequenceClassification": lambda draw: encoder(draw) | labels(),
    **{f"{name}ForMaskedLM": lambda draw: encoder(draw) | {"type_vocab_size": draw.choice([1, 2])}
       for name in ["Roberta", "XLMRoberta", "Camembert"]},
    **{f"{name}ForSequenceClassification": lambda draw: encoder(draw) | labels() | {
        "hidden_act": draw.choice(["gelu", "relu"])} for name in ["Roberta", "XLMRoberta", "Camembert"]},
    "DistilBertForMaskedLM": distilled,
    "DistilBertForSequenceClassification": lambda draw: distilled(draw) | labels(),
    "MarianMTModel": pair,
    "BartForConditionalGeneration": pair,
    "T5ForConditionalGeneration": t5,
    "MT5ForConditionalGeneration": t5,
    "ViTForImageClassification": image,
    "DeiTForImageClassification": image,
}


def example(model: torch.nn.Module, draw: random.Random) -> dict[str, torch.Tensor]:
    """Inputs of two sequences with targets; no token is a special one."""
    config = model.config
    if hasattr(config, "num_channels"):
        height, width = config.image_size
        return {"pixels": torch.rand(2, config.num_channels, height, width) * 2 - 1,
                "targets": torch.randint(0, len(LABELS), (2,))}

    def tokens(length: int) -> torch.Tensor:
        return torch.randint(3, config.vocab_size - 1, (2, length))

    length = draw.choice([13, 17, 19])
    if config.is_encoder_decoder:
        return {"sources": tokens(length), "lengths": torch.tensor([length, 5]), "tokens": tokens(11),
                "targets": tokens(11)}
    inputs = {"tokens": tokens(length), "targets": tokens(length)}
    if "bert" in config.model_type:
        inputs["lengths"] = torch.tensor([length, 7])
        inputs["targets"][1, 7:] = IGNORED
    if "Classification" in type(model).__name__:
        inputs["targets"] = torch.randint(0, len(LABELS), (2,))
    return inputs


def train(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> None:
    """Three steps of AdamW; matrices decay, vectors and tokens of images do not."""
    for module in model.modules():
        # dtrain adds the only token type to the positions, so that is what decays.
        if hasattr(module, "token_type_embeddings"):
            with torch.no_grad():
                module.position_embeddings.weight += module.token_type_embeddings.weight[0]
                module.token_type_embeddings.weight.zero_()
    frozen = ("token_type_embeddings.weight", "embed_positions.weight" if model.config.model_type == "marian" else "-")
    parameters = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if name.endswith(frozen):
            parameter.requires_grad_(False)
        else:
            parameters[parameter.dim() > 1 and not name.endswith(("cls_token", "distillation_token"))].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": parameters[True], "weight_decay": DECAY}, {"params": parameters[False], "weight_decay": 0}],
        lr=RATE, betas=(0.9, 0.95), eps=EPSILON)
    for _ in range(STEPS):
        optimizer.zero_grad()
        outputs = logits(model, inputs)
        torch.nn.functional.cross_entropy(
            outputs.view(-1, outputs.shape[-1]), inputs["targets"].view(-1), ignore_index=IGNORED).backward()
        optimizer.step()


def make(directory: Path) -> None:
    for kind, members in CLASSES.items():
        for number in range(COUNT):
            draw = random.Random(f"{kind} {number}")
            torch.manual_seed(draw.randrange(1 << 30))
            model_class = getattr(transformers, kind)
            model = model_class(model_class.config_class(**members(draw))).eval()
            model.config.num_labels = len(LABELS) if "Classification" in kind else model.config.num_labels
            model.tie_weights()
            randomize(model)
            if hasattr(model, "final_logits_bias") and number % 2 == 1:
                with torch.no_grad():
                    model.final_logits_bias.normal_(0, 0.5)
            folder = directory / f"{kind}-{number}"
            model.save_pretrained(folder)
            inputs = example(model, draw)
            rounded = copy.deepcopy(model)
            with torch.no_grad():
                rounded_outputs = logits(rounded, inputs)
            train(rounded, inputs)
            model.double()
            exact = inputs | ({"pixels": inputs["pixels"].double()} if "pixels" in inputs else {})
            with torch.no_grad():
                outputs = logits(model, exact)
            train(model, exact)
            rounding = torch.stack([
                (rounded_outputs - outputs).abs().max(),
                torch.stack([
                    (one - other).abs().max() for one, other in zip(rounded.parameters(), model.parameters())
                ]).max(),
            ])
            save_file(
                {name: value.to(torch.int32 if not value.is_floating_point() else torch.float32).detach().contiguous()
                 for name, value in (inputs | {"logits": outputs, "rounding": rounding}).items()},
                folder / "example.safetensors")
            model.float().save_pretrained(folder / "trained")


def check(directory: Path) -> None:
    worst: dict[str, float] = {}
    for folder in sorted(path.parent for path in directory.glob("*/example.safetensors")):
        kind = folder.name.split("-")[0]
        model, info = getattr(transformers, kind).from_pretrained(
            folder / "exported", output_loading_info=True, dtype=torch.float64)
        problems = {key: value for key, value in info.items() if value}
        assert not problems, f"{folder.name}: {problems}"
        inputs = load_file(folder / "example.safetensors")
        if "pixels" in inputs:
            inputs["pixels"] = inputs["pixels"].double()
        with torch.no_grad():
            difference = (logits(model.eval(), inputs) - inputs["logits"]).abs().max().item()
        worst[kind] = max(worst.get(kind, 0), difference)
    for kind, difference in worst.items():
        print(f"{kind:36} exported: largest difference of logits {difference:.1e}")
    assert max(worst.values()) < 1e-4


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
