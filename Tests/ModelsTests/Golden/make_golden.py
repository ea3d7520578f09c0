#!/usr/bin/env python3
"""Makes the golden values that dtrain's tests compare with.

Made with PyTorch 2.15.0, safetensors 0.8.0 and Python 3.11 on x86-64:

    pip install torch numpy safetensors
    python Tests/ModelsTests/Golden/make_golden.py

Three files are written beside this script. Running it again gives the same bytes.

decoder.safetensors                a small GPT-2: tanh GELU, biases, tied head; logits, loss, gradients,
                                   and ten AdamW steps
decoder_untied_exact.safetensors   the same with a separate head, no biases, exact GELU; logits, loss, gradients
operations.safetensors             single operations at odd sizes, forward and backward

Every value is computed twice from the same float32 inputs: in float32 and in float64. The script fails where the
two differ by more than float32 rounding explains, and stores the float64 result rounded to float32, so a golden
value is the true one and does not depend on the processor that made it.

Three things a reader of `decoder.safetensors` has to know:

- Softmax does not see a constant added to a row of scores, so the gradient of the key biases (the middle third of
  `query_key_value.bias`) is zero. In float32 it is rounding noise, which AdamW scales up. The key biases in
  `final/` therefore say what exact arithmetic gives, and no float32 program has to agree with them.
- AdamW turns a gradient near zero into a step of full length, whatever its sign, so one such element can carry
  rounding noise of 1e-4 into `final/`. The seed is one where none does: float32 stays within 2e-6 of float64.
- `torch.nn.utils.clip_grad_norm_` divides by (norm + 1e-6).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

Tensors = dict[str, Tensor]
Model = Callable[[Tensors, Tensors], tuple[Tensor, Tensor]]
"""From parameters and a batch to logits and the mean loss."""

LAYERS, HEADS, WIDTH, CONTEXT, VOCABULARY, BATCH = 2, 2, 16, 8, 37, 3
NORMALIZATION_EPSILON = 1e-5
IGNORED = -1

STEPS = 10
LEARNING_RATE = 1e-2
BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0


# --- Comparing the two precisions ---


def in_both_precisions(compute: Callable[[Tensors], Tensors], inputs: Tensors, tolerance: float) -> Tensors:
    """Runs `compute` in float32 and in float64 and returns the float64 results rounded to float32.

    Fails unless |single - double| <= tolerance · max(1, largest |double| of the tensor).
    """
    single = compute(inputs)
    double = compute({name: value.double() if value.is_floating_point() else value for name, value in inputs.items()})
    for name, expected in double.items():
        if name.startswith("final/"):
            expected, found = without_key_biases(name, expected), without_key_biases(name, single[name].double())
        else:
            found = single[name].double()
        allowed = tolerance * max(1.0, expected.abs().max().item())
        difference = (found - expected).abs().max().item()
        assert difference <= allowed, (
            f"{name}: float32 and float64 differ by {difference:.3g}, allowed is {allowed:.3g}"
        )
    return {name: value.float() for name, value in double.items()}


def without_key_biases(name: str, value: Tensor) -> Tensor:
    """Omits the keys' part of a packed bias; its gradient is rounding noise, because softmax ignores constants."""
    if name.endswith("query_key_value.bias"):
        return torch.cat([value[:WIDTH], value[(WIDTH + len(value)) // 2 :]])
    return value.chunk(2)[1] if name.endswith("key_value.bias") else value


def with_gradients(inputs: Tensors) -> Tensors:
    """Copies the floating-point tensors into leaves that collect gradients."""
    return {
        name: value.clone().requires_grad_() if value.is_floating_point() else value for name, value in inputs.items()
    }


# --- The decoder ---


def decoder_parameters(random: torch.Generator, *, bias: bool, tied: bool) -> Tensors:
    """Draws the parameters, named and shaped as dtrain names and shapes them.

    Weights are normal with deviation 0.2, wide enough for softmax to leave its linear range.
    """

    def normal(*shape: int) -> Tensor:
        return 0.2 * torch.randn(*shape, generator=random)

    parameters: Tensors = {}

    def linear(name: str, outputs: int, inputs: int) -> None:
        parameters[f"{name}.weight"] = normal(outputs, inputs)
        if bias:
            parameters[f"{name}.bias"] = normal(outputs)

    def normalization(name: str) -> None:
        parameters[f"{name}.scale"] = 1 + normal(WIDTH)
        if bias:
            parameters[f"{name}.shift"] = normal(WIDTH)

    parameters["token_embedding.weight"] = normal(VOCABULARY, WIDTH)
    parameters["position_embedding.weight"] = normal(CONTEXT, WIDTH)
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        normalization(f"{block}.attention_normalization")
        linear(f"{block}.attention.query_key_value", 3 * WIDTH, WIDTH)
        linear(f"{block}.attention.projection", WIDTH, WIDTH)
        normalization(f"{block}.feed_forward_normalization")
        linear(f"{block}.feed_forward.expansion", 4 * WIDTH, WIDTH)
        linear(f"{block}.feed_forward.projection", WIDTH, 4 * WIDTH)
    normalization("final_normalization")
    if not tied:
        parameters["head.weight"] = normal(VOCABULARY, WIDTH)
    return parameters


def causal_attention(query_key_value: Tensor, heads: int) -> Tensor:
    """Attends from packed [B, T, 3C] (queries, keys, values; each head-major) to [B, T, C]."""
    batch, context, packed = query_key_value.shape
    width = packed // 3
    query, key, value = (
        part.view(batch, context, heads, width // heads).transpose(1, 2)
        for part in query_key_value.split(width, dim=-1)
    )
    mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    return mixed.transpose(1, 2).reshape(batch, context, width)


def decode(parameters: Tensors, inputs: Tensor, gelu: str) -> Tensor:
    """Runs the pre-normalization decoder: tokens [B, T] to logits [B, T, V].

    A bias or shift that is not among `parameters` is left out; so is a head, which then is the token embedding.
    """

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, parameters[f"{name}.weight"], parameters.get(f"{name}.bias"))

    def normalize(name: str, x: Tensor) -> Tensor:
        scale, shift = parameters[f"{name}.scale"], parameters.get(f"{name}.shift")
        return F.layer_norm(x, (WIDTH,), scale, shift, NORMALIZATION_EPSILON)

    x = F.embedding(inputs, parameters["token_embedding.weight"]) + parameters["position_embedding.weight"]
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        packed = linear(f"{block}.attention.query_key_value", normalize(f"{block}.attention_normalization", x))
        x = x + linear(f"{block}.attention.projection", causal_attention(packed, HEADS))
        expanded = linear(f"{block}.feed_forward.expansion", normalize(f"{block}.feed_forward_normalization", x))
        x = x + linear(f"{block}.feed_forward.projection", F.gelu(expanded, approximate=gelu))
    head = parameters.get("head.weight", parameters["token_embedding.weight"])
    return F.linear(normalize("final_normalization", x), head)


def mean_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy averaged over the targets that are not ignored."""
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten().long(), ignore_index=IGNORED)


def random_batch(random: torch.Generator, *leading: int) -> Tensors:
    """Draws inputs and targets, int32 [*leading, B, T].

    A target is a fixed function of its input, so that training has something to find; about a sixth is ignored.
    """
    shape = (*leading, BATCH, CONTEXT)
    inputs = torch.randint(VOCABULARY, shape, generator=random, dtype=torch.int32)
    targets = (5 * inputs + 3) % VOCABULARY
    ignored = torch.rand(shape, generator=random) < 1 / 6
    return {"inputs": inputs, "targets": targets.masked_fill(ignored, IGNORED)}


def loss_and_gradients(parameters: Tensors, batch: Tensors, model: Model) -> Tensors:
    """Logits, mean loss and the loss's gradient with respect to every parameter."""
    leaves = with_gradients(parameters)
    logits, loss = model(leaves, batch)
    loss.backward()
    results = {"logits": logits.detach(), "loss": loss.detach()}
    return results | {f"gradients/{name}": leaf.grad for name, leaf in leaves.items()}


def train(parameters: Tensors, steps: Tensors, model: Model) -> Tensors:
    """Takes one AdamW step on each of the batches [STEPS, ...].

    Returns the loss and the gradient norm (before clipping) of each step, and the weights after the last.
    """
    leaves = with_gradients(parameters)
    optimizer = torch.optim.AdamW(
        [
            {"params": [leaf for leaf in leaves.values() if leaf.dim() >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [leaf for leaf in leaves.values() if leaf.dim() < 2], "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
        betas=BETAS,
        eps=ADAM_EPSILON,
    )
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        _, loss = model(leaves, {name: value[step] for name, value in steps.items()})
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(leaves.values(), CLIP_NORM))
        optimizer.step()
        losses.append(loss.detach())
    final = {f"final/{name}": leaf.detach() for name, leaf in leaves.items()}
    return {"losses": torch.stack(losses), "gradient_norms": torch.stack(norms), **final}


def model_goldens(parameters: Tensors, model: Model, batch: Tensors, steps: Tensors | None) -> Tensors:
    """A model's parameters, a batch, the batches of training steps, and what becomes of them."""
    goldens = {f"parameters/{name}": value for name, value in parameters.items()} | batch
    goldens |= in_both_precisions(lambda p: loss_and_gradients(p, batch, model), parameters, 1e-6)
    if steps is not None:
        goldens |= {f"step_{name}": value for name, value in steps.items()}
        goldens |= in_both_precisions(lambda p: train(p, steps, model), parameters, 2e-6)
    return goldens


def decoder_goldens(seed: int, *, bias: bool, tied: bool, gelu: str, training: bool) -> Tensors:
    """One decoder: its parameters, a batch and what becomes of them."""

    def model(parameters: Tensors, batch: Tensors) -> tuple[Tensor, Tensor]:
        logits = decode(parameters, batch["inputs"], gelu)
        return logits, mean_loss(logits, batch["targets"])

    random = torch.Generator().manual_seed(seed)
    parameters = decoder_parameters(random, bias=bias, tied=tied)
    batch = random_batch(random)
    goldens = model_goldens(parameters, model, batch, random_batch(random, STEPS) if training else None)
    if training:
        norms = goldens["gradient_norms"]
        assert norms.min() < CLIP_NORM < norms.max(), "some steps have to be clipped and some not"
    return goldens


# --- Single operations ---


def forward_and_backward(
    operation: Callable[[Tensors], Tensor], output: str = "output"
) -> Callable[[Tensors], Tensors]:
    """Wraps `operation` so that it also returns the gradient of each of its floating-point inputs.

    The gradient that comes in from above is the input `output_gradient`; an operation without one gives a scalar.
    """

    def compute(inputs: Tensors) -> Tensors:
        leaves = with_gradients(inputs)
        output_gradient = inputs.get("output_gradient")
        result = operation(leaves)
        result.backward(output_gradient)
        gradients = {f"{name}_gradient": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
        return {output: result.detach(), **gradients}

    return compute


def adamw_two_steps(inputs: Tensors) -> Tensors:
    """Two AdamW steps on one decayed vector, with both moments after each."""
    weights = inputs["weights"].clone().requires_grad_()
    optimizer = torch.optim.AdamW([weights], lr=LEARNING_RATE, betas=BETAS, eps=ADAM_EPSILON, weight_decay=WEIGHT_DECAY)
    results: Tensors = {}
    for step, gradient in enumerate(inputs["gradients"], start=1):
        weights.grad = gradient.clone()
        optimizer.step()
        state = optimizer.state[weights]
        results[f"weights_after_{step}"] = weights.detach().clone()
        results[f"first_moment_after_{step}"] = state["exp_avg"].clone()
        results[f"second_moment_after_{step}"] = state["exp_avg_sq"].clone()
    return results


def clip(inputs: Tensors) -> Tensors:
    """Clips one gradient to norm 1, another time to ±0.5, and a short one (which stays as it is) to norm 1."""

    def clipped_to_norm(gradient: Tensor) -> tuple[Tensor, Tensor]:
        leaf = torch.zeros_like(gradient)
        leaf.grad = gradient.clone()
        norm = torch.nn.utils.clip_grad_norm_([leaf], CLIP_NORM)
        return leaf.grad, norm

    long, long_norm = clipped_to_norm(inputs["long"])
    short, short_norm = clipped_to_norm(inputs["short"])
    return {
        "long_norm": long_norm,
        "long_by_norm": long,
        "short_norm": short_norm,
        "short_by_norm": short,
        "long_by_value": inputs["long"].clamp(-0.5, 0.5),
    }


def operation_goldens(seed: int) -> Tensors:
    """Every single operation, each under its own prefix."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    goldens: Tensors = {}

    def add(name: str, inputs: Tensors, compute: Callable[[Tensors], Tensors]) -> None:
        results = inputs | in_both_precisions(compute, inputs, 1e-6)
        goldens.update({f"{name}/{part}": value for part, value in results.items()})

    extremes = torch.tensor([0.0, 1e-4, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 20.0])
    gelu_input = torch.cat([extremes, -extremes, 3 * normal(19)])
    for kind, approximate in (("tanh", "tanh"), ("exact", "none")):
        add(
            f"gelu_{kind}",
            {"input": gelu_input, "output_gradient": torch.ones_like(gelu_input)},
            forward_and_backward(lambda x, approximate=approximate: F.gelu(x["input"], approximate=approximate)),
        )

    rows, columns = 5, 19
    add(
        "layer_norm",
        {
            "input": 2 * normal(rows, columns) + 1,
            "scale": 1 + 0.3 * normal(columns),
            "shift": 0.3 * normal(columns),
            "output_gradient": normal(rows, columns),
        },
        forward_and_backward(
            lambda x: F.layer_norm(x["input"], (columns,), x["scale"], x["shift"], NORMALIZATION_EPSILON)
        ),
    )

    batch, heads, context, head_width = 2, 3, 7, 5
    width = heads * head_width
    add(
        "causal_attention",
        {"query_key_value": normal(batch, context, 3 * width), "output_gradient": normal(batch, context, width)},
        forward_and_backward(lambda x: causal_attention(x["query_key_value"], heads)),
    )

    logits = 3 * normal(7, 23)
    logits[2] *= 20
    targets = torch.tensor([4, IGNORED, 0, 22, 7, IGNORED, 11], dtype=torch.int32)
    add(
        "cross_entropy",
        {"logits": logits, "targets": targets},
        forward_and_backward(lambda x: mean_loss(x["logits"], x["targets"]), output="loss"),
    )

    gradients = normal(2, 7)
    gradients[:, 3] = 0
    add("adamw", {"weights": normal(7), "gradients": gradients}, adamw_two_steps)

    add("clip", {"long": normal(13), "short": 0.1 * normal(13)}, clip)
    return goldens


def write(files: dict[str, Tensors]) -> None:
    """Writes each file beside this script."""
    for name, tensors in files.items():
        path = Path(__file__).with_name(f"{name}.safetensors")
        save_file({key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}, path)
        print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


def be_deterministic() -> None:
    """The same bytes every time."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def main() -> None:
    be_deterministic()
    write(
        {
            "decoder": decoder_goldens(14, bias=True, tied=True, gelu="tanh", training=True),
            "decoder_untied_exact": decoder_goldens(2, bias=False, tied=False, gelu="none", training=False),
            "operations": operation_goldens(3),
        }
    )


if __name__ == "__main__":
    main()
