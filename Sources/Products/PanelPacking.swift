import CProducts
import CTiles
import Numbers
import Tensors

/// A word of a packed panel: a Float32, or two bfloat16 that are adjacent along K.
package enum PanelWord {
    case float32
    case bfloat16Pair

    /// The number of elements along K in a word.
    var elements: Int { self == .float32 ? 1 : 2 }

    /// The number of words for `depth` elements along K; the second element of an incomplete pair is 0.
    func words(_ depth: Int) -> Int { (depth + elements - 1) / elements }
}

/// Packs the elements `depths` along K of an operand into the strips that register kernels read: 12 rows of A or
/// `PanelStrip.columns` columns of B.
///
/// A strip of A whose stored rows lie along K is row-major, otherwise word-major, so that packing it never transposes.
/// Strips of B are always word-major.
struct PanelPacking<Element: Storage> {
    private let source: Factor<Element>
    private let depths: Range<Int>
    private let word: PanelWord
    private let factor: Float
    /// The number of words along K.
    let words: Int
    /// Whether stored rows along K consist of words.
    private let isPacked: Bool

    /// Whether register kernels read A where it is stored.
    var isInPlace: Bool {
        guard isPacked else { return false }
        // Rows at a multiple of 4 KiB share few lines of the L1 cache.
        if source.orientation == .plain { return source.stride % word.elements == 0 && storedBytes % 4096 != 0 }
        // Packing is faster if each word is on a page of its own, or the lines of a strip, on average 1.5 per word, do not
        // fit into the L1 cache: measured.
        return word == .float32 && source.stride < 1024 && words * 96 <= CacheSizes.first
    }

    /// The distance of rows or words in A as stored, in words.
    var storedDistance: Int { source.stride / word.elements }

    /// The distance of rows or words in a packed strip of A.
    var packedDistance: Int { source.orientation == .plain ? PanelStrip.rowWords : PanelStrip.rows }

    /// The distance of parts of a packed strip of A that have as many words as the panel along K, in bytes.
    var packedLineBytes: Int {
        (source.orientation == .plain ? PanelStrip.rowWords : words) * MemoryLayout<UInt32>.stride
    }

    /// Returns how kernels pack strips of A, or nil if they cannot.
    func leftTask(_ kernels: cproducts_kernels) -> cproducts_task? {
        if source.orientation == .plain {
            if words % lanes != 0 { return nil }
            if isPacked { return cproducts_pack }
            let widens = Element.self == Float16.self && word == .float32 && kernels.widen_and_multiply != nil
            return widens && factor == 1 ? cproducts_widen_and_pack : nil
        }
        if words % PanelStrip.ahead != 0 { return nil }
        if isPacked { return cproducts_pack }
        let rounds = Element.self == Float.self && word == .bfloat16Pair && depths.count % 2 == 0
        return rounds && factor == 1 ? cproducts_round_and_pack : nil
    }

    /// Whether A or B is stored as its transpose.
    var isTransposed: Bool { source.orientation == .transposed }

    /// Returns row `row` of A as stored, from word `word` along K on.
    func stored(row: Int, word index: Int = 0) -> UnsafeRawPointer {
        let (first, depth) = (source.from(row: row), depths.lowerBound + index * word.elements)
        return UnsafeRawPointer(first.base + depth * (source.orientation == .plain ? 1 : source.stride))
    }

    /// Returns the kernel that packs B and multiplies, or nil if there is none.
    func packingKernel(_ kernels: cproducts_kernels) -> cproducts_kernel? {
        guard source.orientation == .plain, factor == 1 else { return nil }
        if isPacked { return kernels.pack_and_multiply }
        return word == .float32 && Element.self == Float16.self ? kernels.widen_and_multiply : nil
    }

    /// Returns column `column` of B as stored.
    func stored(column: Int) -> UnsafeRawPointer {
        let first = source.from(column: column)
        return UnsafeRawPointer(first.base + depths.lowerBound * (source.orientation == .plain ? source.stride : 1))
    }

    /// The distance of stored rows in bytes.
    var storedBytes: Int { source.stride * MemoryLayout<Element>.stride }

    /// A packing of `source`, each element multiplied by `factor`.
    init(_ source: Factor<Element>, _ depths: Range<Int>, _ word: PanelWord, factor: Float = 1) {
        (self.source, self.depths, self.word, self.factor) = (source, depths, word, factor)
        words = word.words(depths.count)
        isPacked =
            factor == 1 && Element.self == (word == .float32 ? Float.self : BFloat16.self) as any Storage.Type
            && depths.count % word.elements == 0
    }

    /// Packs the rows `range` of the `count` rows of A, strip by strip.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    func packLeft(_ range: Range<Int>, of count: Int, into panel: UnsafeMutablePointer<UInt32>) {
        let strip = PanelStrip.rows
        if source.orientation == .plain {
            for (index, row) in range.enumerated() {
                packLine(
                    source.base + row * source.stride + depths.lowerBound, depths.count,
                    into: panel + index / strip * PanelStrip.leftWords + index % strip * PanelStrip.rowWords)
            }
            // Missing rows of the last strip.
            for index in range.count..<(range.count + strip - 1) / strip * strip {
                (panel + index / strip * PanelStrip.leftWords + index % strip * PanelStrip.rowWords)
                    .update(repeating: 0, count: words)
            }
            return
        }
        packAcross(
            from: range.lowerBound, count: count - range.lowerBound, strips: (range.count + strip - 1) / strip,
            width: strip, stripWords: PanelStrip.leftWords, into: panel)
    }

    /// Packs the columns `range` of B, a strip every `stripWords` words.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    func packRight(_ range: Range<Int>, stripWords: Int, into panel: UnsafeMutablePointer<UInt32>) {
        let strip = PanelStrip.columns
        let padded = (range.count + strip - 1) / strip * strip
        if source.orientation == .plain {
            return packAcross(
                from: range.lowerBound, count: range.count, strips: padded / strip, width: strip,
                stripWords: stripWords, into: panel)
        }
        for column in stride(from: 0, to: padded, by: lanes) {
            let lines = source.base + (range.lowerBound + column) * source.stride + depths.lowerBound
            packColumns(
                lines, count: max(0, min(lanes, range.count - column)),
                into: panel + column / strip * stripWords + column % strip)
        }
    }

    /// Packs up to 16 columns of B whose elements lie along K.
    @inline(__always)
    private func packColumns(
        _ lines: UnsafePointer<Element>, count: Int, into target: UnsafeMutablePointer<UInt32>
    ) {
        let lineBytes = PanelStrip.columns * MemoryLayout<UInt32>.stride
        let square = ThreadScratch.ofThread.words(.edge, lanes * lanes)
        for w in stride(from: 0, to: words, by: lanes) {
            let part = lines + w * word.elements
            let columns = target + w * PanelStrip.columns
            if count == lanes, w + lanes <= words {
                if isPacked {
                    transposeSquare(part, lineBytes: storedBytes, into: columns, lineBytes: lineBytes)
                    continue
                } else if word == .float32 {
                    transposeSquare(into: columns, lineBytes: lineBytes) {
                        (load(part + $0 * source.stride, lanes) * factor).bits
                    }
                    continue
                }
            }
            let depth = min(lanes * word.elements, depths.count - w * word.elements)
            for line in 0..<count { packLine(part + line * source.stride, depth, into: square + line * lanes) }
            (square + count * lanes).update(repeating: 0, count: (lanes - count) * lanes)
            transposeSquare(square, lineBytes: 64, into: columns, lineBytes: lineBytes)
        }
    }

    /// Packs `count` elements that lie along K.
    @inline(__always)
    private func packLine(_ line: UnsafePointer<Element>, _ count: Int, into target: UnsafeMutablePointer<UInt32>) {
        if isPacked {
            let count = count / word.elements
            let words = UnsafeRawPointer(line)
            var w = 0
            while w + lanes <= count {
                (words + 4 * w).loadUnaligned(as: VectorBits.self).store(target + w)
                w += lanes
            }
            while w < count {
                target[w] = (words + 4 * w).loadUnaligned(as: UInt32.self)
                w += 1
            }
        } else if word == .float32 {
            for (offsets, width) in vectors(count) {
                for offset in offsets {
                    (load(line + offset, width) * factor).bits.store(target + offset, width)
                }
            }
        } else {
            let halves = UnsafeMutableRawPointer(target).assumingMemoryBound(to: BFloat16.self)
            for (offsets, width) in vectors(count) {
                for offset in offsets { store(load(line + offset, width) * factor, halves + offset, width) }
            }
            if count % 2 == 1 { halves[count] = 0 }
        }
    }

    /// Packs neighbours across K into strips.
    ///
    /// - Parameters:
    ///   - start: The first element of each stored row.
    ///   - count: The number of elements from there on that may be read; words without element are 0.
    ///   - strips: The number of strips.
    ///   - width: The number of words of a strip.
    @inline(__always)
    private func packAcross(
        from start: Int, count: Int, strips: Int, width: Int, stripWords: Int, into panel: UnsafeMutablePointer<UInt32>
    ) {
        // A store writes 16 words. In a strip of 12, the last four are overwritten by the next line.
        let vectors = (width + lanes - 1) / lanes
        let whole = min(strips, max(0, count - vectors * lanes + width) / width)
        for w in 0..<words {
            let depth = depths.lowerBound + w * word.elements
            let first = source.base + depth * source.stride + start
            let second = first + source.stride
            let isPair = word == .bfloat16Pair && depth + 1 < depths.upperBound
            let target = panel + w * width
            if word == .float32 {
                for strip in 0..<whole {
                    for offset in stride(from: 0, to: width, by: lanes) {
                        (load(first + strip * width + offset, lanes) * factor).bits
                            .store(target + strip * stripWords + offset)
                    }
                }
            } else if isPair, let a = first as? UnsafePointer<BFloat16>, let b = second as? UnsafePointer<BFloat16>,
                factor == 1
            {
                for strip in 0..<whole {
                    for offset in stride(from: 0, to: width, by: lanes) {
                        let column = strip * width + offset
                        pairs(a + column, b + column).store(target + strip * stripWords + offset)
                    }
                }
            } else if isPair {
                for strip in 0..<whole {
                    for offset in stride(from: 0, to: width, by: lanes) {
                        let column = strip * width + offset
                        let lower = roundedToBFloat16(load(first + column, lanes) * factor) &>> 16
                        (lower | roundedToBFloat16(load(second + column, lanes) * factor))
                            .store(target + strip * stripWords + offset)
                    }
                }
            }
            for strip in (word == .float32 || isPair ? whole : 0)..<strips {
                for offset in stride(from: 0, to: width, by: lanes) {
                    let column = strip * width + offset
                    neighbours(first + column, isPair ? second + column : nil, max(0, min(lanes, count - column)))
                        .store(target + strip * stripWords + offset)
                }
            }
        }
    }

    /// Returns the words of `width` ≤ 16 neighbours across K; the missing ones are 0.
    @inline(never)
    private func neighbours(
        _ first: UnsafePointer<Element>, _ second: UnsafePointer<Element>?, _ width: Int
    ) -> VectorBits {
        let values = load(first, width) * factor
        if word == .float32 { return values.bits }
        let lower = roundedToBFloat16(values) &>> 16
        guard let second else { return lower }
        return lower | roundedToBFloat16(load(second, width) * factor)
    }
}

/// Returns sixteen pairs of elements of two rows.
@inline(__always)
private func pairs(_ lower: UnsafePointer<BFloat16>, _ upper: UnsafePointer<BFloat16>) -> VectorBits {
    (load(lower, lanes).bits &>> 16) | load(upper, lanes).bits
}

/// The extents of the strips of a panel.
package enum PanelStrip {
    /// The number of rows in a strip of A.
    package static let rows = cproducts_rows
    /// The number of columns in a strip of B: as many as registers hold sums of, 32 with AVX-512 and 16 without.
    package static let columns = Int(PanelProduct.kernels(.float32, .plain).columns)
    /// The maximum number of words along K in a panel.
    static let depth = cproducts_depth
    /// The distance of rows in a packed row-major strip of A, in words.
    static let rowWords = cproducts_row_words
    /// The number of words in a strip of A.
    static let leftWords = cproducts_left_words
    /// The number of word-major strips of A that kernels pack at a time.
    static let ahead = cproducts_strips_ahead
    /// The maximum number of words of a B panel, which stays in the L2 cache: three quarters of it, up to 512 KiB.
    static let panelWords = min(max(CacheSizes.second * 3 / 4, 128 << 10), 512 << 10) / MemoryLayout<UInt32>.stride
    /// The number of strips of B that have these columns.
    static func rightStrips(_ columns: Range<Int>) -> Int { (columns.count + Self.columns - 1) / Self.columns }
    /// The number of words in a strip of B over `words` words along K.
    static func rightWords(_ words: Int) -> Int { (words + lanes - 1) / lanes * lanes * columns }
}
