#include "csentencepiece.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

struct csentencepiece_model {
    sentencepiece::SentencePieceProcessor processor;
};

namespace {

void explain(csentencepiece_error *error, const char *text) {
    std::strncpy(error->text, text, sizeof error->text - 1);
    error->text[sizeof error->text - 1] = 0;
}

// Calls `body`; an exception is reported in `error` and returns a null pointer.
template <typename Body>
auto guarded(csentencepiece_error *error, Body body) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc &exception) {
        error->is_out_of_memory = true;
        explain(error, exception.what());
    } catch (const std::exception &exception) {
        explain(error, exception.what());
    } catch (...) {
        explain(error, "an unknown exception");
    }
    return nullptr;
}

bool succeeded(const sentencepiece::util::Status &status, csentencepiece_error *error) {
    if (status.ok()) return true;
    explain(error, status.ToString().c_str());
    return false;
}

// Copies bytes to memory from malloc, at least one byte, which outlives the C++ object.
void *copied(const void *bytes, size_t count) {
    void *copy = std::malloc(count > 0 ? count : 1);
    if (copy == nullptr) throw std::bad_alloc();
    std::memcpy(copy, bytes, count);
    return copy;
}

class Sentences final : public sentencepiece::SentenceIterator {
  public:
    Sentences(const char *text, const size_t *ends, size_t count) : text_(text), ends_(ends), count_(count) { take(); }

    bool done() const override { return index_ == count_; }
    void Next() override {
        ++index_;
        take();
    }
    const std::string &value() const override { return value_; }
    sentencepiece::util::Status status() const override { return sentencepiece::util::Status(); }

  private:
    void take() {
        if (done()) return;
        const size_t start = index_ == 0 ? 0 : ends_[index_ - 1];
        value_.assign(text_ + start, ends_[index_] - start);
    }

    const char *text_;
    const size_t *ends_;
    size_t count_;
    size_t index_ = 0;
    std::string value_;
};

}  // namespace

void *csentencepiece_train(const char *type, int32_t size, const char *controls, bool all_characters, const char *text,
                           const size_t *ends, size_t count, size_t *model_bytes, csentencepiece_error *error) {
    return guarded(error, [&]() -> void * {
        std::unordered_map<std::string, std::string> settings = {
            {"model_type", type},
            {"vocab_size", std::to_string(size)},
            // Text is not normalized and no character is unknown, so decoding restores the encoded text exactly.
            {"normalization_rule_name", "identity"},
            {"remove_extra_whitespaces", "false"},
            {"byte_fallback", "true"},
            {"pad_id", "0"},
            {"unk_id", "1"},
            {"bos_id", "2"},
            {"eos_id", "3"},
            {"control_symbols", controls},
            {"user_defined_symbols", "\n"},
            // Sums over threads depend on their number, so it is fixed.
            {"num_threads", "4"},
            {"minloglevel", "3"},
        };
        // The library's default value is not written into the model.
        if (all_characters) settings["character_coverage"] = "1";
        Sentences sentences(text, ends, count);
        std::string model;
        if (!succeeded(sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &model), error)) return nullptr;
        *model_bytes = model.size();
        return copied(model.data(), model.size());
    });
}

csentencepiece_model *csentencepiece_load(const void *bytes, size_t count, csentencepiece_error *error) {
    return guarded(error, [&]() -> csentencepiece_model * {
        auto model = std::make_unique<csentencepiece_model>();
        const std::string_view serialized(static_cast<const char *>(bytes), count);
        if (!succeeded(model->processor.LoadFromSerializedProto(serialized), error)) return nullptr;
        return model.release();
    });
}

void csentencepiece_unload(csentencepiece_model *model) { delete model; }

int32_t csentencepiece_count(const csentencepiece_model *model) { return model->processor.GetPieceSize(); }

const char *csentencepiece_piece(const csentencepiece_model *model, int32_t id, size_t *bytes) {
    const std::string &piece = model->processor.IdToPiece(id);
    *bytes = piece.size();
    return piece.data();
}

float csentencepiece_score(const csentencepiece_model *model, int32_t id) { return model->processor.GetScore(id); }

csentencepiece_kind csentencepiece_kind_of(const csentencepiece_model *model, int32_t id) {
    if (model->processor.IsUnknown(id)) return csentencepiece_unknown;
    if (model->processor.IsControl(id)) return csentencepiece_control;
    return model->processor.IsByte(id) ? csentencepiece_byte : csentencepiece_text;
}

int32_t csentencepiece_find(const csentencepiece_model *model, const char *piece) {
    // The library returns the unknown piece's id for a piece that does not exist.
    const int id = model->processor.PieceToId(piece);
    const bool is_known = id >= 0 && id < model->processor.GetPieceSize() && model->processor.IdToPiece(id) == piece;
    return is_known ? id : -1;
}

int32_t csentencepiece_pad(const csentencepiece_model *model) { return model->processor.pad_id(); }
int32_t csentencepiece_unk(const csentencepiece_model *model) { return model->processor.unk_id(); }
int32_t csentencepiece_bos(const csentencepiece_model *model) { return model->processor.bos_id(); }
int32_t csentencepiece_eos(const csentencepiece_model *model) { return model->processor.eos_id(); }

int32_t *csentencepiece_encode(const csentencepiece_model *model, const char *text, size_t bytes, size_t *count,
                               csentencepiece_error *error) {
    return guarded(error, [&]() -> int32_t * {
        static_assert(sizeof(int) == sizeof(int32_t), "SentencePiece's ids are ints");
        std::vector<int> ids;
        if (!succeeded(model->processor.Encode(std::string_view(text, bytes), &ids), error)) return nullptr;
        *count = ids.size();
        return static_cast<int32_t *>(copied(ids.data(), ids.size() * sizeof(int32_t)));
    });
}

void csentencepiece_release(void *memory) { std::free(memory); }
