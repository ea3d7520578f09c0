import Files
import Testing

struct DigestTests {
    /// The expected values are the output of `xxhsum -H2`.
    @Test(arguments: [
        ("", "99aa06d3014798d86001c324468d497f"),
        ("a", "a96faf705af16834e6c632b61e964e1f"),
        ("abc", "06b05ab6733a618578af5f94892f3950"),
    ])
    func agreesWithXXHSum(text: String, expected: String) {
        #expect(Digest.of(Array(text.utf8)) == expected)
    }

    @Test func isIndependentOfChunking() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var digest = Digest()
        bytes.withUnsafeBytes { all in
            var offset = 0
            for length in [1, 2, 3, 500, 70_000, 29_494] {
                digest.update(UnsafeRawBufferPointer(rebasing: all[offset..<offset + length]))
                offset += length
            }
        }
        #expect(digest.hexadecimal() == Digest.of(bytes))
    }

    @Test func stringBoundariesChangeTheDigest() {
        var one = Digest(), other = Digest()
        for text in ["ab", "c"] { one.update(text) }
        for text in ["a", "bc"] { other.update(text) }
        #expect(one.hexadecimal() != other.hexadecimal())
    }

    @Test func hashesIntegersAsLittleEndianBytes() {
        var digest = Digest()
        digest.update(0x0102)
        #expect(digest.hexadecimal() == Digest.of([2, 1, 0, 0, 0, 0, 0, 0]))
    }
}
