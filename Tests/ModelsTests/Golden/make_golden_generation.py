#!/usr/bin/env python3
"""Makes the golden texts that dtrain's generation is compared with, by `transformers` on small random models.

Made with PyTorch 2.15.0, transformers 5.23.0, safetensors 0.8.0 and Python 3.11 on x86-64:

    pip install torch transformers safetensors
    python Tests/ModelsTests/Golden/make_golden_generation.py

Two files are written beside this script. Running it again gives the same bytes.

generation_llama.safetensors    a decoder: weights under dtrain's names, prompts, and what follows them
generation_marian.safetensors   an encoder-decoder: the same, with sources

`case.N.settings` holds beams, length penalty, repetition penalty, most tokens, and fewest tokens before the end token;
`case.N.input.M` a prompt or a source, and `case.N.output.M` the tokens that were chosen, up to and without the end token.

The weights are large enough for likelihoods to differ: the script fails where float32 and float64 choose differently.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, MarianConfig, MarianMTModel

Tensors = dict[str, Tensor]

VOCABULARY, WIDTH, HEADS, LAYERS, HIDDEN, CONTEXT = 13, 16, 4, 2, 24, 24
PAD, END = 0, 1
# Beams, length penalty, repetition penalty, most tokens, fewest tokens.
CASES = [
    (1, 1.0, 1.0, 10, 0),
    (1, 1.0, 1.7, 10, 3),
    (2, 1.0, 1.0, 10, 0),
    (4, 1.0, 1.0, 10, 0),
    (4, 0.0, 1.0, 10, 0),
    (4, 2.0, 1.0, 12, 0),
    (3, 0.6, 1.5, 10, 4),
    (5, -1.0, 1.0, 6, 0),
]
INPUTS = [[5, 3, 8], [7], [2, 11, 4, 4, 9, 12], [10, 6], [3, 3, 3, 12]]


def randomize(model: torch.nn.Module, seed: int, embeddings: float, weights: float, others: float) -> None:
    """Normal numbers of these deviations; the others are biases and normalizations, whose gains are around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "embed_positions" in name:
                continue
            mean = 0.0
            if "norm" in name:
                deviation, mean = others, 1.0 if name.endswith("weight") else 0.0
            elif name.endswith("bias"):
                deviation = others
            else:
                deviation = embeddings if "embed" in name or "shared" in name else weights
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation + mean)


def settings(case: tuple) -> dict:
    beams, length_penalty, repetition_penalty, most, fewest = case
    return dict(
        num_beams=beams,
        length_penalty=length_penalty if beams > 1 else None,
        repetition_penalty=repetition_penalty,
        max_new_tokens=most,
        min_new_tokens=fewest or None,
        do_sample=False,
        early_stopping=False if beams > 1 else None,
        eos_token_id=END,
        pad_token_id=PAD,
    )


def chosen(output: Tensor, prompt: int) -> list[int]:
    tokens = output[0, prompt:].tolist()
    return tokens[: tokens.index(END)] if END in tokens else tokens


def texts(model: torch.nn.Module, case: tuple, tokens: list[int]) -> list[int]:
    """One text at a time: nothing is padded."""
    results = []
    for precision in (torch.float32, torch.float64):
        model.to(precision)
        given = torch.tensor([tokens])
        if model.config.is_encoder_decoder:
            output = model.generate(given, attention_mask=torch.ones_like(given), **settings(case))
            results.append(chosen(output, 1))
        else:
            output = model.generate(given, attention_mask=torch.ones_like(given), **settings(case))
            results.append(chosen(output, len(tokens)))
    assert results[0] == results[1], (case, tokens, results)
    return results[0]


def cases(model: torch.nn.Module, inputs: list[list[int]]) -> Tensors:
    tensors: Tensors = {}
    for index, case in enumerate(CASES):
        tensors[f"case.{index}.settings"] = torch.tensor(case, dtype=torch.float32)
        for number, tokens in enumerate(inputs):
            output = texts(model, case, tokens)
            tensors[f"case.{index}.input.{number}"] = torch.tensor(tokens, dtype=torch.int32)
            # No empty tensors: the end token stands in front.
            tensors[f"case.{index}.output.{number}"] = torch.tensor([END] + output, dtype=torch.int32)
    model.to(torch.float32)
    return tensors


def llama() -> Tensors:
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, num_key_value_heads=2, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5,
            tie_word_embeddings=False, attention_bias=False, mlp_bias=False, bos_token_id=2, eos_token_id=END,
            pad_token_id=PAD,
        )
    ).eval()
    randomize(model, 5, embeddings=0.5, weights=0.5, others=0.5)
    tensors = cases(model, INPUTS)
    state = model.state_dict()
    weights = {
        "token_embedding.weight": state["model.embed_tokens.weight"],
        "final_normalization.scale": state["model.norm.weight"],
        "head.weight": state["lm_head.weight"],
    }
    for layer in range(LAYERS):
        old, new = f"model.layers.{layer}.", f"blocks.{layer}."
        attention = [state[f"{old}self_attn.{name}_proj.weight"] for name in "qkv"]
        feed_forward = [state[f"{old}mlp.{name}_proj.weight"] for name in ("gate", "up")]
        weights |= {
            f"{new}attention_normalization.scale": state[f"{old}input_layernorm.weight"],
            f"{new}attention.query_key_value.weight": torch.cat(attention),
            f"{new}attention.projection.weight": state[f"{old}self_attn.o_proj.weight"],
            f"{new}feed_forward_normalization.scale": state[f"{old}post_attention_layernorm.weight"],
            f"{new}feed_forward.expansion.weight": torch.cat(feed_forward),
            f"{new}feed_forward.projection.weight": state[f"{old}mlp.down_proj.weight"],
        }
    return tensors | {f"weights/{name}": value.contiguous() for name, value in weights.items()}


def marian() -> Tensors:
    model = MarianMTModel(
        MarianConfig(
            vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
            encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=HIDDEN,
            decoder_ffn_dim=HIDDEN, activation_function="relu", scale_embedding=True,
            max_position_embeddings=CONTEXT, pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=PAD,
            forced_eos_token_id=None, bad_words_ids=None, dropout=0.0,
        )
    ).eval()
    randomize(model, 2, embeddings=0.3, weights=0.6, others=0.1)
    model.generation_config.forced_eos_token_id = None
    model.generation_config.bad_words_ids = None
    tensors = cases(model, [tokens + [END] for tokens in INPUTS])
    state = model.state_dict()
    assert not state["final_logits_bias"].any()
    weights = {"encoder.token_embedding.weight": state["model.shared.weight"]}

    def linear(new: str, *old: str) -> None:
        for kind in ("weight", "bias"):
            weights[f"{new}.{kind}"] = torch.cat([state[f"{name}.{kind}"] for name in old])

    def normalization(new: str, old: str) -> None:
        weights[f"{new}.scale"], weights[f"{new}.shift"] = state[f"{old}.weight"], state[f"{old}.bias"]

    for stack, prefix in (("encoder", "encoder."), ("decoder", "")):
        for layer in range(LAYERS):
            old, new = f"model.{stack}.layers.{layer}.", f"{prefix}blocks.{layer}."
            linear(f"{new}attention.query_key_value", *(f"{old}self_attn.{name}_proj" for name in "qkv"))
            linear(f"{new}attention.projection", f"{old}self_attn.out_proj")
            normalization(f"{new}attention_normalization", f"{old}self_attn_layer_norm")
            if stack == "decoder":
                linear(f"{new}cross_attention.query", f"{old}encoder_attn.q_proj")
                linear(f"{new}cross_attention.key_value", *(f"{old}encoder_attn.{name}_proj" for name in "kv"))
                linear(f"{new}cross_attention.projection", f"{old}encoder_attn.out_proj")
                normalization(f"{new}cross_attention_normalization", f"{old}encoder_attn_layer_norm")
            linear(f"{new}feed_forward.expansion", f"{old}fc1")
            linear(f"{new}feed_forward.projection", f"{old}fc2")
            normalization(f"{new}feed_forward_normalization", f"{old}final_layer_norm")
    return tensors | {f"weights/{name}": value.contiguous() for name, value in weights.items()}


def main() -> None:
    folder = Path(__file__).parent
    for name, tensors in (("llama", llama()), ("marian", marian())):
        save_file(dict(sorted(tensors.items())), folder / f"generation_{name}.safetensors")
        lengths = [[value.numel() - 1 for key, value in tensors.items() if key.startswith(f"case.{case}.output")]
                   for case in range(len(CASES))]
        print(name, lengths)


if __name__ == "__main__":
    main()
