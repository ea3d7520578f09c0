import Glibc

// B sequences, T positions, H heads, D head width, C = H · D.

extension Reference {
    /// Causal attention that keeps all probabilities.
    package struct CausalAttention {
        package let sequences: Int
        package let positions: Int
        package let heads: Int
        package let headWidth: Int
        /// What each probability is multiplied with, by sequence, head, query and key.
        package let dropoutFactor: (_ sequence: Int, _ head: Int, _ query: Int, _ key: Int) -> Double

        package init(
            sequences: Int, positions: Int, heads: Int, headWidth: Int,
            dropoutFactor: @escaping (Int, Int, Int, Int) -> Double = { _, _, _, _ in 1 }
        ) {
            self.sequences = sequences
            self.positions = positions
            self.heads = heads
            self.headWidth = headWidth
            self.dropoutFactor = dropoutFactor
        }

        private var width: Int { heads * headWidth }

        /// The place in [B, T, 3C] of a head's query (part 0), key (1) or value (2).
        private func place(_ part: Int, _ b: Int, _ t: Int, _ h: Int) -> Int {
            (b * positions + t) * 3 * width + part * width + h * headWidth
        }

        private func scores(_ queryKeyValue: [Double], _ b: Int, _ h: Int, query: Int) -> [Double] {
            (0...query).map { key in
                var sum = 0.0
                for d in 0..<headWidth {
                    sum += queryKeyValue[place(0, b, query, h) + d] * queryKeyValue[place(1, b, key, h) + d]
                }
                return sum / Double(headWidth).squareRoot()
            }
        }

        /// From [B, T, 3C] to [B, T, C], and the logarithm of each row's sum, [B, H, T].
        package func forward(_ queryKeyValue: [Double]) -> (output: [Double], logSums: [Double]) {
            var output = [Double](repeating: 0, count: sequences * positions * width)
            var logSums: [Double] = []
            for b in 0..<sequences {
                for h in 0..<heads {
                    for query in 0..<positions {
                        let scores = scores(queryKeyValue, b, h, query: query)
                        let target = (b * positions + query) * width + h * headWidth
                        for (key, probability) in softmax(scores).enumerated() {
                            let factor = probability * dropoutFactor(b, h, query, key)
                            for d in 0..<headWidth {
                                output[target + d] += factor * queryKeyValue[place(2, b, key, h) + d]
                            }
                        }
                        logSums.append(logSumOfExponentials(scores))
                    }
                }
            }
            return (output, logSums)
        }

        /// The gradient of queries, keys and values, [B, T, 3C].
        package func backward(_ queryKeyValue: [Double], outputGradient: [Double]) -> [Double] {
            var gradient = [Double](repeating: 0, count: queryKeyValue.count)
            for b in 0..<sequences {
                for h in 0..<heads {
                    for query in 0..<positions {
                        let probabilities = softmax(scores(queryKeyValue, b, h, query: query))
                        let source = (b * positions + query) * width + h * headWidth
                        var probabilityGradients = [Double](repeating: 0, count: query + 1)
                        for key in 0...query {
                            let factor = dropoutFactor(b, h, query, key)
                            for d in 0..<headWidth {
                                let value = place(2, b, key, h) + d
                                gradient[value] += factor * probabilities[key] * outputGradient[source + d]
                                probabilityGradients[key] += factor * queryKeyValue[value] * outputGradient[source + d]
                            }
                        }
                        let mean = dot(probabilities, probabilityGradients)
                        for key in 0...query {
                            let scoreGradient = probabilities[key] * (probabilityGradients[key] - mean)
                            let factor = scoreGradient / Double(headWidth).squareRoot()
                            for d in 0..<headWidth {
                                gradient[place(0, b, query, h) + d] += factor * queryKeyValue[place(1, b, key, h) + d]
                                gradient[place(1, b, key, h) + d] += factor * queryKeyValue[place(0, b, query, h) + d]
                            }
                        }
                    }
                }
            }
            return gradient
        }
    }

    /// e^x / Σ e^x.
    package static func softmax(_ values: [Double]) -> [Double] {
        let logSum = logSumOfExponentials(values)
        return values.map { exp($0 - logSum) }
    }

    /// log Σ e^x.
    package static func logSumOfExponentials(_ values: [Double]) -> Double {
        let maximum = values.max()!
        return maximum + log(values.reduce(0) { $0 + exp($1 - maximum) })
    }
}
