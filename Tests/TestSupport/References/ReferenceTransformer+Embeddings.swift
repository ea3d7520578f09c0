import Glibc

// B sequences, T positions, C hidden size.

extension ReferenceTransformer {
    /// Computes token and position embeddings, with normalization if the model has parameters for it, and dropout.
    package func embedding(
        _ parameters: [String: [Double]], _ prefix: String, _ input: Input, site: inout Int
    ) -> [Double] {
        let count = 1 + (input.positionIDs?.max() ?? input.positions - 1)
        let table: [Double]? =
            switch positions {
            case .learned: parameters["\(prefix)position_embedding.weight"]!
            case .sinusoidal: sinusoids(count) { $0 / 2 }
            case .sinusoidalHalves: sinusoids(count) { $0 % (width / 2) }
            case .rotary, .relative, .distance, .none: nil
            }
        var rows = Reference.embedding(
            input.tokens, tokenTable: tokenTable(parameters, prefix), multiplier: tokenScale, positionTable: table,
            positionIDs: input.positionIDs, positions: input.positions, width: width)
        if let spanTable = parameters["\(prefix)span_position_embedding.weight"] {
            rows = zip(rows.indices, rows).map { index, value in
                value + spanTable[input.spanPositionIDs![index / width] * width + index % width]
            }
        }
        if parameters["\(prefix)embedding_normalization.scale"] != nil {
            rows = normalized(parameters, "\(prefix)embedding_normalization", rows)
        }
        return dropped(rows, dropouts.embedding, site: &site)
    }

    /// Returns the token table of a stack: its own, or the encoder's.
    func tokenTable(_ parameters: [String: [Double]], _ prefix: String) -> [Double] {
        parameters["\(prefix)token_embedding.weight"] ?? parameters["encoder.token_embedding.weight"]!
    }

    /// Computes patch embeddings after the tokens of each image, with positions if the model has parameters for
    /// them.
    func patchEmbedding(_ parameters: [String: [Double]], _ input: Input, site: inout Int) -> [Double] {
        let tokens = parameters["class_token"]! + (parameters["distillation_token"] ?? [])
        let patchCount = input.positions - tokens.count / width
        let patches = linear(
            parameters, "patch_embedding", input.patches,
            inputWidth: input.patches.count / (input.sequences * patchCount))
        let numbers = patchCount * width
        var rows: [Double] = []
        for image in 0..<input.sequences {
            rows += tokens + patches[image * numbers..<(image + 1) * numbers]
        }
        if let table = parameters["position_embedding.weight"] {
            rows = rows.enumerated().map { $1 + table[$0 % table.count] }
        }
        return dropped(rows, dropouts.embedding, site: &site)
    }

    /// Returns sines and cosines of position / 10000^(2i/C), where `pair` returns i for a column; they alternate, or
    /// the sines are in the first half.
    private func sinusoids(_ count: Int, pair: (Int) -> Int) -> [Double] {
        (0..<count).flatMap { position in
            (0..<width).map { column in
                let angle = Double(position) / pow(10_000, Double(2 * pair(column)) / Double(width))
                let isSine = positions == .sinusoidal ? column % 2 == 0 : column < width / 2
                return isSine ? sin(angle) : cos(angle)
            }
        }
    }
}
