import Models

extension ModelVariant {
    /// Every family; together they cover every value of every option.
    static let all: [ModelVariant] = decoders + encoders + encoderDecoders + prefixDecoders + classifiers

    private static let decoders = [
        ModelVariant(.decoder, "GPT-2") { _ in },
        ModelVariant(.decoder, "Llama") {
            ($0.configuration.normalization, $0.configuration.positions) = (.rms, .rotary)
            ($0.configuration.activation, $0.configuration.kvHeads, $0.configuration.rotaryBase) = (.swiglu, 2, 100)
            ($0.configuration.bias, $0.configuration.tieEmbeddings) = (false, false)
        },
        ModelVariant(.decoder, "documents, sandwich, distances") {
            ($0.configuration.placement, $0.configuration.positions) = (.sandwich, .alibi)
            ($0.configuration.activation, $0.configuration.kvHeads) = (.relu, 1)
            ($0.lengths, $0.documentStarts) = ([5, 4], [0, 0, 2, 2, 2, 0, 1, 1, 3, 3])
        },
        ModelVariant(.decoder, "post, dropout") {
            ($0.configuration.placement, $0.configuration.positions) = (.post, .none)
            ($0.configuration.activation, $0.configuration.tieEmbeddings) = (.silu, false)
            ($0.configuration.dropout, $0.configuration.attentionDropout) = (0.25, 0.5)
            ($0.configuration.embeddingDropout, $0.configuration.normalizeEmbeddings) = (0.1, true)
        },
        ModelVariant(.decoder, "rotary with biases, dropout") {
            ($0.configuration.positions, $0.configuration.dropout) = (.rotary, 0.3)
            ($0.configuration.activation, $0.configuration.placement) = (.swiglu, .sandwich)
            $0.configuration.scaleEmbeddings = true
        },
        ModelVariant(.decoder, "Gemma, biased queries") {
            ($0.configuration.normalization, $0.configuration.positions) = (.rmsOffset, .rotary)
            ($0.configuration.activation, $0.configuration.scaleEmbeddings) = (.geglu, true)
            ($0.configuration.headDimension, $0.configuration.kvHeads, $0.configuration.bias) = (6, 1, false)
            $0.configuration.attentionBias = .queryKeyValue
            ($0.configuration.rotaryScaling, $0.configuration.rotaryFactor) = (.llama3, 4)
            ($0.configuration.rotaryOriginalContext, $0.configuration.rotaryBase) = (8, 100)
        },
        ModelVariant(.decoder, "Qwen3, all biases, dropout") {
            ($0.configuration.normalization, $0.configuration.positions) = (.rms, .rotary)
            ($0.configuration.queryKeyNormalization, $0.configuration.kvHeads) = (true, 2)
            ($0.configuration.attentionBias, $0.configuration.bias) = (.all, false)
            ($0.configuration.rotaryScaling, $0.configuration.rotaryFactor) = (.dynamic, 2)
            ($0.configuration.rotaryOriginalContext, $0.configuration.headDimension) = (4, 4)
            $0.configuration.dropout = 0.2
        },
        ModelVariant(.decoder, "GPT-NeoX, biased head") {
            ($0.configuration.positions, $0.configuration.parallelBlocks) = (.rotary, true)
            ($0.configuration.headDimension, $0.configuration.rotaryShare) = (6, 0.7)
            ($0.configuration.rotaryScaling, $0.configuration.rotaryFactor) = (.linear, 3)
            ($0.configuration.headBias, $0.configuration.feedForwardBias) = (true, .none)
        },
        ModelVariant(.decoder, "parallel, sandwich, no biases of attention, dropout") {
            ($0.configuration.placement, $0.configuration.parallelBlocks) = (.sandwich, true)
            ($0.configuration.attentionBias, $0.configuration.queryKeyNormalization) = (.none, true)
            $0.configuration.dropout = 0.3
        },
        ModelVariant(.decoder, "window, documents") {
            ($0.configuration.attentionWindow, $0.configuration.unlimitedLayers) = (2, 1)
            ($0.configuration.kvHeads, $0.configuration.positions) = (2, .alibi)
            ($0.lengths, $0.documentStarts) = ([5, 4], [0, 0, 0, 2, 2, 0, 1, 1, 1, 1])
        },
        ModelVariant(.decoder, "relative, window, dropout, scaled head") {
            ($0.configuration.positions, $0.configuration.relativeBuckets) = (.relative, 4)
            ($0.configuration.relativeDistance, $0.configuration.attentionWindow) = (5, 3)
            ($0.configuration.dropout, $0.configuration.scaleHead) = (0.2, true)
            $0.configuration.kvHeads = 2
        },
    ]

    private static let encoders = [
        ModelVariant(.encoder, "BERT") {
            ($0.configuration.placement, $0.configuration.normalizeEmbeddings) = (.post, true)
            ($0.configuration.activation, $0.configuration.head) = (.geluExact, .transform)
            $0.lengths = [3, 5]
        },
        ModelVariant(.encoder, "sandwich, untied transform, dropout") {
            ($0.configuration.placement, $0.configuration.normalization) = (.sandwich, .rms)
            ($0.configuration.activation, $0.configuration.head) = (.swiglu, .transform)
            ($0.configuration.positions, $0.configuration.tieEmbeddings) = (.sinusoidal, false)
            ($0.configuration.dropout, $0.configuration.kvHeads) = (0.3, 2)
            $0.lengths = [5, 2]
        },
        ModelVariant(.encoder, "distances, no biases, post") {
            ($0.configuration.positions, $0.configuration.bias) = (.alibi, false)
            ($0.configuration.placement, $0.configuration.head) = (.post, .linear)
        },
    ]

    private static let encoderDecoders = [
        ModelVariant(.encoderDecoder, "Vaswani") {
            ($0.configuration.placement, $0.configuration.positions) = (.post, .sinusoidal)
            ($0.configuration.activation, $0.configuration.scaleEmbeddings) = (.relu, true)
            ($0.loss, $0.lengths) = (.crossEntropy(smoothing: 0.1), [5, 3])
        },
        ModelVariant(.encoderDecoder, "Marian's positions, dropout") {
            ($0.configuration.placement, $0.configuration.positions) = (.post, .sinusoidalHalves)
            ($0.configuration.activation, $0.configuration.scaleEmbeddings) = (.silu, true)
            ($0.configuration.dropout, $0.configuration.kvHeads) = (0.3, 2)
            ($0.configuration.layers, $0.configuration.decoderLayers) = (2, 1)
            $0.lengths = [2, 5]
        },
        ModelVariant(.encoderDecoder, "nothing shared, pre, one layer to two") {
            ($0.configuration.shareEmbeddings, $0.configuration.tieEmbeddings) = (false, false)
            ($0.configuration.layers, $0.configuration.decoderLayers) = (1, 2)
            ($0.configuration.bias, $0.configuration.kvHeads) = (false, 1)
        },
        ModelVariant(.encoderDecoder, "shared but not tied, rotary, sandwich") {
            ($0.configuration.tieEmbeddings, $0.configuration.positions) = (false, .rotary)
            ($0.configuration.layers, $0.configuration.placement) = (1, .sandwich)
            ($0.configuration.normalization, $0.configuration.activation) = (.rms, .swiglu)
        },
        ModelVariant(.encoderDecoder, "tied but not shared, distances, normalized embeddings") {
            ($0.configuration.shareEmbeddings, $0.configuration.positions) = (false, .alibi)
            ($0.configuration.layers, $0.configuration.normalizeEmbeddings) = (1, true)
            ($0.configuration.embeddingDropout, $0.configuration.head) = (0.2, .transform)
        },
        ModelVariant(.encoderDecoder, "another decoder, biased head") {
            ($0.configuration.placement, $0.configuration.headBias) = (.post, true)
            ($0.configuration.decoderHeads, $0.configuration.kvHeads) = (2, 2)
            ($0.configuration.decoderFeedForwardWidth, $0.configuration.normalizeEmbeddings) = (10, true)
        },
        ModelVariant(.encoderDecoder, "T5") {
            ($0.configuration.positions, $0.configuration.normalization) = (.relative, .rms)
            ($0.configuration.relativeBuckets, $0.configuration.relativeDistance) = (4, 3)
            ($0.configuration.scaleScores, $0.configuration.scaleHead) = (false, true)
            ($0.configuration.bias, $0.configuration.activation) = (false, .geglu)
            ($0.configuration.headDimension, $0.lengths) = (3, [5, 3])
        },
        ModelVariant(.encoderDecoder, "parallel, a head dimension of its own") {
            ($0.configuration.parallelBlocks, $0.configuration.headDimension) = (true, 3)
            ($0.configuration.decoderHeads, $0.configuration.kvHeads, $0.configuration.layers) = (6, 2, 1)
            ($0.configuration.bias, $0.configuration.feedForwardBias) = (false, .all)
        },
    ]

    private static let prefixDecoders = [
        ModelVariant(.prefixDecoder, "GLM") {
            ($0.hasPositionIDs, $0.prefixLengths, $0.lengths) = (true, [3, 2], [5, 4])
        },
        ModelVariant(.prefixDecoder, "post, dropout, scaled") {
            ($0.configuration.placement, $0.configuration.scaleEmbeddings) = (.post, true)
            ($0.configuration.dropout, $0.configuration.normalization) = (0.3, .rms)
            ($0.hasPositionIDs, $0.prefixLengths) = (true, [0, 5])
        },
        ModelVariant(.prefixDecoder, "rotary") {
            ($0.configuration.positions, $0.prefixLengths) = (.rotary, [1, 4])
        },
    ]

    private static let classifiers = [
        ModelVariant(.classifier, "many labels, dense") {
            ($0.configuration.pooling, $0.loss) = (.dense, .binaryCrossEntropy)
            ($0.configuration.placement, $0.configuration.normalizeEmbeddings) = (.post, true)
            $0.lengths = [4, 5]
        },
        ModelVariant(.classifier, "numbers, mean, dropout") {
            ($0.configuration.pooling, $0.loss, $0.outputs) = (.mean, .squaredError, 1)
            ($0.configuration.dropout, $0.lengths) = (0.25, [1, 4])
        },
        ModelVariant(.classifier, "classes, first") {
            ($0.configuration.pooling, $0.configuration.positions) = (.first, .alibi)
            ($0.configuration.placement, $0.loss) = (.sandwich, .crossEntropy(smoothing: 0.2))
            $0.lengths = [5, 3]
        },
        ModelVariant(.classifier, "DistilBERT") {
            ($0.configuration.pooling, $0.configuration.placement) = (.denseReLU, .post)
            $0.lengths = [5, 2]
        },
        ModelVariant(.imageClassifier, "ViT") { _ in },
        ModelVariant(.imageClassifier, "relative, window") {
            ($0.configuration.positions, $0.configuration.attentionWindow) = (.relative, 4)
            ($0.configuration.relativeBuckets, $0.configuration.relativeDistance) = (8, 5)
        },
        ModelVariant(.imageClassifier, "DeiT") { $0.configuration.distillationToken = true },
        ModelVariant(.imageClassifier, "mean, post, rotary, dropout") {
            ($0.configuration.pooling, $0.configuration.placement) = (.mean, .post)
            ($0.configuration.positions, $0.configuration.dropout) = (.rotary, 0.25)
            ($0.configuration.normalization, $0.configuration.kvHeads) = (.rms, 1)
        },
        ModelVariant(.imageClassifier, "dense, no positions") {
            ($0.configuration.pooling, $0.configuration.positions) = (.dense, .none)
            ($0.configuration.bias, $0.configuration.layers) = (false, 1)
        },
    ]
}
