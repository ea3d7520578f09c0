/// Pieces of text, each with a number: keys are compared byte for byte.
package struct Vocabulary: Sendable {
    /// The bytes of all pieces, and where each ends.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// The number of a piece, or -1.
    private var numbers: [Int32] = []
    /// The index of a piece, or -1.
    private var slots: [Int32]

    /// A vocabulary with room for that many pieces.
    package init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
    }

    /// The number of pieces.
    var count: Int { ends.count }

    /// Adds a piece; returns false if it is there already.
    package mutating func insert(_ piece: [UInt8], _ number: Int32) -> Bool {
        if (count + 1) * 2 > slots.count { grow() }
        let slot = piece.withUnsafeBufferPointer { self.slot($0) }
        guard slots[slot] < 0 else { return false }
        slots[slot] = Int32(count)
        bytes += piece
        ends.append(bytes.count)
        numbers.append(number)
        return true
    }

    /// The number of a piece; nil if it is not there.
    package func number(of piece: UnsafeBufferPointer<UInt8>) -> Int32? {
        let index = slots[slot(piece)]
        return index < 0 ? nil : numbers[Int(index)]
    }

    /// The number of a piece; nil if it is not there.
    func number(of piece: [UInt8]) -> Int32? { piece.withUnsafeBufferPointer { number(of: $0) } }

    /// The slot of a piece, or the free slot where it belongs.
    private func slot(_ piece: UnsafeBufferPointer<UInt8>) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hashOfBytes(piece)) & mask
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            let start = index == 0 ? 0 : ends[index - 1]
            if ends[index] - start == piece.count, bytes[start..<ends[index]].elementsEqual(piece) { break }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        let size = slots.count * 2
        slots = Array(repeating: -1, count: size)
        bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<count {
                let start = index == 0 ? 0 : ends[index - 1]
                let piece = UnsafeBufferPointer(rebasing: bytes[start..<ends[index]])
                var slot = Int(truncatingIfNeeded: hashOfBytes(piece)) & (size - 1)
                while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
                slots[slot] = Int32(index)
            }
        }
    }
}

/// A hash of bytes that is not the same in every process, so that nobody can choose texts that collide.
@inline(__always) func hashOfBytes(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let raw = UnsafeRawBufferPointer(bytes)
    var hash = hashSeed ^ UInt64(truncatingIfNeeded: bytes.count)
    var index = 0
    while index + 8 <= raw.count {
        hash = mixed(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index += 8
    }
    var rest: UInt64 = 0
    while index < raw.count {
        rest = rest << 8 | UInt64(raw[index])
        index += 1
    }
    return mixed(hash ^ rest)
}

private let hashSeed = UInt64.random(in: .min ... .max)

@inline(__always) private func mixed(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
}
