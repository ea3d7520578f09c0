// Character properties as the tokenizers of other programs use them, measured by
// Tests/TokenizerPipelinesTests/Golden/make_tables.py. They are fixed, so that tokens never depend on the version of a
// compiler or of a system library.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The bits of a character's kind; the canonical combining class is in bits 24 to 31.
enum {
    cunicode_upper = 1 << 0,              // \p{Lu}, \p{Lt}
    cunicode_lower = 1 << 1,              // \p{Ll}
    cunicode_other_letter = 1 << 2,       // \p{Lm}, \p{Lo}
    cunicode_mark = 1 << 3,               // \p{M}
    cunicode_number = 1 << 4,             // \p{N}
    cunicode_space = 1 << 5,              // \s, White_Space
    cunicode_punctuation = 1 << 6,        // \p{P}
    cunicode_symbol = 1 << 7,             // \p{S}
    cunicode_word = 1 << 8,               // \w of the pre-tokenizer Whitespace and of added tokens
    cunicode_numeric = 1 << 9,            // the pre-tokenizer Digits
    cunicode_bert_punctuation = 1 << 10,  // the pre-tokenizers Punctuation and BertPreTokenizer
    cunicode_control = 1 << 11,           // removed by BertNormalizer
    cunicode_nonspacing = 1 << 12,        // removed by BertNormalizer with strip_accents, after NFD
    cunicode_accent = 1 << 13,            // removed by StripAccents
};

// Numbers of a table.
typedef struct {
    const uint32_t *start;
    size_t count;
} cunicode_array;

// The distinct kinds.
cunicode_array cunicode_kinds(void);

// The kinds of all code points from 0 on, as pairs: a number of code points, and the index of their kind.
cunicode_array cunicode_runs(void);

// Full decompositions in the order of the code points, without Hangul syllables: the distance from the previous code
// point, 4 · length + 2 if the canonical decomposition composes again + 1 if it is a compatibility decomposition, and
// that many code points. If a code point has two different decompositions, the canonical one comes first.
cunicode_array cunicode_mappings(void);

// Lower case as groups of four: the first code point, their number, the distance between them, and what is added to each
// modulo 2³². U+0130, which becomes two code points, is not listed.
cunicode_array cunicode_cases(void);
