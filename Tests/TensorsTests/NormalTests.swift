import Glibc
import Testing

@testable import Tensors

/// Normal values that are computed eight at a time are bit-identical to those computed with the C library.
@Suite struct NormalTests {
    @Test func aMillionValuesEqualTheCLibrary() {
        let stream = RandomStream(seed: 3, purpose: .initialization, layer: 4)
        let count = 1 << 20
        let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
        defer { numbers.deallocate() }
        fillNormal(numbers, from: 0, stream, 0.02)
        var differing = 0
        for start in stride(from: 0, to: count, by: 4) {
            let words = stream.words(UInt64(start / 4))
            let (a, b) = (normalPair(words.x, words.y), normalPair(words.z, words.w))
            for (offset, expected) in [a.0, a.1, b.0, b.1].enumerated() where numbers[start + offset] != 0.02 * expected
            {
                differing += 1
            }
        }
        #expect(differing == 0)
    }

    /// Tests angles near quarter turns, and the smallest and largest radius.
    @Test func boundaryWordsEqualTheCLibrary() {
        let firsts: [UInt32] = [0, 1, 2, 1 << 31, 3_037_000_499, .max - 2, .max - 1, .max]
        var seconds: [UInt32] = []
        for eighth in 0..<8 {
            for offset in [-100_000, -1000, -700, -2, -1, 0, 1, 2, 700, 1000, 100_000] {
                seconds.append(UInt32(truncatingIfNeeded: eighth << 29 + offset))
            }
        }
        var numbers = [Float](repeating: 0, count: 32)
        for first in firsts {
            for start in stride(from: 0, to: seconds.count, by: 8) {
                // The upper halves of the lanes are ignored.
                var words = SIMD8<UInt64>(repeating: 7 << 32)
                for lane in 0..<8 { words[lane] |= UInt64(seconds[start + lane]) }
                NormalPairs().fill(&numbers, SIMD8(repeating: UInt64(first)), words)
                for lane in 0..<8 {
                    let (x, y) = normalPair(first, seconds[start + lane])
                    let expected = [x.bitPattern, y.bitPattern]
                    let found = numbers[4 * lane..<4 * lane + 2].map(\.bitPattern)
                    #expect(found == expected, "\(first), \(seconds[start + lane])")
                }
            }
        }
    }

    /// Any range of the stream can be computed separately.
    @Test func rangesEqualTheWhole() {
        let stream = RandomStream(seed: 3, purpose: .initialization, layer: 4)
        func numbers(from first: Int, _ count: Int) -> [Float] {
            Array(unsafeUninitializedCapacity: count) { buffer, filled in
                fillNormal(UnsafeMutableBufferPointer(rebasing: buffer[..<count]), from: first, stream, 1)
                filled = count
            }
        }
        let whole = numbers(from: 0, 203)
        for (first, count) in [(0, 5), (4, 16), (8, 195), (100, 103), (200, 3)] {
            #expect(numbers(from: first, count) == Array(whole[first..<first + count]))
        }
    }
}
