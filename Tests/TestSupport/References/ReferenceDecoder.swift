import Kernels

/// The whole GPT decoder in Float64, composed of the reference operations.
///
/// Parameters are given by the names of the layout; a bias or shift that is not among them is left out, and without
/// "head.weight" the head is the token table.
package struct ReferenceDecoder {
    package let layers: Int
    package let heads: Int
    package let width: Int
    package let form: ActivationForm
    package let dropout: Reference.Dropout?

    package init(layers: Int, heads: Int, width: Int, form: ActivationForm, dropout: Reference.Dropout? = nil) {
        self.layers = layers
        self.heads = heads
        self.width = width
        self.form = form
        self.dropout = dropout
    }

    /// The logits [B, T, V] of tokens [B, T].
    package func logits(_ parameters: [String: [Double]], tokens: [Int], positions: Int) -> [Double] {
        let rows = tokens.count
        var stream = dropped(
            Reference.embedding(
                tokens, tokenTable: parameters["token_embedding.weight"]!,
                positionTable: parameters["position_embedding.weight"]!, positions: positions, width: width), site: 0)
        for layer in 0..<layers { stream = block(layer, parameters, stream, positions: positions) }
        return Reference.linear(
            normalized(parameters, "final_normalization", stream),
            weight: parameters["head.weight"] ?? parameters["token_embedding.weight"]!, bias: nil, rows: rows,
            inputWidth: width)
    }

    /// Σ of the cross-entropies of all targets that count.
    package func loss(_ parameters: [String: [Double]], tokens: [Int], targets: [Int], positions: Int) -> Double {
        Reference.crossEntropy(logits(parameters, tokens: tokens, positions: positions), targets: targets).reduce(0, +)
    }

    /// Block number `index`: x + attention(norm(x)), then x + feedForward(norm(x)).
    package func block(
        _ index: Int, _ parameters: [String: [Double]], _ input: [Double], positions: Int
    ) -> [Double] {
        let (name, site, rows) = ("blocks.\(index)", 1 + 3 * index, input.count / width)
        let attended = attention(
            parameters, "\(name).attention", normalized(parameters, "\(name).attention_normalization", input),
            rows: rows, positions: positions, site: site)
        let middle = Reference.sum(input, dropped(attended, site: site + 1))
        let fed = feedForward(
            parameters, "\(name).feed_forward",
            normalized(parameters, "\(name).feed_forward_normalization", middle), rows: rows)
        return Reference.sum(middle, dropped(fed, site: site + 2))
    }

    private func dropped(_ values: [Double], site: Int) -> [Double] {
        dropout?.applied(to: values, site: site) ?? values
    }

    /// The attention sublayer, before its dropout and residual.
    package func attention(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], rows: Int, positions: Int, site: Int
    ) -> [Double] {
        let attention = Reference.CausalAttention(
            sequences: rows / positions, positions: positions, heads: heads, headWidth: width / heads
        ) { [dropout] sequence, head, query, key in
            dropout?.attentionFactor(
                sequence: sequence, site: site, head: head, query: query, key: key, positions: positions) ?? 1
        }
        let packed = linear(parameters, "\(name).query_key_value", input, rows: rows, inputWidth: width)
        return linear(
            parameters, "\(name).projection", attention.forward(packed).output, rows: rows, inputWidth: width)
    }

    /// The feed-forward sublayer, before its dropout and residual.
    package func feedForward(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], rows: Int
    ) -> [Double] {
        let expanded = linear(parameters, "\(name).expansion", input, rows: rows, inputWidth: width)
        let activated = expanded.map { Reference.activation($0, form) }
        return linear(
            parameters, "\(name).projection", activated, rows: rows, inputWidth: activated.count / max(rows, 1))
    }

    /// One layer normalization.
    package func normalized(_ parameters: [String: [Double]], _ name: String, _ input: [Double]) -> [Double] {
        Reference.layerNormalization(
            input, scale: parameters["\(name).scale"]!, shift: parameters["\(name).shift"]
        ).output
    }

    private func linear(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], rows: Int, inputWidth: Int
    ) -> [Double] {
        Reference.linear(
            input, weight: parameters["\(name).weight"]!, bias: parameters["\(name).bias"], rows: rows,
            inputWidth: inputWidth)
    }
}
