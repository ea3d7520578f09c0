import Tensors
import Testing

struct FiniteNumbersTests {
    /// Returns the bytes of values that are given by their bit patterns.
    private func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
        words.withUnsafeBytes { Array($0) }
    }

    private func first(_ bytes: [UInt8], _ format: FloatFormat) -> Int? {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        return firstNonFinite(UnsafeRawBufferPointer(memory), format)
    }

    /// Tests every 16-bit pattern among finite values against the type's own `isFinite`.
    @Test func agreesWithIsFiniteOnAllHalves() {
        for bits in UInt16.min...UInt16.max {
            let words: [UInt16] = [0, 0x3C00, bits, 0x8000]
            #expect((first(bytes(words), .float16) == nil) == Float16(bitPattern: bits).isFinite)
            let wide = Float(bitPattern: UInt32(bits) << 16)
            #expect((first(bytes(words), .bfloat16) == nil) == wide.isFinite)
        }
    }

    @Test func handlesExtremesOfFloatAndDouble() {
        let finite: [Float] = [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1]
        #expect(first(bytes(finite.map(\.bitPattern)), .float32) == nil)
        let doubles: [Double] = [-.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0]
        #expect(first(bytes(doubles.map(\.bitPattern)), .float64) == nil)
        for value in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            #expect(first(bytes((finite + [value]).map(\.bitPattern)), .float32) == finite.count)
            #expect(first(bytes((doubles + [Double(value)]).map(\.bitPattern)), .float64) == doubles.count)
        }
    }

    /// Returns the first of two non-finite values, at the boundaries of the blocks that are scanned.
    @Test(arguments: [0, 1, 4095, 4096, 4097, 9999])
    func returnsTheFirstNonFiniteValue(place: Int) {
        var numbers = [Float](repeating: 3, count: 10_000)
        (numbers[place], numbers[9999]) = (.nan, .infinity)
        #expect(firstNonFinite(numbers, count: numbers.count) == place)
        #expect(firstNonFinite(numbers, count: place) == nil)
    }

    @Test func returnsTheLargestToken() {
        #expect(largestToken([UInt16](), count: 0) == 0)
        for count in [1, 7, 64, 1001] {
            for place in [0, count / 2, count - 1] {
                var tokens = [UInt16](repeating: 0x7FFF, count: count)
                tokens[place] = .max
                #expect(largestToken(tokens, count: count) == 0xFFFF)
                var wide = tokens.map(UInt32.init)
                wide[place] = .max
                #expect(largestToken(wide, count: count) == 0xFFFF_FFFF)
            }
        }
    }
}
