/// A hash table from pairs of numbers to a number, with open addressing. It is filled once, and then only read.
struct IntegerTable: Sendable {
    /// The key, and the value; the value -1 marks a free slot.
    private var slots: [(key: UInt64, value: Int64)]
    private var mask: Int
    private(set) var count = 0

    /// A table with room for that many entries.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: (0, -1), count: size)
        mask = size - 1
    }

    @inline(__always) private func slot(_ key: UInt64) -> Int {
        var hash = key &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
        return Int(truncatingIfNeeded: hash) & mask
    }

    /// The value of a key, or -1.
    @inline(__always) subscript(_ key: UInt64) -> Int64 {
        slots.withUnsafeBufferPointer { slots in
            var index = slot(key)
            while slots[index].value >= 0, slots[index].key != key { index = (index + 1) & mask }
            return slots[index].value
        }
    }

    /// All entries, in no particular order.
    var entries: [(key: UInt64, value: Int64)] { slots.filter { $0.value >= 0 } }

    /// Adds an entry if the key is new; returns whether it was. The value is at least 0.
    mutating func insert(_ key: UInt64, _ value: Int64) -> Bool {
        if (count + 1) * 2 > slots.count { grow() }
        var index = slot(key)
        while slots[index].value >= 0 {
            if slots[index].key == key { return false }
            index = (index + 1) & mask
        }
        slots[index] = (key, value)
        count += 1
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: (0, -1), count: old.count * 2)
        mask = slots.count - 1
        count = 0
        for entry in old where entry.value >= 0 { _ = insert(entry.key, entry.value) }
    }

    /// The key of two numbers.
    @inline(__always) static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
