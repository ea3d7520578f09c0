"""The same models in transformers, in float64: make_golden_families.py compares with them."""

from __future__ import annotations

import torch
import transformers
from families import (
    BERT_EPSILON,
    CLASSES,
    DISTANCE_HEADS,
    HEADS,
    HIDDEN,
    LABELS,
    RMS_EPSILON,
    SOURCE_CONTEXT,
    classifier,
    encoder,
    image_classifier,
    in_halves,
    inside,
    llama,
    slopes,
    translate,
)
from make_golden import BATCH, CONTEXT, LAYERS, VOCABULARY, WIDTH, Tensors
from torch import Tensor
from transformers.models.bloom.modeling_bloom import build_alibi_tensor


def expect_close(name: str, ours: Tensor, theirs: Tensor, tolerance: float = 1e-12) -> None:
    difference = (ours - theirs).abs().max().item()
    assert difference < tolerance, f"{name} differs from that of transformers by {difference:.3g}"


def loaded(model: torch.nn.Module, state: Tensors) -> torch.nn.Module:
    """The model with `state`, which has to name everything that it has."""
    model = model.double()
    model.load_state_dict(state)
    return model.eval()


def renamed(p: Tensors, names: dict[str, str]) -> Tensors:
    """Parameters under other names: `scale` and `shift` are weight and bias there."""
    state: Tensors = {}
    for ours, theirs in names.items():
        for part, other in (("weight", "weight"), ("bias", "bias"), ("scale", "weight"), ("shift", "bias")):
            if f"{ours}.{part}" in p:
                state[f"{theirs}.{other}"] = p[f"{ours}.{part}"]
    return state


def unpacked(p: Tensors, ours: str, theirs: list[str], sizes: list[int]) -> Tensors:
    """The rows of one packed map under several names."""
    state: Tensors = {}
    for part in ("weight", "bias"):
        if f"{ours}.{part}" in p:
            for name, value in zip(theirs, p[f"{ours}.{part}"].split(sizes), strict=True):
                state[f"{name}.{part}"] = value
    return state


def compare_llama(p: Tensors, batch: Tensors) -> None:
    state = renamed(
        p,
        {"token_embedding": "model.embed_tokens", "final_normalization": "model.norm", "head": "lm_head"},
    )
    for layer in range(LAYERS):
        block, other = f"blocks.{layer}", f"model.layers.{layer}"
        state |= renamed(
            p,
            {
                f"{block}.attention_normalization": f"{other}.input_layernorm",
                f"{block}.attention.projection": f"{other}.self_attn.o_proj",
                f"{block}.feed_forward_normalization": f"{other}.post_attention_layernorm",
                f"{block}.feed_forward.projection": f"{other}.mlp.down_proj",
            },
        )
        state |= unpacked(
            p,
            f"{block}.attention.query_key_value",
            [f"{other}.self_attn.{part}_proj" for part in "qkv"],
            [WIDTH, WIDTH // 2, WIDTH // 2],
        )
        state |= unpacked(
            p, f"{block}.feed_forward.expansion", [f"{other}.mlp.gate_proj", f"{other}.mlp.up_proj"], [HIDDEN] * 2
        )
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=RMS_EPSILON,
    )
    model = loaded(transformers.LlamaForCausalLM(config), state)
    # Its angles are computed in float32.
    expect_close("Llama", llama(p, batch)[0], model(batch["inputs"].long()).logits, 1e-5)


def bert_state(p: Tensors, *, prefix: str = "bert.") -> Tensors:
    state = renamed(
        p,
        {
            "token_embedding": f"{prefix}embeddings.word_embeddings",
            "position_embedding": f"{prefix}embeddings.position_embeddings",
            "embedding_normalization": f"{prefix}embeddings.LayerNorm",
            "pooler": f"{prefix}pooler.dense",
        },
    )
    # All segments have the same embedding.
    state[f"{prefix}embeddings.token_type_embeddings.weight"] = torch.zeros(2, WIDTH)
    for layer in range(LAYERS):
        block, other = f"blocks.{layer}", f"{prefix}encoder.layer.{layer}"
        state |= renamed(
            p,
            {
                f"{block}.attention.projection": f"{other}.attention.output.dense",
                f"{block}.attention_normalization": f"{other}.attention.output.LayerNorm",
                f"{block}.feed_forward.expansion": f"{other}.intermediate.dense",
                f"{block}.feed_forward.projection": f"{other}.output.dense",
                f"{block}.feed_forward_normalization": f"{other}.output.LayerNorm",
            },
        )
        parts = [f"{other}.attention.self.{part}" for part in ("query", "key", "value")]
        state |= unpacked(p, f"{block}.attention.query_key_value", parts, [WIDTH] * 3)
    return state


def bert_config(**other: object) -> transformers.BertConfig:
    return transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        layer_norm_eps=BERT_EPSILON,
        **other,
    )


def compare_encoder(p: Tensors, batch: Tensors) -> None:
    state = bert_state(p) | renamed(
        p,
        {
            "head_transform": "cls.predictions.transform.dense",
            "head_normalization": "cls.predictions.transform.LayerNorm",
        },
    )
    state["cls.predictions.bias"] = state["cls.predictions.decoder.bias"] = p["head.bias"]
    state["cls.predictions.decoder.weight"] = p["token_embedding.weight"]
    model = loaded(transformers.BertForMaskedLM(bert_config()), state)
    mask = inside(batch["lengths"]).long()
    expect_close("BERT", encoder(p, batch)[0], model(batch["inputs"].long(), attention_mask=mask).logits)


def compare_classifier(p: Tensors, batch: Tensors) -> None:
    state = bert_state(p) | renamed(p, {"head": "classifier"})
    model = loaded(transformers.BertForSequenceClassification(bert_config(num_labels=LABELS)), state)
    mask = inside(batch["lengths"]).long()
    expect_close("BERT", classifier(p, batch)[0], model(batch["inputs"].long(), attention_mask=mask).logits)


def compare_image_classifier(p: Tensors, batch: Tensors) -> None:
    """Patches of 2 × 2 with three channels, two rows of three."""
    state = renamed(p, {"final_normalization": "vit.layernorm", "head": "classifier"})
    state["vit.embeddings.cls_token"] = p["class_token"][None, None]
    state["vit.embeddings.position_embeddings"] = p["position_embedding.weight"][None]
    projection = "vit.embeddings.patch_embeddings.projection"
    state[f"{projection}.weight"] = p["patch_embedding.weight"].unflatten(-1, (2, 2, 3)).permute(0, 3, 1, 2)
    state[f"{projection}.bias"] = p["patch_embedding.bias"]
    config = transformers.ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        layer_norm_eps=BERT_EPSILON,
        image_size=(4, 6),
        patch_size=2,
        num_channels=3,
        num_labels=CLASSES,
    )
    for layer in range(LAYERS):
        block, other = f"blocks.{layer}", f"vit.layers.{layer}"
        state |= renamed(
            p,
            {
                f"{block}.attention_normalization": f"{other}.layernorm_before",
                f"{block}.attention.projection": f"{other}.attention.o_proj",
                f"{block}.feed_forward_normalization": f"{other}.layernorm_after",
                f"{block}.feed_forward.expansion": f"{other}.mlp.fc1",
                f"{block}.feed_forward.projection": f"{other}.mlp.fc2",
            },
        )
        parts = [f"{other}.attention.{part}_proj" for part in "qkv"]
        state |= unpacked(p, f"{block}.attention.query_key_value", parts, [WIDTH] * 3)
    model = loaded(transformers.ViTForImageClassification(config), state)
    pixels = batch["patches"].double().unflatten(-1, (2, 2, 3)).unflatten(1, (2, 3))
    pixels = pixels.permute(0, 5, 1, 3, 2, 4).reshape(BATCH, 3, 4, 6)
    expect_close("ViT", image_classifier(p, batch)[0], model(pixels).logits)


def compare_encoder_decoder(p: Tensors, batch: Tensors) -> None:
    """Marian, whose positions have the sines in the first half of the columns; its padding is given by a mask."""
    table = p["encoder.token_embedding.weight"]
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=HIDDEN,
        decoder_ffn_dim=HIDDEN,
        max_position_embeddings=CONTEXT,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=VOCABULARY - 1,
        decoder_start_token_id=0,
    )
    positions = in_halves(CONTEXT, WIDTH)
    state = {
        "final_logits_bias": torch.zeros(1, VOCABULARY),
        "model.shared.weight": table,
        "lm_head.weight": table,
    }
    for side, prefix in (("encoder", "encoder."), ("decoder", "")):
        state |= {f"model.{side}.embed_tokens.weight": table, f"model.{side}.embed_positions.weight": positions}
        for layer in range(LAYERS):
            block, other = f"{prefix}blocks.{layer}", f"model.{side}.layers.{layer}"
            state |= renamed(
                p,
                {
                    f"{block}.attention_normalization": f"{other}.self_attn_layer_norm",
                    f"{block}.attention.projection": f"{other}.self_attn.out_proj",
                    f"{block}.cross_attention_normalization": f"{other}.encoder_attn_layer_norm",
                    f"{block}.cross_attention.query": f"{other}.encoder_attn.q_proj",
                    f"{block}.cross_attention.projection": f"{other}.encoder_attn.out_proj",
                    f"{block}.feed_forward_normalization": f"{other}.final_layer_norm",
                    f"{block}.feed_forward.expansion": f"{other}.fc1",
                    f"{block}.feed_forward.projection": f"{other}.fc2",
                },
            )
            parts = [f"{other}.self_attn.{part}_proj" for part in "qkv"]
            state |= unpacked(p, f"{block}.attention.query_key_value", parts, [WIDTH] * 3)
            parts = [f"{other}.encoder_attn.{part}_proj" for part in "kv"]
            state |= unpacked(p, f"{block}.cross_attention.key_value", parts, [WIDTH] * 2)
    model = loaded(transformers.MarianMTModel(config), state)
    theirs = model(
        input_ids=batch["source"].long(),
        attention_mask=inside(batch["source_lengths"], SOURCE_CONTEXT).long(),
        decoder_input_ids=batch["inputs"].long(),
        decoder_attention_mask=inside(batch["lengths"]).long(),
    ).logits
    expect_close("Marian", translate(p, batch, in_halves), theirs)


def compare_slopes(p: Tensors, batch: Tensors) -> None:
    """BLOOM's bias of key s is slope · s: the same for softmax as −slope · (t − s)."""
    bias = build_alibi_tensor(torch.ones(1, CONTEXT), DISTANCE_HEADS, torch.float64)
    expect_close("ALiBi", slopes()[:, None, None] * torch.arange(CONTEXT), bias, 1e-6)
