import Tensors
import Testing

@Suite struct NamePatternTests {
    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "a.bc", false), ("a.b", "xa.b", false), ("a.?", "a.b", true),
        ("a.?", "a.", false),
        ("*", "", true), ("*", "a.b.c", true), ("*.bias", "blocks.0.attention.projection.bias", true),
        ("*.bias", "head.bias.weight", false), ("blocks.1.*", "blocks.11.x", false), ("blocks.1*", "blocks.11.x", true),
        ("*norm*.sc*", "final_normalization.scale", true), ("a**b", "ab", true), ("", "", true), ("", "a", false),
        ("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
    ])
    func matchesNames(pattern: String, name: String, expected: Bool) {
        #expect(NamePattern(pattern).matches(name) == expected)
    }

    @Test(arguments: [("abc", "abd", 1), ("abc", "ab", 1), ("ab", "abc", 1), ("", "abc", 3), ("a*c", "xbbc", 1)])
    func computesDistances(pattern: String, name: String, distance: Int) {
        #expect(NamePattern(pattern).distance(to: name) == distance)
    }

    /// Of names that differ only in the block index, only one is suggested.
    @Test func findsNearestNames() {
        let names = ["token_embedding.weight", "blocks.0.attention.bias", "blocks.1.attention.bias", "head.bias"]
        #expect(
            NamePattern("blocks.*.atention.bias").nearest(2, among: names) == ["blocks.0.attention.bias", "head.bias"])
        #expect(NamePattern("tok_embedding.*").nearest(1, among: names) == ["token_embedding.weight"])
    }
}
