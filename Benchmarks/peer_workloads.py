"""The workloads for the PyTorch program; equal to dtrain's configurations in workloads/."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A model's shape, and the sequences that the whole job trains on in one step."""

    family: str
    layers: int
    heads: int
    width: int
    # Positions of a sequence; of images, their patches and the class token.
    context: int
    sequences: int
    vocabulary: int = 0
    # 0: as many as heads.
    kv_heads: int = 0
    feed_forward: int = 0
    classes: int = 10
    patch: int = 4


WORKLOADS = {
    "nano": Workload("decoder", layers=6, heads=6, width=384, context=256, sequences=16, vocabulary=256),
    "gpt2-124m": Workload("decoder", layers=12, heads=12, width=768, context=256, sequences=4, vocabulary=50304),
    "llama": Workload(
        "llama", layers=6, heads=6, width=384, context=256, sequences=8, vocabulary=8000, kv_heads=2, feed_forward=1024
    ),
    "bert": Workload("bert", layers=6, heads=6, width=384, context=128, sequences=32, vocabulary=8000),
    # Layers of the encoder, and as many of the decoder.
    "translation": Workload("encoder_decoder", layers=3, heads=4, width=256, context=32, sequences=128, vocabulary=8000),
    "glm": Workload("glm", layers=6, heads=6, width=384, context=256, sequences=8, vocabulary=8000),
    "classifier": Workload("classifier", layers=6, heads=6, width=384, context=128, sequences=32, vocabulary=8000),
    "vit": Workload("vit", layers=6, heads=6, width=384, context=50, sequences=64),
}
