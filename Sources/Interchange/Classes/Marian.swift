import Failures
import Files
import Tensors

extension ModelClass {
    /// Marian: the encoder-decoder of Vaswani et al., with sinusoidal positions whose first half are sines and second
    /// half cosines.
    ///
    /// - Source: Junczys-Dowmunt et al. 2018, arXiv:1804.00344.
    static let marian = ModelClass(
        name: "MarianMTModel", modelType: "marian", family: .encoderDecoder, prefix: "model.", generates: true,
        configuration: [
            .count("vocab_size", \.vocabularySize),
            .count("decoder_vocab_size", \.vocabularySize, like: \.vocabularySize),
            .sameVocabularies,
            .count("max_position_embeddings", \.contextLength, default: 1024),
            .count("d_model", \.configuration.width, default: 1024),
            .count("encoder_layers", \.configuration.layers, default: 12),
            .count("decoder_layers", \.targetLayers, default: 12),
            .count("encoder_attention_heads", \.configuration.heads, default: 16),
            .like("decoder_attention_heads", "encoder_attention_heads", default: 16, \.configuration.heads),
            .allHeads,
            .count("encoder_ffn_dim", \.hiddenWidth, default: 4096),
            .like("decoder_ffn_dim", "encoder_ffn_dim", default: 4096, \.hiddenWidth),
            .activation("activation_function", default: "gelu"),
            .number("dropout", property: \.configuration.dropout, default: 0.1),
            .number("attention_dropout", property: \.attentionDropout, default: 0),
            .number("init_std", property: \.configuration.initializerStd, default: 0.02),
            .flag("scale_embedding", \.configuration.scaleEmbeddings, default: false),
            .flag("share_encoder_decoder_embeddings", \.configuration.shareEmbeddings, default: true),
            .flag("tie_word_embeddings", \.configuration.tieEmbeddings, default: true),
            .sharedIsTied,
            .token("pad_token_id", \.special.pad), .token("eos_token_id", \.special.eos),
            .token("forced_eos_token_id", \.special.eos), .token("decoder_start_token_id", \.special.bos),
            .always("is_encoder_decoder", true), .absent("normalize_before", or: false),
            .absent("normalize_embedding", or: false),
            .only("model.normalization", \.configuration.normalization, .layer),
            // MarianConfig has no such member.
            .only("model.normalization_epsilon", \.configuration.normalizationEpsilon, 1e-5) { "\($0)" },
            .only("model.placement", \.configuration.placement, .post),
            .only("model.positions", \.configuration.positions, .sinusoidalHalves),
            .only("model.bias", \.configuration.bias, true),
            .only("model.head", \.configuration.head, .linear),
            .only("model.normalize_embeddings", \.configuration.normalizeEmbeddings, false),
        ],
        tensors: { model in
            let configuration = model.configuration
            return marianEmbeddings(model)
                + (0..<configuration.layers).flatMap {
                    marianBlock("encoder.blocks.\($0)", "model.encoder.layers.\($0)", seesMemory: false, model)
                }
                + (0..<configuration.targetLayers).flatMap {
                    marianBlock("blocks.\($0)", "model.decoder.layers.\($0)", seesMemory: true, model)
                }
                + [.zeros("final_logits_bias", [1, model.vocabularySize])]
        },
        // Sinusoidal tables, which older versions of transformers saved.
        ignored: [NamePattern("model.*coder.embed_positions.weight")])

    private static func marianEmbeddings(_ model: PortableModel) -> [TensorLink] {
        let (encoder, decoder) = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
        // The encoder's token embedding is declared first, so a shared one has its name.
        if model.configuration.shareEmbeddings {
            let shared = "model.shared.weight"
            return [.same("encoder.token_embedding.weight", shared)]
                + [encoder, decoder, "lm_head.weight"].map { .duplicate($0, of: shared) }
        }
        return [
            .same("encoder.token_embedding.weight", encoder), .same("token_embedding.weight", decoder),
            model.configuration.tieEmbeddings
                ? .duplicate("lm_head.weight", of: decoder) : .same("head.weight", "lm_head.weight"),
        ]
    }

    private static func marianBlock(
        _ ours: String, _ theirs: String, seesMemory: Bool, _ model: PortableModel
    ) -> [TensorLink] {
        let width = model.configuration.width
        func projections(_ attention: String, _ letters: [String]) -> [(name: String, rows: Int)] {
            letters.map { ("\(theirs).\(attention).\($0)_proj", width) }
        }
        let cross =
            seesMemory
            ? TensorLink.linear("\(ours).cross_attention.query", "\(theirs).encoder_attn.q_proj")
                + TensorLink.stacked("\(ours).cross_attention.key_value", projections("encoder_attn", ["k", "v"]))
                + TensorLink.linear("\(ours).cross_attention.projection", "\(theirs).encoder_attn.out_proj")
                + TensorLink.normalization(
                    "\(ours).cross_attention_normalization", "\(theirs).encoder_attn_layer_norm")
            : []
        return TensorLink.stacked("\(ours).attention.query_key_value", projections("self_attn", ["q", "k", "v"]))
            + TensorLink.linear("\(ours).attention.projection", "\(theirs).self_attn.out_proj")
            + TensorLink.normalization("\(ours).attention_normalization", "\(theirs).self_attn_layer_norm") + cross
            + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).fc1")
            + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).fc2")
            + TensorLink.normalization("\(ours).feed_forward_normalization", "\(theirs).final_layer_norm")
    }
}

extension ConfigurationLink {
    /// A count for the decoder, which must equal the encoder's.
    fileprivate static func like(
        _ name: String, _ original: String, default standard: Int, _ property: Property<Int>
    ) -> Self {
        Self(write: { [JSON.Member(name, .integer($0[keyPath: property]))] }) { (file, model) throws(Failure) in
            guard try file.integer(name, in: 1...1 << 31, default: standard) == model[keyPath: property] else {
                throw file.unexpected(name, "\(model[keyPath: property]), the value of \(original)")
            }
        }
    }

    /// The vocabularies of source and target must have the same size.
    fileprivate static let sameVocabularies = Self { (file, model) throws(Failure) in
        let size = try file.integer("vocab_size", in: 1...1 << 31, default: nil)
        guard model.vocabularySize == size else {
            throw file.unexpected("decoder_vocab_size", "\(size), the value of vocab_size")
        }
    }

    /// A token embedding shared by encoder and decoder must also be the output projection.
    fileprivate static let sharedIsTied = Self(objection: { model in
        let configuration = model.configuration
        return configuration.shareEmbeddings && !configuration.tieEmbeddings
            ? "model.tie_embeddings: found false; allowed: true if model.share_embeddings is true" : nil
    }) { (file, model) throws(Failure) in
        guard !model.configuration.shareEmbeddings || model.configuration.tieEmbeddings else {
            throw file.unexpected(
                "tie_word_embeddings", "true if share_encoder_decoder_embeddings is true")
        }
    }
}
