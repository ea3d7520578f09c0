#!/usr/bin/env python3
"""Makes the models and encodings that dtrain's tests of SentencePiece compare with.

Made with SentencePiece 0.2.3 for Python 3.11 on x86-64:

    pip install sentencepiece
    python Tests/TokenizersTests/Golden/make_golden.py

Written beside this script, from the text of the repository's LICENSE:

lossless.model   a BPE model with dtrain's own settings: no normalization, bytes for unknown characters, all special
                 tokens, a piece for the line break
foreign.model    a unigram model with SentencePiece's settings: NFKC, spaces collapsed, unknown characters, neither
                 padding nor mask nor a line break
prefixless.model a BPE model that adds no space before a line, with <0x0A> for the line break
encodings.json   for each model, what SentencePiece makes of some lines, and of those tokens again
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import sentencepiece

HERE = Path(__file__).parent
LICENSE = HERE.parents[2] / "LICENSE"

LINES = [
    "",
    " ",
    "a",
    "You may reproduce and distribute copies of the Work.",
    "  two spaces,  twice, and one at the end ",
    "tab\tand carriage return\r",
    "Ünïcödé, naïve café, “quotes” — and … dots",
    "cafe\u0301 with a combining accent",
    "\ufb01ligature \uff21full width ½ ²",
    "漢字とひらがな, 한국어, русский, العربية",
    "🙂👩\u200d👩\u200d👧 emoji",
    "</s> <pad> <mask> <s><unk> <0x41>",
    "under\u2581score of SentencePiece\u2581itself",
    "1234567890 3.14159 1,000.50",
    "\u00a0no-break\u3000wide\u2003space",
    "\ufeffbyte order mark",
    "x" * 200,
    "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND " * 20,
    "zero\x00byte and \x7f control \x01",
]

MODELS = {
    "lossless": dict(
        model_type="bpe", vocab_size=700, normalization_rule_name="identity", remove_extra_whitespaces=False,
        byte_fallback=True, pad_id=0, unk_id=1, bos_id=2, eos_id=3, control_symbols=["<cls>", "<sep>", "<mask>"],
        user_defined_symbols=["\n"],
    ),
    "foreign": dict(model_type="unigram", vocab_size=400),
    "prefixless": dict(
        model_type="bpe", vocab_size=600, normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=False, byte_fallback=True,
    ),
}


def main() -> None:
    encodings = {}
    lines = [line for line in LICENSE.read_text().splitlines() if line]
    for name, settings in MODELS.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, num_threads=1, minloglevel=2, **settings
        )
        (HERE / f"{name}.model").write_bytes(model.getvalue())
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        encodings[name] = [
            {"text": line, "tokens": (tokens := processor.encode(line)), "decoded": processor.decode(tokens)}
            for line in LINES
        ]
    models = [
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]"
        for name, lines in encodings.items()
    ]
    (HERE / "encodings.json").write_text("{" + ",\n".join(models) + "}\n")


if __name__ == "__main__":
    main()
