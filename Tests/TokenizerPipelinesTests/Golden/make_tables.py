"""Writes Sources/CUnicode/tables.c: the character properties that tokenizers of other programs were trained with.

The properties are measured with the Python package `tokenizers` (0.23.3), one code point after the other, because its
parts follow different versions of Unicode: patterns and words 16, lower case and numbers 17, normalization 11, BERT's
punctuation and control characters 8. Only the canonical combining classes, which never change, come from Python's
`unicodedata`; a class is used if `tokenizers` reorders the character.

    python make_tables.py > ../../../Sources/CUnicode/tables.c
"""

import unicodedata

from tokenizers import Regex, Tokenizer, __version__, normalizers, pre_tokenizers

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
# The order of the bits in cunicode.h.
FLAGS = "upper lower other_letter mark number space punctuation symbol word numeric bert_punctuation control nonspacing accent".split()


def removed(pre_tokenizer):
    """The characters that a pre-tokenizer removes."""
    found = set()
    for start in range(0, len(CODES), 256):
        block = CODES[start : start + 256]
        kept = set("".join(piece for piece, _ in pre_tokenizer.pre_tokenize_str("".join(map(chr, block)))))
        found.update(code for code in block if chr(code) not in kept)
    return found


def matching(pattern):
    return removed(pre_tokenizers.Split(Regex(pattern), "removed"))


def cut(pre_tokenizer, pieces):
    """The characters behind an "a" with which it makes that many pieces."""
    return {code for code in CODES if len(pre_tokenizer.pre_tokenize_str("a" + chr(code))) == pieces}


def changes(normalizer):
    found = {}
    for code in CODES:
        text = normalizer.normalize_str(chr(code))
        if text != chr(code):
            found[code] = text
    return found


def combining_classes():
    nfd, found = normalizers.NFD(), {}
    for code in CODES:
        order, mark = unicodedata.combining(chr(code)), chr(code)
        # U+0334 has class 1, U+0345 class 240.
        if order > 1 and nfd.normalize_str(mark + "\u0334")[0] == "\u0334":
            found[code] = order
        elif order == 1 and nfd.normalize_str("\u0345" + mark)[0] == mark:
            found[code] = order
    return found


def is_hangul(code):
    return 0xAC00 <= code < 0xAC00 + 11172


def classes():
    spaces = matching(r"\s")
    word = cut(pre_tokenizers.Whitespace(), 1) - spaces
    control = {code for code, text in changes(normalizers.BertNormalizer(True, False, False, False)).items() if not text}
    nonspacing = {code for code, text in changes(normalizers.BertNormalizer(False, False, True, False)).items() if not text}
    return [
        matching(r"[\p{Lu}\p{Lt}]"), matching(r"\p{Ll}"), matching(r"[\p{Lm}\p{Lo}]"), matching(r"\p{M}"),
        matching(r"\p{N}"), spaces, matching(r"\p{P}"), matching(r"\p{S}"), word, cut(pre_tokenizers.Digits(True), 2),
        removed(pre_tokenizers.Punctuation("removed")), control, nonspacing, set(changes(normalizers.StripAccents())),
    ]


def print_array(name, numbers):
    print(f"\nstatic const uint32_t {name}[] = {{")
    line = ""
    for number in numbers:
        if len(line) + len(number) + 1 > 118:
            print(f"{line}")
            line = ""
        line += f"{number},"
    print(f"{line}\n}};\n\ncunicode_array cunicode_{name}(void) {{ return (cunicode_array){{{name}, {len(numbers)}}}; }}")


def main():
    sets, orders = classes(), combining_classes()
    values = [0] * 0x110000
    for bit, members in enumerate(sets):
        for code in members:
            values[code] |= 1 << bit
    for code, order in orders.items():
        values[code] |= order << 24
    kinds = sorted(set(values))
    runs, start = [], 0
    for code in range(1, 0x110001):
        if code == 0x110000 or values[code] != values[start]:
            runs += [str(code - start), str(kinds.index(values[start]))]
            start = code

    canonical, compatible = changes(normalizers.NFD()), changes(normalizers.NFKD())
    nfc = normalizers.NFC()
    mappings, last = [], 0
    for code in sorted(set(canonical) | set(compatible)):
        if is_hangul(code):
            continue
        composes = code in canonical and nfc.normalize_str(canonical[code]) == chr(code)
        for is_compatible, mapping in ((0, canonical.get(code)), (1, compatible[code])):
            if mapping is None or is_compatible and mapping == canonical.get(code):
                continue
            mappings += [str(code - last), str(len(mapping) << 2 | composes << 1 | is_compatible)]
            mappings += [str(ord(part)) for part in mapping]
            last = code

    lower = {code: ord(text) for code, text in changes(normalizers.Lowercase()).items() if len(text) == 1}
    cases = []
    for code in sorted(lower):
        offset = lower[code] - code
        group = cases[-1] if cases else None
        if group and group[3] == offset and (group[1] == 1 or code - group[4] == group[2]):
            group[1:3] = group[1] + 1, code - group[4]
            group[4] = code
        else:
            cases.append([code, 1, 1, offset, code])
    print(f"// Written by Tests/TokenizerPipelinesTests/Golden/make_tables.py with tokenizers {__version__}. Do not edit.")
    print('#include "cunicode.h"')
    print_array("kinds", [str(kind) for kind in kinds])
    print_array("runs", runs)
    print_array("mappings", mappings)
    print_array("cases", [str(part % (1 << 32)) for case in cases for part in case[:4]])


main()
