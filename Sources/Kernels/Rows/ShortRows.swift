import CTiles
import Numbers
import Tensors

// Operations on rows of tables of which only some are read, in no order of their own.

/// Asks for the cache lines of a row.
@inline(__always)
func fetchRow<Element>(_ row: UnsafePointer<Element>, count: Int) {
    let line = UnsafeRawPointer(row)
    var offset = 0
    while offset < count * MemoryLayout<Element>.stride {
        ctiles_prefetch(line + offset)
        offset += arenaAlignmentBytes
    }
    ctiles_prefetch(line + count * MemoryLayout<Element>.stride - 1)
}

/// Returns Σ a·b, with the bits of `dot`.
@inline(__always)
func product<Element: Storage>(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Element>, count: Int
) -> Float {
    var sum = SIMD16<Float>()
    for (offsets, width) in vectors(count) {
        for i in offsets { sum = sum.addingProduct(load(a + i, width), load(b + i, width)) }
    }
    return sum.lanesSum
}

/// Computes sum += factor · row.
@inline(__always)
func addProduct<Element: Storage>(
    _ row: UnsafePointer<Element>, factor: Float, accumulatingInto sum: UnsafeMutablePointer<Float>, count: Int
) {
    for (offsets, width) in vectors(count) {
        for i in offsets {
            store(load(sum + i, width).addingProduct(load(row + i, width), SIMD16(repeating: factor)), sum + i, width)
        }
    }
}

/// Computes sum += factor · row for two rows, one after the other; the sums stay in registers in between.
@inline(__always)
func addProducts(
    _ first: UnsafePointer<Float>, factor firstFactor: Float, _ second: UnsafePointer<Float>,
    factor secondFactor: Float, accumulatingInto sum: UnsafeMutablePointer<Float>, count: Int
) {
    let (a, b) = (SIMD16(repeating: firstFactor), SIMD16(repeating: secondFactor))
    for (offsets, width) in vectors(count) {
        for i in offsets {
            let added = load(sum + i, width).addingProduct(load(first + i, width), a)
            store(added.addingProduct(load(second + i, width), b), sum + i, width)
        }
    }
}

/// Returns the sum of `count` elements with the bits of a loss of a row in `binaryCrossEntropy`.
@inline(__always)
func vectorSum(_ terms: UnsafePointer<Float>, count: Int) -> Float {
    var sum = SIMD16<Float>()
    for (offsets, width) in vectors(count) { for i in offsets { sum += load(terms + i, width) } }
    return sum.lanesSum
}
