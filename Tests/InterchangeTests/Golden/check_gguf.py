#!/usr/bin/env python3
"""Checks what `dtrain export --format gguf` writes with the package gguf, of the authors of the format.

    python Tests/InterchangeTests/Golden/check_gguf.py [DTRAIN]

Models beside this script are imported and exported by DTRAIN (default: the release build) in every type. The names,
shapes and values of all tensors are compared with what the tables of gguf and its quantization give for the tensors of
transformers, and with the metadata of the model. Needs torch, transformers, gguf (made with 0.19.0) and numpy.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy
import torch
import transformers

HERE = Path(__file__).resolve().parent
MODELS = {
    "gpt2": gguf.MODEL_ARCH.GPT2, "llama": gguf.MODEL_ARCH.LLAMA, "llama_scaled": gguf.MODEL_ARCH.LLAMA,
    "llama_shards": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3,
}
TYPES = {
    "float32": gguf.GGMLQuantizationType.F32, "float16": gguf.GGMLQuantizationType.F16,
    "bfloat16": gguf.GGMLQuantizationType.BF16, "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def permuted(values: numpy.ndarray, heads: int) -> numpy.ndarray:
    """The rows of a Llama's heads in the order of llama.cpp, as its converter has it."""
    return (
        values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    )


def expected(name: str, arch: gguf.MODEL_ARCH) -> dict[str, numpy.ndarray]:
    """The tensors of a model of transformers, named and ordered for llama.cpp."""
    model = transformers.AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32)
    config = model.config
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    tensors = {}
    for theirs, tensor in model.state_dict().items():
        if theirs == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = tensor.numpy()
        if arch == gguf.MODEL_ARCH.GPT2 and theirs.endswith(
                ("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            values = values.T
        if arch == gguf.MODEL_ARCH.LLAMA and ".q_proj." in theirs:
            values = permuted(values, config.num_attention_heads)
        if arch == gguf.MODEL_ARCH.LLAMA and ".k_proj." in theirs:
            values = permuted(values, config.num_key_value_heads)
        tensors[names.get_name(theirs, try_suffixes=(".weight", ".bias"))] = numpy.ascontiguousarray(values)
    if name == "llama_scaled":
        plain = config.rope_parameters["rope_theta"] ** (
            -torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim)
        tensors["rope_freqs.weight"] = (plain / model.model.rotary_emb.inv_freq).float().numpy()
    return tensors


def check(name: str, arch: gguf.MODEL_ARCH, kind: str, path: Path) -> None:
    reader = gguf.GGUFReader(path)
    fields = {key: field.contents() for key, field in reader.fields.items()}
    architecture = gguf.MODEL_ARCH_NAMES[arch]
    assert fields["general.architecture"] == architecture
    tensors = expected(name, arch)
    config = transformers.AutoConfig.from_pretrained(HERE / name)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    assert fields[f"{architecture}.context_length"] == config.max_position_embeddings
    assert fields[f"{architecture}.embedding_length"] == config.hidden_size
    assert fields[f"{architecture}.block_count"] == config.num_hidden_layers
    assert fields[f"{architecture}.attention.head_count"] == config.num_attention_heads
    if arch != gguf.MODEL_ARCH.GPT2:
        assert fields[f"{architecture}.attention.head_count_kv"] == config.num_key_value_heads
        assert fields[f"{architecture}.attention.key_length"] == head
        assert fields[f"{architecture}.feed_forward_length"] == config.intermediate_size
        base = config.rope_parameters["rope_theta"]
        assert abs(fields[f"{architecture}.rope.freq_base"] / base - 1) < 1e-6
    assert {tensor.name for tensor in reader.tensors} == set(tensors), name
    for tensor in reader.tensors:
        values = tensors[tensor.name]
        assert list(tensor.shape) == list(reversed(values.shape)), tensor.name
        stored = gguf.GGMLQuantizationType.F32
        if values.ndim > 1 and tensor.name != "position_embd.weight":
            stored = TYPES[kind]
            if kind == "q8_0" and values.shape[-1] % 32 != 0:
                stored = gguf.GGMLQuantizationType.F16
        assert tensor.tensor_type == stored, f"{tensor.name}: {tensor.tensor_type}"
        wanted = gguf.dequantize(gguf.quantize(values, stored), stored)
        found = gguf.dequantize(tensor.data, tensor.tensor_type)
        # The factors of the frequencies are quotients of numbers in Float32.
        tolerance = 1e-5 if tensor.name == "rope_freqs.weight" else 0
        assert numpy.allclose(found, wanted, rtol=tolerance, atol=0), tensor.name


def main() -> None:
    dtrain = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[2] / ".build/release/dtrain")
    for name, arch in MODELS.items():
        with tempfile.TemporaryDirectory() as scratch:
            run = f"{scratch}/run"
            subprocess.run([dtrain, "import", "--from", HERE / name, "--output", run], check=True, stdout=subprocess.DEVNULL)
            for kind in TYPES:
                exported = f"{scratch}/{kind}"
                subprocess.run(
                    [dtrain, "export", "--checkpoint", run, "--format", "gguf", "--type", kind, "--output", exported],
                    check=True, stdout=subprocess.DEVNULL)
                check(name, arch, kind, Path(exported) / "model.gguf")
        print(f"{name:14} all tensors equal in {', '.join(TYPES)}")


if __name__ == "__main__":
    main()
