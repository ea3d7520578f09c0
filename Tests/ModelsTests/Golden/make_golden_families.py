#!/usr/bin/env python3
"""Makes the golden values of the model families.

Made with PyTorch 2.15.0, transformers 5.23.0, safetensors 0.8.0 and Python 3.11 on x86-64:

    pip install torch numpy safetensors transformers
    python Tests/ModelsTests/Golden/make_golden_families.py

One file per family is written next to this script, as by `make_golden.py`: parameters, a batch with its logits,
loss and gradients, and ten AdamW steps. Running it again gives the same bytes.

decoder_llama      root-mean-square normalization, rotary positions, SwiGLU, two heads of keys, no biases, untied head
decoder_sandwich   normalization before and after each sublayer, ALiBi, one head of keys, documents one after another
encoder            BERT: post-norm, normalized embeddings, exact GELU, transform before a tied head,
                   padding
encoder_decoder    Vaswani: post-norm, sinusoids, ReLU, scaled and shared embeddings, label smoothing
prefix_decoder     GLM: a prefix with bidirectional attention, two position tables
classifier         BERT with its pooler, many labels
image_classifier   ViT: patches after a class token

The models are in families.py. Llama, BERT, Marian (whose sinusoids are in a different order) and ViT are compared with
those of transformers, and ALiBi's slopes with BLOOM's (families_in_transformers.py), before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable

import families
import families_in_transformers as peers
from families import Batches
from make_golden import STEPS, Model, Tensors, be_deterministic, model_goldens, write

Comparison = Callable[[Tensors, Tensors], None]


def goldens(
    seed: int, parameters: Tensors, model: Model, batch: Callable[[Batches], Tensors], compare: Comparison | None
) -> Tensors:
    """One family: compared with its peer, then computed."""
    first, steps = batch(Batches(seed)), batch(Batches(seed, STEPS))
    if compare:
        compare({name: value.double() for name, value in parameters.items()}, first)
    return model_goldens(parameters, model, first, steps)


def decoder_llama(seed: int) -> Tensors:
    parameters = families.llama_parameters(seed)
    return goldens(seed, parameters, families.llama, families.llama_batch, peers.compare_llama)


def decoder_sandwich(seed: int) -> Tensors:
    parameters = families.sandwich_parameters(seed)
    return goldens(seed, parameters, families.sandwich, families.sandwich_batch, peers.compare_slopes)


def encoder(seed: int) -> Tensors:
    parameters = families.bert_parameters(seed, families.masked_head)
    return goldens(seed, parameters, families.encoder, families.encoder_batch, peers.compare_encoder)


def encoder_decoder(seed: int) -> Tensors:
    parameters = families.translation_parameters(seed)
    model = families.encoder_decoder
    return goldens(seed, parameters, model, families.translation_batch, peers.compare_encoder_decoder)


def prefix_decoder(seed: int) -> Tensors:
    parameters = families.prefix_parameters(seed)
    return goldens(seed, parameters, families.prefix_decoder, families.prefix_batch, None)


def classifier(seed: int) -> Tensors:
    parameters = families.bert_parameters(seed, families.labels_head)
    return goldens(seed, parameters, families.classifier, families.classifier_batch, peers.compare_classifier)


def image_classifier(seed: int) -> Tensors:
    parameters = families.vit_parameters(seed)
    model = families.image_classifier
    return goldens(seed, parameters, model, families.image_batch, peers.compare_image_classifier)


# Seeds with which no weight is carried off by AdamW's step of full length from rounding noise, as make_golden.py says.
SEEDS = {
    decoder_llama: 3,
    decoder_sandwich: 1,
    encoder: 1,
    encoder_decoder: 2,
    prefix_decoder: 1,
    classifier: 2,
    image_classifier: 1,
}


def main() -> None:
    be_deterministic()
    write({make.__name__: make(seed) for make, seed in SEEDS.items()})


if __name__ == "__main__":
    main()
