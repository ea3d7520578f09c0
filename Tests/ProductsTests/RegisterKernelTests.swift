import CProducts
import Glibc
import TestSupport
import Tensors
import Testing

/// The register kernels of all instruction sets that this CPU has.
@Suite struct RegisterKernelTests {
    private static let levels = (cproducts_portable.rawValue...cproducts_supported().rawValue).map {
        cproducts_level(rawValue: $0)
    }

    /// A sum is one fused multiply-add after the other, whatever the width of vectors.
    @Test(arguments: [true, false], [1, 5, 384])
    func sumsHaveTheSameBits(isRowMajor: Bool, depth: Int) {
        let (rows, columns) = (cproducts_rows, cproducts_columns)
        let (left, right) = (floats(rows * depth, seed: 1), floats(depth * columns, seed: 2))
        let (before, shift) = (floats(rows * columns, seed: 3), floats(columns, seed: 4))
        let strip = strip(left, depth: depth, isRowMajor)
        for level in RegisterKernelTests.levels {
            let kernel = cproducts_choose(
                level, cproducts_float32, isRowMajor ? cproducts_row_major : cproducts_word_major)!
            for count in 1...rows {
                for (adding, shifting) in [(false, false), (true, false), (false, true), (true, true)] {
                    var sums = before
                    withAligned(right) { right in
                        shift.withUnsafeBufferPointer {
                            kernel(
                                strip, isRowMajor ? depth : rows, right, depth, &sums, columns, Int32(count),
                                adding ? 1 : 0, shifting ? $0.baseAddress : nil)
                        }
                    }
                    for index in 0..<count * columns {
                        var sum: Float = 0
                        for w in 0..<depth {
                            sum = fmaf(left[index / columns * depth + w], right[w * columns + index % columns], sum)
                        }
                        var expected = adding ? before[index] + sum : sum
                        if shifting { expected += shift[index % columns] }
                        guard sums[index].bitPattern != expected.bitPattern else { continue }
                        Issue.record("level \(level.rawValue), \(count) rows, element \(index): \(sums[index])")
                        return
                    }
                }
            }
        }
    }

    /// Pairs of bfloat16: the error is that of Float32 sums.
    @Test(arguments: [true, false])
    func pairsAreMultiplied(isRowMajor: Bool) {
        let (rows, columns, depth) = (cproducts_rows, cproducts_columns, 96)
        for level in RegisterKernelTests.levels {
            guard
                let kernel = cproducts_choose(
                    level, cproducts_bfloat16_pair, isRowMajor ? cproducts_row_major : cproducts_word_major)
            else { continue }
            let (left, right) = (normals(rows * 2 * depth, seed: 1), normals(2 * depth * columns, seed: 2))
            func word(_ lower: Double, _ upper: Double) -> Float {
                Float(bitPattern: UInt32(BFloat16(lower).bitPattern) | UInt32(BFloat16(upper).bitPattern) << 16)
            }
            let leftWords = (0..<rows * depth).map { word(left[2 * $0], left[2 * $0 + 1]) }
            let rightWords = (0..<depth * columns).map { index in
                let (w, c) = (index / columns, index % columns)
                return word(right[2 * w * columns + c], right[(2 * w + 1) * columns + c])
            }
            var sums = [Float](repeating: .nan, count: rows * columns)
            let strip = strip(leftWords, depth: depth, isRowMajor)
            withAligned(rightWords) {
                kernel(strip, isRowMajor ? depth : rows, $0, depth, &sums, columns, Int32(rows), 0, nil)
            }
            let expected = Reference.matrixProduct(left, right, m: rows, n: columns, k: 2 * depth)
            expectClose(sums, expected, absolute: 2 * Double(depth) * 0x1p-24 * 16, "level \(level.rawValue)")
        }
    }

    private func floats(_ count: Int, seed: UInt64) -> [Float] { unroundedNormals(count, seed: seed).map { Float($0) } }

    /// Returns a packed strip of A from its rows.
    private func strip(_ left: [Float], depth: Int, _ isRowMajor: Bool) -> [Float] {
        let rows = cproducts_rows
        var strip = [Float](repeating: 0, count: rows * depth)
        for row in 0..<rows {
            for w in 0..<depth {
                strip[isRowMajor ? row * depth + w : w * rows + row] = left[row * depth + w]
            }
        }
        return strip
    }

    /// Calls `body` with a copy of `values` that is aligned to vectors.
    private func withAligned(_ values: [Float], _ body: (UnsafeRawPointer) -> Void) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * values.count, alignment: 64)
        defer { copy.deallocate() }
        values.withUnsafeBytes { copy.copyMemory(from: $0) }
        body(UnsafeRawPointer(copy.baseAddress!))
    }
}
