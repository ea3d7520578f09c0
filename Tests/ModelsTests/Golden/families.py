"""The model families in plain PyTorch, and batches for them: what make_golden_families.py computes with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from make_golden import (
    BATCH,
    CONTEXT,
    IGNORED,
    LAYERS,
    NORMALIZATION_EPSILON,
    VOCABULARY,
    WIDTH,
    Tensors,
    mean_loss,
)
from torch import Tensor
from torch.nn import functional as F

HEADS, HIDDEN, SOURCE_CONTEXT = 4, 24, 6
LABELS, CLASSES, PATCHES, PATCH_WIDTH = 5, 5, 6, 12
RMS_EPSILON, BERT_EPSILON = 1e-6, 1e-12
LABEL_SMOOTHING = 0.1
DISTANCE_HEADS = 8

Positions = Callable[[int, int], Tensor]


# --- Parameters ---


class Declaration:
    """Draws parameters by name, normal with deviation 0.2: wide enough for softmax to leave its linear range."""

    def __init__(self, seed: int, *, bias: bool = True) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.bias = bias
        self.parameters: Tensors = {}

    def normal(self, name: str, *shape: int, mean: float = 0) -> None:
        self.parameters[name] = mean + 0.2 * torch.randn(*shape, generator=self.random)

    def linear(self, name: str, outputs: int, inputs: int, *, bias: bool | None = None) -> None:
        self.normal(f"{name}.weight", outputs, inputs)
        if self.bias if bias is None else bias:
            self.normal(f"{name}.bias", outputs)

    def normalization(self, name: str) -> None:
        self.normal(f"{name}.scale", WIDTH, mean=1)
        if self.bias:
            self.normal(f"{name}.shift", WIDTH)

    def block(self, name: str, key_width: int = WIDTH, *, cross: bool = False, gated: bool = False) -> None:
        self.normalization(f"{name}.attention_normalization")
        self.linear(f"{name}.attention.query_key_value", WIDTH + 2 * key_width, WIDTH)
        self.linear(f"{name}.attention.projection", WIDTH, WIDTH)
        if cross:
            self.normalization(f"{name}.cross_attention_normalization")
            self.linear(f"{name}.cross_attention.query", WIDTH, WIDTH)
            self.linear(f"{name}.cross_attention.key_value", 2 * key_width, WIDTH)
            self.linear(f"{name}.cross_attention.projection", WIDTH, WIDTH)
        self.normalization(f"{name}.feed_forward_normalization")
        self.linear(f"{name}.feed_forward.expansion", (2 if gated else 1) * HIDDEN, WIDTH)
        self.linear(f"{name}.feed_forward.projection", WIDTH, HIDDEN)


# --- What the families have in common ---


def linear(p: Tensors, name: str, x: Tensor) -> Tensor:
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def layer_norm(p: Tensors, name: str, x: Tensor, epsilon: float = NORMALIZATION_EPSILON) -> Tensor:
    return F.layer_norm(x, (WIDTH,), p[f"{name}.scale"], p.get(f"{name}.shift"), epsilon)


def split_heads(x: Tensor, width: int) -> Tensor:
    """From [B, T, H·D] to [B, H, T, D]."""
    return x.unflatten(-1, (-1, width)).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """From heads to [B, T, C]; `mask` selects the keys to attend to, or is added to the scores."""
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)
    return mixed.transpose(1, 2).flatten(-2)


def self_attention(p: Tensors, name: str, x: Tensor, mask: Tensor, heads: int = HEADS) -> Tensor:
    width = WIDTH // heads
    packed = linear(p, f"{name}.query_key_value", x)
    key_width = (packed.shape[-1] - WIDTH) // 2
    parts = packed.split([WIDTH, key_width, key_width], dim=-1)
    query, key, value = (split_heads(part, width) for part in parts)
    return linear(p, f"{name}.projection", attend(query, key, value, mask))


def cross_attention(p: Tensors, name: str, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
    query = linear(p, f"{name}.query", x)
    key, value = linear(p, f"{name}.key_value", memory).chunk(2, dim=-1)
    heads = (split_heads(part, WIDTH // HEADS) for part in (query, key, value))
    return linear(p, f"{name}.projection", attend(*heads, mask))


def feed_forward(p: Tensors, name: str, x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    return linear(p, f"{name}.projection", activation(linear(p, f"{name}.expansion", x)))


def before(lengths: Tensor, count: int) -> Tensor:
    """Which of `count` positions stand before each length, [B, 1, 1, count]."""
    return (torch.arange(count) < lengths[:, None])[:, None, None]


def causal(count: int) -> Tensor:
    return torch.ones(count, count, dtype=torch.bool).tril()


# --- Batches ---


class Batches:
    """Draws batches; a target is a function of its input, so that training has something to find."""

    def __init__(self, seed: int, *leading: int) -> None:
        self.random = torch.Generator().manual_seed(seed + 1000 + len(leading))
        self.leading = leading

    def integers(self, limit: int, *shape: int) -> Tensor:
        return torch.randint(limit, (*self.leading, BATCH, *shape), generator=self.random, dtype=torch.int32)

    def lengths(self, limit: int) -> Tensor:
        """From half of `limit` to all of it."""
        return limit // 2 + self.integers(limit - limit // 2 + 1)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*self.leading, BATCH, *shape, generator=self.random)

    def tokens(self) -> Tensors:
        inputs = self.integers(VOCABULARY, CONTEXT)
        return {"inputs": inputs, "targets": (5 * inputs + 3) % VOCABULARY}


def without(batch: Tensors, counted: Tensor) -> Tensors:
    """The batch with targets only where they are counted, [*leading, B, T]."""
    return batch | {"targets": batch["targets"].masked_fill(~counted, IGNORED)}


def inside(lengths: Tensor, count: int = CONTEXT) -> Tensor:
    return torch.arange(count) < lengths[..., None]


# --- Decoders ---


def llama_parameters(seed: int) -> Tensors:
    made = Declaration(seed, bias=False)
    made.normal("token_embedding.weight", VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        made.block(f"blocks.{layer}", WIDTH // 2, gated=True)
    made.normalization("final_normalization")
    made.normal("head.weight", VOCABULARY, WIDTH)
    return made.parameters


def turned(x: Tensor) -> Tensor:
    """Heads [B, H, T, D] turned by their positions: a complex number for columns i and i + D/2."""
    positions, width = x.shape[-2:]
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
    real, imaginary = x.chunk(2, dim=-1)
    cosine, sine = angles.cos().to(x), angles.sin().to(x)
    return torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=-1)


def swiglu(x: Tensor) -> Tensor:
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


def llama(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    def normalize(name: str, x: Tensor) -> Tensor:
        return F.rms_norm(x, (WIDTH,), p[f"{name}.scale"], RMS_EPSILON)

    x = F.embedding(batch["inputs"], p["token_embedding.weight"])
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        packed = linear(p, f"{block}.attention.query_key_value", normalize(f"{block}.attention_normalization", x))
        query, key, value = (
            split_heads(part, WIDTH // HEADS) for part in packed.split([WIDTH, WIDTH // 2, WIDTH // 2], dim=-1)
        )
        mixed = attend(turned(query), turned(key), value, causal(CONTEXT))
        x = x + linear(p, f"{block}.attention.projection", mixed)
        x = x + feed_forward(p, f"{block}.feed_forward", normalize(f"{block}.feed_forward_normalization", x), swiglu)
    logits = F.linear(normalize("final_normalization", x), p["head.weight"])
    return logits, mean_loss(logits, batch["targets"])


def llama_batch(draw: Batches) -> Tensors:
    return without(draw.tokens(), draw.normal(CONTEXT) < 1)


def sandwich_parameters(seed: int) -> Tensors:
    made = Declaration(seed)
    made.normal("token_embedding.weight", VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        made.block(block, WIDTH // DISTANCE_HEADS)
        made.normalization(f"{block}.attention_output_normalization")
        made.normalization(f"{block}.feed_forward_output_normalization")
    made.normalization("final_normalization")
    return made.parameters


def slopes() -> Tensor:
    """What a score loses for each position of distance, by head."""
    return 2.0 ** (-8 * torch.arange(1, DISTANCE_HEADS + 1, dtype=torch.float64) / DISTANCE_HEADS)


def sandwich(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    first = batch["first_keys"][:, None, :, None]
    places = torch.arange(CONTEXT)
    seen = causal(CONTEXT) & (places >= first)
    distance = (places[:, None] - places).abs()
    mask = (-slopes()[:, None, None] * distance).expand(BATCH, -1, -1, -1).masked_fill(~seen, -torch.inf)
    x = F.embedding(batch["inputs"], p["token_embedding.weight"])
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        y = layer_norm(p, f"{block}.attention_normalization", x)
        y = self_attention(p, f"{block}.attention", y, mask.to(x), DISTANCE_HEADS)
        x = x + layer_norm(p, f"{block}.attention_output_normalization", y)
        y = feed_forward(p, f"{block}.feed_forward", layer_norm(p, f"{block}.feed_forward_normalization", x), F.silu)
        x = x + layer_norm(p, f"{block}.feed_forward_output_normalization", y)
    logits = F.linear(layer_norm(p, "final_normalization", x), p["token_embedding.weight"])
    return logits, mean_loss(logits, batch["targets"])


def sandwich_batch(draw: Batches) -> Tensors:
    begins = draw.integers(3, CONTEXT) == 0
    places = torch.arange(CONTEXT, dtype=torch.int32).expand_as(begins)
    return draw.tokens() | {"first_keys": (places * begins).cummax(dim=-1).values.to(torch.int32)}


def prefix_parameters(seed: int) -> Tensors:
    made = Declaration(seed)
    made.normal("token_embedding.weight", VOCABULARY, WIDTH)
    made.normal("position_embedding.weight", CONTEXT, WIDTH)
    made.normal("span_position_embedding.weight", CONTEXT, WIDTH)
    for layer in range(LAYERS):
        made.block(f"blocks.{layer}")
    made.normalization("final_normalization")
    return made.parameters


def prefix_decoder(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    mask = (causal(CONTEXT) | before(batch["prefixes"], CONTEXT)) & before(batch["lengths"], CONTEXT)
    x = F.embedding(batch["inputs"], p["token_embedding.weight"])
    x = x + F.embedding(batch["places"], p["position_embedding.weight"])
    x = x + F.embedding(batch["span_places"], p["span_position_embedding.weight"])
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        x = x + self_attention(p, f"{block}.attention", layer_norm(p, f"{block}.attention_normalization", x), mask)
        y = layer_norm(p, f"{block}.feed_forward_normalization", x)
        x = x + feed_forward(p, f"{block}.feed_forward", y, lambda z: F.gelu(z, approximate="tanh"))
    logits = F.linear(layer_norm(p, "final_normalization", x), p["token_embedding.weight"])
    return logits, mean_loss(logits, batch["targets"])


def prefix_batch(draw: Batches) -> Tensors:
    """Behind the prefix one span, whose place is that of its gap."""
    batch, prefixes, lengths = draw.tokens(), 1 + draw.integers(4), draw.lengths(CONTEXT)
    lengths = torch.maximum(lengths, prefixes + 1)
    gaps = draw.integers(4) % prefixes
    own = torch.arange(CONTEXT, dtype=torch.int32).expand_as(batch["inputs"])
    is_span = own >= prefixes[..., None]
    places = torch.where(is_span, gaps[..., None], own)
    span_places = torch.where(is_span, own - prefixes[..., None] + 1, 0)
    batch = without(batch, is_span & inside(lengths))
    return batch | {
        "prefixes": prefixes,
        "lengths": lengths,
        "places": places.to(torch.int32),
        "span_places": span_places.clamp(max=CONTEXT - 1).to(torch.int32),
    }


# --- Encoders ---


def bert_parameters(seed: int, finish: Callable[[Declaration], None]) -> Tensors:
    made = Declaration(seed)
    made.normal("token_embedding.weight", VOCABULARY, WIDTH)
    made.normal("position_embedding.weight", CONTEXT, WIDTH)
    made.normalization("embedding_normalization")
    for layer in range(LAYERS):
        made.block(f"blocks.{layer}")
    finish(made)
    return made.parameters


def bert_stack(p: Tensors, batch: Tensors) -> Tensor:
    def normalize(name: str, x: Tensor) -> Tensor:
        return layer_norm(p, name, x, BERT_EPSILON)

    mask = before(batch["lengths"], CONTEXT)
    x = F.embedding(batch["inputs"], p["token_embedding.weight"]) + p["position_embedding.weight"]
    x = normalize("embedding_normalization", x)
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        x = normalize(f"{block}.attention_normalization", x + self_attention(p, f"{block}.attention", x, mask))
        y = feed_forward(p, f"{block}.feed_forward", x, F.gelu)
        x = normalize(f"{block}.feed_forward_normalization", x + y)
    return x


def masked_head(made: Declaration) -> None:
    made.linear("head_transform", WIDTH, WIDTH)
    made.normalization("head_normalization")
    made.normal("head.bias", VOCABULARY)


def encoder(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    y = F.gelu(linear(p, "head_transform", bert_stack(p, batch)))
    y = layer_norm(p, "head_normalization", y, BERT_EPSILON)
    logits = F.linear(y, p["token_embedding.weight"], p["head.bias"])
    return logits, mean_loss(logits, batch["targets"])


def encoder_batch(draw: Batches) -> Tensors:
    """Some tokens of each sequence are masked, and predicted."""
    batch, lengths = draw.tokens(), draw.lengths(CONTEXT)
    masked = (draw.integers(3, CONTEXT) == 0) & inside(lengths)
    masked[..., 0] = True
    batch = without(batch, masked)
    return batch | {"inputs": batch["inputs"].masked_fill(masked, VOCABULARY - 1), "lengths": lengths}


def labels_head(made: Declaration) -> None:
    made.linear("pooler", WIDTH, WIDTH)
    made.linear("head", LABELS, WIDTH)


def classifier(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    pooled = torch.tanh(linear(p, "pooler", bert_stack(p, batch)[:, 0]))
    logits = linear(p, "head", pooled)
    loss = F.binary_cross_entropy_with_logits(logits, batch["values"].to(logits), reduction="sum") / BATCH
    return logits, loss


def classifier_batch(draw: Batches) -> Tensors:
    batch, lengths = draw.tokens(), draw.lengths(CONTEXT)
    values = ((batch["inputs"][..., :LABELS] + batch["inputs"][..., :1]) % 2).float()
    return {"inputs": batch["inputs"], "lengths": lengths, "values": values}


def vit_parameters(seed: int) -> Tensors:
    made = Declaration(seed)
    made.linear("patch_embedding", WIDTH, PATCH_WIDTH)
    made.normal("class_token", WIDTH)
    made.normal("position_embedding.weight", 1 + PATCHES, WIDTH)
    for layer in range(LAYERS):
        made.block(f"blocks.{layer}")
    made.normalization("final_normalization")
    made.linear("head", CLASSES, WIDTH)
    return made.parameters


def image_classifier(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    patches = linear(p, "patch_embedding", batch["patches"].to(p["class_token"]))
    x = torch.cat([p["class_token"].expand(BATCH, 1, -1), patches], dim=1) + p["position_embedding.weight"]
    mask = torch.ones(1 + PATCHES, 1 + PATCHES, dtype=torch.bool)
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        y = layer_norm(p, f"{block}.attention_normalization", x, BERT_EPSILON)
        x = x + self_attention(p, f"{block}.attention", y, mask)
        y = layer_norm(p, f"{block}.feed_forward_normalization", x, BERT_EPSILON)
        x = x + feed_forward(p, f"{block}.feed_forward", y, F.gelu)
    logits = linear(p, "head", layer_norm(p, "final_normalization", x, BERT_EPSILON)[:, 0])
    return logits, mean_loss(logits, batch["targets"])


def image_batch(draw: Batches) -> Tensors:
    patches = draw.normal(PATCHES, PATCH_WIDTH)
    return {"patches": patches, "targets": patches[..., 0, :CLASSES].argmax(dim=-1).to(torch.int32)}


# --- The encoder-decoder ---


def translation_parameters(seed: int) -> Tensors:
    made = Declaration(seed)
    made.normal("encoder.token_embedding.weight", VOCABULARY, WIDTH)
    for layer in range(LAYERS):
        made.block(f"encoder.blocks.{layer}")
        made.block(f"blocks.{layer}", cross=True)
    return made.parameters


def in_turn(positions: int, width: int) -> Tensor:
    """Sines in the even columns, cosines in the odd ones."""
    angles = sinusoid_angles(positions, width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def in_halves(positions: int, width: int) -> Tensor:
    """Sines, then cosines."""
    angles = sinusoid_angles(positions, width)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def sinusoid_angles(positions: int, width: int) -> Tensor:
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)


def translate(p: Tensors, batch: Tensors, positions: Positions) -> Tensor:
    table = p["encoder.token_embedding.weight"]

    def embed(tokens: Tensor) -> Tensor:
        return WIDTH**0.5 * F.embedding(tokens, table) + positions(tokens.shape[1], WIDTH).to(table)

    def add_and_normalize(name: str, x: Tensor, y: Tensor) -> Tensor:
        return layer_norm(p, f"{name}_normalization", x + y)

    source = before(batch["source_lengths"], SOURCE_CONTEXT)
    memory = embed(batch["source"])
    for layer in range(LAYERS):
        block = f"encoder.blocks.{layer}"
        y = self_attention(p, f"{block}.attention", memory, source)
        memory = add_and_normalize(f"{block}.attention", memory, y)
        y = feed_forward(p, f"{block}.feed_forward", memory, F.relu)
        memory = add_and_normalize(f"{block}.feed_forward", memory, y)
    mask = causal(CONTEXT) & before(batch["lengths"], CONTEXT)
    x = embed(batch["inputs"])
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        x = add_and_normalize(f"{block}.attention", x, self_attention(p, f"{block}.attention", x, mask))
        y = cross_attention(p, f"{block}.cross_attention", x, memory, source)
        x = add_and_normalize(f"{block}.cross_attention", x, y)
        x = add_and_normalize(f"{block}.feed_forward", x, feed_forward(p, f"{block}.feed_forward", x, F.relu))
    return F.linear(x, table)


def smoothed_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy with a smoothed target, averaged over the targets that are not ignored."""
    return F.cross_entropy(
        logits.flatten(0, -2), targets.flatten().long(), ignore_index=IGNORED, label_smoothing=LABEL_SMOOTHING
    )


def encoder_decoder(p: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
    logits = translate(p, batch, in_turn)
    return logits, smoothed_loss(logits, batch["targets"])


def translation_batch(draw: Batches) -> Tensors:
    lengths = draw.lengths(CONTEXT)
    return without(draw.tokens(), inside(lengths)) | {
        "lengths": lengths,
        "source": draw.integers(VOCABULARY, SOURCE_CONTEXT),
        "source_lengths": draw.lengths(SOURCE_CONTEXT),
    }
