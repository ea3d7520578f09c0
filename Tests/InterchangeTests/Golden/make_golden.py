#!/usr/bin/env python3
"""Makes the models of transformers that dtrain's tests import, with the logits that they compute.

Made with PyTorch 2.15.0, transformers 5.23.0 (from llama_scaled on: 5.24.0) and Python 3.11 on x86-64:

    pip install torch transformers
    python Tests/InterchangeTests/Golden/make_golden.py [NAME...]

A folder a model (of the NAMEs, or of all) is written beside this script. Running it again gives the same bytes. Each folder holds what
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
llama_scaled    LlamaForCausalLM, a head dimension of its own, all biases, frequencies scaled as in Llama 3.1
llama_dynamic   LlamaForCausalLM, sequences longer than the original context, in float16
mistral         MistralForCausalLM, without a window
qwen2           Qwen2ForCausalLM, tied
qwen3           Qwen3ForCausalLM, linear scaling of frequencies
gemma           GemmaForCausalLM
gpt_neox        GPTNeoXForCausalLM, a quarter of each head rotated
neox_serial     GPTNeoXForCausalLM, blocks that are not parallel, no biases of attention, tied
roberta         RobertaForMaskedLM, one token type
roberta_classes RobertaForSequenceClassification
distilbert      DistilBertForMaskedLM
distilbert_classes  DistilBertForSequenceClassification, a number
marian_bias     MarianMTModel, another decoder, a bias of the logits
mistral_window  MistralForCausalLM, a sliding window
qwen2_window    Qwen2ForCausalLM, a sliding window in the last of three blocks
t5              T5ForConditionalGeneration, tied
t5_gated        T5ForConditionalGeneration, version 1.1: a gated network and an output projection of its own
bart            BartForConditionalGeneration, another decoder, a bias of the logits
deit            DeiTForImageClassification
starcoder2      Starcoder2ForCausalLM, one head of keys for three of queries, a sliding window
"""

from __future__ import annotations

import json
import shutil
import sys
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

NEOX = {
    "vocab_size": 41, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 50,
    "max_position_embeddings": 14, "eos_token_id": 2,
}
ROBERTA = BERT | {"max_position_embeddings": 14, "type_vocab_size": 1, "pad_token_id": 1}
DISTILBERT = {
    "vocab_size": 39, "dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 40, "max_position_embeddings": 12,
}
OTHER_DECODER = MARIAN | {
    "decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 28, "activation_function": "gelu",
}
T5 = {
    "vocab_size": 41, "d_model": 30, "d_kv": 7, "d_ff": 38, "num_layers": 2, "num_heads": 3,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 9, "decoder_start_token_id": 0,
}
SMALL_LLAMA = {
    "vocab_size": 41, "hidden_size": 30, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1,
    "intermediate_size": 38, "head_dim": 14, "max_position_embeddings": 16, "bos_token_id": 1, "eos_token_id": 2,
}


def rope(kind: str, **values: float) -> dict[str, dict[str, float | str]]:
    """The members of a configuration with scaled rotary frequencies."""
    return {"rope_parameters": {"rope_theta": 500.0, "rope_type": kind} | values}


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
    "llama_scaled": (
        "LlamaForCausalLM",
        SMALL_LLAMA | {"attention_bias": True, "mlp_bias": True} | rope(
            "llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=3.0, original_max_position_embeddings=8),
    ),
    "llama_dynamic": (
        "LlamaForCausalLM", SMALL_LLAMA | {"max_position_embeddings": 8} | rope("dynamic", factor=2.0)
    ),
    "mistral": ("MistralForCausalLM", SMALL_LLAMA | {"sliding_window": None}),
    "qwen2": (
        "Qwen2ForCausalLM", SMALL_LLAMA | {"head_dim": 10, "num_key_value_heads": 3, "tie_word_embeddings": True}
    ),
    "qwen3": ("Qwen3ForCausalLM", SMALL_LLAMA | rope("linear", factor=2.0)),
    "gemma": ("GemmaForCausalLM", SMALL_LLAMA | {"pad_token_id": 0}),
    "gpt_neox": ("GPTNeoXForCausalLM", NEOX),
    "starcoder2": (
        "Starcoder2ForCausalLM",
        {name: value for name, value in SMALL_LLAMA.items() if name != "head_dim"} | {"sliding_window": 4},
    ),
    "neox_serial": (
        "GPTNeoXForCausalLM",
        NEOX | {"use_parallel_residual": False, "attention_bias": False, "tie_word_embeddings": True},
    ),
    "roberta": ("RobertaForMaskedLM", ROBERTA),
    "roberta_classes": (
        "RobertaForSequenceClassification",
        ROBERTA | {
            "type_vocab_size": 2, "hidden_act": "relu",
            "id2label": {0: "en", 1: "fr", 2: "de"}, "label2id": {"en": 0, "fr": 1, "de": 2},
        },
    ),
    "distilbert": ("DistilBertForMaskedLM", DISTILBERT),
    "distilbert_classes": (
        "DistilBertForSequenceClassification", DISTILBERT | {"num_labels": 1, "problem_type": "regression"}
    ),
    "marian_bias": ("MarianMTModel", OTHER_DECODER),
    "bart": ("BartForConditionalGeneration", OTHER_DECODER | {"scale_embedding": True}),
    "deit": (
        "DeiTForImageClassification",
        {
            "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40,
            "image_size": [8, 12], "patch_size": 4, "num_channels": 3,
            "id2label": {0: "cat", 1: "dog"}, "label2id": {"cat": 0, "dog": 1},
        },
    ),
    "mistral_window": ("MistralForCausalLM", SMALL_LLAMA | {"sliding_window": 4}),
    "qwen2_window": (
        "Qwen2ForCausalLM",
        SMALL_LLAMA | {
            "num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 2,
            "head_dim": 10,
        },
    ),
    "t5": ("T5ForConditionalGeneration", T5),
    "t5_gated": (
        "T5ForConditionalGeneration",
        T5 | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "num_decoder_layers": 1},
    ),
}


def randomize(model: torch.nn.Module) -> None:
    """Fills every parameter; normalizations stay near the ones that they start with."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" in name and model.config.model_type == "marian":
                continue
            if "norm" in name.lower() or ".ln_" in name:
                parameter.normal_(0, 0.2)
                if name.endswith("weight"):
                    parameter += 1
            else:
                parameter.normal_(0, 0.3 if parameter.dim() > 1 else 0.2)
        # Version 1.1 of T5 has an output projection of its own, which the class ties unless a file has it.
        if getattr(model.config, "scale_decoder_outputs", True) is False:
            model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.3)
        if hasattr(model, "final_logits_bias") and model.config.decoder_layers == 1:
            model.final_logits_bias.normal_(0, 0.5)


def example(name: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Inputs of two sequences, shorter than the longest, and what the model makes of them."""
    if name in ("vit", "deit"):
        pixels = torch.rand(2, 3, 8, 12) * 2 - 1
        return {"pixels": pixels, "logits": model(pixel_values=pixels.double()).logits}
    # Tokens of RoBERTa are told from padding by their IDs.
    tokens = torch.randint(3 if name.startswith("roberta") else 0, TEXT["vocab_size"], (2, 11))
    if not model.config.is_encoder_decoder and "bert" not in name:
        return {"tokens": tokens, "logits": model(input_ids=tokens).logits}
    lengths = torch.tensor([11, 6])
    mask = (torch.arange(11)[None] < lengths[:, None]).long()
    if "bert" in name:
        return {"tokens": tokens, "lengths": lengths, "logits": model(input_ids=tokens, attention_mask=mask).logits}
    target = torch.randint(0, TEXT["vocab_size"], (2, 9))
    logits = model(input_ids=tokens, attention_mask=mask, decoder_input_ids=target).logits
    return {"sources": tokens, "lengths": lengths, "tokens": target, "logits": logits}


def main() -> None:
    for number, (name, (kind, values)) in enumerate(MODELS.items()):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        torch.manual_seed(number + 1)
        model_class = getattr(transformers, kind)
        model = model_class(model_class.config_class(**values)).eval()
        model.tie_weights()
        randomize(model)
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        if name == "llama_shards":
            model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="9KB")
            # Read again: the angles of the positions were rounded as well, and loading does not do that.
            model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
        elif name == "llama_dynamic":
            model.to(torch.float16).save_pretrained(folder)
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
