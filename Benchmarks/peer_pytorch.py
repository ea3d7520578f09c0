#!/usr/bin/env python3
"""Transformers in PyTorch, trained data-parallel with DDP over gloo: the baseline for dtrain.

The models stand in peer_models.py. The training loop is nanoGPT's (github.com/karpathy/nanoGPT: train.py), brought to
what a PyTorch user would run on CPUs today. The program is a server, so that another program can take turns with it:

    standard input    one line "step" asks for one optimizer step; the end of the input asks for the report
    standard output   after each step {"seconds": S, "tokens": N}: the slowest rank's time, the whole job's tokens
                      at the end {"peak_resident_bytes": B, "import_resident_bytes": I, "first_step_seconds": F}:
                      the largest rank's memory, the part of it that importing PyTorch takes, and the time from the
                      program's start to the end of the first step

By hand:

    yes step | head -20 | python Benchmarks/peer_pytorch.py --workload nano --ranks 2

Between steps every rank sleeps in a read on its own pipe, outside of any collective, and uses no CPU time.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from peer_workloads import WORKLOADS, Workload

STARTED = time.monotonic()

# glibc gives large blocks back to the system when they are freed, and every step would fault them in again: keeping them
# makes GPT-2 124M 1.14 times as fast. Other setups preload tcmalloc for this.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(16 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


# --- Training ---


def make_step(workload: Workload, rank: int, options: argparse.Namespace) -> Callable[[], float]:
    """Builds the model, its optimizer and its data; returns the function that does one optimizer step."""
    import torch
    from torch.nn.parallel import DistributedDataParallel

    from peer_models import make_batches, make_model

    torch.manual_seed(1337)
    model = make_model(workload)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=1e-3,
        betas=(0.9, 0.95),
        eps=1e-8,
        fused=True,
    )
    if options.ranks > 1:
        model = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=not options.compile)
    if options.compile:
        # Compiled from outside, the graph is split at the buckets, and averaging overlaps with the backward pass.
        model = torch.compile(model)
    precision = getattr(torch, options.precision)
    scaler = torch.amp.GradScaler("cpu", enabled=precision == torch.float16)

    batch = make_batches(workload, workload.sequences // options.ranks, seed=rank)

    def step() -> float:
        tensors = batch()
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            loss = model(*tensors)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def run_rank(rank: int, workload: Workload, options: argparse.Namespace, rendezvous: str, requests: Connection) -> None:
    """One rank: executes a step for each request, and reports its peak memory when the requests end.

    Answers the seconds of the step; after the last request the peak resident bytes, and those after importing PyTorch.
    """
    import torch
    import torch.distributed

    imported = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch.set_num_threads(options.threads)
    # "medium" would let oneDNN multiply Float32 in bfloat16 if the CPU has AMX, which would be another precision.
    torch.set_float32_matmul_precision("highest")
    torch.set_flush_denormal(True)
    if options.ranks > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=options.ranks
        )
    step = make_step(workload, rank, options)
    while requests.recv():
        started = time.perf_counter()
        loss = step()
        seconds = time.perf_counter() - started
        if not math.isfinite(loss):
            raise FloatingPointError(f"rank {rank}: the loss is {loss}")
        requests.send(seconds)
    requests.send((1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, imported))
    if options.ranks > 1:
        torch.distributed.destroy_process_group()


# --- Serving ---


def amx_faults() -> bool:
    """Whether bfloat16 matmuls on AMX end the process.

    oneDNN asks the CPU for the shape of its tiles (CPUID leaf 0x1D); a virtual machine that offers the unit and
    hides the leaf makes it configure none.
    """
    with open("/proc/cpuinfo") as information:
        if "amx_bf16" not in information.read():
            return False
    program = "import torch; a = torch.ones(256, 256, dtype=torch.bfloat16); a @ a"
    return subprocess.run([sys.executable, "-c", program], stderr=subprocess.DEVNULL).returncode == -signal.SIGILL


def serve(workload: Workload, options: argparse.Namespace) -> None:
    """Starts the ranks and passes them every line of standard input until it ends."""
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    os.environ.update(ALLOCATOR)
    if options.precision == "bfloat16" and amx_faults():
        print("peer_pytorch.py: AMX faults on this machine; oneDNN is kept to AVX-512", file=sys.stderr)
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_FP16"
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        rendezvous = os.path.join(directory, "rendezvous")
        pipes, processes = [], []
        for rank in range(options.ranks):
            ours, theirs = context.Pipe()
            process = context.Process(target=run_rank, args=(rank, workload, options, rendezvous, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)

        def ask(another_step: bool):
            """Sends every rank the same request; returns the largest answer."""
            try:
                for pipe in pipes:
                    pipe.send(another_step)
                return max(pipe.recv() for pipe in pipes)
            except (EOFError, ConnectionError):
                sys.exit("peer_pytorch.py: a rank ended early; its error stands above")

        first_step_seconds = None
        for line in sys.stdin:
            if line.strip() != "step":
                sys.exit(f"peer_pytorch.py: found {line.strip()!r} on standard input; the only request is 'step'")
            seconds = ask(True)
            first_step_seconds = first_step_seconds or time.monotonic() - STARTED
            print(json.dumps({"seconds": seconds, "tokens": workload.sequences * workload.context}), flush=True)
        peak, imported = ask(False)
        report = {
            "peak_resident_bytes": peak,
            "import_resident_bytes": imported,
            "first_step_seconds": first_step_seconds,
        }
        print(json.dumps(report), flush=True)
        for process in processes:
            process.join()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Transformers in PyTorch DDP over gloo, one optimizer step a request.")
    parser.add_argument("--workload", choices=WORKLOADS, default="nano")
    parser.add_argument("--ranks", type=int, default=2, help="processes; 1 trains without DDP (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="threads per rank (default: 1)")
    parser.add_argument("--precision", choices=["float32", "bfloat16", "float16"], default="float32", help="autocast")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    options = parser.parse_args()
    sequences = WORKLOADS[options.workload].sequences
    if options.ranks < 1 or sequences % options.ranks:
        parser.error(f"--ranks {options.ranks} does not divide the {sequences} sequences of {options.workload}")
    return options


if __name__ == "__main__":
    arguments = parse_arguments()
    serve(WORKLOADS[arguments.workload], arguments)
