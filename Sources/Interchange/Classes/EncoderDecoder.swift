import Failures
import Files
import Models

// What Marian and BART have in common.

extension ConfigurationLink {
    /// The members of `config.json` of a post-norm encoder-decoder.
    static let encoderDecoder: [ConfigurationLink] = [
        .count("vocab_size", \.vocabularySize),
        .count("max_position_embeddings", \.contextLength, default: 1024),
        .count("d_model", \.configuration.width, default: 1024),
        .count("encoder_layers", \.configuration.layers, default: 12),
        .count("decoder_layers", \.targetLayers, default: 12),
        .count("encoder_attention_heads", \.configuration.heads, default: 16),
        .count("decoder_attention_heads", \.targetHeads, default: 16), .allHeads,
        .count("encoder_ffn_dim", \.hiddenWidth, default: 4096),
        .count("decoder_ffn_dim", \.targetHiddenWidth, default: 4096),
        .activation("activation_function", default: "gelu"),
        .number("dropout", property: \.configuration.dropout, default: 0.1),
        .number("attention_dropout", property: \.attentionDropout, default: 0),
        .number("init_std", property: \.configuration.initializerStd, default: 0.02),
        .flag("scale_embedding", \.configuration.scaleEmbeddings, default: false),
        .token("pad_token_id", \.special.pad), .token("eos_token_id", \.special.eos),
        .token("forced_eos_token_id", \.special.eos), .token("decoder_start_token_id", \.special.bos),
        .always("is_encoder_decoder", true), .absent("normalize_before", or: false),
        .free(\.configuration.headBias),
        .only("model.normalization", \.configuration.normalization, .layer),
        // The configurations of these classes have no such member.
        .only("model.normalization_epsilon", \.configuration.normalizationEpsilon, 1e-5) { "\($0)" },
        .only("model.placement", \.configuration.placement, .post),
    ]

    /// Encoder and decoder each need as many KV heads as query heads.
    private static let allHeads = Self(
        properties: [\.keyHeads],
        objection: { model in
            let configuration = model.configuration
            let sizes = [configuration.blockSizes, configuration.targetBlockSizes]
            return sizes.allSatisfy { $0.keyHeads == $0.heads }
                ? nil : "model.kv_heads: found \(configuration.kvHeads); allowed: 0, one for each query head"
        }
    ) { _, model in model.configuration.kvHeads = 0 }
}

extension TensorLink {
    /// The token embedding that encoder, decoder and output projection share. The encoder's is declared first and gives
    /// it the name.
    static var sharedEmbedding: [TensorLink] {
        let shared = "model.shared.weight"
        return [same("encoder.token_embedding.weight", shared)]
            + ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"]
            .map { .duplicate($0, of: shared) }
    }

    /// The blocks of encoder and decoder.
    static func encoderDecoderBlocks(_ model: PortableModel) -> [TensorLink] {
        let (configuration, width) = (model.configuration, model.configuration.width)
        func block(_ ours: String, _ theirs: String, seesMemory: Bool) -> [TensorLink] {
            func projections(_ attention: String, _ letters: [String]) -> [(name: String, rows: Int)] {
                letters.map { ("\(theirs).\(attention).\($0)_proj", width) }
            }
            let cross =
                seesMemory
                ? linear("\(ours).cross_attention.query", "\(theirs).encoder_attn.q_proj")
                    + stacked("\(ours).cross_attention.key_value", projections("encoder_attn", ["k", "v"]))
                    + linear("\(ours).cross_attention.projection", "\(theirs).encoder_attn.out_proj")
                    + normalization("\(ours).cross_attention_normalization", "\(theirs).encoder_attn_layer_norm")
                : []
            return stacked("\(ours).attention.query_key_value", projections("self_attn", ["q", "k", "v"]))
                + linear("\(ours).attention.projection", "\(theirs).self_attn.out_proj")
                + normalization("\(ours).attention_normalization", "\(theirs).self_attn_layer_norm") + cross
                + linear("\(ours).feed_forward.expansion", "\(theirs).fc1")
                + linear("\(ours).feed_forward.projection", "\(theirs).fc2")
                + normalization("\(ours).feed_forward_normalization", "\(theirs).final_layer_norm")
        }
        return (0..<configuration.layers).flatMap {
            block("encoder.blocks.\($0)", "model.encoder.layers.\($0)", seesMemory: false)
        }
            + (0..<configuration.targetLayers).flatMap {
                block("blocks.\($0)", "model.decoder.layers.\($0)", seesMemory: true)
            }
    }
}
