#!/usr/bin/env python3
"""Makes the golden values that dtrain's optimizers and schedules are compared with.

Made with PyTorch 2.15.0 and Python 3.11 on x86-64:

    pip install torch
    python Tests/OptimizersTests/Golden/make_golden.py

golden.json, beside this script, holds ten steps of each optimizer on the same made-up gradients, and the rates of each
schedule. Running it again gives the same bytes.

Everything is computed in float32 and in float64 by the same program; it fails where the two differ by more than float32
rounding explains, and stores the float64 result.

Lion is not part of PyTorch: it is written out here from algorithm 2 of Chen et al. 2023, arXiv:2302.06675. L1 is no
option of torch.optim: here it is part of the loss.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

COUNT, STEPS = 21, 10


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params: Iterable[Tensor], lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            rate, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                update = (beta1 * momentum + (1 - beta1) * weight.grad).sign()
                weight -= rate * (update + decay * weight)
                momentum.copy_(beta2 * momentum + (1 - beta2) * weight.grad)


# Name, what dtrain's configuration says, and the peer's optimizer.
Make = Callable[[list[Tensor], float], torch.optim.Optimizer]
OPTIMIZERS: list[tuple[str, dict, Make]] = [
    ("sgd", {}, lambda w, lr: torch.optim.SGD(w, lr)),
    ("sgd", {"l2": 0.3}, lambda w, lr: torch.optim.SGD(w, lr, weight_decay=0.3)),
    ("sgd", {"l1": 0.2}, lambda w, lr: torch.optim.SGD(w, lr)),
    ("momentum", {"momentum": 0.8}, lambda w, lr: torch.optim.SGD(w, lr, momentum=0.8)),
    ("nesterov", {"momentum": 0.8}, lambda w, lr: torch.optim.SGD(w, lr, momentum=0.8, nesterov=True)),
    (
        "nesterov",
        {"momentum": 0.9, "l2": 0.1},
        lambda w, lr: torch.optim.SGD(w, lr, momentum=0.9, nesterov=True, weight_decay=0.1),
    ),
    ("rmsprop", {"alpha": 0.9, "epsilon": 1e-6}, lambda w, lr: torch.optim.RMSprop(w, lr, alpha=0.9, eps=1e-6)),
    (
        "rmsprop",
        {"alpha": 0.99, "epsilon": 1e-3, "l2": 0.2},
        lambda w, lr: torch.optim.RMSprop(w, lr, alpha=0.99, eps=1e-3, weight_decay=0.2),
    ),
    (
        "adam",
        {"betas": [0.8, 0.99], "epsilon": 1e-6},
        lambda w, lr: torch.optim.Adam(w, lr, betas=(0.8, 0.99), eps=1e-6),
    ),
    (
        "adam",
        {"betas": [0.9, 0.95], "epsilon": 1e-6, "l2": 0.5},
        lambda w, lr: torch.optim.Adam(w, lr, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.5),
    ),
    (
        "adamw",
        {"betas": [0.9, 0.95], "epsilon": 1e-6, "weight_decay": 0.5},
        lambda w, lr: torch.optim.AdamW(w, lr, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.5),
    ),
    (
        "adamw",
        {"betas": [0.9, 0.95], "epsilon": 1e-6, "weight_decay": 0.5, "l1": 0.1},
        lambda w, lr: torch.optim.AdamW(w, lr, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.5),
    ),
    ("adagrad", {"epsilon": 1e-6}, lambda w, lr: torch.optim.Adagrad(w, lr, eps=1e-6)),
    ("adagrad", {"epsilon": 1e-6, "l2": 0.5}, lambda w, lr: torch.optim.Adagrad(w, lr, eps=1e-6, weight_decay=0.5)),
    ("lion", {"betas": [0.9, 0.99]}, lambda w, lr: Lion(w, lr, (0.9, 0.99), 0.0)),
    ("lion", {"betas": [0.8, 0.95], "weight_decay": 0.5}, lambda w, lr: Lion(w, lr, (0.8, 0.95), 0.5)),
]


def trained(make: Make, rate: float, l1: float, weights: Tensor, gradients: Tensor) -> list[Tensor]:
    """The weights after each step."""
    parameter = weights.clone().requires_grad_()
    optimizer, result = make([parameter], rate), []
    for gradient in gradients:
        optimizer.zero_grad()
        ((parameter * gradient).sum() + l1 * parameter.abs().sum()).backward()
        optimizer.step()
        result.append(parameter.detach().clone())
    return result


def optimizers() -> dict:
    """Weights after the first, second and last step."""
    generator = torch.Generator().manual_seed(4)
    weights = torch.randn(COUNT, generator=generator)
    # Of many sizes, as gradients are.
    gradients = torch.randn(STEPS, COUNT, generator=generator) * 10 ** torch.linspace(-2, 0.5, COUNT)
    weights[0] = 0
    cases = []
    for kind, settings, make in OPTIMIZERS:
        rate, l1 = 0.05, settings.get("l1", 0.0)
        single = trained(make, rate, l1, weights, gradients)
        double = trained(make, rate, l1, weights.double(), gradients.double())
        for one, other in zip(single, double, strict=True):
            difference = (one.double() - other).abs().max().item()
            assert difference <= 1e-5, f"{kind} {settings}: float32 and float64 differ by {difference:.3g}"
        kept = [double[0], double[1], double[-1]]
        cases.append(
            {"kind": kind, "settings": settings, "rate": rate, "weights": [numbers(values) for values in kept]}
        )
    return {"weights": numbers(weights), "gradients": [numbers(row) for row in gradients], "cases": cases}


def numbers(values: Tensor) -> list[float]:
    """Numbers with enough digits to distinguish any two float32 values."""
    return [float(f"{value:.9g}") for value in values.tolist()]


# Kind, dtrain's settings beside peak and steps, the peer's schedule of the steps from the end of the warm-up on, and where it
# begins: its first value is the peak, or what it warms up from.
Schedules = torch.optim.lr_scheduler
PEAK, RUN, WARMUP = 0.4, 40, 8
SCHEDULES: list[tuple[str, dict, Callable[[torch.optim.Optimizer], Schedules.LRScheduler], int]] = [
    ("linear", {}, lambda o: Schedules.LinearLR(o, 1.0, 0.0, total_iters=RUN - WARMUP), WARMUP - 1),
    ("cosine", {"floor": 0.05}, lambda o: Schedules.CosineAnnealingLR(o, RUN - WARMUP, eta_min=0.05), WARMUP - 1),
    ("polynomial", {"power": 2.0}, lambda o: Schedules.PolynomialLR(o, RUN - WARMUP, power=2.0), WARMUP - 1),
    ("polynomial", {"power": 0.5}, lambda o: Schedules.PolynomialLR(o, RUN - WARMUP, power=0.5), WARMUP - 1),
    ("step", {"step_size": 7, "gamma": 0.3}, lambda o: Schedules.StepLR(o, 7, gamma=0.3), WARMUP),
    (
        "step",
        {"milestones": [3 + WARMUP, 10 + WARMUP, 11 + WARMUP], "gamma": 0.5},
        lambda o: Schedules.MultiStepLR(o, [3, 10, 11], gamma=0.5),
        WARMUP,
    ),
    (
        "noam",
        {},
        lambda o: Schedules.LambdaLR(o, lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * WARMUP**-1.5)),
        0,
    ),
    ("exponential", {"gamma": 0.9}, lambda o: Schedules.ExponentialLR(o, gamma=0.9), WARMUP),
    (
        "one_cycle",
        {"div_factor": 10.0, "floor": 0.001},
        lambda o: Schedules.OneCycleLR(
            o, PEAK, total_steps=RUN, pct_start=WARMUP / RUN, div_factor=10.0, final_div_factor=40.0
        ),
        0,
    ),
]


def schedules() -> dict:
    """The rates of all steps from `first` on."""
    cases = []
    for kind, settings, make, first in SCHEDULES:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], PEAK)
        schedule, rates = make(optimizer), []
        for _ in range(first, RUN):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        rates = [float(f"{rate:.15g}") for rate in rates]
        cases.append({"kind": kind, "settings": settings, "first": first, "rates": rates})
    return {"peak": PEAK, "steps": RUN, "warmup_steps": WARMUP, "cases": cases}


if __name__ == "__main__":
    golden = {"optimizers": optimizers(), "schedules": schedules()}
    text = json.dumps(golden, indent=None, separators=(",", ":"))
    # A line a list of numbers.
    Path(__file__).with_name("golden.json").write_text(text.replace("],", "],\n").replace("{", "\n{") + "\n")
