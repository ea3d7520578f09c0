/// The distribution of a tensor's values.
package struct Histogram: Equatable, Sendable {
    /// The smallest and the largest value.
    package var minimum: Double
    package var maximum: Double
    /// The number of values.
    package var count: Double
    /// The sum of the values, and of their squares.
    package var sum: Double
    package var sumOfSquares: Double
    /// The upper bound of each bucket, ascending. A bucket begins where the one before ends.
    package var limits: [Double]
    /// The number of values in each bucket.
    package var counts: [Double]

    /// Creates a histogram from its parts, of which `limits` and `counts` have the same length.
    package init(
        minimum: Double, maximum: Double, count: Double, sum: Double, sumOfSquares: Double, limits: [Double],
        counts: [Double]
    ) {
        precondition(limits.count == counts.count, "a count for each bucket")
        (self.minimum, self.maximum, self.count) = (minimum, maximum, count)
        (self.sum, self.sumOfSquares, self.limits, self.counts) = (sum, sumOfSquares, limits, counts)
    }
}

/// Buckets that are the same for all tensors, so that ranks can add their counts.
///
/// Eight buckets divide each power of two from 2⁻⁴⁸ to 2³², for positive and for negative values; values closer to zero
/// share one bucket. The bucket of a number follows from its exponent and the first three bits of its significand.
package enum HistogramBuckets {
    /// The number of buckets of each sign.
    private static let signCount = 80 * 8
    /// The bits of the smallest positive number outside the bucket of zero, without the 20 last ones.
    private static let first = (127 - 48) << 3
    /// The number of buckets.
    package static let count = 2 * signCount + 1

    /// Adds the values to the counts of their buckets, and to their sum and the sum of squares.
    ///
    /// - Parameters:
    ///   - counts: The number of values in each bucket, shape [count].
    ///   - range: The smallest and the largest value so far.
    package static func add(
        _ values: UnsafePointer<Float>, count: Int, to counts: UnsafeMutablePointer<Int64>, range: inout (Float, Float),
        sums: inout (Double, Double)
    ) {
        for index in 0..<count {
            let value = values[index]
            let magnitude = Int(value.bitPattern & 0x7FFF_FFFF) >> 20
            let place = max(0, min(magnitude - first + 1, signCount))
            counts[value < 0 ? signCount - place : signCount + place] += 1
            if value < range.0 { range.0 = value }
            if value > range.1 { range.1 = value }
            sums.0 += Double(value)
            sums.1 += Double(value) * Double(value)
        }
    }

    /// The number at which bucket `index` ends.
    private static func limit(_ index: Int) -> Double {
        let place = index - signCount
        // A negative bucket ends at the number closer to zero.
        let bits = first + (place < 0 ? -place - 1 : place)
        let magnitude = Double(Float(bitPattern: UInt32(bits) << 20))
        return place < 0 ? -magnitude : magnitude
    }

    /// The histogram of counts: every bucket with a value in it, and one for each gap between them.
    ///
    /// - Parameter scale: A positive factor of all values.
    /// - Returns: nil if there is no value, or one that is not finite.
    package static func histogram(
        _ counts: UnsafeBufferPointer<Int64>, range: (Float, Float), sums: (Double, Double), scale: Double = 1
    ) -> Histogram? {
        let total = counts.reduce(0, +)
        guard total > 0, sums.1.isFinite else { return nil }
        var (limits, numbers): ([Double], [Double]) = ([], [])
        var previous: Int?
        for index in counts.indices where counts[index] > 0 {
            if previous != index - 1, index > 0 {
                limits.append(scale * limit(index - 1))
                numbers.append(0)
            }
            limits.append(scale * limit(index))
            numbers.append(Double(counts[index]))
            previous = index
        }
        // Values outside the buckets are in the last one.
        limits[limits.count - 1] = max(limits[limits.count - 1], scale * Double(range.1))
        return Histogram(
            minimum: scale * Double(range.0), maximum: scale * Double(range.1), count: Double(total),
            sum: scale * sums.0, sumOfSquares: scale * scale * sums.1, limits: limits, counts: numbers)
    }
}
