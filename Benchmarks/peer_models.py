"""The model families in PyTorch, as its users write them today: the models that dtrain is compared with.

Every model takes the tensors of a batch and returns the mean loss of the positions that have a target. Attention is
`scaled_dot_product_attention`, with `is_causal` for causal attention and with a mask only if necessary; query,
key and value are computed by one matmul; logits are computed only for rows that have a target.

Letters: B sequences, T positions, S positions of a source, C width, H heads, D = C / H, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from peer_workloads import Workload


# --- Parts ---


class SelfAttention(nn.Module):
    """Self-attention from [B, T, C] to [B, T, C], with `kv_heads` key/value heads; 0: one for each query head."""

    def __init__(self, width: int, heads: int, kv_heads: int = 0, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.dropout = heads, kv_heads or heads, dropout
        self.head_width = width // heads
        self.widths = [width, self.kv_heads * self.head_width, self.kv_heads * self.head_width]
        self.query_key_value = nn.Linear(width, sum(self.widths), bias=bias)
        self.projection = nn.Linear(width, width, bias=bias)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, H, T, D], keys and values [B, H_kv, T, D]."""
        query, key, value = (
            part.unflatten(2, (-1, self.head_width)).transpose(1, 2)
            for part in self.query_key_value(x).split(self.widths, dim=2)
        )
        return query, key, value

    def forward(
        self, x: Tensor, mask: Tensor | None = None, is_causal: bool = False, rotary: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        query, key, value = self.project(x)
        if rotary is not None:
            query, key = rotated(query, *rotary), rotated(key, *rotary)
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=is_causal,
            enable_gqa=self.kv_heads != self.heads,
        )
        return self.projection(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Attention from [B, T, C] to the encoder's output, [B, S, C]."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.head_width, self.dropout = heads, width // heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.projection = nn.Linear(width, width)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, S, D]."""
        key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.key_value(memory).chunk(2, dim=2)
        )
        return key, value

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        query = self.query(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.projection(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear maps with `activation` between them."""

    def __init__(self, width: int, hidden: int, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.expansion = nn.Linear(width, hidden)
        self.projection = nn.Linear(hidden, width)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.projection(self.activation(self.expansion(x)))


class SwiGLU(nn.Module):
    """Gate and up projection in one matmul, SiLU of the gate times the up projection, and the down projection."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expansion = nn.Linear(width, 2 * hidden, bias=False)
        self.projection = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.expansion(x).chunk(2, dim=-1)
        return self.projection(F.silu(gate) * up)


class Block(nn.Module):
    """Attention and feed-forward, with pre-norm, or with post-norm if `is_post`."""

    def __init__(
        self,
        width: int,
        attention: SelfAttention,
        feed_forward: nn.Module,
        normalization: type[nn.Module] = nn.LayerNorm,
        is_post: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_normalization = normalization(width)
        self.attention = attention
        self.feed_forward_normalization = normalization(width)
        self.feed_forward = feed_forward
        self.dropout = nn.Dropout(dropout)
        self.is_post = is_post

    def forward(self, x: Tensor, **how) -> Tensor:
        if self.is_post:
            x = self.attention_normalization(x + self.dropout(self.attention(x, **how)))
            return self.feed_forward_normalization(x + self.dropout(self.feed_forward(x)))
        x = x + self.dropout(self.attention(self.attention_normalization(x), **how))
        return x + self.dropout(self.feed_forward(self.feed_forward_normalization(x)))


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU as GPT-2 approximates it."""
    return F.gelu(x, approximate="tanh")


def rotated(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Returns `x` [B, H, T, D] rotated by the angles of its positions; elements i and i + D / 2 form a pair."""
    first, second = x.chunk(2, dim=-1)
    return x * cosines + torch.cat((-second, first), dim=-1) * sines


def rotary_table(positions: int, head_width: int, base: float = 10000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, D]."""
    frequencies = base ** (-torch.arange(0, head_width, 2) / head_width)
    angles = torch.outer(torch.arange(positions), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def sinusoidal_table(positions: int, width: int) -> Tensor:
    """Alternating sines and cosines [T, C]."""
    angles = torch.outer(torch.arange(positions), 10000.0 ** (-torch.arange(0, width, 2) / width))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)


def initialize(model: nn.Module, residual_branches: int) -> None:
    """Initializes as GPT-2: normal weights of 0.02, smaller for residual output projections; biases 0."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.dim() >= 2:
            scale = math.sqrt(residual_branches) if name.endswith(".projection.weight") else 1.0
            nn.init.normal_(parameter, std=0.02 / scale)


# --- Families ---


class Decoder(nn.Module):
    """GPT-2: learned positions, biases, tanh GELU, a tied head. Tokens and targets [B, T]."""

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.position_embedding = nn.Embedding(sizes.context, width)
        self.blocks = nn.ModuleList(
            Block(width, SelfAttention(width, sizes.heads), FeedForward(width, 4 * width, gelu_tanh))
            for _ in range(sizes.layers)
        )
        self.final_normalization = nn.LayerNorm(width)
        self.head = nn.Linear(width, sizes.vocabulary, bias=False)
        self.head.weight = self.token_embedding.weight
        # No buffer, which DDP would broadcast in every step.
        self.positions = torch.arange(sizes.context)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.token_embedding(tokens) + self.position_embedding(self.positions)
        for block in self.blocks:
            x = block(x, is_causal=True)
        logits = self.head(self.final_normalization(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Llama(nn.Module):
    """RMS normalization, rotary positions, SwiGLU, GQA, no biases, an untied head. Tokens and targets [B, T]."""

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.blocks = nn.ModuleList(
            Block(
                width,
                SelfAttention(width, sizes.heads, sizes.kv_heads, bias=False),
                SwiGLU(width, sizes.feed_forward),
                nn.RMSNorm,
            )
            for _ in range(sizes.layers)
        )
        self.final_normalization = nn.RMSNorm(width)
        self.head = nn.Linear(width, sizes.vocabulary, bias=False)
        self.rotary = rotary_table(sizes.context, width // sizes.heads)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        x = self.token_embedding(tokens)
        for block in self.blocks:
            x = block(x, is_causal=True, rotary=self.rotary)
        logits = self.head(self.final_normalization(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Bert(nn.Module):
    """Post-norm, exact GELU, a transform before the tied head.

    Tokens [B, T]; the indices of the masked positions among all B · T, and their original tokens.
    """

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.encoder = Encoder(sizes)
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.head = nn.Linear(width, sizes.vocabulary)
        self.head.weight = self.encoder.token_embedding.weight

    def forward(self, tokens: Tensor, hidden: Tensor, targets: Tensor) -> Tensor:
        rows = self.encoder(tokens).flatten(0, 1).index_select(0, hidden)
        return F.cross_entropy(self.head(self.transform(rows)), targets)


class Encoder(nn.Module):
    """BERT's encoder: tokens [B, T] to [B, T, C]."""

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.position_embedding = nn.Embedding(sizes.context, width)
        self.embedding_normalization = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(width, SelfAttention(width, sizes.heads), FeedForward(width, 4 * width, F.gelu), is_post=True)
            for _ in range(sizes.layers)
        )
        self.positions = torch.arange(sizes.context)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding_normalization(self.token_embedding(tokens) + self.position_embedding(self.positions))
        for block in self.blocks:
            x = block(x)
        return x


class Classifier(nn.Module):
    """BERT's encoder, its pooler, and a linear map to classes. Tokens [B, T], classes [B]."""

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        self.encoder = Encoder(sizes)
        self.pooler = nn.Linear(sizes.width, sizes.width)
        self.head = nn.Linear(sizes.width, sizes.classes)

    def forward(self, tokens: Tensor, classes: Tensor) -> Tensor:
        first = self.encoder(tokens)[:, 0]
        return F.cross_entropy(self.head(torch.tanh(self.pooler(first))), classes)


class GLM(nn.Module):
    """A prefix with bidirectional attention, then spans with causal attention; each token has two positions.

    Tokens, positions and positions in the span [B, T]; the lengths of the prefixes [B]; the indices of the rows after them
    among all B · T, and their targets.
    """

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.position_embedding = nn.Embedding(sizes.context, width)
        self.span_position_embedding = nn.Embedding(sizes.context, width)
        self.blocks = nn.ModuleList(
            Block(width, SelfAttention(width, sizes.heads), FeedForward(width, 4 * width, gelu_tanh))
            for _ in range(sizes.layers)
        )
        self.final_normalization = nn.LayerNorm(width)
        self.head = nn.Linear(width, sizes.vocabulary, bias=False)
        self.head.weight = self.token_embedding.weight
        self.positions = torch.arange(sizes.context)

    def forward(
        self, tokens: Tensor, places: Tensor, span_places: Tensor, prefixes: Tensor, rows: Tensor, targets: Tensor
    ) -> Tensor:
        x = self.token_embedding(tokens) + self.position_embedding(places) + self.span_position_embedding(span_places)
        sees = self.positions <= self.positions[:, None]
        sees = sees | (self.positions < prefixes[:, None, None, None])
        # As numbers to add, once for all blocks; a mask of truth values would be converted in each.
        mask = torch.zeros(sees.shape, dtype=self.head.weight.dtype).masked_fill(~sees, -math.inf)
        for block in self.blocks:
            x = block(x, mask=mask)
        behind = self.final_normalization(x.flatten(0, 1).index_select(0, rows))
        return F.cross_entropy(self.head(behind), targets)


class ViT(nn.Module):
    """A class token before the patches, learned positions, exact GELU. Images [B, 1, height, width], classes [B]."""

    def __init__(self, sizes: Workload) -> None:
        super().__init__()
        width = sizes.width
        self.patch_embedding = nn.Conv2d(1, width, sizes.patch, stride=sizes.patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embedding = nn.Parameter(torch.zeros(sizes.context, width))
        self.blocks = nn.ModuleList(
            Block(width, SelfAttention(width, sizes.heads), FeedForward(width, 4 * width, F.gelu))
            for _ in range(sizes.layers)
        )
        self.final_normalization = nn.LayerNorm(width)
        self.head = nn.Linear(width, sizes.classes)

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_token.expand(len(images), -1, -1), patches), dim=1) + self.position_embedding
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(self.final_normalization(x[:, 0])), classes)


class TargetBlock(nn.Module):
    """A pre-norm decoder block with cross-attention to a source."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.attention_normalization = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout=attention_dropout)
        self.cross_attention_normalization = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, heads, attention_dropout)
        self.feed_forward_normalization = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden, F.relu)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor | None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_normalization(x), is_causal=True))
        key, value = self.cross_attention.project_memory(memory)
        x = x + self.dropout(self.cross_attention(self.cross_attention_normalization(x), key, value, source_mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_normalization(x)))


class EncoderDecoder(nn.Module):
    """Vaswani's model with normalization before the sublayers: one scaled embedding for source, target and head, sines.

    Source [B, S], the decoder's input and its targets [B, T]; positions with target -1 are ignored.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        width: int,
        vocabulary: int,
        context: int,
        hidden: int = 0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        hidden = hidden or 4 * width
        self.width, self.label_smoothing = width, label_smoothing
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.encoder = nn.ModuleList(
            Block(
                width,
                SelfAttention(width, heads, dropout=attention_dropout),
                FeedForward(width, hidden, F.relu),
                dropout=dropout,
            )
            for _ in range(layers)
        )
        self.encoder_normalization = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(
            TargetBlock(width, heads, hidden, dropout, attention_dropout) for _ in range(layers)
        )
        self.final_normalization = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.sinusoids = sinusoidal_table(context, width)

    def embed(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Returns the embeddings [B, T, C] of tokens [B, T] whose first position is `first`."""
        positions = self.sinusoids[first : first + tokens.shape[1]]
        return self.dropout(self.token_embedding(tokens) * math.sqrt(self.width) + positions)

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Returns the encoder's output for a source; the mask [B, 1, 1, S] is added to the attention scores."""
        x = self.embed(source)
        for block in self.encoder:
            x = block(x, mask=source_mask)
        return self.encoder_normalization(x)

    def logits(self, x: Tensor) -> Tensor:
        """Returns the logits of the last block's hidden states."""
        return F.linear(self.final_normalization(x), self.token_embedding.weight)

    def forward(
        self,
        source: Tensor,
        tokens: Tensor,
        targets: Tensor,
        source_mask: Tensor | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        memory = self.encode(source, source_mask)
        x = self.embed(tokens)
        for block in self.decoder:
            x = block(x, memory, source_mask)
        return F.cross_entropy(
            self.logits(x).flatten(0, 1),
            targets.flatten(),
            ignore_index=-1,
            label_smoothing=self.label_smoothing,
            reduction=reduction,
        )


# --- Workloads ---


def make_model(sizes: Workload) -> nn.Module:
    """The model of a workload, initialized as nanoGPT initializes GPT-2."""
    if sizes.family == "encoder_decoder":
        model = EncoderDecoder(sizes.layers, sizes.heads, sizes.width, sizes.vocabulary, sizes.context)
    else:
        families = {"decoder": Decoder, "llama": Llama, "bert": Bert, "classifier": Classifier, "glm": GLM, "vit": ViT}
        model = families[sizes.family](sizes)
    initialize(model, 2 * sizes.layers)
    return model


def make_batches(sizes: Workload, sequences: int, seed: int) -> Callable[[], tuple[Tensor, ...]]:
    """Returns a function that draws a rank's `sequences` of a step; data that a loader would prepare is computed before."""
    random = torch.Generator().manual_seed(seed)
    B, T = sequences, sizes.context

    def integers(limit: int, *shape: int) -> Tensor:
        return torch.randint(limit, shape, generator=random)

    if sizes.family in ("decoder", "llama"):
        corpus = integers(sizes.vocabulary, 1 << 20)
        offsets = torch.arange(T)

        def windows() -> tuple[Tensor, ...]:
            starts = integers(len(corpus) - T, B, 1)
            return corpus[starts + offsets], corpus[starts + offsets + 1]

        return windows

    def sample() -> tuple[Tensor, ...]:
        match sizes.family:
            case "bert":
                count = round(0.15 * T)
                order = torch.rand(B, T, generator=random).argsort(dim=1)[:, :count].sort(dim=1).values
                hidden = (order + T * torch.arange(B)[:, None]).flatten()
                return integers(sizes.vocabulary, B, T), hidden, integers(sizes.vocabulary, B * count)
            case "glm":
                # 15 % of the tokens in spans of three, each with a start token in front.
                count = round(0.2 * T)
                prefix = T - count
                places = torch.cat((torch.arange(prefix).expand(B, -1), integers(prefix, B, count)), dim=1)
                span_places = torch.cat((torch.zeros(prefix, dtype=torch.long), 1 + torch.arange(count) % 4))
                rows = (torch.arange(prefix, T) + T * torch.arange(B)[:, None]).flatten()
                prefixes = torch.full((B,), prefix)
                targets = integers(sizes.vocabulary, B * count)
                return integers(sizes.vocabulary, B, T), places, span_places.expand(B, -1), prefixes, rows, targets
            case "encoder_decoder":
                return tuple(integers(sizes.vocabulary, B, T) for _ in range(3))
            case "classifier":
                return integers(sizes.vocabulary, B, T), integers(sizes.classes, B)
            case "vit":
                edge = sizes.patch * math.isqrt(T - 1)
                return torch.rand(B, 1, edge, edge, generator=random), integers(sizes.classes, B)
        raise ValueError(sizes.family)

    ready = [sample() for _ in range(16)]
    drawn = 0

    def draw() -> tuple[Tensor, ...]:
        nonlocal drawn
        drawn += 1
        return ready[drawn % len(ready)]

    return draw
