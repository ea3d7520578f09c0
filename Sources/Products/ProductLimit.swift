import CProducts
import CTiles
import Tensors

/// The upper limit of the rate of matmuls, which is that of their innermost loop on operands in the L1 cache.
package enum ProductLimit {
    /// Multiplies and adds for some microseconds as matmuls do whose operands are stored in `format`.
    ///
    /// - Returns: The number of floating-point operations of a matmul, two per multiply-add, and a value that only
    ///   prevents the compiler from removing the loop.
    package static func multiply(_ format: FloatFormat) -> (operations: Int, sink: Float) {
        if ProductEngine.best == .tiles { return multiplyTiles(format) }
        let word = PanelProduct.word(asBFloat16: format == .bfloat16)
        let multiply = PanelProduct.kernels(word, .plain).multiply!
        let (rows, columns, depth, rounds) = (PanelStrip.rows, PanelStrip.columns, 256, 32)
        // One row of words serves as all rows.
        let left = ThreadScratch.ofThread.words(.left, PanelStrip.leftWords)
        let right = ThreadScratch.ofThread.words(.right, PanelStrip.rightWords(depth))
        let sums = ThreadScratch.ofThread.floats(.tile, rows * columns)
        left.update(repeating: 0, count: depth)
        right.update(repeating: 0, count: PanelStrip.rightWords(depth))
        var operands = cproducts_operands(
            left: left, left_distance: 0, rows: Int32(rows), depth: depth, right: right, right_distance: 0,
            strips: 1, source: nil, pitch: 0)
        var target = cproducts_target(
            sums: sums, stride: columns, adding: 0, shift: nil, rounded: nil, rounded_stride: 0, ahead: .nothing)
        for _ in 0..<rounds { multiply(&operands, &target) }
        return (2 * rows * columns * depth * word.elements * rounds, sums[0])
    }

    /// Multiplies tiles that stay in the L1 cache.
    private static func multiplyTiles(_ format: FloatFormat) -> (operations: Int, sink: Float) {
        let (steps, rounds) = (4, 100)
        let parts = format == .bfloat16 ? 1 : format == .float16 ? 2 : 3
        let edge = TilePacking.edge
        let scratch = ThreadScratch.ofThread
        let operand = scratch.memory(.left, bytes: steps * TilePacking.stepBytes(parts: parts))
        operand.initializeMemory(as: UInt8.self, repeating: 0, count: steps * TilePacking.stepBytes(parts: parts))
        let sums = scratch.floats(.edge, edge * edge)
        sums.update(repeating: 0, count: edge * edge)
        ctiles_begin()
        ctiles_load_sums(sums, 4 * edge)
        for _ in 0..<rounds { ctiles_accumulate(operand, operand, steps, Int32(parts)) }
        ctiles_store_sums(sums, 4 * edge)
        ctiles_end()
        return (2 * edge * edge * edge * steps * rounds, sums[0])
    }
}
