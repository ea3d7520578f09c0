import CProducts
import Glibc
@testable import Products
import TestSupport
import Tensors
import Testing

/// The columns of a product, a multiple of the columns of every kernel's strips.
private let blockColumns = 32

/// The register kernels of all instruction sets that this CPU has.
@Suite struct RegisterKernelTests {
    private static let levels = (cproducts_portable.rawValue...cproducts_supported().rawValue).map {
        cproducts_level(rawValue: $0)
    }

    /// A sum is one fused multiply-add after the other, whatever the width of vectors.
    @Test(arguments: [true, false], [1, 5, 384])
    func sumsHaveTheSameBits(isRowMajor: Bool, depth: Int) {
        let (rows, columns) = (cproducts_rows, blockColumns)
        let (left, right) = (floats(rows * depth, seed: 1), floats(depth * columns, seed: 2))
        let (before, shift) = (floats(rows * columns, seed: 3), floats(columns, seed: 4))
        let strip = strip(left, depth: depth, isRowMajor)
        let choices = [false, true].flatMap { packing in
            [(false, false), (true, false), (false, true), (true, true)].map { ($0.0, $0.1, packing) }
        }
        for level in RegisterKernelTests.levels {
            let kernels = cproducts_choose(
                level, cproducts_float32, isRowMajor ? cproducts_row_major : cproducts_word_major)
            for count in 1...rows {
                for (adding, shifting, packing) in choices {
                    var sums = before
                    shift.withUnsafeBufferPointer {
                        multiply(
                            kernels, strip, isRowMajor ? depth : rows, right, rowElements: columns, packing, depth,
                            count, &sums, adding, shifting ? $0.baseAddress : nil)
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

    /// Float16 that the kernel converts and packs give the sums of the same Float32.
    @Test(arguments: [true, false])
    func halvesAreWidened(isRowMajor: Bool) {
        let (rows, columns, depth, rowElements) = (cproducts_rows, blockColumns, 40, blockColumns + 7)
        let strip = strip(floats(rows * depth, seed: 1), depth: depth, isRowMajor)
        let halves = floats(depth * rowElements, seed: 2).map { Float16($0) }
        let right = (0..<depth * columns).map { Float(halves[$0 / columns * rowElements + $0 % columns]) }
        for level in RegisterKernelTests.levels {
            var kernels = cproducts_choose(
                level, cproducts_float32, isRowMajor ? cproducts_row_major : cproducts_word_major)
            guard let widening = kernels.widen_and_multiply else { continue }
            var expected = [Float](repeating: .nan, count: rows * columns)
            var sums = expected
            multiply(
                kernels, strip, isRowMajor ? depth : rows, right, rowElements: columns, false, depth, rows, &expected,
                false, nil)
            kernels.pack_and_multiply = widening
            multiply(
                kernels, strip, isRowMajor ? depth : rows, halves, rowElements: rowElements, true, depth, rows, &sums,
                false, nil)
            #expect(sums == expected, "level \(level.rawValue)")
        }
    }

    /// Pairs of bfloat16: the error is that of Float32 sums, and columns that the kernel packs give the same sums.
    @Test(arguments: [true, false])
    func pairsAreMultiplied(isRowMajor: Bool) {
        let operands = PairOperands(depth: 96)
        let (rows, columns, depth) = (cproducts_rows, blockColumns, operands.depth)
        let expected = Reference.matrixProduct(operands.left, operands.right, m: rows, n: columns, k: 2 * depth)
        // A row of the matrix is longer than a strip.
        let rowElements = columns + 7
        var stored = [BFloat16](repeating: BFloat16(Float.nan), count: 2 * depth * rowElements)
        for (index, number) in operands.right.enumerated() {
            stored[index / columns * rowElements + index % columns] = BFloat16(Float(number))
        }
        forEachPairKernel(isRowMajor) { kernels in
            let strip = strip(operands.leftWords, depth: depth, isRowMajor)
            let distance = isRowMajor ? depth : rows
            var sums = [Float](repeating: .nan, count: rows * columns)
            multiply(
                kernels, strip, distance, operands.rightWords, rowElements: columns, false, depth, rows, &sums, false,
                nil)
            expectClose(sums, expected, absolute: 2 * Double(depth) * 0x1p-24 * 16)
            var packed = [Float](repeating: .nan, count: rows * columns)
            multiply(
                kernels, strip, distance, stored, rowElements: rowElements, true, depth, rows, &packed, false, nil)
            #expect(packed == sums)
        }
    }

    /// A rounded result contains earlier sums, which stay as they are, and the shift.
    @Test(arguments: [true, false])
    func resultsAreRounded(isRowMajor: Bool) {
        let operands = PairOperands(depth: 4)
        let (rows, columns, depth) = (cproducts_rows, blockColumns, operands.depth)
        let (before, shift) = (floats(rows * columns, seed: 3), floats(columns, seed: 4))
        let stride = columns + 7
        forEachPairKernel(isRowMajor) { kernels in
            let strip = strip(operands.leftWords, depth: depth, isRowMajor)
            var (sums, untouched) = (before, before)
            var rounded = [UInt16](repeating: 0, count: rows * stride)
            func multiply(into sums: inout [Float], rounded: UnsafeMutablePointer<UInt16>?) {
                shift.withUnsafeBufferPointer {
                    self.multiply(
                        kernels, strip, isRowMajor ? depth : rows, operands.rightWords, rowElements: columns, false,
                        depth, rows, &sums, true, $0.baseAddress, rounded: rounded, roundedStride: stride)
                }
            }
            multiply(into: &sums, rounded: nil)
            rounded.withUnsafeMutableBufferPointer { multiply(into: &untouched, rounded: $0.baseAddress) }
            #expect(untouched == before)
            for (index, number) in rounded.enumerated() {
                let (row, column) = (index / stride, index % stride)
                #expect(number == (column < columns ? BFloat16(sums[row * columns + column]).bitPattern : 0))
            }
        }
    }

    /// Sums of Float32 products are rounded to Float16 by kernels that widen Float16.
    @Test(arguments: [true, false])
    func sumsAreRoundedToHalves(isRowMajor: Bool) {
        let (rows, columns, depth) = (cproducts_rows, blockColumns, 20)
        let strip = strip(floats(rows * depth, seed: 1), depth: depth, isRowMajor)
        let right = floats(depth * columns, seed: 2)
        for level in RegisterKernelTests.levels {
            let kernels = cproducts_choose(
                level, cproducts_float32, isRowMajor ? cproducts_row_major : cproducts_word_major)
            guard kernels.widen_and_multiply != nil else { continue }
            var sums = [Float](repeating: 0, count: rows * columns)
            var halves = [UInt16](repeating: 0, count: rows * columns)
            let distance = isRowMajor ? depth : rows
            multiply(
                kernels, strip, distance, right, rowElements: columns, false, depth, rows, &sums, false, nil)
            let expected = sums.map { Float16($0).bitPattern }
            halves.withUnsafeMutableBufferPointer {
                multiply(
                    kernels, strip, distance, right, rowElements: columns, false, depth, rows, &sums, false, nil,
                    rounded: $0.baseAddress, roundedStride: columns)
            }
            #expect(halves == expected, "level \(level.rawValue)")
        }
    }

    /// While a kernel multiplies, it packs strips of A as they are, or converted; its sums stay the same.
    @Test(arguments: [
        (cproducts_float32, cproducts_pack, false), (cproducts_float32, cproducts_pack, true),
        (cproducts_float32, cproducts_widen_and_pack, true),
        (cproducts_bfloat16_pair, cproducts_pack, false), (cproducts_bfloat16_pair, cproducts_pack, true),
        (cproducts_bfloat16_pair, cproducts_round_and_pack, false),
    ])
    func stripsArePackedAhead(word: cproducts_word, task: cproducts_task, isRowMajor: Bool) {
        let (depth, elements) = (48, word == cproducts_float32 ? 1 : 2)
        // All words of a row-major strip, or a fourth of the words of four word-major strips.
        let (strips, packedDepth) = isRowMajor ? (1, depth) : (PanelStrip.ahead, depth / PanelStrip.ahead)
        let rows = strips * cproducts_rows
        let isWidened = task == cproducts_widen_and_pack
        let numbers = floats(rows * packedDepth * elements, seed: 5)
        // Element e along K of row r is at `place(r, e)` of the stored matrix, whose rows are longer than a strip.
        let pitch = (isRowMajor ? packedDepth * elements : rows) + 7
        func place(_ row: Int, _ e: Int) -> Int { isRowMajor ? row * pitch + e : e * pitch + row }
        let size = isWidened || (word, task) == (cproducts_bfloat16_pair, cproducts_pack) ? 2 : 4
        let stored = UnsafeMutableRawPointer.allocate(
            byteCount: size * pitch * max(rows, packedDepth * elements), alignment: 64)
        defer { stored.deallocate() }
        func bits(_ row: Int, _ e: Int) -> UInt32 {
            let number = numbers[row * packedDepth * elements + e]
            if word == cproducts_bfloat16_pair { return UInt32(BFloat16(number).bitPattern) }
            return isWidened ? Float(Float16(number)).bitPattern : number.bitPattern
        }
        for row in 0..<rows {
            for e in 0..<packedDepth * elements {
                let (number, offset) = (numbers[row * packedDepth * elements + e], size * place(row, e))
                if size == 4 {
                    stored.storeBytes(of: number, toByteOffset: offset, as: Float.self)
                } else if isWidened {
                    stored.storeBytes(of: Float16(number), toByteOffset: offset, as: Float16.self)
                } else {
                    stored.storeBytes(of: BFloat16(number), toByteOffset: offset, as: BFloat16.self)
                }
            }
        }
        let strip = strip(floats(cproducts_rows * depth, seed: 1), depth: depth, isRowMajor)
        let right = floats(depth * blockColumns, seed: 2)
        for level in RegisterKernelTests.levels {
            let kernels = cproducts_choose(level, word, isRowMajor ? cproducts_row_major : cproducts_word_major)
            guard kernels.multiply != nil, !isWidened || kernels.widen_and_multiply != nil else { continue }
            var expected = [Float](repeating: .nan, count: cproducts_rows * blockColumns)
            var sums = expected
            var packed = [UInt32](repeating: 0, count: strips * cproducts_left_words)
            func multiply(into sums: inout [Float], ahead: cproducts_ahead, packing: Bool) {
                self.multiply(
                    kernels, strip, isRowMajor ? depth : cproducts_rows, right, rowElements: blockColumns, packing,
                    depth, cproducts_rows, &sums, false, nil, ahead: ahead)
            }
            multiply(into: &expected, ahead: .nothing, packing: false)
            for packing in elements == 1 ? [false, true] : [false] {
                packed.withUnsafeMutableBufferPointer {
                    let ahead = cproducts_ahead(
                        task: task, source: stored.assumingMemoryBound(to: CChar.self), pitch: size * pitch,
                        packed: $0.baseAddress)
                    multiply(into: &sums, ahead: ahead, packing: packing)
                }
                #expect(sums.map(\.bitPattern) == expected.map(\.bitPattern), "level \(level.rawValue)")
                for row in 0..<rows {
                    let (strip, line) = (row / cproducts_rows * cproducts_left_words, row % cproducts_rows)
                    for w in 0..<packedDepth {
                        let found = packed[
                            strip + (isRowMajor ? line * cproducts_row_words + w : w * cproducts_rows + line)]
                        let word =
                            elements == 1 ? bits(row, w) : bits(row, 2 * w) | bits(row, 2 * w + 1) << 16
                        guard found != word else { continue }
                        Issue.record("level \(level.rawValue), row \(row), word \(w): \(found) instead of \(word)")
                        return
                    }
                }
            }
        }
    }

    /// Several strips of B are multiplied, and packed, like one after the other.
    @Test(arguments: [false, true], [cproducts_rows, 7])
    func stripsOfBFollowEachOther(packing: Bool, rows: Int) {
        let (depth, strips) = (20, 3)
        let strip = strip(floats(cproducts_rows * depth, seed: 1), depth: depth, true)
        for level in RegisterKernelTests.levels {
            let kernels = cproducts_choose(level, cproducts_float32, cproducts_row_major)
            let width = Int(kernels.columns)
            let (right, shift) = (floats(depth * strips * width, seed: 2), floats(strips * width, seed: 3))
            let stride = strips * width + 5
            var sums = [Float](repeating: 0, count: cproducts_rows * stride)
            let panels = (0..<strips).map { s in
                (0..<depth * width).map { right[$0 / width * strips * width + s * width + $0 % width] }
            }
            let distance = depth * width + 16
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * strips * distance, alignment: 64)
            defer { memory.deallocate() }
            let words = memory.bindMemory(to: Float.self, capacity: strips * distance)
            words.initialize(repeating: .nan, count: strips * distance)
            if !packing {
                for s in 0..<strips { for i in 0..<depth * width { words[s * distance + i] = panels[s][i] } }
            }
            sums.withUnsafeMutableBufferPointer { sums in
                withUnsafeBytes(strip, right) { strip, right in
                    shift.withUnsafeBufferPointer { shift in
                        var operands = cproducts_operands(
                            left: strip.baseAddress, left_distance: depth, rows: Int32(rows), depth: depth,
                            right: memory,
                            right_distance: distance, strips: Int32(strips),
                            source: right.baseAddress?.assumingMemoryBound(to: CChar.self), pitch: 4 * strips * width)
                        var target = cproducts_target(
                            sums: sums.baseAddress, stride: stride, adding: 0, shift: shift.baseAddress, rounded: nil,
                            rounded_stride: 0, ahead: .nothing)
                        (packing ? kernels.pack_and_multiply : kernels.multiply)!(&operands, &target)
                    }
                }
            }
            for row in 0..<rows {
                for column in 0..<strips * width {
                    let sum = (0..<depth).reduce(Float(0)) {
                        fmaf(strip[row * depth + $1], right[$1 * strips * width + column], $0)
                    }
                    #expect(sums[row * stride + column] == sum + shift[column], "level \(level.rawValue)")
                }
            }
            for s in 0..<strips {
                #expect((0..<depth * width).allSatisfy { words[s * distance + $0] == panels[s][$0] })
            }
        }
    }

    /// A strip of A and one of B that consist of pairs of bfloat16.
    private struct PairOperands {
        let depth: Int
        let (left, right): ([Double], [Double])

        init(depth: Int) {
            self.depth = depth
            left = normals(cproducts_rows * 2 * depth, seed: 1)
            right = normals(2 * depth * blockColumns, seed: 2)
        }

        /// The words of the rows of A.
        var leftWords: [Float] {
            (0..<cproducts_rows * depth).map { PairOperands.word(left[2 * $0], left[2 * $0 + 1]) }
        }

        /// The words of B.
        var rightWords: [Float] {
            let columns = blockColumns
            return (0..<depth * columns).map { index in
                let (w, c) = (index / columns, index % columns)
                return PairOperands.word(right[2 * w * columns + c], right[(2 * w + 1) * columns + c])
            }
        }

        private static func word(_ lower: Double, _ upper: Double) -> Float {
            Float(bitPattern: UInt32(BFloat16(lower).bitPattern) | UInt32(BFloat16(upper).bitPattern) << 16)
        }
    }

    private func forEachPairKernel(_ isRowMajor: Bool, _ body: (cproducts_kernels) -> Void) {
        for level in RegisterKernelTests.levels {
            let kernels = cproducts_choose(
                level, cproducts_bfloat16_pair, isRowMajor ? cproducts_row_major : cproducts_word_major)
            if kernels.multiply != nil { body(kernels) }
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

    /// Multiplies by a kernel, which packs `right` itself if `packing`; a row of `right` has `rowElements` elements.
    private func multiply<Element>(
        _ kernels: cproducts_kernels, _ strip: [Float], _ distance: Int, _ right: [Element], rowElements: Int,
        _ packing: Bool, _ depth: Int, _ rows: Int, _ sums: inout [Float], _ adding: Bool,
        _ shift: UnsafePointer<Float>?, rounded: UnsafeMutablePointer<UInt16>? = nil, roundedStride: Int = 0,
        ahead: cproducts_ahead = .nothing
    ) {
        sums.withUnsafeMutableBufferPointer { sums in
            var target = cproducts_target(
                sums: sums.baseAddress, stride: blockColumns, adding: adding ? 1 : 0, shift: shift,
                rounded: rounded, rounded_stride: roundedStride, ahead: ahead)
            let width = Int(kernels.columns)
            // Panels are aligned to vectors.
            let panel = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * depth * blockColumns, alignment: 64)
            defer { panel.deallocate() }
            withUnsafeBytes(strip, right) { strip, right in
                if !packing {
                    for i in 0..<depth * blockColumns {
                        let (w, column) = (i / blockColumns, i % blockColumns)
                        panel.storeBytes(
                            of: right.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self),
                            toByteOffset: 4 * (column / width * depth * width + w * width + column % width),
                            as: UInt32.self)
                    }
                }
                var operands = cproducts_operands(
                    left: strip.baseAddress, left_distance: distance, rows: Int32(rows), depth: depth,
                    right: panel.baseAddress, right_distance: depth * width, strips: Int32(blockColumns / width),
                    source: right.baseAddress?.assumingMemoryBound(to: CChar.self),
                    pitch: rowElements * MemoryLayout<Element>.stride)
                (packing ? kernels.pack_and_multiply : kernels.multiply)!(&operands, &target)
            }
        }
    }

    /// Calls `body` with the memory of two arrays.
    private func withUnsafeBytes<A, B>(
        _ a: [A], _ b: [B], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        a.withUnsafeBytes { a in b.withUnsafeBytes { body(a, $0) } }
    }
}
