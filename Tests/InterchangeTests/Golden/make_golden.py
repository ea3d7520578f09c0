#!/usr/bin/env python3
"""Makes the models of transformers that dtrain's tests import, with the logits that they compute.

Made with PyTorch 2.15.0, transformers 5.23.0 and Python 3.11 on x86-64:

    pip install torch transformers
    python Tests/InterchangeTests/Golden/make_golden.py

A folder a model is written beside this script. Running it again gives the same bytes. Each folder holds what
`save_pretrained` writes and `example.safetensors`: inputs and the logits that the class computes from them, in float64,
rounded to float32. All parameters are random, also those that start as zeros or ones, so that none can be mistaken for
another; the models need no download.

gpt2            GPT2LMHeadModel, tanh GELU, tied head
gpt2_untied     GPT2LMHeadModel, ReLU, a head and a feed-forward width of its own
llama           LlamaForCausalLM, two heads of keys for four of queries, another base of the angles
llama_shards    LlamaForCausalLM, tied, in bfloat16 and in several files with an index
bert            BertForMaskedLM, with sequences of different length and random token types
bert_untied     BertForMaskedLM, a head of its own
bert_classes    BertForSequenceClassification, three classes
marian          MarianMTModel, one embedding, scaled; sources of different length
marian_apart    MarianMTModel, an embedding for each side, a head of its own, more decoder than encoder
vit             ViTForImageClassification, images that are no squares, three channels
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

TEXT = {"vocab_size": 37}
BERT = TEXT | {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40,
    "max_position_embeddings": 12,
}
LLAMA = TEXT | {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 16, "bos_token_id": 1, "eos_token_id": 2,
}
GPT2 = TEXT | {
    "n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 16, "bos_token_id": None, "eos_token_id": 2,
}
MARIAN = TEXT | {
    "d_model": 24, "encoder_layers": 2, "encoder_attention_heads": 3, "decoder_attention_heads": 3,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "max_position_embeddings": 16, "pad_token_id": 36,
    "decoder_start_token_id": 36, "bos_token_id": None, "eos_token_id": 0, "forced_eos_token_id": 0,
}

MODELS = {
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt2_untied": (
        "GPT2LMHeadModel",
        GPT2 | {"activation_function": "relu", "tie_word_embeddings": False, "n_inner": 40},
    ),
    "llama": (
        "LlamaForCausalLM",
        LLAMA | {"num_key_value_heads": 2, "rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    ),
    "llama_shards": ("LlamaForCausalLM", LLAMA | {"tie_word_embeddings": True}),
    "bert": ("BertForMaskedLM", BERT),
    "bert_untied": ("BertForMaskedLM", BERT | {"tie_word_embeddings": False, "hidden_act": "relu"}),
    "bert_classes": (
        "BertForSequenceClassification",
        BERT | {"id2label": {0: "en", 1: "fr", 2: "de"}, "label2id": {"en": 0, "fr": 1, "de": 2}},
    ),
    "marian": ("MarianMTModel", MARIAN | {"decoder_layers": 2, "scale_embedding": True, "activation_function": "relu"}),
    "marian_apart": (
        "MarianMTModel",
        MARIAN | {
            "decoder_layers": 3, "share_encoder_decoder_embeddings": False, "tie_word_embeddings": False,
            "activation_function": "swish",
        },
    ),
    "vit": (
        "ViTForImageClassification",
        {
            "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40,
            "image_size": [8, 12], "patch_size": 4, "num_channels": 3,
            "id2label": {0: "cat", 1: "dog"}, "label2id": {"cat": 0, "dog": 1},
        },
    ),
}


def randomize(model: torch.nn.Module) -> None:
    """Fills every parameter; normalizations stay near the ones that they start with."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" in name:
                continue
            if "norm" in name.lower() or ".ln_" in name:
                parameter.normal_(0, 0.2)
                if name.endswith("weight"):
                    parameter += 1
            else:
                parameter.normal_(0, 0.3 if parameter.dim() > 1 else 0.2)


def example(name: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Inputs of two sequences, shorter than the longest, and what the model makes of them."""
    if name == "vit":
        pixels = torch.rand(2, 3, 8, 12) * 2 - 1
        return {"pixels": pixels, "logits": model(pixel_values=pixels.double()).logits}
    tokens = torch.randint(0, TEXT["vocab_size"], (2, 11))
    if name.startswith(("gpt2", "llama")):
        return {"tokens": tokens, "logits": model(input_ids=tokens).logits}
    lengths = torch.tensor([11, 6])
    mask = (torch.arange(11)[None] < lengths[:, None]).long()
    if name.startswith("bert"):
        return {"tokens": tokens, "lengths": lengths, "logits": model(input_ids=tokens, attention_mask=mask).logits}
    target = torch.randint(0, TEXT["vocab_size"], (2, 9))
    logits = model(input_ids=tokens, attention_mask=mask, decoder_input_ids=target).logits
    return {"sources": tokens, "lengths": lengths, "tokens": target, "logits": logits}


def main() -> None:
    for number, (name, (kind, values)) in enumerate(MODELS.items()):
        torch.manual_seed(number + 1)
        model_class = getattr(transformers, kind)
        model = model_class(model_class.config_class(**values)).eval()
        randomize(model)
        model.tie_weights()
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        if name == "llama_shards":
            model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="9KB")
            # Read again: the angles of the positions were rounded as well, and loading does not do that.
            model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
        else:
            model.save_pretrained(folder)
        with torch.no_grad():
            tensors = example(name, model.double())
        stored = {
            key: value.to(torch.int32 if not value.is_floating_point() else torch.float32).contiguous()
            for key, value in tensors.items()
        }
        save_file(stored, folder / "example.safetensors")
        size = sum(file.stat().st_size for file in folder.iterdir())
        config = json.loads((folder / "config.json").read_text())
        print(f"{name}: {config['architectures'][0]}, {size} bytes, logits up to {tensors['logits'].abs().max():.2f}")


if __name__ == "__main__":
    main()
