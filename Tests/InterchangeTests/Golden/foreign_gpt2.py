#!/usr/bin/env python3
"""Trains a GPT-2 with transformers, continues texts with a model, and compares continuations; see `Tests/Scripts/continuations`.

    python foreign_gpt2.py train TEXT MODEL SECONDS
    python foreign_gpt2.py continue MODEL PROMPTS
    python foreign_gpt2.py compare EXPECTED FOUND

`train` also writes prompts.txt, ten starts of lines of the text. `continue` prints the tokens of each greedy continuation
as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
import transformers
from tokenizers import ByteLevelBPETokenizer

VOCABULARY, CONTEXT, BATCH, TOKENS = 3001, 96, 12, 20


def train(text_path: str, model_path: str, seconds: float) -> None:
    text = Path(text_path).read_text(encoding="utf-8")
    lines = text.split("\n")
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(lines, vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False)
    end = "<|endoftext|>"
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer, eos_token=end, bos_token=end, unk_token=end)
    numbers = torch.tensor(tokenizer.encode(text[:4_000_000]).ids)
    torch.manual_seed(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=120, n_layer=3, n_head=5, bos_token_id=0, eos_token_id=0,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    draw = torch.Generator().manual_seed(2)
    start, steps = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        places = torch.randint(0, len(numbers) - CONTEXT - 1, (BATCH,), generator=draw)
        batch = torch.stack([numbers[place:place + CONTEXT] for place in places])
        loss = model(batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    model.save_pretrained(model_path)
    fast.save_pretrained(model_path)
    starts = [" ".join(line.split()[:4]) for line in lines[::max(1, len(lines) // 40)] if len(line.split()) > 6]
    Path("prompts.txt").write_text("\n".join(starts[:10]) + "\n", encoding="utf-8")
    print(f"transformers: {steps} steps, loss {loss.item():.3f}")


def continuations(model_path: str, prompts_path: str) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(model_path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_path)
    for prompt in Path(prompts_path).read_text(encoding="utf-8").splitlines():
        tokens = tokenizer(prompt, return_tensors="pt").input_ids
        found = model.generate(tokens, max_new_tokens=TOKENS, pad_token_id=0)[0, tokens.shape[1]:].tolist()
        print(json.dumps({"prompt": prompt, "tokens": [token for token in found if token != tokenizer.eos_token_id]}))


def compare(expected_path: str, found_path: str) -> None:
    expected, found = (
        [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()] for path in (expected_path, found_path))
    assert len(expected) == len(found) == 10, f"{len(expected)} and {len(found)} continuations"
    for ours, theirs in zip(found, expected):
        assert ours["tokens"] == theirs["tokens"], f"{theirs['prompt']!r}: {ours['tokens']} instead of {theirs['tokens']}"
    print(f"{len(found)} continuations are the same, such as {found[0]['prompt']!r}: {found[0]['text']!r}")


if __name__ == "__main__":
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if sys.argv[1] == "train":
        train(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    elif sys.argv[1] == "continue":
        continuations(sys.argv[2], sys.argv[3])
    else:
        compare(sys.argv[2], sys.argv[3])
