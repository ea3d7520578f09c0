// SentencePiece for Swift: a C++ library behind C functions. No exception leaves them; what fails leaves a text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where a function that fails writes why: always ends with a zero byte.
typedef struct {
    char text[512];
} csentencepiece_error;

// A loaded model. Its functions may be called from several threads at once.
typedef struct csentencepiece_model csentencepiece_model;

// What a piece stands for.
typedef enum {
    csentencepiece_text,     // its own characters, U+2581 standing for a space
    csentencepiece_unknown,  // a character that the model does not know
    csentencepiece_control,  // nothing that can be seen
    csentencepiece_byte,     // one byte of a character that no piece has, "<0x0A>"
} csentencepiece_kind;

// Learns a model from sentences. The same sentences and settings give the same bytes.
//
// `type` is "bpe" or "unigram", `size` the number of pieces, special ones included. Sentence i is the bytes of `text` from
// ends[i - 1] (0 for the first) to ends[i]. `controls` are the names of control pieces between commas; their ids follow
// those of <pad> 0, <unk> 1, <s> 2, </s> 3, and that of a line break follows theirs. With `all_characters` every character
// of the text gets a piece, otherwise the most frequent ones that are 0.9995 of the text; a tab gets none.
//
// Returns the serialized model, for `csentencepiece_release`, and its size; null where it fails.
void *csentencepiece_train(const char *type, int32_t size, const char *controls, bool all_characters, const char *text,
                           const size_t *ends, size_t count, size_t *model_bytes, csentencepiece_error *error);

// Loads a serialized model, which is copied. Returns null where it fails.
csentencepiece_model *csentencepiece_load(const void *bytes, size_t count, csentencepiece_error *error);

// Ends a model.
void csentencepiece_unload(csentencepiece_model *model);

// The number of pieces.
int32_t csentencepiece_count(const csentencepiece_model *model);

// The bytes of a piece, which last as long as the model; `id` is in 0..<count.
const char *csentencepiece_piece(const csentencepiece_model *model, int32_t id, size_t *bytes);

// The score of a piece; `id` is in 0..<count.
float csentencepiece_score(const csentencepiece_model *model, int32_t id);

// What a piece stands for; `id` is in 0..<count.
csentencepiece_kind csentencepiece_kind_of(const csentencepiece_model *model, int32_t id);

// The id of a piece, -1 where there is none.
int32_t csentencepiece_find(const csentencepiece_model *model, const char *piece);

// The ids of the model's own special pieces, -1 where it has none.
int32_t csentencepiece_pad(const csentencepiece_model *model);
int32_t csentencepiece_unk(const csentencepiece_model *model);
int32_t csentencepiece_bos(const csentencepiece_model *model);
int32_t csentencepiece_eos(const csentencepiece_model *model);

// The ids of a text's pieces, for `csentencepiece_release`, and their number; null where it fails.
int32_t *csentencepiece_encode(const csentencepiece_model *model, const char *text, size_t bytes, size_t *count,
                               csentencepiece_error *error);

// Gives back what a function here allocated.
void csentencepiece_release(void *memory);

#ifdef __cplusplus
}
#endif
