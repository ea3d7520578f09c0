import Numbers
import Tensors
import Testing

/// Loads and stores of up to sixteen elements.
@Suite struct VectorsTests {
    @Test(arguments: [0, 1, 15, 16, 17, 40])
    func vectorsCoverEveryElementOnce(count: Int) {
        func ranges(_ vectors: RowVectors) -> [Range<Int>] {
            vectors.flatMap { offsets, width in offsets.map { $0..<$0 + width } }
        }
        let parts = ranges(vectors(in: 3..<3 + count))
        #expect(parts.flatMap { Array($0) } == Array(3..<3 + count))
        #expect(parts.dropLast().allSatisfy { $0.count == lanes })
        #expect(ranges(vectors(count)).map(\.count) == parts.map(\.count))
    }

    @Test(arguments: 1...16)
    func onlyTheFirstElementsAreReadAndWritten(width: Int) {
        check(Float.self, width)
        check(Float16.self, width)
        check(BFloat16.self, width)
    }

    private func check<Element: Storage>(_: Element.Type, _ width: Int) {
        let numbers = (0..<lanes).map { Element(Float($0) + 1.5) }
        var filled = SIMD16<Float>(repeating: -7)
        var bits = VectorBits()
        for lane in 0..<width {
            filled[lane] = numbers[lane].float32
            bits[lane] = numbers[lane].word
        }
        numbers.withUnsafeBufferPointer {
            #expect(load($0.baseAddress!, width, filler: -7) == filled)
            #expect(words($0.baseAddress!, width) == bits)
        }
        // A neighbour must stay as it is.
        let before = [Element](repeating: Element(Float(99)), count: lanes + 1)
        var stored = before
        stored.withUnsafeMutableBufferPointer { store(filled, $0.baseAddress!, width) }
        #expect(stored == Array(numbers[..<width]) + Array(before[width...]))
    }
}
