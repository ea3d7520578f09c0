import Kernels

// B sequences, T positions, S positions of the memory, C hidden size, K KV heads, D head dimension.

extension ReferenceTransformer {
    /// The context shared by the blocks of one stack.
    package struct Pass {
        package var sequences: Int
        package var positions: Int
        package var mask: Reference.Mask
        package var memory: Memory?

        package init(sequences: Int, positions: Int, mask: Reference.Mask, memory: Memory? = nil) {
            self.sequences = sequences
            self.positions = positions
            self.mask = mask
            self.memory = memory
        }
    }

    /// The encoder's output, for cross-attention.
    package struct Memory {
        /// The rows of the encoder's output, [B, S, C].
        package var rows: [Double]
        /// S, the number of positions per sequence.
        package var positions: Int
        package var mask: Reference.Mask

        package init(rows: [Double], positions: Int, mask: Reference.Mask) {
            self.rows = rows
            self.positions = positions
            self.mask = mask
        }
    }

    /// Computes one block: self-attention, cross-attention if the block has parameters for it, and feed-forward.
    package func block(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], _ pass: Pass, site: inout Int
    ) -> [Double] {
        func read(_ stream: [Double]) -> [Double] { isParallel ? input : stream }
        var stream = branch(parameters, "\(name).attention", input, to: input, site: &site) { input, site in
            attention(parameters, "\(name).attention", input, pass, site: &site)
        }
        if parameters["\(name).cross_attention.query.weight"] != nil {
            stream = branch(
                parameters, "\(name).cross_attention", read(stream), to: stream, site: &site
            ) { input, site in
                crossAttention(parameters, "\(name).cross_attention", input, pass, site: &site)
            }
        }
        return branch(parameters, "\(name).feed_forward", read(stream), to: stream, site: &site) { input, _ in
            feedForward(parameters, "\(name).feed_forward", input)
        }
    }

    /// Computes a sublayer with its normalization and dropout, and adds it to `stream`.
    private func branch(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], to stream: [Double], site: inout Int,
        sublayer: ([Double], inout Int) -> [Double]
    ) -> [Double] {
        func normalized(_ rows: [Double]) -> [Double] { self.normalized(parameters, "\(name)_normalization", rows) }
        let added = sublayer(placement == .post ? input : normalized(input), &site)
        let kept = dropped(added, dropouts.residual, site: &site)
        return switch placement {
        case .pre: Reference.sum(stream, kept)
        case .post: normalized(Reference.sum(stream, kept))
        case .sandwich:
            Reference.sum(stream, self.normalized(parameters, "\(name)_output_normalization", kept))
        }
    }

    /// Computes self-attention, before dropout and residual connection.
    package func attention(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], _ pass: Pass, site: inout Int
    ) -> [Double] {
        let heads = heads(name)
        let headWidth = headDimension ?? width / heads
        let (queryWidth, keyWidth) = (heads * headWidth, keyHeads * headWidth)
        let stride = queryWidth + 2 * keyWidth
        var packed = linear(parameters, "\(name).query_key_value", input)
        for (part, columns) in [("query", 0..<queryWidth), ("key", queryWidth..<queryWidth + keyWidth)]
        where parameters["\(name).\(part)_normalization.scale"] != nil {
            let raw = Reference.columns(columns, of: packed, stride: stride)
            let normalized = normalized(parameters, "\(name).\(part)_normalization", raw)
            for index in raw.indices {
                packed[index / columns.count * stride + columns.lowerBound + index % columns.count] = normalized[index]
            }
        }
        if positions == .rotary {
            packed = Reference.Rotary(
                stride: stride, firstColumn: 0, heads: heads + keyHeads, headWidth: headWidth,
                positions: pass.positions, base: rotaryBase, frequencies: rotaryFrequencies
            ).rotated(packed)
        }
        let rows = Reference.AttentionInput(
            queries: Reference.columns(0..<queryWidth, of: packed, stride: stride),
            keys: Reference.columns(queryWidth..<queryWidth + keyWidth, of: packed, stride: stride),
            values: Reference.columns(queryWidth + keyWidth..<stride, of: packed, stride: stride))
        var mask = pass.mask
        if let block = name.split(separator: ".").compactMap({ Int($0) }).first, block >= unlimited {
            mask.window = window
        }
        let prefix = name.hasPrefix("encoder.") ? "encoder." : ""
        let mixed = mixed(
            rows, pass, heads: heads, table: parameters["\(prefix)relative_bias.weight"], keys: pass.positions,
            mask: mask,
            slopes: positions == .distance ? Reference.slopes(heads: heads) : [], site: &site)
        return linear(parameters, "\(name).projection", mixed, inputWidth: queryWidth)
    }

    /// Returns the number of query heads of an attention sublayer.
    private func heads(_ name: String) -> Int { name.hasPrefix("encoder.") ? heads : targetHeads ?? heads }

    /// Computes cross-attention to the memory, before dropout and residual connection.
    package func crossAttention(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], _ pass: Pass, site: inout Int
    ) -> [Double] {
        let (memory, heads) = (pass.memory!, heads(name))
        let headWidth = headDimension ?? width / heads
        let keyWidth = headWidth * keyHeads
        let packed = linear(parameters, "\(name).key_value", memory.rows)
        let rows = Reference.AttentionInput(
            queries: linear(parameters, "\(name).query", input),
            keys: Reference.columns(0..<keyWidth, of: packed, stride: 2 * keyWidth),
            values: Reference.columns(keyWidth..<2 * keyWidth, of: packed, stride: 2 * keyWidth))
        let mixed = mixed(
            rows, pass, heads: heads, keys: memory.positions, mask: memory.mask, slopes: [], site: &site)
        return linear(parameters, "\(name).projection", mixed, inputWidth: heads * headWidth)
    }

    private func mixed(
        _ rows: Reference.AttentionInput, _ pass: Pass, heads: Int, table: [Double]? = nil, keys: Int,
        mask: Reference.Mask, slopes: [Double], site: inout Int
    ) -> [Double] {
        let (own, queries, dropout) = (site, pass.positions, dropouts.attention)
        site += 1
        var attention = Reference.Attention(
            sequences: pass.sequences, queries: queries, keys: keys, heads: heads, keyHeads: keyHeads,
            headWidth: headDimension ?? width / heads, mask: mask, slopes: slopes
        ) { sequence, head, query, key in
            dropout?.attentionFactor(
                sequence: sequence, site: own, head: head, query: query, key: key, queries: queries, keys: keys) ?? 1
        }
        attention.scalesScores = scalesScores
        if let table {
            attention.bias = { [bucket] head, distance in table[bucket(distance, !mask.isCausal) * heads + head] }
        }
        return attention.forward(rows).output
    }

    /// Computes the feed-forward layer, before dropout and residual connection.
    package func feedForward(_ parameters: [String: [Double]], _ name: String, _ input: [Double]) -> [Double] {
        let expanded = linear(parameters, "\(name).expansion", input)
        let hidden = parameters["\(name).projection.weight"]!.count / width
        let activated =
            isGated
            ? Reference.gatedActivation(expanded, width: hidden, activation)
            : expanded.map { Reference.activation($0, activation) }
        return linear(parameters, "\(name).projection", activated, inputWidth: hidden)
    }

    /// Normalizes rows of as many values as the scale has.
    package func normalized(_ parameters: [String: [Double]], _ name: String, _ input: [Double]) -> [Double] {
        let scale = parameters["\(name).scale"]!
        if isRootMeanSquare {
            return Reference.rmsNormalization(input, scale: scale.map { $0 + scaleOffset }, epsilon: epsilon).output
        }
        return Reference.layerNormalization(
            input, scale: scale, shift: parameters["\(name).shift"], epsilon: epsilon
        ).output
    }

    func linear(
        _ parameters: [String: [Double]], _ name: String, _ input: [Double], inputWidth: Int? = nil
    ) -> [Double] {
        let inputWidth = inputWidth ?? width
        return Reference.linear(
            input, weight: parameters["\(name).weight"]!, bias: parameters["\(name).bias"],
            rows: input.count / inputWidth, inputWidth: inputWidth)
    }

    func dropped(_ values: [Double], _ dropout: Reference.Dropout?, site: inout Int) -> [Double] {
        site += 1
        return dropout?.applied(to: values, site: site - 1) ?? values
    }
}
