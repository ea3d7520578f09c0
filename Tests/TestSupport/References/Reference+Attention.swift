import Glibc

// B sequences, T queries and S keys per sequence, H query heads, K KV heads, D head dimension.

extension Reference {
    /// An attention mask that is evaluated one key at a time.
    package struct Mask: Sendable {
        package var isCausal: Bool
        /// The number of valid keys of each sequence; nil: all.
        package var lengths: [Int]?
        /// The length of each sequence's prefix, which a causal mask does not hide; nil: 0.
        package var prefixLengths: [Int]?
        /// The first key that each query attends to, [B, T]; nil: 0.
        package var documentStarts: [Int]?
        /// The distance from which on a query attends to no key; 0: any distance.
        package var window = 0

        package init(isCausal: Bool, lengths: [Int]? = nil, prefixLengths: [Int]? = nil, documentStarts: [Int]? = nil) {
            self.isCausal = isCausal
            self.lengths = lengths
            self.prefixLengths = prefixLengths
            self.documentStarts = documentStarts
        }

        /// Returns the keys that a query attends to; the query's first key if all others are masked.
        package func seen(sequence: Int, query: Int, queries: Int, keys: Int) -> [Int] {
            let first = documentStarts?[sequence * queries + query] ?? 0
            let seen = (0..<keys).filter { key in
                let isPast = key <= query || key < (prefixLengths?[sequence] ?? 0)
                if window > 0, abs(key - query) >= window { return false }
                return key >= first && key < (lengths?[sequence] ?? keys) && (isPast || !isCausal)
            }
            return seen.isEmpty ? [max(first, window > 0 ? query - window + 1 : 0)] : seen
        }
    }

    /// Queries [B, T, H · D], keys and values [B, S, K · D], or their gradients.
    package struct AttentionInput {
        package var queries: [Double]
        package var keys: [Double]
        package var values: [Double]

        package init(queries: [Double], keys: [Double], values: [Double]) {
            self.queries = queries
            self.keys = keys
            self.values = values
        }
    }

    /// Attention that materializes all probabilities.
    package struct Attention {
        package var sequences: Int
        package var queries: Int
        package var keys: Int
        package var heads: Int
        package var keyHeads: Int
        package var headWidth: Int
        package var mask: Mask
        /// The ALiBi slope of each head, subtracted per position of distance; empty without ALiBi.
        package var slopes: [Double] = []
        /// The bias of a score, by head and by the distance from query to key.
        package var bias: (_ head: Int, _ distance: Int) -> Double = { _, _ in 0 }
        /// Whether scores are divided by √D.
        package var scalesScores = true
        /// The dropout factor of each probability, by sequence, head, query and key.
        package var dropoutFactor: (_ sequence: Int, _ head: Int, _ query: Int, _ key: Int) -> Double

        package init(
            sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headWidth: Int, mask: Mask,
            slopes: [Double] = [], dropoutFactor: @escaping (Int, Int, Int, Int) -> Double = { _, _, _, _ in 1 }
        ) {
            self.sequences = sequences
            self.queries = queries
            self.keys = keys
            self.heads = heads
            self.keyHeads = keyHeads
            self.headWidth = headWidth
            self.mask = mask
            self.slopes = slopes
            self.dropoutFactor = dropoutFactor
        }

        /// One query of one head.
        private struct Look {
            let sequence: Int
            let head: Int
            let query: Int
            /// The offset of the query and of its output.
            let place: Int
            /// The keys it attends to, and the offsets of each of them and of its value.
            let keys: [Int]
            let keyPlaces: [Int]
        }

        private func forEachLook(_ body: (Look) -> Void) {
            for sequence in 0..<sequences {
                for head in 0..<heads {
                    let keyHead = head * keyHeads / heads
                    for query in 0..<queries {
                        let seen = mask.seen(sequence: sequence, query: query, queries: queries, keys: keys)
                        body(
                            Look(
                                sequence: sequence, head: head, query: query,
                                place: ((sequence * queries + query) * heads + head) * headWidth, keys: seen,
                                keyPlaces: seen.map { ((sequence * keys + $0) * keyHeads + keyHead) * headWidth }))
                    }
                }
            }
        }

        private var scale: Double { scalesScores ? 1 / Double(headWidth).squareRoot() : 1 }

        private func scores(_ input: AttentionInput, _ look: Look) -> [Double] {
            zip(look.keys, look.keyPlaces).map { key, place in
                var sum = 0.0
                for d in 0..<headWidth { sum += input.queries[look.place + d] * input.keys[place + d] }
                let penalty = slopes.isEmpty ? 0 : slopes[look.head] * Double(abs(look.query - key))
                return sum * scale - penalty + bias(look.head, key - look.query)
            }
        }

        /// Returns the output [B, T, H · D] and the log-sum-exp of each row, [B, H, T].
        package func forward(_ input: AttentionInput) -> (output: [Double], logSums: [Double]) {
            var output = [Double](repeating: 0, count: input.queries.count)
            var logSums: [Double] = []
            forEachLook { look in
                let scores = scores(input, look)
                for (index, probability) in softmax(scores).enumerated() {
                    let factor = probability * dropoutFactor(look.sequence, look.head, look.query, look.keys[index])
                    for d in 0..<headWidth {
                        output[look.place + d] += factor * input.values[look.keyPlaces[index] + d]
                    }
                }
                logSums.append(logSumOfExponentials(scores))
            }
            return (output, logSums)
        }

        /// Returns the gradients of queries, keys and values.
        ///
        /// - Parameter scoreGradient: Called with the gradient of each score, which is that of its bias.
        package func backward(
            _ input: AttentionInput, outputGradient: [Double],
            scoreGradient body: (_ sequence: Int, _ head: Int, _ distance: Int, Double) -> Void = { _, _, _, _ in }
        ) -> AttentionInput {
            var gradient = AttentionInput(
                queries: input.queries.map { _ in 0 }, keys: input.keys.map { _ in 0 },
                values: input.values.map { _ in 0 })
            forEachLook { look in
                let probabilities = softmax(scores(input, look))
                var probabilityGradients = [Double](repeating: 0, count: probabilities.count)
                for (index, place) in look.keyPlaces.enumerated() {
                    let factor = dropoutFactor(look.sequence, look.head, look.query, look.keys[index])
                    for d in 0..<headWidth {
                        let flow = factor * outputGradient[look.place + d]
                        gradient.values[place + d] += probabilities[index] * flow
                        probabilityGradients[index] += input.values[place + d] * flow
                    }
                }
                let mean = dot(probabilities, probabilityGradients)
                for (index, place) in look.keyPlaces.enumerated() {
                    let scoreGradient = probabilities[index] * (probabilityGradients[index] - mean)
                    let factor = scoreGradient * scale
                    body(look.sequence, look.head, look.keys[index] - look.query, scoreGradient)
                    for d in 0..<headWidth {
                        gradient.queries[look.place + d] += factor * input.keys[place + d]
                        gradient.keys[place + d] += factor * input.queries[look.place + d]
                    }
                }
            }
            return gradient
        }
    }

    /// Returns the ALiBi slopes: a geometric sequence from 2^(−8/P) with the largest power of two P ≤ H; further heads
    /// take every other slope of the sequence for 2P.
    ///
    /// - Source: Press, Smith & Lewis 2022, arXiv:2108.12409, section 3 and the authors' code.
    package static func slopes(heads: Int) -> [Double] {
        let power = 1 << (Int.bitWidth - 1 - heads.leadingZeroBitCount)
        let ratio = exp2(-8 / Double(power))
        return (0..<heads).map { head in
            head < power ? pow(ratio, Double(head + 1)) : pow(ratio.squareRoot(), Double(2 * (head - power) + 1))
        }
    }

    /// Returns e^x / Σ e^x.
    package static func softmax(_ values: [Double]) -> [Double] {
        let logSum = logSumOfExponentials(values)
        return values.map { exp($0 - logSum) }
    }

    /// Returns log Σ e^x.
    package static func logSumOfExponentials(_ values: [Double]) -> Double {
        let maximum = values.max()!
        return maximum + log(values.reduce(0) { $0 + exp($1 - maximum) })
    }
}
