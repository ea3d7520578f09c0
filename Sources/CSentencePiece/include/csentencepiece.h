// A C interface to SentencePiece, a C++ library. No function throws; a function that fails describes the error in text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The error of a failed call.
typedef struct {
    // The message, terminated by a zero byte.
    char text[512];
    // Whether memory could not be allocated.
    bool is_out_of_memory;
} csentencepiece_error;

// A loaded model. It may be used by several threads at once.
typedef struct csentencepiece_model csentencepiece_model;

// The kind of a piece.
typedef enum {
    csentencepiece_text,     // its own characters, with U+2581 for a space
    csentencepiece_unknown,  // the unknown token
    csentencepiece_control,  // a control token, which has no text
    csentencepiece_byte,     // one byte of a character without a piece of its own, such as "<0x0A>"
} csentencepiece_kind;

// Trains a model on sentences. The same sentences and settings yield the same bytes.
//
// `type` is "bpe" or "unigram", `size` the number of pieces, special ones included. Sentence i is the bytes of `text`
// from ends[i - 1] (0 for the first) to ends[i]. `controls` are the names of control pieces, separated by commas; their
// ids follow <pad> 0, <unk> 1, <s> 2, </s> 3 and are followed by the id of the line break. With `all_characters` every
// character of the text except the tab gets a piece, otherwise the most frequent ones that make up 0.9995 of the text.
//
// Returns the serialized model, to be freed with `csentencepiece_release`, and its size; null on failure.
void *csentencepiece_train(const char *type, int32_t size, const char *controls, bool all_characters, const char *text,
                           const size_t *ends, size_t count, size_t *model_bytes, csentencepiece_error *error);

// Loads a serialized model, which is copied. Returns null on failure.
csentencepiece_model *csentencepiece_load(const void *bytes, size_t count, csentencepiece_error *error);

// Frees a model.
void csentencepiece_unload(csentencepiece_model *model);

// Returns the number of pieces.
int32_t csentencepiece_count(const csentencepiece_model *model);

// Returns the bytes of a piece, which are valid as long as the model; `id` is in 0..<count.
const char *csentencepiece_piece(const csentencepiece_model *model, int32_t id, size_t *bytes);

// Returns the score of a piece; `id` is in 0..<count.
float csentencepiece_score(const csentencepiece_model *model, int32_t id);

// Returns the kind of a piece; `id` is in 0..<count.
csentencepiece_kind csentencepiece_kind_of(const csentencepiece_model *model, int32_t id);

// Returns the id of a piece, or -1 if it does not exist.
int32_t csentencepiece_find(const csentencepiece_model *model, const char *piece);

// The ids of the model's special pieces, -1 for those it does not have.
int32_t csentencepiece_pad(const csentencepiece_model *model);
int32_t csentencepiece_unk(const csentencepiece_model *model);
int32_t csentencepiece_bos(const csentencepiece_model *model);
int32_t csentencepiece_eos(const csentencepiece_model *model);

// Returns the ids of a text's pieces, to be freed with `csentencepiece_release`, and their number; null on failure.
int32_t *csentencepiece_encode(const csentencepiece_model *model, const char *text, size_t bytes, size_t *count,
                               csentencepiece_error *error);

// Frees memory that a function of this header has allocated.
void csentencepiece_release(void *memory);

#ifdef __cplusplus
}
#endif
