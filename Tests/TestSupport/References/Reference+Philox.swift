extension Reference {
    /// Computes Philox4x32-10 on plain integers, following figure 2 of the paper.
    ///
    /// - Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
    package static func philox(counter: [UInt32], key: [UInt32]) -> [UInt32] {
        var (x0, x1, x2, x3) = (counter[0], counter[1], counter[2], counter[3])
        var (k0, k1) = (key[0], key[1])
        for _ in 0..<10 {
            let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: x0)
            let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: x2)
            (x0, x1, x2, x3) = (second.high ^ x1 ^ k0, second.low, first.high ^ x3 ^ k1, first.low)
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return [x0, x1, x2, x3]
    }

    /// Dropout of one step, evaluated one element at a time.
    package struct Dropout: Sendable {
        package let rate: Float
        package let seed: UInt64
        package let step: UInt64
        /// The global sample index of each sequence.
        package let samples: [UInt64]

        package init(rate: Double, seed: UInt64, step: Int, samples: [UInt64]) {
            self.rate = Float(rate)
            self.seed = seed
            self.step = UInt64(step)
            self.samples = samples
        }

        /// Returns the factor of element `element` of a sequence at one dropout site: 0 or 1/(1 − rate).
        ///
        /// The key is the first two words of Philox over (purpose 3, site, step) under the seed. Of elements 32g ..<
        /// 32g + 32 the first sixteen use words 0 and 1 of counters 8g ..< 8g + 8 alternately, the others words 2 and
        /// 3; the upper half of a counter is the sample.
        package func factor(sequence: Int, site: Int, element: Int) -> Double {
            let key = philox(
                counter: [3, UInt32(site), UInt32(truncatingIfNeeded: step), UInt32(step >> 32)],
                key: [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)])
            let (group, place) = (element / 32, element % 32)
            let (counter, sample) = (UInt64(8 * group + place % 16 / 2), samples[sequence])
            let words = philox(
                counter: [
                    UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32),
                    UInt32(truncatingIfNeeded: sample), UInt32(sample >> 32),
                ], key: Array(key[..<2]))
            // The upper 23 bits as a value in [1, 2), compared with 1 + rate.
            let number = 1 + Double(words[2 * (place / 16) + place % 2] >> 9) * 0x1p-23
            let isDropped = number < Double(1 + rate)
            return isDropped ? 0 : Double(1 / (1 - rate))
        }

        /// Returns `values`, [sequences, elements], after dropout at `site`.
        package func applied(to values: [Double], site: Int) -> [Double] {
            let elements = values.count / samples.count
            return values.enumerated().map {
                $1 * factor(sequence: $0 / elements, site: site, element: $0 % elements)
            }
        }

        /// Returns the dropout factor of an attention probability; the elements of each query start at a multiple of
        /// 32.
        package func attentionFactor(
            sequence: Int, site: Int, head: Int, query: Int, key: Int, queries: Int, keys: Int
        ) -> Double {
            let row = (head * queries + query) * ((keys + 31) / 32 * 32)
            return factor(sequence: sequence, site: site, element: row + key)
        }
    }
}
