#!/usr/bin/env python3
"""Checks the tokenizers that `dtrain export --format gguf` writes, and that llama.cpp continues texts as dtrain does.

    python Tests/InterchangeTests/Golden/check_gguf_tokenizers.py [DTRAIN] [--converter DIR]

For each tokenizer beside ../../TokenizerPipelinesTests/Golden: a small GPT-2 or Llama with random weights and this
tokenizer is made by transformers, imported and exported by DTRAIN (default: the release build). The metadata is read with
the package gguf. With llama-cpp-python, the token IDs of texts and greedy continuations are compared too; with
--converter, the directory of llama.cpp's sources, its convert_hf_to_gguf.py converts what DTRAIN exports for transformers,
and all metadata and tensors are compared.
Needs torch, transformers, tokenizers and gguf; made with gguf 0.19.0 and llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy
import torch
import transformers

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

HERE = Path(__file__).resolve().parent
TOKENIZERS = HERE.parents[1] / "TokenizerPipelinesTests/Golden"
# The class of the model, the kind of tokenizer in llama.cpp, and its pre-tokenizer.
KINDS = {
    "gpt2": ("gpt2", "gpt2", "gpt-2"), "llama3": ("llama", "gpt2", "llama-bpe"),
    "qwen3": ("qwen2", "gpt2", "qwen35"), "o200k": ("llama", "gpt2", "gpt-4o"), "deepseek": ("llama", "gpt2", "deepseek-v3"),
    "llama2": ("llama", "llama", "default"), "mistral": ("llama", "llama", "default"), "gemma": ("llama", "llama", "default"),
    "bert_uncased": ("gpt2", "bert", "default"), "bert_cased": ("gpt2", "bert", "default"),
    "t5": ("gpt2", "t5", "default"), "xlmr": ("gpt2", "t5", "default"), "unigram_bytes": ("llama", "t5", "default"),
    "falcon": ("gpt2", "none", None), "roberta": ("gpt2", "none", None), "clip": ("gpt2", "none", None), "words": ("gpt2", "none", None),
}
TEXTS = [
    "The quick brown fox", "It's what they'd said: don't!", "def f(x):\n    return x  # ok\n", "a/b //c 1234567 12",
    "Le renard brun saute, l'été.", "Быстрая коричневая лиса", "敏捷的棕色狐狸", "  two  spaces  in front", "iPhone15 XMLHttpRequest",
]
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def make(kind: str, file: Path, directory: Path) -> transformers.PreTrainedTokenizerFast:
    """Writes a model with random weights and the tokenizer."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(file))
    special = {token.content: number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    names = {
        "bos_token": ["<s>", "<bos>", "<|begin_of_text|>"],
        "eos_token": ["</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"], "unk_token": ["<unk>", "[UNK]"],
        "pad_token": ["<pad>", "[PAD]"], "cls_token": ["[CLS]"], "sep_token": ["[SEP]"], "mask_token": ["<mask>", "[MASK]"],
    }
    for role, candidates in names.items():
        found = next((name for name in candidates if name in special), None)
        if found:
            setattr(tokenizer, role, found)
    sizes = {"vocab_size": len(tokenizer) + 3, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
             "pad_token_id": tokenizer.pad_token_id}
    torch.manual_seed(7)
    if kind == "gpt2":
        config = transformers.GPT2Config(n_embd=48, n_layer=2, n_head=4, n_positions=128, initializer_range=0.3, **sizes)
    else:
        of_kind = transformers.LlamaConfig if kind == "llama" else transformers.Qwen2Config
        config = of_kind(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         intermediate_size=96, max_position_embeddings=128, initializer_range=0.3, **sizes)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    shutil.copy(file, directory / "tokenizer.json")
    return tokenizer


def run(*command: object) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout.decode()


def fields(path: Path) -> dict:
    return {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}


def check_metadata(name: str, found: dict, tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    _, model, splitting = KINDS[name]
    assert found["tokenizer.ggml.model"] == model, f"{name}: {found['tokenizer.ggml.model']}"
    for role, token in [("bos", tokenizer.bos_token_id), ("eos", tokenizer.eos_token_id), ("padding", tokenizer.pad_token_id)]:
        if token is not None:
            assert found[f"tokenizer.ggml.{role}_token_id"] == token, f"{name}: {role}"
    if model == "none":
        return
    assert found["tokenizer.ggml.pre"] == splitting, f"{name}: {found['tokenizer.ggml.pre']}"
    tokens = found["tokenizer.ggml.tokens"]
    assert len(tokens) == len(tokenizer) + 3 and len(set(tokens)) == len(tokens), name
    types = found["tokenizer.ggml.token_type"]
    assert types[-3:] == [5, 5, 5] and len(types) == len(tokens), name
    if model == "gpt2":
        merges = json.loads((TOKENIZERS / f"{name}.json").read_text())["model"]["merges"]
        assert found["tokenizer.ggml.merges"] == [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
        assert tokens[:-3] == tokenizer.convert_ids_to_tokens(range(len(tokenizer))), name
    if model == "t5":
        scores = [score for _, score in json.loads((TOKENIZERS / f"{name}.json").read_text())["model"]["vocab"]]
        assert all(abs(a - b) < 1e-5 for a, b in zip(found["tokenizer.ggml.scores"], scores)), name


def compare_with_converter(converter: Path, model: Path, path: Path, found: dict, name: str, kind: str) -> None:
    """Prints the metadata that differ from those of llama.cpp's converter, and compares all tensors bit for bit."""
    output = model / "theirs.gguf"
    program = (converter / "convert_hf_to_gguf.py").resolve()
    # The converter recognizes pre-tokenizers of published vocabularies only, by a digest.
    patched = (
        "import sys, runpy; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/gguf-py']; from conversion.base import TextModel; "
        "kind = sys.argv[2]; TextModel.get_vocab_base_pre = lambda self, tokenizer: kind; sys.argv = sys.argv[3:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", patched, str(converter), kind or "default", str(program), str(model), "--outtype", "f32", "--outfile",
         str(output)], capture_output=True)
    if done.returncode != 0:
        print(f"  the converter refuses {name}: {done.stderr.decode().strip().splitlines()[-1]}")
        return
    theirs = fields(output)
    for key in sorted(set(theirs) | set(found)):
        if key.startswith("GGUF.") or key in ("general.name", "general.size_label"):
            continue
        ours, other = found.get(key), theirs.get(key)
        if ours != other and not (isinstance(ours, float) and abs(ours - other) < 1e-6 * abs(other)):
            print(f"  {key}: {str(ours)[:60]} here, {str(other)[:60]} by the converter")
    tensors = [{tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors} for file in (path, output)]
    assert set(tensors[0]) == set(tensors[1]), f"{name}: tensors {set(tensors[0]) ^ set(tensors[1])}"
    for key, ours in tensors[0].items():
        other = tensors[1][key]
        assert ours.shape.tolist() == other.shape.tolist() and ours.tensor_type == other.tensor_type, f"{name}: {key}"
        assert numpy.array_equal(ours.data, other.data), f"{name}: {key} has other values"
    print(f"  {len(tensors[0])} tensors are those of the converter")


def compare_with_program(path: Path, checkpoint: Path, dtrain: str, model: transformers.PreTrainedModel,
                         tokenizer: transformers.PreTrainedTokenizerFast, name: str) -> str:
    """Compares token IDs and greedy continuations."""
    # Keys and values in Float32, as in the other programs.
    with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
        llama = llama_cpp.Llama(str(path), n_ctx=128, type_k=0, type_v=0, verbose=False)
    equal = 0
    for text in TEXTS:
        ours = tokenizer(text, add_special_tokens=False).input_ids
        theirs = llama.tokenize(text.encode(), add_bos=False, special=False)
        equal += ours == theirs
        if ours != theirs and os.environ.get("SHOW"):
            print(f"  {text!r}\n   {tokenizer.convert_ids_to_tokens(ours)}\n   {tokenizer.convert_ids_to_tokens(theirs)}")
    prompt = tokenizer(TEXTS[0], add_special_tokens=False).input_ids
    wanted = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False, eos_token_id=None,
                            pad_token_id=0)[0].tolist()[len(prompt):]
    found = []
    for token in llama.generate(prompt, temp=0, repeat_penalty=1.0):
        found.append(token)
        if len(found) == len(wanted):
            break
    assert found == wanted, f"{name}: {found} instead of {wanted}"
    text = run(dtrain, "generate", "--checkpoint", checkpoint, "--prompt", TEXTS[0], "--temperature", "0", "--tokens", "24")
    end = next((index for index, token in enumerate(wanted) if token == tokenizer.eos_token_id), len(wanted))
    expected = tokenizer.decode(prompt + wanted[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    isSame = text.strip().startswith(expected.strip()[:60].split("\ufffd")[0]) or expected.strip() == text.strip()
    return f"{equal} of {len(TEXTS)} texts, {len(wanted)} tokens continued alike, dtrain's text {'too' if isSame else 'differs: ' + repr((expected, text))}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dtrain", nargs="?", default=str(HERE.parents[2] / ".build/release/dtrain"))
    parser.add_argument("--converter", type=Path)
    parser.add_argument("--only")
    options = parser.parse_args()
    for name, (kind, _, splitting) in KINDS.items():
        if options.only and name != options.only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "model"
            tokenizer = make(kind, TOKENIZERS / f"{name}.json", model)
            run(options.dtrain, "import", "--from", model, "--output", f"{scratch}/run")
            summary = run(options.dtrain, "export", "--checkpoint", f"{scratch}/run", "--format", "gguf", "--output", f"{scratch}/gguf")
            path = Path(scratch) / "gguf/model.gguf"
            found = fields(path)
            check_metadata(name, found, tokenizer)
            remark = summary.strip().split("; ", 1)[1]
            print(f"{name:14} {remark}")
            if options.converter:
                exported = Path(scratch) / "exported"
                run(options.dtrain, "export", "--checkpoint", f"{scratch}/run", "--format", "huggingface", "--output", exported)
                compare_with_converter(options.converter, exported, path, found, name, splitting)
            if llama_cpp and found["tokenizer.ggml.model"] != "none":
                loaded = transformers.AutoModelForCausalLM.from_pretrained(model)
                print("  llama.cpp: " + compare_with_program(path, Path(scratch) / "run", options.dtrain, loaded, tokenizer, name))


if __name__ == "__main__":
    main()
