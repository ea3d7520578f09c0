import Numbers
import Tensors
import TestSupport
import Testing

@Suite struct ConversionTests {
    @Test func roundTripsAllFloat16Values() { checkRoundTrip(Float16.init(bitPattern:), bits: \.bitPattern) }

    @Test func roundTripsAllBFloat16Values() { checkRoundTrip(BFloat16.init(bitPattern:), bits: \.bitPattern) }

    /// Every value of a format, including infinities and NaNs, and one more so that the last vector is partial; in
    /// vectors and one by one.
    private func checkRoundTrip<Half: Storage>(_ half: (UInt16) -> Half, bits: (Half) -> UInt16) {
        let halves = (0...UInt16.max).map(half) + [1]
        withTestMemory { memory in
            let source = memory.output(halves.count, Half.self)
            source.update(from: halves, count: halves.count)
            let (wide, back) = (memory.output(halves.count, Float.self), memory.output(halves.count, Half.self))
            convert(UnsafePointer(source), into: wide, count: halves.count)
            convert(UnsafePointer(wide), into: back, count: halves.count)
            let isExact = halves.indices.allSatisfy { index in
                let (value, single) = (halves[index].float32, Half(wide[index]))
                if value.isNaN { return [wide[index], back[index].float32, single.float32].allSatisfy(\.isNaN) }
                return wide[index] == value && bits(back[index]) == bits(halves[index])
                    && bits(single) == bits(halves[index])
            }
            #expect(isExact)
        }
    }

    /// Vectors and single numbers are rounded alike; the expected values follow from the distances to both neighbours.
    @Test func roundsToNearestEvenBFloat16() {
        var values: [Float] = [
            3.4e38, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .infinity, Float(bitPattern: 0x8001),
        ]
        var expected: [UInt16] = [0x7F80, 0x7F80, 0xFF80, 0x7F80, 0x0001]
        for pattern in stride(from: UInt16(0), to: 0x7F7F, by: 37) {
            let low = UInt32(pattern) << 16
            let even = pattern + pattern & 1
            values += [0x7FFF, 0x8000, 0x8001].map { Float(bitPattern: low + $0) }
            expected += [pattern, even, pattern + 1]
            values.append(Float(bitPattern: low + 0x8000_8000))
            expected.append(even | 0x8000)
        }
        // A NaN whose mantissa has bits in the lower half only.
        values.append(Float(bitPattern: 0x7F80_0001))
        expected.append(0x7FC0)
        withTestMemory { memory in
            let target = memory.output(values.count, BFloat16.self)
            convert(values, into: target, count: values.count)
            #expect(array(target, values.count).map(\.bitPattern) == expected)
            #expect(values.map { BFloat16($0).bitPattern } == expected)
        }
    }

    /// A value halfway between two neighbours is rounded to the even one, any other value to the nearer one.
    @Test func roundsToNearestEven() {
        var values: [Float] = [65519.996, 65520, -65520, 1e30, -1e30, 1e-30, 2.9802322e-08, 2.9802326e-08, .infinity]
        for pattern in stride(from: UInt16(0), to: 0x7BFF, by: 37) {
            let (low, high) = (Float16(bitPattern: pattern), Float16(bitPattern: pattern + 1))
            let middle = (Float(low) + Float(high)) / 2
            values += [middle, middle.nextUp, middle.nextDown, -middle, -middle.nextUp]
        }
        withTestMemory { memory in
            let source = memory.numbers(values.map(Double.init), Float.self)
            let target = memory.output(values.count, Float16.self)
            convert(UnsafePointer(source), into: target, count: values.count)
            expectClose(array(target, values.count), values.map { Reference.roundedToFloat16(Double($0)) })
        }
    }

    @Test(arguments: [0] + oddSizes)
    func copiesValuesOfTheSameType(count: Int) {
        let values = normals(count, seed: 1)
        withTestMemory { memory in
            let target = memory.output(count, Float.self)
            convert(UnsafePointer(memory.numbers(values, Float.self)), into: target, count: count)
            expectClose(array(target, count), values)
        }
    }
}
