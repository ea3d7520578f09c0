import Numbers

/// Computes average += rate · (values − average).
///
/// - Returns: The checksums of the average.
/// - Complexity: O(count); allocates nothing.
@discardableResult
package func movingAverage(
    _ values: UnsafePointer<Float>, into average: UnsafeMutablePointer<Float>, rate: Float, count: Int
) -> OverwritingChecksums {
    var checksums = OverwritingChecksums()
    for (offsets, width) in vectors(count) {
        for i in offsets {
            let a = load(average + i, width)
            checksums.before.add(a.bits)
            store(a.addingProduct(load(values + i, width) - a, SIMD16(repeating: rate)), average + i, width)
            checksums.after.add(words(UnsafePointer(average + i), width))
        }
    }
    return checksums
}

/// Swaps the contents of two buffers of `count` elements.
package func swap(_ one: UnsafeMutablePointer<Float>, _ other: UnsafeMutablePointer<Float>, count: Int) {
    parallelElements(count) { range in
        for (offsets, width) in vectors(in: range) {
            for i in offsets {
                let (a, b) = (load(one + i, width), load(other + i, width))
                store(b, one + i, width)
                store(a, other + i, width)
            }
        }
    }
}
