/// Character replacement rules of a SentencePiece model: a trie in a double array, and the replacement strings to which
/// it leads.
///
/// - Source: The double array of Darts-clone (Yata 2007), as SentencePiece 0.1.97 traverses it.
package struct CharacterMap: Sendable {
    private let units: [UInt32]
    /// The replacement strings, each zero-terminated.
    private let texts: [UInt8]

    /// The maximum number of rules that match at one position: SentencePiece's buffer size.
    private static let resultLimit = 32
    /// Set in units that hold a value instead of a label.
    private static let valueBit: UInt32 = 1 << 31

    /// Parses a table: the size of the units (4 bytes), the units, the strings; nil if the sizes are inconsistent.
    package init?(_ bytes: ArraySlice<UInt8>) {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        let rest = bytes.dropFirst(4)
        let size = Int(word(bytes.prefix(4)))
        guard size >= 4, size.isMultiple(of: 4), size < rest.count else { return nil }
        var units: [UInt32] = []
        units.reserveCapacity(size / 4)
        for start in stride(from: rest.startIndex, to: rest.startIndex + size, by: 4) {
            units.append(word(rest[start..<start + 4]))
        }
        self.units = units
        texts = Array(rest.dropFirst(size))
    }

    /// The table as it was parsed.
    var serialized: [UInt8] {
        var bytes: [UInt8] = []
        for word in [UInt32(4 * units.count)] + units { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
        return bytes + texts
    }

    /// Whether every path through the trie stays in range, ends, and leads to terminated strings.
    package var isSound: Bool {
        guard texts.last == 0, units[0] & Self.valueBit == 0 else { return false }
        for (index, unit) in units.enumerated() where unit & Self.valueBit == 0 {
            let base = base(index)
            // The children for all 256 possible labels.
            guard base | 0xFF < units.count else { return false }
            if hasLeaf(unit), Int(units[base] & ~Self.valueBit) >= texts.count { return false }
        }
        return (mostLeaves ?? .max) <= Self.resultLimit
    }

    /// The largest number of leaves on a path from the root, by depth-first search; nil if there is a cycle.
    private var mostLeaves: Int? {
        var isMet = [Bool](repeating: false, count: units.count)
        var isDone = isMet
        var most = [Int](repeating: 0, count: units.count)
        // Paths may merge: rules with equal endings share units.
        var way = [(index: 0, label: 0)]
        while let (index, first) = way.popLast() {
            isMet[index] = true
            let base = base(index)
            var label = first
            while label < 256 {
                let child = base ^ label
                if units[child] & (Self.valueBit | 0xFF) == UInt32(label) {
                    if !isDone[child] {
                        if isMet[child] { return nil }
                        way += [(index, label), (child, 0)]
                        break
                    }
                    most[index] = max(most[index], most[child] + (hasLeaf(units[child]) ? 1 : 0))
                }
                label += 1
            }
            if label == 256 { isDone[index] = true }
        }
        return most[0]
    }

    private func hasLeaf(_ unit: UInt32) -> Bool { unit >> 8 & 1 == 1 }

    /// The base index of a unit's children; the child for a label is at base XOR label.
    private func base(_ index: Int) -> Int {
        let unit = units[index]
        return index ^ Int((unit >> 10) << ((unit & 1 << 9) >> 6))
    }

    // MARK: Applying

    /// The replacement of the shortest rule that matches at the start of a text; nil if there is none. The table is
    /// sound.
    private func replacement(_ text: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
        var index = 0
        for byte in text {
            let child = base(index) ^ Int(byte)
            guard byte != 0, units[child] & (Self.valueBit | 0xFF) == UInt32(byte) else { return nil }
            index = child
            if hasLeaf(units[child]) {
                let start = Int(units[base(child)] & ~Self.valueBit)
                return texts[start..<texts[start...].firstIndex(of: 0)!]
            }
        }
        return nil
    }

    /// Changes a text as the normalizer `Precompiled` does, which differs from SentencePiece: a grapheme cluster of at
    /// most five bytes is replaced as a whole by the rule that matches its start; otherwise each character is replaced.
    func apply(to text: inout [UInt8]) {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        text.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                let end = clusterSegmentEnd(bytes, start)
                if end == start + 1 {
                    append(UnsafeBufferPointer(rebasing: bytes[start..<end]), to: &result)
                } else {
                    var segment = String(decoding: bytes[start..<end], as: UTF8.self)
                    segment.makeContiguousUTF8()
                    for cluster in segment {
                        var cluster = String(cluster)
                        cluster.withUTF8 { append($0, to: &result) }
                    }
                }
                start = end
            }
        }
        text = result
    }

    /// The end of a part of the text behind which a grapheme cluster begins: a single ASCII character, or a longer
    /// part.
    private func clusterSegmentEnd(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < bytes.count {
            // Two ASCII characters are two clusters, except CR LF.
            let isASCII = bytes[index] < 0x80 && bytes[index] != 0x0D
            index += 1
            if isASCII, index == bytes.count || bytes[index] < 0x80 { break }
        }
        return index
    }

    private func append(_ cluster: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]) {
        if cluster.count < 6, let replacement = replacement(cluster) {
            result += replacement
            return
        }
        let text = UTF8Text(cluster)
        var index = 0
        while index < cluster.count {
            let count = text.scalar(at: index).count
            let part = UnsafeBufferPointer(rebasing: cluster[index..<index + count])
            if let replacement = replacement(part) { result += replacement } else { result += part }
            index += count
        }
    }
}
