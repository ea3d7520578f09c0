import Failures
import Files
import Tensors

extension ModelClass {
    /// RoBERTa for masked language modelling: BERT whose positions are counted from after the padding token's ID on.
    ///
    /// - Source: Liu et al. 2019, arXiv:1907.11692.
    static let robertaMaskedLM = ModelClass(
        name: "RobertaForMaskedLM", modelType: "roberta", family: .encoder, prefix: "roberta.",
        members: robertaConfiguration + [
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .only("model.head", \.configuration.head, .transform),
            // The transform of the head has this activation, whatever hidden_act says.
            .exactGELU("hidden_act"),
        ],
        tensors: { model in
            bertTensors("roberta", skippedPositions: model.firstPosition, model)
                + TensorLink.linear("head_transform", "lm_head.dense")
                + TensorLink.normalization("head_normalization", "lm_head.layer_norm")
                + (model.configuration.tieEmbeddings
                    ? [
                        .same("head.bias", "lm_head.bias"),
                        .duplicate("lm_head.decoder.weight", of: "roberta.embeddings.word_embeddings.weight"),
                        .duplicate("lm_head.decoder.bias", of: "lm_head.bias"),
                    ]
                    : TensorLink.linear("head", "lm_head.decoder")
                        + [.unread("lm_head.bias", of: "lm_head.decoder.bias")])
        },
        ignored: bertIgnored("roberta") + [NamePattern("roberta.pooler.*")])

    /// RoBERTa with two linear layers on the first position.
    static let robertaClassifier = ModelClass(
        name: "RobertaForSequenceClassification", modelType: "roberta", family: .classifier, prefix: "roberta.",
        members: robertaConfiguration + [
            .labels(.class, .multi, .number), .only("model.pooling", \.configuration.pooling, .dense),
        ],
        tensors: { model in
            bertTensors("roberta", skippedPositions: model.firstPosition, model)
                + TensorLink.linear("pooler", "classifier.dense") + TensorLink.linear("head", "classifier.out_proj")
        },
        ignored: bertIgnored("roberta") + [NamePattern("roberta.pooler.*")])

    private static let robertaConfiguration: [ConfigurationLink] =
        [
            .count("vocab_size", \.vocabularySize), .token("bos_token_id", \.special.bos),
            .token("eos_token_id", \.special.eos), .positionsAfterPadding("max_position_embeddings", default: 512),
        ] + bertEncoder
}

extension PortableModel {
    /// The row of RoBERTa's position table for the first token.
    fileprivate var firstPosition: Int { Int(special.pad ?? 0) + 1 }
}

extension ConfigurationLink {
    /// The padding token, and the rows of the position table, of which those up to the padding token's ID are not used
    /// for tokens.
    fileprivate static func positionsAfterPadding(_ name: String, default standard: Int) -> Self {
        Self(
            objection: { model in
                model.special.pad == nil ? "the tokenizer: found no padding token; allowed: one that has it" : nil
            },
            write: { model in
                [
                    JSON.Member("pad_token_id", .integer(model.firstPosition - 1)),
                    JSON.Member(name, .integer(model.contextLength + model.firstPosition)),
                ]
            }
        ) { (file, model) throws(Failure) in
            let padding = try file.integer("pad_token_id", in: 0...1 << 20, default: 1)
            guard padding < model.vocabularySize else {
                throw file.unexpected("pad_token_id", "less than vocab_size (\(model.vocabularySize))")
            }
            model.special.pad = Int32(padding)
            model.contextLength =
                try file.integer(name, in: padding + 2...1 << 31, default: standard) - model.firstPosition
        }
    }

    /// A class whose activation is always the exact GELU.
    fileprivate static func exactGELU(_ name: String) -> Self {
        Self(
            objection: { model in
                let found = model.configuration.activation
                return found == .geluExact ? nil : "model.activation: found \(found.rawValue); allowed: gelu_exact"
            }
        ) { (file, model) throws(Failure) in
            guard model.configuration.activation == .geluExact else { throw file.unexpected(name, "gelu") }
        }
    }
}
