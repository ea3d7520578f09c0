import Tensors

/// Random mutations of seeds, reproducible by seed and number.
struct Mutation {
    private let seeds: [[UInt8]]
    private let stream: RandomStream

    /// Byte sequences that are significant to parsers.
    private static let words: [[UInt8]] =
        [
            "\"", "\\", "{", "}", "[", "]", ":", ",", "-", "0", "9223372036854775808", "1e999", "null", "..", "/", "\n",
            "\r\n", "\t", "\u{FEFF}", "\u{0}", "é", "e\u{301}", "&", "*", "!", "|", "#", "--",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], [0, 0, 0, 0]]

    /// Mutations of `seeds`, which must not be empty.
    init(of seeds: [[UInt8]], seed: UInt64) {
        self.seeds = seeds
        stream = RandomStream(seed: seed, purpose: .initialization)
    }

    /// Mutation number `number`.
    func input(_ number: Int) -> [UInt8] {
        var position = UInt64(number) << 16
        func draw(below limit: Int) -> Int {
            position += 1
            return Int(stream.words(position).x) % max(limit, 1)
        }
        var bytes = seeds[draw(below: seeds.count)]
        for _ in 0...draw(below: 4) {
            let start = draw(below: bytes.count + 1)
            let end = min(bytes.count, start + draw(below: 9))
            switch draw(below: 6) {
            case 0 where start < bytes.count: bytes[start] = UInt8(draw(below: 256))
            case 1 where start < bytes.count: bytes[start] ^= 1 << UInt8(draw(below: 8))
            case 2: bytes.removeSubrange(start..<end)
            case 3: bytes.insert(contentsOf: Array(bytes[start..<end]), at: start)
            case 4: bytes.replaceSubrange(start..<end, with: Mutation.words[draw(below: Mutation.words.count)])
            default:
                let other = seeds[draw(below: seeds.count)]
                let from = draw(below: other.count)
                bytes.replaceSubrange(start..<end, with: other[from..<min(other.count, from + draw(below: 33))])
            }
        }
        return bytes
    }
}
