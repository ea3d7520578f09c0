import Failures

/// The samples of several datasets, one after another.
package final class MixedSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    package let truncatedCount: Int
    package let droppedCount: Int
    /// The order in which the parts are trained on; nil if they are only evaluated.
    let mixture: Mixture?
    /// The number of samples of each part.
    let partCounts: [Int]
    private let parts: [any Samples]
    /// The first sample of each part.
    private let firsts: [Int]

    /// The samples of `parts`, which have the same shape; there is at least one.
    ///
    /// - Parameter mixture: The order of training; nil: the samples are only evaluated.
    package init(_ parts: [any Samples], _ mixture: Mixture?) {
        shape = parts[0].shape
        precondition(parts.allSatisfy { $0.shape == parts[0].shape }, "parts of another shape")
        (self.parts, self.mixture) = (parts, mixture)
        partCounts = parts.map(\.count)
        count = partCounts.reduce(0, +)
        truncatedCount = parts.reduce(0) { $0 + $1.truncatedCount }
        droppedCount = parts.reduce(0) { $0 + $1.droppedCount }
        var (firsts, first) = ([Int](), 0)
        for count in partCounts {
            firsts.append(first)
            first += count
        }
        self.firsts = firsts
    }

    package func length(of sample: Int) throws(Failure) -> Int {
        let (part, inside) = place(of: sample)
        return try parts[part].length(of: inside)
    }

    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        let (part, inside) = place(of: sample)
        try parts[part].load(inside, draw, into: &row)
    }

    private func place(of sample: Int) -> (part: Int, inside: Int) {
        precondition(sample >= 0 && sample < count, "sample outside the parts")
        let part = (firsts.firstIndex { $0 > sample } ?? firsts.count) - 1
        return (part, sample - firsts[part])
    }
}
