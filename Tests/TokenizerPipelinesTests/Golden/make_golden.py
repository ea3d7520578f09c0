"""Trains small tokenizers of every kind with the Python package `tokenizers` (0.23.3) and records what they do.

For each kind: KIND.json, the tokenizer, and in encodings.json for each text its tokens without special ones, with them,
and what both decode to. `sentencepiece` (0.2.3) makes a small table of characters.

    python make_golden.py
"""

import json
import os
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TRAINING = """The quick brown fox jumps over the lazy dog, and the dog barks at 1234 foxes. It's what they'd said: don't!
Le renard brun saute par-dessus le chien paresseux. L'été, on mange des gâteaux à la crème brûlée; ça coûte 12,50 €.
Быстрая коричневая лиса прыгает через ленивую собаку. 敏捷的棕色狐狸跳过了懒狗。すばやい茶色の狐がのろまな犬を飛び越える。
def encode(self, text: str, *, limit: int = 1_000) -> list[int]:
    if not text.strip():  # nothing to do
        return []
    return [self.vocabulary[word] for word in text.split("\\n") if len(word) >= 3 and word != '<unk>']
XMLHttpRequest HTTPServer iPhone15 getElementById camelCase snake_case SCREAMING_CASE x86_64 3.14159 2.718e-05
""".split("\n") * 8

TEXTS = [
    "", " ", "\n", "The quick brown fox", "  two  spaces  ", "It's THEY'D don't I'LL we'Ve 'ſ o'clock", "1234567 12 1 ½ ² १२३ ３",
    "tabs\tand\r\nlines\n\n  end \n", "def f(x):\n    return x  # ok\n\n\nclass A:\n\tpass", "été e\u0301te\u0301 \u0301x ﬁ Å ǅ İstanbul ΣΑΣ Straße",
    "敏捷的棕色狐狸 すばやい 한국어 가각 \u1100\u1161\u11a8 ไทย العربية עברית हिन्दी क्षि தமிழ்", "🙂 👨‍👩‍👧 👍🏽 🇩🇪 ❤️ 1️⃣",
    "a\u00a0b\u2003c\u3000d\u200be\u200df\ufeffg\u2028h\u0085i", "\u0000a\u0007b\u007fc\u009fd\ufffde\u00adf\U000e0001g",
    "<s>a</s> <mask> b<pad>[MASK]  [CLS] <|endoftext|>x <unk>", "x<mask>y mask unmask mask. \n <mask>  z", "▁a ▁▁ b▁c Ġd Ċe ##f <0x41> </w>",
    "HelloWorld XMLHttpRequest iPhone15Pro ǲa ʰʰ A\u0300B", "a/b //c\n/d !?\n/ ...\r\n\r\n...", "``quoted'' text   with    runs",
    "0123456789 " * 12, "word " * 40, "\U00010330\U0001d400\U0002a6d6\U000e0100 \U0001f9ff\U00016ff0\u1c89\ua7cb\U00011de0",
]

GPT2_SPECIAL = ["<|endoftext|>"]
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN3 = CL100K.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace("{1,3}", "").replace(r"\p{L}\p{N}]+[\r\n]*", r"\p{L}\p{M}\p{N}]+[\r\n]*")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
ENDING = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENDING}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENDING}|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
    r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
CLIP = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
BYTES = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
found = {}


def record(name, tokenizer, change=None):
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = [token for token in description["added_tokens"] if not token["content"].startswith("<0x")]
    if change:
        change(description)
    with open(f"{name}.json", "w", encoding="utf-8") as file:
        json.dump(description, file, ensure_ascii=False, separators=(",", ":"))
    tokenizer = Tokenizer.from_file(f"{name}.json")
    rows = []
    for text in TEXTS:
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        special = tokenizer.encode(text, add_special_tokens=True).ids
        rows.append([
            plain, special, tokenizer.decode(plain, skip_special_tokens=True),
            tokenizer.decode(special, skip_special_tokens=False),
        ])
    found[name] = rows


def byte_pairs(name, steps, normalizer=None, special=GPT2_SPECIAL, added=(), post=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    tokenizer.decoder = decoders.ByteLevel()
    ending = {"end_of_word_suffix": options["end_of_word_suffix"]} if "end_of_word_suffix" in options else {}
    tokenizer.train_from_iterator(
        TRAINING,
        trainers.BpeTrainer(
            vocab_size=460 if not ending else 700, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False, **ending))
    if post:
        tokenizer.post_processor = post
    tokenizer.add_tokens(list(added))
    record(name, tokenizer)


def split(*patterns):
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


def sentencepiece_like(name, splitting, normalizer, decoder):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        TRAINING, trainers.BpeTrainer(vocab_size=560, special_tokens=BYTES, limit_alphabet=60, show_progress=False))

    def change(description):
        for token in description["added_tokens"]:
            token["special"] = True
        if not splitting:
            description["pre_tokenizer"] = None

    if normalizer:
        tokenizer.normalizer = normalizer
    if splitting:
        tokenizer.pre_tokenizer = splitting
    tokenizer.decoder = decoder
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    record(name, tokenizer, change)


def word_pieces(name, lowercase, splitting, post, **options):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, **options)
    tokenizer.pre_tokenizer = splitting
    tokenizer.train_from_iterator(
        TRAINING,
        trainers.WordPieceTrainer(
            vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = post
    record(name, tokenizer)


def unigram(name, splitting, normalizer, decoder, special, added=(), post=None, falls_back=False):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitting or pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        TRAINING,
        trainers.UnigramTrainer(
            vocab_size=300 + (256 if falls_back else 0), special_tokens=special, unk_token="<unk>", show_progress=False))
    tokenizer.decoder = decoder
    tokenizer.add_tokens(list(added))
    if post:
        tokenizer.post_processor = post

    def change(description):
        description["model"]["byte_fallback"] = falls_back
        if not splitting:
            description["pre_tokenizer"] = None

    record(name, tokenizer, change)


def character_table():
    """A small table of characters: half a dozen rules."""
    with tempfile.TemporaryDirectory() as directory:
        with open(f"{directory}/rules.tsv", "w", encoding="utf-8") as file:
            for source, target in [("ﬁ", "fi"), ("\u3000", " "), ("\t", " "), ("\r", " "), ("\n", " "), ("e\u0301", "é"), ("½", "1⁄2"), ("\u200b", "")]:
                file.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        with open(f"{directory}/text", "w", encoding="utf-8") as file:
            file.write("\n".join(TRAINING))
        sentencepiece.SentencePieceTrainer.train(
            input=f"{directory}/text", model_prefix=f"{directory}/small", vocab_size=200, hard_vocab_limit=False,
            normalization_rule_tsv=f"{directory}/rules.tsv", minloglevel=2)
        message = open(f"{directory}/small.model", "rb").read()

    def fields(message):
        index = 0

        def number():
            nonlocal index
            value = shift = 0
            while True:
                byte = message[index]
                index += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value

        while index < len(message):
            tag = number()
            if tag & 7 == 2:
                size = number()
                yield tag >> 3, message[index : index + size]
                index += size
            elif tag & 7 == 0:
                yield tag >> 3, number()
            else:
                index += 4 if tag & 7 == 5 else 8

    normalizer = next(value for key, value in fields(message) if key == 3)
    return next(value for key, value in fields(normalizer) if key == 2)


def main():
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs("gpt2", [level], post=processors.ByteLevel(trim_offsets=False))
    byte_pairs(
        "llama3", split(CL100K), special=["<|begin_of_text|>", "<|end_of_text|>"], ignore_merges=True,
        post=processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing("<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)]),
        ]))
    byte_pairs("qwen3", split(QWEN3), normalizer=normalizers.NFC())
    byte_pairs("o200k", split(O200K))
    byte_pairs("deepseek", split(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK))
    byte_pairs(
        "falcon",
        [
            pre_tokenizers.Punctuation("contiguous"), level, pre_tokenizers.Digits(False),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
        ])
    byte_pairs(
        "roberta", [pre_tokenizers.ByteLevel(add_prefix_space=True)], special=["<s>", "<pad>", "</s>", "<unk>"],
        added=[AddedToken("<mask>", lstrip=True, special=True), AddedToken("mask", single_word=True, normalized=True), AddedToken("  ")],
        post=processors.RobertaProcessing(("</s>", 2), ("<s>", 0)))
    byte_pairs(
        "clip", [pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), level],
        normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
        end_of_word_suffix="</w>", unk_token="<|endoftext|>")
    spaces = normalizers.Replace(" ", "▁")
    pieces = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    sentencepiece_like(
        "llama2", None, normalizers.Sequence([normalizers.Prepend("▁"), spaces]),
        decoders.Sequence(pieces + [decoders.Strip(" ", 1, 0)]))
    sentencepiece_like("gemma", pre_tokenizers.Split(" ", "merged_with_previous"), spaces, decoders.Sequence(pieces))
    sentencepiece_like("mistral", pre_tokenizers.Metaspace(prepend_scheme="first", split=False), None, decoders.Metaspace())
    word_pieces(
        "bert_uncased", True, pre_tokenizers.BertPreTokenizer(), processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))
    word_pieces(
        "bert_cased", False, pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]),
        processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]), strip_accents=True)
    table = normalizers.Precompiled(character_table())
    unigram(
        "t5", pre_tokenizers.Metaspace(), table, decoders.Metaspace(), ["<pad>", "</s>", "<unk>"],
        added=[AddedToken("<extra_id_0>", special=True)],
        post=processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)]))
    unigram(
        "xlmr", pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
        normalizers.Sequence([
            normalizers.Nmt(), normalizers.NFKC(), table, normalizers.Replace(Regex(" {2,}"), " "),
        ]), decoders.Metaspace(), ["<s>", "<pad>", "</s>", "<unk>"], added=[AddedToken("<mask>", lstrip=True, special=True)])
    unigram(
        "unigram_bytes", None, normalizers.Sequence([normalizers.Prepend("▁"), spaces]),
        decoders.Sequence(pieces + [decoders.Strip(" ", 1, 0)]), BYTES, falls_back=True)
    words = Tokenizer(models.WordLevel(unk_token="<unk>"))
    words.normalizer = normalizers.Sequence([
        normalizers.Strip(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.NFD(),
    ])
    words.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.Punctuation("merged_with_next"),
        pre_tokenizers.Punctuation("merged_with_previous"),
    ])
    words.train_from_iterator(TRAINING, trainers.WordLevelTrainer(vocab_size=200, special_tokens=["<unk>"], show_progress=False))
    record("words", words)
    with open("encodings.json", "w", encoding="utf-8") as file:
        json.dump({"texts": TEXTS, "tokenizers": found}, file, ensure_ascii=True, separators=(",", ":"))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    main()
