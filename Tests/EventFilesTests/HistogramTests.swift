import TestSupport
import Testing

@testable import EventFiles

struct HistogramTests {
    private func histogram(_ values: [Float], scale: Double = 1) -> Histogram? {
        var counts = [Int64](repeating: 0, count: HistogramBuckets.count)
        var (range, sums) = ((Float.infinity, -Float.infinity), (0.0, 0.0))
        HistogramBuckets.add(values, count: values.count, to: &counts, range: &range, sums: &sums)
        return counts.withUnsafeBufferPointer {
            HistogramBuckets.histogram($0, range: range, sums: sums, scale: scale)
        }
    }

    /// Every value lies between the bounds of its bucket, and each bucket is at most an eighth of a power of two wide.
    @Test func bucketsHoldTheirValues() throws {
        let values =
            normals(500, seed: 1).map { Float($0) } + normals(500, seed: 2, deviation: 1e-5).map { Float($0) }
            + [0, -0, 1, -1, 1e-30, -1e-30, 3e38, -3e38, .leastNonzeroMagnitude]
        let found = try #require(histogram(values))
        #expect(found.count == Double(values.count) && found.counts.reduce(0, +) == found.count)
        #expect(zip(found.limits, found.limits.dropFirst()).allSatisfy(<))
        #expect(found.minimum == Double(values.min()!) && found.maximum == Double(values.max()!))
        var lower = -Double.infinity
        for (limit, count) in zip(found.limits, found.counts) {
            let inside = values.filter { value in
                let number = Double(value)
                // The bound that is closer to zero belongs to a negative bucket's neighbour.
                return abs(number) >= 4e9 || abs(number) < 3.5e-15
                    ? false : number < 0 ? lower < number && number <= limit : lower <= number && number < limit
            }
            if limit > 1e-14, limit < 4e9, lower > 0 {
                #expect(Double(inside.count) == count, "\(lower) ..< \(limit)")
                #expect(limit <= lower * 1.125 + 1e-30 || count == 0, "\(lower) ..< \(limit)")
            }
            if limit < -1e-14, lower > -4e9 {
                #expect(Double(inside.count) == count, "\(lower) ... \(limit)")
            }
            lower = limit
        }
    }

    @Test func scaleAppliesToAllParts() throws {
        let values: [Float] = [1, -2, 4]
        let (plain, half) = (try #require(histogram(values)), try #require(histogram(values, scale: 0.5)))
        #expect(half.limits == plain.limits.map { $0 / 2 } && half.counts == plain.counts)
        #expect(half.sum == 1.5 && half.sumOfSquares == 21.0 / 4 && (half.minimum, half.maximum) == (-1, 2))
    }

    @Test func valuesThatAreNotFiniteHaveNoHistogram() {
        #expect(histogram([]) == nil)
        #expect(histogram([1, .nan]) == nil)
        #expect(histogram([1, .infinity]) == nil)
    }
}
