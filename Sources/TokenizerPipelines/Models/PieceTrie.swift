/// A trie of pieces, for all pieces that begin at one place of a text.
struct PieceTrie: Sendable {
    /// The child of a node, by node · 256 + byte.
    private var children: IntegerTable
    /// The children of the root, or -1.
    private var first = [Int32](repeating: -1, count: 256)
    /// The number of the piece that ends at each node, or -1.
    private var numbers: [Int32] = [-1]

    /// A trie with room for pieces of that many bytes altogether.
    init(capacity: Int = 0) { children = IntegerTable(capacity: capacity) }

    /// Whether there is no piece.
    var isEmpty: Bool { numbers.count == 1 }

    /// Adds a piece, which is not empty; the last number of a piece counts.
    mutating func insert(_ piece: some Sequence<UInt8>, _ number: Int32) {
        var node: Int32 = 0
        for byte in piece {
            var child = self.child(node, byte)
            if child < 0 {
                child = Int32(numbers.count)
                numbers.append(-1)
                if node == 0 {
                    first[Int(byte)] = child
                } else {
                    _ = children.insert(UInt64(node) << 8 | UInt64(byte), Int64(child))
                }
            }
            node = child
        }
        numbers[Int(node)] = number
    }

    @inline(__always) private func child(_ node: Int32, _ byte: UInt8) -> Int32 {
        node == 0
            ? first[Int(byte)]
            : Int32(truncatingIfNeeded: children[UInt64(truncatingIfNeeded: node) << 8 | UInt64(byte)])
    }

    /// Whether a piece begins with the byte.
    @inline(__always) func begins(with byte: UInt8) -> Bool { first[Int(byte)] >= 0 }

    /// Calls `body` with the end and the number of every piece at `start`, the shortest first.
    @inline(__always) func forEachPiece(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, _ body: (_ end: Int, _ number: Int32) -> Void
    ) {
        var (node, index) = (Int32(0), start)
        while index < text.count {
            node = child(node, text[index])
            if node < 0 { return }
            index += 1
            let number = numbers[Int(node)]
            if number >= 0 { body(index, number) }
        }
    }

    /// The longest piece at `start`, its end and its number; nil if there is none.
    @inline(__always) func longest(
        in text: UnsafeBufferPointer<UInt8>, at start: Int
    ) -> (end: Int, number: Int32)? {
        var found: (end: Int, number: Int32)?
        forEachPiece(in: text, at: start) { found = ($0, $1) }
        return found
    }
}
