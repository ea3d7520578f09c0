#!/usr/bin/env python3
"""Trains tokenizers of every kind with the Python package `tokenizers`, and records what they do with many texts.

    python foreign.py make DIRECTORY FILE...
    python foreign.py speed DIRECTORY THREADS
    python foreign.py table DIRECTORY

`Tests/Scripts/tokenizers` runs it. `make` needs about 100,000 lines of text in the files (UTF-8, or .gz), better in
several languages and with code. It writes texts.bin (100,000 texts of the files, some of several lines, and 20,000
hostile ones), speed.txt, and for each kind KIND.json, the tokenizer; KIND.bin, its tokens for the texts and what these
decode to; KIND.marked.json, the tokenizer with more added tokens; KIND.marked.texts.bin, texts in which these and the
special tokens are strewn; and KIND.marked.bin. `speed` measures how fast the tokenizers are with 1 or 2 threads; `table`
prints the medians of all measurements in the directory beside those of dtrain.
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import pathlib
import random
import statistics
import struct
import sys
import time
import unicodedata

SEED = 15
REAL, HOSTILE, MARKED = 100_000, 20_000, 4_000
TRAINING_LINES, VOCABULARY = 50_000, 6_000

# --- Texts ---

FAMILIES = ["👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "1️⃣", "👩🏿‍🚀", "🙂"]
CONTRACTIONS = ["'s", "'S", "'ſ", "'ll", "'LL", "'lL", "'re", "'Ve", "'d", "'M", "'t", "’s", "'x", "''", "'"]
PIECES = [
    "<s>", "</s>", "<unk>", "[CLS]", "[MASK]", "[UNK]", "<mask>", "<|endoftext|>", "<pad>", "<0x0A>", "<0xE2>", "##", "##a",
    "▁", "▁▁", "▁a", "Ġ", "Ċ", "</w>", " <mask> ", "a<mask>b", "  ", " \n", "\r\n", "\n\n", "\r", "\t", "    ",
    "e\u0301", "\u0301", "ﬁ", "ſ", "İ", "Σς", "Straße", "12345", "３", "१२३", "½", "²", "don't", "I'LL", "HelloWorld",
    "XMLHttpRequest", "iPhone15", "/", "//\n", "!\n/", "...\n\n  x", "a  b", "  a", " \t b", "中文字符", "日本語テキスト", "한국어",
    "ไทย", "العربية", "עברית", "हिन्दी", "தமிழ்", "ǅ", "ǲa", "ʰa", "a\u0300\u0323", "\u1100\u1161\u11a8", "가각힣",
]


def hostile_texts(draw):
    """Texts of every plane of Unicode, combining marks, emoji, digits, spaces, control characters and marks of tokenizers."""
    scalars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assigned = [c for c in scalars if unicodedata.category(c) not in ("Cn", "Co")]

    def of_category(letters):
        return [c for c in assigned if unicodedata.category(c)[0] in letters]

    pools = [
        assigned, [c for c in assigned if ord(c) < 0x3000], of_category("M"), of_category("N"), of_category("PS"),
        [c for c in scalars if c.isspace()] + list("\u200b\u200c\u200d\ufeff\u2060\u180e"),
        [chr(code) for code in [*range(32), *range(127, 160)]] + list("\ufffd\ufffe\u00ad\u200e\u202e"),
        [c for c in assigned if unicodedata.decomposition(c)], [c for c in assigned if c.lower() != c],
        [chr(code) for code in [*range(0x1100, 0x1200), *range(0xAC00, 0xAC80)]], FAMILIES, CONTRACTIONS, PIECES, PIECES,
        list("abcdefghijklmnop "), list(" etaoin'.ETA0123\n"),
    ]
    texts = ["", "\u0000", " ", "\n", "word " * 3000, "x" * 5000, "中" * 3000, "a\u0301" * 2000, " " * 4000]
    ideographs = [(0x3400, 0xA000), (0xAC00, 0xD7A4), (0x17000, 0x18D00), (0x20000, 0x33480)]
    swept = [c for c in assigned if not any(start <= ord(c) < end for start, end in ideographs)]
    for index in range(0, len(swept), 7):
        texts.append(" ".join(swept[index:index + 7]) if index % 2 else "a" + "".join(swept[index:index + 7]))
    for _ in range(1500):
        start = draw.randrange(len(scalars) - 24)
        texts.append("".join(scalars[start:start + 24]))
    while len(texts) < HOSTILE:
        parts = [draw.choice(pools) for _ in range(draw.randint(1, 12))]
        texts.append("".join(draw.choice(pool) for pool in parts for _ in range(draw.randint(1, 3))))
    return texts


def lines_of(paths):
    lines = []
    for path in paths:
        data = pathlib.Path(path).read_bytes()
        text = (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf-8", "ignore")
        lines.append(text.split("\n"))
    return lines


def real_texts(parts, draw):
    """Texts of one line and, one in ten, of several that follow each other."""
    places = [(part, start) for part in parts for start in range(len(part)) if part[start].strip()]
    draw.shuffle(places)
    return [
        "\n".join(part[start:start + (1 if index % 10 else draw.randint(2, 30))])
        for index, (part, start) in enumerate(places[:REAL])]


def marked_texts(tokens, texts, draw):
    """Texts in which names of tokens are strewn: whole ones and cut ones, within words, in a row, at the ends."""
    found = ["", *tokens]
    spaces = ["", "", "", " ", "  ", "\n", "\t ", "\u00a0", "▁"]
    while len(found) < MARKED:
        parts = []
        for _ in range(draw.randint(1, 6)):
            text = draw.choice(texts)[:60]
            start = draw.randint(0, len(text))
            kind = draw.randrange(5)
            token = draw.choice(tokens)
            if kind == 0:
                token = token[:draw.randint(1, len(token))]
            elif kind == 1:
                token += draw.choice(spaces) + draw.choice(tokens)
            elif kind == 2:
                token = draw.choice([token.upper(), token + "x", "x" + token])
            parts.append(text[start:start + draw.randint(0, 20)] + draw.choice(spaces) + token + draw.choice(spaces))
        found.append("".join(parts))
    return found


def save_texts(path, texts):
    with open(path, "wb") as file:
        for text in texts:
            data = text.encode()
            file.write(struct.pack("<I", len(data)) + data)


# --- Tokenizers ---


def kinds(lines):
    """The tokenizers: for each name a function that trains one."""
    from tokenizers import AddedToken, Regex, Tokenizer
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

    import make_golden as golden

    qwen2 = golden.CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
    nemo = golden.O200K.replace(golden.ENDING, "").replace(r"\p{N}{1,3}", r"\p{N}")
    level, sequence = pre_tokenizers.ByteLevel, pre_tokenizers.Sequence
    table = normalizers.Precompiled(golden.character_table())

    def level_pairs(steps, normalizer=None, special=("<|endoftext|>",), added=(), post=None, **options):
        tokenizer = Tokenizer(models.BPE(**options))
        if normalizer:
            tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = sequence(steps) if len(steps) > 1 else steps[0]
        tokenizer.decoder = decoders.ByteLevel()
        ending = {key: options[key] for key in options if key == "end_of_word_suffix"}
        tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=list(special), initial_alphabet=level.alphabet(), show_progress=False,
            max_token_length=24, **ending))
        if post:
            tokenizer.post_processor = post
        tokenizer.add_tokens(list(added))
        return tokenizer

    def changed(tokenizer, falls_back=None):
        description = json.loads(tokenizer.to_str())
        tokens = description["added_tokens"]
        description["added_tokens"] = [token for token in tokens if not token["content"].startswith("<0x")]
        if falls_back:
            description["model"]["byte_fallback"] = True
        return Tokenizer.from_str(json.dumps(description))

    pieces = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    stripped = decoders.Sequence(pieces + [decoders.Strip(" ", 1, 0)])
    spaces = normalizers.Replace(" ", "▁")
    legacy = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
    pairs = []

    def sentence_pairs(splitting, normalizer, decoder, special=True):
        if not pairs:
            tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
                vocab_size=VOCABULARY, special_tokens=golden.BYTES, limit_alphabet=900, show_progress=False,
                max_token_length=20))
            pairs.append(changed(tokenizer).to_str())
        description = json.loads(pairs[0])
        description["pre_tokenizer"] = None
        tokenizer = Tokenizer.from_str(json.dumps(description))
        if splitting:
            tokenizer.pre_tokenizer = splitting
        if normalizer:
            tokenizer.normalizer = normalizer
        tokenizer.decoder = decoder
        if special:
            tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
        return tokenizer

    def word_pieces(normalizer, splitting, post):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitting
        tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(
            vocab_size=VOCABULARY, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False,
            limit_alphabet=1200))
        tokenizer.decoder, tokenizer.post_processor = decoders.WordPiece(), post
        return tokenizer

    def unigram(splitting, normalizer, decoder, added=(), post=None, falls_back=False):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = splitting or pre_tokenizers.Metaspace()
        special = ["<pad>", "</s>", "<unk>"] + (golden.BYTES[3:] if falls_back else [])
        tokenizer.train_from_iterator(lines[:20_000], trainers.UnigramTrainer(
            vocab_size=VOCABULARY - 1000, special_tokens=special, unk_token="<unk>", show_progress=False, max_piece_length=12))
        tokenizer = changed(tokenizer, falls_back)
        if not splitting:
            description = json.loads(tokenizer.to_str())
            description["pre_tokenizer"] = None
            tokenizer = Tokenizer.from_str(json.dumps(description))
        tokenizer.decoder = decoder
        tokenizer.add_special_tokens(list(added))
        if post:
            tokenizer.post_processor = post
        return tokenizer

    def words(splitting, normalizer):
        tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
        tokenizer.pre_tokenizer, tokenizer.normalizer = splitting, normalizer
        tokenizer.train_from_iterator(
            lines, trainers.WordLevelTrainer(vocab_size=VOCABULARY, special_tokens=["<unk>"], show_progress=False))
        return tokenizer

    plain = level(add_prefix_space=False)
    metaspace = pre_tokenizers.Metaspace
    sep = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return {
        "gpt2": lambda: level_pairs([plain], post=processors.ByteLevel(trim_offsets=False)),
        "llama3": lambda: level_pairs(
            golden.split(golden.CL100K), special=["<|begin_of_text|>", "<|end_of_text|>"], ignore_merges=True,
            post=processors.TemplateProcessing("<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)])),
        "qwen2": lambda: level_pairs(golden.split(qwen2), normalizers.NFC()),
        "qwen3": lambda: level_pairs(golden.split(golden.QWEN3), normalizers.NFC()),
        "o200k": lambda: level_pairs(golden.split(golden.O200K)),
        "nemo": lambda: level_pairs(golden.split(nemo)),
        "deepseek": lambda: level_pairs(golden.split(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", golden.DEEPSEEK)),
        "starcoder": lambda: level_pairs([pre_tokenizers.Digits(True), plain]),
        "falcon": lambda: level_pairs([
            pre_tokenizers.Punctuation("contiguous"), plain, pre_tokenizers.Digits(False),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]),
        "roberta": lambda: level_pairs(
            [level(add_prefix_space=True)], special=["<s>", "<pad>", "</s>", "<unk>"],
            added=[AddedToken("<mask>", lstrip=True, special=True)],
            post=processors.RobertaProcessing(("</s>", 2), ("<s>", 0))),
        "clip": lambda: level_pairs(
            [pre_tokenizers.Split(Regex(golden.CLIP), "removed", invert=True), plain],
            normalizers.Sequence([
                normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
            end_of_word_suffix="</w>", unk_token="<|endoftext|>"),
        "neox": lambda: level_pairs([plain], normalizers.NFC(), added=[
            *(AddedToken(" " * count, normalized=True) for count in (24, 8, 4, 2)), AddedToken("\n\n", normalized=False)]),
        "llama2": lambda: sentence_pairs(None, legacy, stripped),
        "gemma": lambda: sentence_pairs(
            pre_tokenizers.Split(" ", "merged_with_previous"), spaces, decoders.Sequence(pieces)),
        "mistral": lambda: sentence_pairs(metaspace(prepend_scheme="first", split=False), None, stripped),
        "metaspace": lambda: sentence_pairs(metaspace(), None, decoders.Metaspace()),
        "metaspace_first": lambda: sentence_pairs(metaspace(prepend_scheme="first"), None, decoders.Metaspace()),
        "metaspace_never": lambda: sentence_pairs(
            metaspace(prepend_scheme="never"), normalizers.NFKC(), decoders.Metaspace(prepend_scheme="never")),
        "bert_uncased": lambda: word_pieces(
            normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer(), sep),
        "bert_cased": lambda: word_pieces(
            normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer(), sep),
        "bert_digits": lambda: word_pieces(
            normalizers.BertNormalizer(False, False, True, False),
            sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]), sep),
        "t5": lambda: unigram(
            metaspace(), table, decoders.Metaspace(), added=["<extra_id_0>", "<extra_id_1>"],
            post=processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])),
        "xlmr": lambda: unigram(
            sequence([pre_tokenizers.WhitespaceSplit(), metaspace()]),
            normalizers.Sequence([
                normalizers.Nmt(), normalizers.NFKC(), table, normalizers.Replace(Regex(" {2,}"), " ")]),
            decoders.Metaspace(), added=[AddedToken("<mask>", lstrip=True)]),
        "albert": lambda: unigram(
            metaspace(), normalizers.Sequence([
                normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                normalizers.StripAccents(), normalizers.Lowercase(), table, normalizers.Replace(Regex(" {2,}"), " ")]),
            decoders.Metaspace()),
        "unigram_bytes": lambda: unigram(None, legacy, stripped, falls_back=True),
        "words": lambda: words(
            pre_tokenizers.Whitespace(),
            normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Lowercase()])),
        "words_marks": lambda: words(
            sequence([
                pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.Punctuation("merged_with_next"),
                pre_tokenizers.Punctuation("merged_with_previous")]),
            normalizers.Sequence([normalizers.Nmt(), normalizers.NFD(), normalizers.StripAccents()])),
    }


def more_tokens():
    """Added tokens with every combination of the flags that matter."""
    from tokenizers import AddedToken

    plain = [
        AddedToken("<l>", lstrip=True, normalized=False), AddedToken("<r>", rstrip=True, normalized=False),
        AddedToken("mask", single_word=True, normalized=False), AddedToken("word", single_word=True, normalized=True),
        AddedToken("Naïve É", normalized=True), AddedToken("<N l>", lstrip=True, normalized=True),
        AddedToken("<N r>", rstrip=True, normalized=True), AddedToken("ab", normalized=False),
    ]
    special = [
        AddedToken("<|a|>", normalized=False), AddedToken("<|a|>b", normalized=False),
        AddedToken("<|lr|>", lstrip=True, rstrip=True, normalized=False), AddedToken("<|N|>", normalized=True),
        AddedToken("<|W|>", single_word=True, normalized=False), AddedToken("<|N lr|>", lstrip=True, rstrip=True, normalized=True),
    ]
    return plain, special


# --- Records ---


def record(path, tokenizer, texts):
    """For each text: its tokens without and with special ones, and what both decode to unless that is the text."""
    tokenizer.encode_special_tokens = True
    plain = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    tokenizer.encode_special_tokens = False
    special = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=True)]
    decoded = [tokenizer.decode_batch(plain, skip_special_tokens=True), tokenizer.decode_batch(special, skip_special_tokens=False)]
    with open(path, "wb") as file:
        for index, text in enumerate(texts):
            for tokens in (plain[index], special[index]):
                file.write(struct.pack(f"<I{len(tokens)}H", len(tokens), *tokens))
            for form in decoded:
                data = None if form[index] == text else form[index].encode()
                file.write(struct.pack("<i", -1) if data is None else struct.pack("<i", len(data)) + data)


def make(directory, paths):
    from tokenizers import Tokenizer

    draw = random.Random(SEED)
    parts = lines_of(paths)
    hostile, real = hostile_texts(draw), real_texts(parts, draw)
    save_texts(directory / "texts.bin", real + hostile)
    lines = [line for part in parts for line in part if line.strip()]
    draw.shuffle(lines)
    (directory / "speed.txt").write_text("\n".join(lines[:100_000]), encoding="utf-8")
    plain, special = more_tokens()
    for name, train in kinds(lines[:TRAINING_LINES]).items():
        tokenizer = train()
        tokenizer.save(str(directory / f"{name}.json"))
        record(directory / f"{name}.bin", tokenizer, real + hostile)
        tokenizer.add_tokens(plain)
        tokenizer.add_special_tokens(special)
        tokenizer.save(str(directory / f"{name}.marked.json"))
        tokenizer = Tokenizer.from_file(str(directory / f"{name}.marked.json"))
        tokens = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        texts = marked_texts(tokens, real + hostile, draw)
        save_texts(directory / f"{name}.marked.texts.bin", texts)
        record(directory / f"{name}.marked.bin", tokenizer, texts)
        print(f"{name}: {tokenizer.get_vocab_size()} tokens", flush=True)


# --- Speed ---


def speed(directory, threads):
    from tokenizers import Tokenizer

    text = (directory / "speed.txt").read_text(encoding="utf-8")
    lines = text.split("\n")
    parts = ["\n".join(lines[start:start + 200]) for start in range(0, len(lines), 200)]
    with open(directory / "speed.jsonl", "a", encoding="utf-8") as file:
        for path in sorted(directory.glob("*.json")):
            if ".marked" in path.name:
                continue
            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.encode_batch_fast(parts[:20], add_special_tokens=False)
            start = time.perf_counter()
            tokenizer.encode_batch_fast(parts, add_special_tokens=False)
            seconds = time.perf_counter() - start
            row = {"program": "tokenizers", "kind": path.stem, "threads": threads,
                   "megabytes_per_second": len(text.encode()) / 1e6 / seconds}
            file.write(json.dumps(row) + "\n")


def table(directory):
    found = collections.defaultdict(list)
    for line in (directory / "speed.jsonl").read_text().splitlines():
        row = json.loads(line)
        found[row["kind"], row["program"], row["threads"]].append(row["megabytes_per_second"])
    print("| tokenizer | dtrain, 1 core | tokenizers, 1 core | ratio | dtrain, 2 cores | tokenizers, 2 cores | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in sorted({key[0] for key in found}):
        cells = []
        for threads in (1, 2):
            ours, theirs = (statistics.median(found[kind, program, threads]) for program in ("dtrain", "tokenizers"))
            cells += [f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.1f}"]
        print(f"| {kind} | " + " | ".join(cells) + " |")


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    command, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "make":
        make(directory, sys.argv[3:])
    elif command == "speed":
        speed(directory, int(sys.argv[3]))
    else:
        table(directory)


if __name__ == "__main__":
    main()
