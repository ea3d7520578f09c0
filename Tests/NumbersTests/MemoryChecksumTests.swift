import Numbers
import Testing

@Suite struct MemoryChecksumTests {
    /// Sizes of which some are not multiples of the vector size.
    private static let sizes = [1, 15, 16, 17, 48, 1000]

    private func value<Element: Storage>(_ elements: [Element]) -> UInt64 {
        elements.withUnsafeBufferPointer { MemoryChecksum($0.baseAddress!, count: $0.count).value }
    }

    private func numbers(_ count: Int) -> [Float] { (0..<count).map { Float($0 * 37 % 101) - 50.5 } }

    @Test(arguments: sizes)
    func detectsEveryFlippedBit(count: Int) {
        var numbers = numbers(count)
        let halves = numbers.map { Float16($0) }
        let (right, rightOfHalves) = (value(numbers), value(halves))
        for index in Set([0, count / 2, count - 1]) {
            for bit in 0..<32 {
                let original = numbers[index]
                numbers[index] = Float(bitPattern: original.bitPattern ^ 1 << bit)
                #expect(value(numbers) != right, "bit \(bit) of element \(index)")
                numbers[index] = original
            }
            for bit in 0..<16 {
                var changed = halves
                changed[index] = Float16(bitPattern: halves[index].bitPattern ^ 1 << bit)
                #expect(value(changed) != rightOfHalves, "bit \(bit) of half \(index)")
            }
        }
        #expect(value(numbers) == right)
    }

    /// Lines of a cache that were lost, exchanged or shifted, and a line of a bus that is stuck.
    @Test func detectsChangesOfManyWords() {
        let numbers = numbers(1024)
        let right = value(numbers)
        var lost = numbers
        lost.replaceSubrange(64..<80, with: repeatElement(0, count: 16))
        var exchanged = numbers
        for index in 0..<16 { exchanged.swapAt(128 + index, 512 + index) }
        let shifted = Array(numbers[16...] + numbers[..<16])
        #expect([lost, exchanged, shifted].allSatisfy { value($0) != right })
        for bit in 0..<32 {
            for stuck in [numbers.map { $0.bitPattern | 1 << bit }, numbers.map { $0.bitPattern & ~(1 << bit) }] {
                let changed = stuck.map { Float(bitPattern: $0) }
                #expect(value(changed) != right || stuck == numbers.map(\.bitPattern))
            }
        }
    }
}
