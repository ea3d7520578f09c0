import Models

extension ConfigurationCheck {
    /// Checks of the shape of blocks.
    static let blocks: [ConfigurationCheck] = [
        divides("model.heads", \.heads), divides("model.decoder_heads", \.targetHeads),
        ConfigurationCheck("model.kv_heads", "model.heads", "model.decoder_heads") { configuration in
            let model = configuration.model
            let heads = model.family.architecture.hasEncoder ? [model.heads, model.targetHeads] : [model.heads]
            if model.kvHeads == 0 || heads.allSatisfy({ $0 % model.kvHeads == 0 }) { return nil }
            let divisors = (1...heads[0]).filter { divisor in heads.allSatisfy { $0 % divisor == 0 } }
            let names =
                heads.count == 1 || heads[0] == heads[1]
                ? "model.heads (\(heads[0]))"
                : "model.heads (\(heads[0])) and model.decoder_heads (\(heads[1]))"
            return
                "a divisor of \(names): \(divisors.map(String.init).joined(separator: ", ")), or 0 for the same number"
        },
        ConfigurationCheck("model.positions", "model.width", "model.heads", "model.head_width") { configuration in
            let model = configuration.model
            guard model.positions == .rotary, model.rotaryShare == 1, model.headWidth % 2 == 1 else { return nil }
            return "rotary if \(headWidth(model)) is even: columns are rotated in pairs"
        },
        ConfigurationCheck("model.rotary_share", "model.width", "model.heads", "model.head_width") { configuration in
            let model = configuration.model
            guard model.positions == .rotary, model.rotaryShare < 1 else { return nil }
            return model.rotatedWidth > 0 && model.rotatedWidth % 2 == 0
                ? nil
                : "a share for which the number of rotated columns, found \(model.rotatedWidth) of \(headWidth(model)), "
                    + "is even and not 0"
        },
        ConfigurationCheck("model.rotary_scaling", "model.rotary_share", "model.head_width") { configuration in
            let model = configuration.model
            // The exponent of the base is R / (R − 2).
            return model.positions == .rotary && model.rotaryScaling == .dynamic && model.rotatedWidth == 2
                ? "dynamic if more than 2 columns of a head are rotated" : nil
        },
        ConfigurationCheck("model.rotary_high_frequency", "model.rotary_low_frequency") { configuration in
            let model = configuration.model
            guard model.positions == .rotary, model.rotaryScaling == .llama3 else { return nil }
            return model.rotaryHighFrequency > model.rotaryLowFrequency
                ? nil : "more than model.rotary_low_frequency (\(plain(model.rotaryLowFrequency)))"
        },
        ConfigurationCheck("model.relative_buckets", "model.positions") { configuration in
            let model = configuration.model
            return model.positions == .relative && model.relativeBuckets % 4 != 0
                ? "a multiple of 4: each direction has half of them, and half of these have a single distance" : nil
        },
        ConfigurationCheck("model.relative_distance", "model.relative_buckets", "model.positions") { configuration in
            let model = configuration.model
            return model.positions == .relative && model.relativeDistance <= model.relativeBuckets / 2
                ? "more than half of model.relative_buckets (\(model.relativeBuckets / 2))" : nil
        },
        ConfigurationCheck("model.unlimited_layers", "model.layers", "model.attention_window") { configuration in
            let model = configuration.model
            let layers = model.family.architecture.hasEncoder ? max(model.layers, model.targetLayers) : model.layers
            return model.attentionWindow == 0 || model.unlimitedLayers < layers
                ? nil : "fewer than model.layers (\(layers)) if model.attention_window is set"
        },
        ConfigurationCheck("model.parallel_blocks", "model.placement") { configuration in
            configuration.model.parallelBlocks && configuration.model.placement == .post
                ? "false if model.placement is post: the sublayers read one normalized input" : nil
        },
    ]

    /// Without a head dimension of its own, the number of heads must divide the width.
    private static func divides(
        _ key: String, _ heads: KeyPath<ModelConfiguration, Int> & Sendable
    ) -> ConfigurationCheck {
        ConfigurationCheck(key, "model.width", "model.head_width") { configuration in
            let (heads, width) = (configuration.model[keyPath: heads], configuration.model.width)
            if configuration.model.headDimension > 0 || width % heads == 0 { return nil }
            if !configuration.model.family.architecture.hasBlocks { return nil }
            let divisors = (1...min(width, 1024)).filter { width % $0 == 0 }
            let shown = divisors.prefix(7).map(String.init).joined(separator: ", ")
            return "a divisor of model.width (\(width)): \(shown)\(divisors.count > 7 ? ", …" : "")"
                + "; any number if model.head_width is set"
        }
    }

    private static func headWidth(_ model: ModelConfiguration) -> String {
        model.headDimension > 0
            ? "model.head_width (\(model.headWidth))" : "model.width / model.heads (\(model.headWidth))"
    }
}
