import Tensors
import TestSupport
import Testing

@Suite struct PhiloxTests {
    struct KnownAnswer: Sendable {
        let counter: SIMD4<UInt32>
        let key: SIMD2<UInt32>
        let words: SIMD4<UInt32>
    }

    /// The "philox4x32 10" lines of Random123's kat_vectors.
    static let knownAnswers = [
        KnownAnswer(
            counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0),
            words: SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8)),
        KnownAnswer(
            counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max),
            words: SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD)),
        KnownAnswer(
            counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
            key: SIMD2(0xA409_3822, 0x299F_31D0),
            words: SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1)),
    ]

    @Test(arguments: knownAnswers)
    func equalsThePublishedVectors(answer: KnownAnswer) {
        #expect(Philox.words(counter: answer.counter, key: answer.key) == answer.words)
        // The reference implementation that other tests use yields the same words.
        let (c, k) = (answer.counter, answer.key)
        let naive = Reference.philox(counter: [c.x, c.y, c.z, c.w], key: [k.x, k.y])
        #expect(naive == [answer.words.x, answer.words.y, answer.words.z, answer.words.w])
    }

    @Test func everyIdentifierChangesTheStream() {
        let streams = [
            RandomStream(seed: 1, purpose: .dropout), RandomStream(seed: 2, purpose: .dropout),
            RandomStream(seed: 1 << 32 + 1, purpose: .dropout), RandomStream(seed: 1, purpose: .shuffling),
            RandomStream(seed: 1, purpose: .dropout, step: 1), RandomStream(seed: 1, purpose: .dropout, step: 1 << 32),
            RandomStream(seed: 1, purpose: .dropout, sample: 1),
            RandomStream(seed: 1, purpose: .dropout, sample: 1 << 32),
            RandomStream(seed: 1, purpose: .dropout, layer: 1),
        ]
        #expect(Set(streams.map { $0.words(0) }).count == streams.count)
        #expect(Set((0..<1000).map { streams[0].words($0) }).count == 1000)
        #expect(streams[0].words(1) != streams[0].words(1 << 32))
        #expect(RandomStream(seed: 1, purpose: .dropout).words(5) == streams[0].words(5))
    }

    /// The χ² test on 16 bins and 16,000 values: with 15 degrees of freedom, χ² exceeds 44 with probability 10⁻⁴.
    @Test func uniformValuesAreUniform() {
        let stream = RandomStream(seed: 3, purpose: .generation)
        var counts = [Int](repeating: 0, count: 16)
        for index in 0..<16_000 {
            let value = stream.uniform(UInt64(index))
            #expect(value >= 0 && value < 1)
            counts[Int(value * 16)] += 1
        }
        #expect(counts.reduce(0.0) { $0 + Double(($1 - 1000) * ($1 - 1000)) / 1000 } < 44)
    }

    @Test func vectorsEqualSingleCounters() {
        let stream = RandomStream(seed: 5, purpose: .wordWindows, sample: 0x1_2345_6789)
        for (first, count) in [(0, 1), (3, 24), (0xFFFF_FFFC, 10)] as [(UInt64, Int)] {
            let words = UnsafeMutablePointer<SIMD4<UInt32>>.allocate(capacity: (count + 7) / 8 * 8)
            defer { words.deallocate() }
            stream.fill(words, first: first, count: count)
            for place in 0..<count { #expect(words[place] == stream.words(first + UInt64(place))) }
        }
    }
}
