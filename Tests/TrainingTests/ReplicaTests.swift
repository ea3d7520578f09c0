import Collectives
import Datasets
import Kernels
import Layers
import Models
import Numbers
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Averaging

/// A step's gradient is the tree sum over its micro-batches, however many of them each rank has.
struct ReplicaTests {
    private let contextLength = 8
    private let vocabularySize = 31
    private let sequencesPerSlot = 2

    @Test(arguments: [[1, 1, 1, 1, 1, 1, 1, 1], [2, 2, 2, 2], [4, 4]])
    func sumsOfSubtreesEqualTheWholeTree(slotsOfRanks: [Int]) throws {
        try sumsOfSubtreesEqualTheWholeTree(slotsOfRanks, Float.self)
        try sumsOfSubtreesEqualTheWholeTree(slotsOfRanks, Float16.self)
    }

    @Test func oddNumbersOfSlotsEqualTheWholeTree() throws {
        try sumsOfSubtreesEqualTheWholeTree([1, 1, 1], Float.self)
        try sumsOfSubtreesEqualTheWholeTree([1, 1, 1, 1, 1], Float16.self)
        try sumsOfSubtreesEqualTheWholeTree([2, 2, 2], Float.self)
    }

    private func sumsOfSubtreesEqualTheWholeTree<Element: Storage>(
        _ slotsOfRanks: [Int], _: Element.Type
    ) throws {
        let slots = slotsOfRanks.reduce(0, +)
        let whole = try gradient(0..<slots, of: slots, Element.self)
        var (first, parts, losses): (Int, [[Element]], [Double]) = (0, [], [])
        for count in slotsOfRanks {
            let part = try gradient(first..<first + count, of: slots, Element.self)
            parts.append(part.gradient)
            losses += part.losses
            first += count
        }
        #expect(whole.gradient == treeSum(parts))
        #expect(whole.gradient.contains { $0 != 0 })
        #expect(whole.losses == losses)
        #expect(losses.allSatisfy { $0 > 0 })
    }

    /// Computes the gradient and losses of a rank with these micro-batches.
    private func gradient<Element: Storage>(
        _ own: Range<Int>, of slots: Int, _: Element.Type
    ) throws -> (gradient: [Element], losses: [Double]) {
        var model = ModelConfiguration()
        (model.layers, model.heads, model.width) = (2, 2, 16)
        let sizes = ModelSizes(vocabularySize: vocabularySize, contextLength: contextLength)
        let transformer = Transformer<Element>(model, sizes)
        let layout = transformer.layout
        let master = Arena<Float>(count: layout.count)
        layout.initialize(master, seed: 5)
        let averaging = try SharedMemoryAveraging<Element>(layout: layout, SoloCommunicator())
        convert(UnsafePointer(master.base), into: averaging.weights.base, count: layout.count)
        // Arenas are reused, so their previous contents must not matter.
        averaging.gradients.base.update(repeating: 3, count: layout.count)
        let replica = Replica(
            transformer, .crossEntropy(smoothing: 0), averaging: averaging, slots: own.count,
            sequencesPerSlot: sequencesPerSlot)
        var losses = [Double](repeating: 0, count: slots)
        let batches = try randomSlots(
            own, sequences: sequencesPerSlot, BatchShape(positions: contextLength), vocabularySize: vocabularySize,
            seed: 9)
        let rates = DropoutRates(embedding: 0.2, attention: 0.2, residual: 0.2)
        for _ in 0..<2 {
            try losses.withUnsafeMutableBufferPointer { losses in
                try replica.accumulate(
                    batches, firstSlot: own.lowerBound, slotLosses: losses.baseAddress!,
                    dropouts: { (Dropouts(rates, seed: 5, step: 3, samples: $0), nil) }, gradientScale: { 0.125 })
            }
            try averaging.finish()
        }
        let gradient = layout.parameters.flatMap { array(averaging.gradients.base + $0.offset, $0.count) }
        return (gradient, Array(losses[own]))
    }
}
