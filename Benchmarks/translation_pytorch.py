#!/usr/bin/env python3
r"""The translation of configs/translation.yaml trained in PyTorch: the same tokens, model, batches, schedule and steps.

    Benchmarks/data DIRECTORY
    python Benchmarks/translation_pytorch.py
    python Benchmarks/translation_pytorch.py --config configs/summarization.yaml --test data/debian-synopses/test \
        --sides body synopsis --output synopses        # then: dtrain score --metric rougeL …

It reads the configuration and the dataset that `dtrain prepare` made of it, trains with DDP over gloo, translates
test_2016_flickr.en greedily and with a beam, and prints one JSON object: seconds, target tokens per second, losses, and
sacreBLEU of the detokenized text, for the last weights and for those of the lowest validation loss.

Captions of similar length come in one batch, as with data.length_pool; a rank has every other one of them and pads to its
own longest. The model is EncoderDecoder of peer_models.py. It needs torch, numpy, PyYAML, sentencepiece and sacrebleu.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peer_pytorch import ALLOCATOR

if TYPE_CHECKING:
    from peer_models import EncoderDecoder
    from torch import Tensor

HEADER_BYTES = 1024
IGNORED = -1


# --- Configuration ---


def read_configuration(path: Path) -> dict:
    """The configuration with dtrain's defaults for missing keys."""
    import yaml

    # YAML 1.1, which PyYAML reads, takes 1e-3 for a text.
    def number(value):
        if isinstance(value, dict):
            return {key: number(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [number(entry) for entry in value]
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value

    found = number(yaml.safe_load(path.read_text()))
    defaults = {
        "run": {"seed": 1337},
        "data": {"truncate": False, "length_pool": 1},
        "model": {
            "decoder_layers": 0,
            "feed_forward_width": 0,
            "dropout": 0.0,
            "embedding_dropout": "same",
            "attention_dropout": "same",
            "initializer_std": 0.02,
        },
        "objective": {"label_smoothing": 0.0},
        "optimizer": {"clip_norm": 1.0, "weight_decay": 0.1, "betas": [0.9, 0.95], "epsilon": 1e-8},
        "schedule": {"kind": "cosine", "floor": 1e-4},
    }
    precision = found.pop("precision", "float32")
    if precision not in ("float32", "bfloat16"):
        raise SystemExit(f"{path}: precision: found {precision}; only float32 and bfloat16 are known")
    configuration = {name: defaults.get(name, {}) | found.get(name, {}) for name in defaults | found}
    configuration["precision"] = precision
    # What peer_models.EncoderDecoder and this program know of all that dtrain does.
    known = {
        "model": {
            "family": "encoder_decoder",
            "placement": "pre",
            "positions": "sinusoidal",
            "activation": "relu",
            "scale_embeddings": True,
            "initializer": "xavier",
            "scale_residual": False,
            "decoder_layers": 0,
            "embedding_dropout": "same",
        },
        "schedule": {"kind": "cosine"},
    }
    for section, values in known.items():
        for key, value in values.items():
            if configuration[section].get(key) != value:
                raise SystemExit(f"{path}: {section}.{key}: found {configuration[section].get(key)}; only {value} is known")
    return configuration


def learning_rate(schedule: dict, step: int, steps: int) -> float:
    """The learning rate of the update after `step` completed steps, in a run of `steps` steps."""
    peak, floor, warmup, done = schedule["peak"], schedule["floor"], schedule["warmup_steps"], step + 1
    if step < warmup:
        return peak * done / warmup
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (steps - warmup)))


# --- Data ---


@dataclass
class Pairs:
    """Sources and targets as token IDs, without special tokens."""

    sources: list[list[int]]
    targets: list[list[int]]


def read_pairs(directory: Path, manifest: dict, split: str, limit: int) -> Pairs:
    """A split of a dataset; texts are truncated to `limit` tokens."""
    import numpy

    def column(shard: dict, name: str) -> Iterator[list[int]]:
        files = shard["columns"][name]
        wide = files["tokens"]["bytes"] > HEADER_BYTES + 2 * files["tokens"]["tokens"]
        kind = numpy.uint32 if wide else numpy.uint16
        tokens = numpy.fromfile(directory / files["tokens"]["file"], kind, offset=HEADER_BYTES)
        start = 0
        for end in numpy.fromfile(directory / files["ends"]["file"], numpy.uint32):
            yield tokens[start : min(end, start + limit)].tolist()
            start = int(end)

    shards = manifest["records"][split]
    sources, targets = ([text for shard in shards for text in column(shard, name)] for name in ("source", "target"))
    return Pairs(sources, targets)


def training_order(pairs: Pairs, sequences: int, pool_batches: int, seed: int) -> Iterator[list[int]]:
    """An endless sequence of batches: each epoch is shuffled, then sorted by length within pools of several batches."""
    import numpy

    random = numpy.random.default_rng(seed)
    lengths = [(len(target), len(source)) for source, target in zip(pairs.sources, pairs.targets)]
    pending: list[int] = []
    pool_size = sequences * pool_batches
    while True:
        while len(pending) < pool_size:
            pending += random.permutation(len(lengths)).tolist()
        pool, pending = sorted(pending[:pool_size], key=lengths.__getitem__), pending[pool_size:]
        for batch in random.permutation(pool_batches):
            yield pool[batch * sequences : (batch + 1) * sequences]


def padded(rows: list[list[int]], value: int) -> Tensor:
    """Rows of token IDs as a tensor, padded to the longest row."""
    import torch

    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def source_batch(sources: list[list[int]], special: dict) -> tuple[Tensor, Tensor | None]:
    """Sources with an end token, and the mask that is added to the attention scores; None without padding."""
    import torch

    rows = [source + [special["eos"]] for source in sources]
    lengths = torch.tensor([len(row) for row in rows])
    tokens = padded(rows, special["pad"])
    if int(lengths.min()) == tokens.shape[1]:
        return tokens, None
    beyond = torch.arange(tokens.shape[1]) >= lengths[:, None, None, None]
    return tokens, torch.zeros(beyond.shape).masked_fill(beyond, -math.inf)


def pair_batch(pairs: Pairs, chosen: list[int], special: dict) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The arguments of EncoderDecoder for some pairs."""
    source, mask = source_batch([pairs.sources[index] for index in chosen], special)
    targets = [pairs.targets[index] for index in chosen]
    tokens = padded([[special["bos"]] + target for target in targets], special["pad"])
    return source, tokens, padded([target + [special["eos"]] for target in targets], IGNORED), mask


# --- Training ---


def make_model(configuration: dict, vocabulary: int) -> EncoderDecoder:
    """The model of the configuration, initialized as in dtrain: Xavier uniform weights, normal embeddings."""
    from peer_models import EncoderDecoder
    from torch import nn

    model = configuration["model"]
    dropout, attention_dropout = model["dropout"], model["attention_dropout"]
    made = EncoderDecoder(
        model["layers"],
        model["heads"],
        model["width"],
        vocabulary,
        configuration["data"]["context_length"],
        model["feed_forward_width"],
        dropout,
        dropout if attention_dropout == "same" else attention_dropout,
        configuration["objective"]["label_smoothing"],
    )
    for name, parameter in made.named_parameters():
        if name == "token_embedding.weight":
            nn.init.normal_(parameter, std=model["initializer_std"])
        elif parameter.dim() >= 2:
            nn.init.xavier_uniform_(parameter)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return made


def validation_loss(model: EncoderDecoder, pairs: Pairs, special: dict, ranks: int, rank: int) -> float:
    """The loss in nats per target token, without label smoothing, over all ranks."""
    import torch
    import torch.distributed
    from torch.nn import functional as F

    model.eval()
    sums = torch.zeros(2, dtype=torch.float64)
    order = sorted(range(len(pairs.targets)), key=lambda index: len(pairs.targets[index]))[rank::ranks]
    smoothing, model.label_smoothing = model.label_smoothing, 0.0
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            source, tokens, targets, mask = pair_batch(pairs, order[start : start + 64], special)
            sums[0] += model(source, tokens, targets, mask, reduction="sum")
            sums[1] += (targets != IGNORED).sum()
    model.label_smoothing = smoothing
    model.train()
    if ranks > 1:
        torch.distributed.all_reduce(sums)
    return float(sums[0] / sums[1])


def train(
    model: EncoderDecoder, configuration: dict, training: Pairs, validation: Pairs, special: dict, ranks: int, rank: int
) -> tuple[dict, list[tuple[str, dict]]]:
    """Trains; returns the measurements, and the last and the best weights."""
    import torch
    from torch.nn.parallel import DistributedDataParallel

    optimizer_section, steps = configuration["optimizer"], configuration["training"]["steps"]
    sequences = configuration["batch"]["sequences"]
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": optimizer_section["weight_decay"]},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=1e-3,
        betas=tuple(optimizer_section["betas"]),
        eps=optimizer_section["epsilon"],
        fused=True,
    )
    parallel = model
    if ranks > 1:
        parallel = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)
    order = training_order(training, sequences, configuration["data"]["length_pool"], configuration["run"]["seed"])
    started, evaluating, seen = time.perf_counter(), 0.0, 0
    best, best_step, curve, best_weights = math.inf, 0, [], {}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(configuration["schedule"], step, steps)
        batch = next(order)
        # Every rank knows the whole batch, so the mean over all its targets needs no message.
        count = sum(len(training.targets[index]) + 1 for index in batch)
        seen += count
        source, tokens, targets, mask = pair_batch(training, batch[rank::ranks], special)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=configuration["precision"] == "bfloat16"):
            loss = parallel(source, tokens, targets, mask, reduction="sum") * (ranks / count)
        loss.backward()
        if optimizer_section["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters, optimizer_section["clip_norm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % configuration["training"]["evaluate_every"] == 0 or step + 1 == steps:
            before = time.perf_counter()
            found = validation_loss(model, validation, special, ranks, rank)
            curve.append((step + 1, round(found, 4)))
            if found < best:
                best, best_step, best_weights = found, step + 1, copy.deepcopy(model.state_dict())
            evaluating += time.perf_counter() - before
    seconds = time.perf_counter() - started - evaluating
    report = {
        "parameters": sum(p.numel() for p in parameters),
        "steps": steps,
        "train_seconds": round(seconds, 1),
        "evaluation_seconds": round(evaluating, 1),
        "target_tokens_per_second": round(seen / seconds),
        "validation_loss": curve,
        "best_step": best_step,
    }
    return report, [("last", copy.deepcopy(model.state_dict())), ("best", best_weights)]


# --- Decoding ---


class Decoding:
    """Beam search over a batch of sources, with a KV cache; a beam of 1 is greedy."""

    def __init__(self, model: EncoderDecoder, special: dict, beam: int, limit: int, length_penalty: float) -> None:
        self.model, self.special, self.beam, self.limit = model, special, beam, limit
        self.length_penalty = length_penalty

    def translate(self, sources: list[list[int]]) -> list[list[int]]:
        """The tokens of the best translation of each source."""
        import torch

        count, beam = len(sources), self.beam
        tokens, mask = source_batch(sources, self.special)
        memory = self.model.encode(tokens, mask).repeat_interleave(beam, 0)
        mask = None if mask is None else mask.repeat_interleave(beam, 0)
        across = [block.cross_attention.project_memory(memory) for block in self.model.decoder]
        caches: list[tuple[Tensor, Tensor] | None] = [None] * len(self.model.decoder)
        last = torch.full((count * beam, 1), self.special["bos"])
        # All beams start alike: only the first may go on.
        scores = torch.full((count, beam), -math.inf)
        scores[:, 0] = 0
        texts: list[list[list[int]]] = [[[] for _ in range(beam)] for _ in range(count)]
        finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(count)]
        done = [False] * count
        for place in range(self.limit):
            logits, caches = self.step(last, place, across, caches, mask)
            totals = scores[:, :, None] + logits.log_softmax(-1).view(count, beam, -1)
            vocabulary = totals.shape[-1]
            values, choices = totals.flatten(1).topk(2 * beam)
            values, choices = values.tolist(), choices.tolist()
            parents, following, kept = [], [], []
            for sentence in range(count):
                rows: list[tuple[int, int, float]] = []
                for rank, (value, choice) in enumerate(zip(values[sentence], choices[sentence])):
                    parent, token = divmod(choice, vocabulary)
                    if token == self.special["eos"]:
                        if rank < beam and not done[sentence]:
                            finished[sentence].append((self.score(value, place + 1), texts[sentence][parent]))
                    elif len(rows) < beam:
                        rows.append((parent, token, value))
                if not done[sentence] and len(finished[sentence]) >= beam:
                    worst = sorted(finished[sentence], reverse=True)[beam - 1][0]
                    done[sentence] = worst >= self.score(rows[0][2], place + 1)
                texts[sentence] = [texts[sentence][parent] + [token] for parent, token, _ in rows]
                parents += [sentence * beam + parent for parent, _, _ in rows]
                following += [token for _, token, _ in rows]
                kept.append([value for _, _, value in rows])
            if all(done):
                break
            last, scores, origin = torch.tensor(following)[:, None], torch.tensor(kept), torch.tensor(parents)
            if beam > 1:
                caches = [(key[origin], value[origin]) for key, value in caches]
        for sentence in range(count):
            if not finished[sentence]:
                finished[sentence] = [(self.score(kept[sentence][0], self.limit), texts[sentence][0])]
        return [max(candidates)[1] for candidates in finished]

    def score(self, value: float, length: int) -> float:
        """The log-probability, normalized by the length."""
        return value / length**self.length_penalty

    def step(
        self, last: Tensor, place: int, across: list, caches: list, mask: Tensor | None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The logits [B, V] after the last tokens [B, 1], and the keys and values up to them."""
        import torch
        from torch.nn import functional as F

        x = self.model.embed(last, place)
        grown = []
        for block, (memory_key, memory_value), cache in zip(self.model.decoder, across, caches):
            query, key, value = block.attention.project(block.attention_normalization(x))
            if cache is not None:
                key, value = torch.cat((cache[0], key), dim=2), torch.cat((cache[1], value), dim=2)
            grown.append((key, value))
            mixed = F.scaled_dot_product_attention(query, key, value)
            x = x + block.attention.projection(mixed.transpose(1, 2).flatten(2))
            x = x + block.cross_attention(block.cross_attention_normalization(x), memory_key, memory_value, mask)
            x = x + block.feed_forward(block.feed_forward_normalization(x))
        return self.model.logits(x[:, -1]), grown


def translate(decoding: Decoding, sources: list[list[int]], ranks: int, rank: int) -> list[list[int]]:
    """All translations in order, divided among the ranks, in batches of similar length."""
    import torch
    import torch.distributed

    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))[rank::ranks]
    translations: dict[int, list[int]] = {}
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            translations |= zip(chosen, decoding.translate([sources[index] for index in chosen]))
    if ranks > 1:
        shares: list[dict] = [{} for _ in range(ranks)]
        torch.distributed.all_gather_object(shares, translations)
        translations = {index: text for share in shares for index, text in share.items()}
    return [translations[index] for index in range(len(sources))]


# --- The whole ---


def run_rank(rank: int, options: argparse.Namespace, rendezvous: str) -> None:
    """One rank: trains and translates its part; rank 0 reports."""
    import sacrebleu
    import sentencepiece
    import torch
    import torch.distributed

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    if options.ranks > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=options.ranks
        )
    configuration = read_configuration(options.config)
    directory = options.data or Path(configuration["data"]["directory"])
    if options.steps:
        configuration["training"]["steps"] = options.steps
    manifest = json.loads((directory / "dataset.json").read_text())
    special, limit = manifest["tokenizer"]["special_tokens"], configuration["data"]["context_length"] - 1
    training, validation = (read_pairs(directory, manifest, split, limit) for split in ("train", "validation"))

    torch.manual_seed(configuration["run"]["seed"])
    model = make_model(configuration, manifest["vocabulary_size"])
    # Other masks of dropout on every rank.
    torch.manual_seed(configuration["run"]["seed"] + 1 + rank)
    report, weights = train(model, configuration, training, validation, special, options.ranks, rank)

    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(directory / manifest["tokenizer_model"]["file"]))
    source_lines, reference_lines = (
        Path(f"{options.test}.{side}").read_text("utf-8").splitlines() for side in options.sides
    )
    sources = [tokens[:limit] for tokens in tokenizer.encode(source_lines)]
    model.eval()
    for name, state in weights:
        model.load_state_dict(state)
        for beam in (1, options.beam):
            started = time.perf_counter()
            decoding = Decoding(model, special, beam, limit, options.length_penalty)
            hypotheses = tokenizer.decode(translate(decoding, sources, options.ranks, rank))
            key = f"{name}_greedy" if beam == 1 else f"{name}_beam_{beam}"
            report[f"{key}_bleu"] = round(sacrebleu.corpus_bleu(hypotheses, [reference_lines]).score, 2)
            report[f"{key}_seconds"] = round(time.perf_counter() - started, 1)
            if options.output and rank == 0:
                options.output.mkdir(parents=True, exist_ok=True)
                (options.output / f"{key}.{options.sides[1]}").write_text("\n".join(hypotheses) + "\n", "utf-8")
    if rank == 0:
        print(json.dumps(report), flush=True)
    if options.ranks > 1:
        torch.distributed.destroy_process_group()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains configs/translation.yaml in PyTorch and measures its BLEU.")
    repository = Path(__file__).resolve().parent.parent
    parser.add_argument("--config", type=Path, default=repository / "configs" / "translation.yaml")
    parser.add_argument("--data", type=Path, help="the prepared dataset (default: the configuration's)")
    parser.add_argument("--test", type=Path, default=Path("data/multi30k/test_2016_flickr"), help="without the endings")
    parser.add_argument("--sides", nargs=2, default=["en", "fr"], metavar="ENDING", help="of sources and references")
    parser.add_argument("--ranks", type=int, default=2, help="processes; 1 trains without DDP (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="threads per rank (default: 1)")
    parser.add_argument("--steps", type=int, default=0, help="instead of the configuration's")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--length-penalty", type=float, default=1.0, help="scores are divided by length to this power")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the translations here")
    options = parser.parse_args()
    if options.ranks < 1 or options.threads < 1 or options.steps < 0 or options.beam < 1:
        parser.error("--ranks, --threads and --beam are at least 1, --steps at least 0")
    return options


def main() -> None:
    options = parse_arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    os.environ.update(ALLOCATOR)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        rendezvous = os.path.join(directory, "rendezvous")
        processes = [context.Process(target=run_rank, args=(rank, options, rendezvous)) for rank in range(options.ranks)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    if any(process.exitcode != 0 for process in processes):
        raise SystemExit("translation_pytorch.py: a rank ended early; its error stands above")


if __name__ == "__main__":
    main()
