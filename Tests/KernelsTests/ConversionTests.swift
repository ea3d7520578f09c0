import Kernels
import TestSupport
import Testing

@Suite struct ConversionTests {
    /// Every Float16 value, and one more so that the last vector is partial.
    @Test func roundTripsAllFloat16Values() {
        let halves = (0...UInt16.max).map { Float16(bitPattern: $0) } + [1]
        withTestMemory { memory in
            let source = memory.output(halves.count, Float16.self)
            source.update(from: halves, count: halves.count)
            let (wide, back) = (memory.output(halves.count, Float.self), memory.output(halves.count, Float16.self))
            convert(UnsafePointer(source), into: wide, count: halves.count)
            convert(UnsafePointer(wide), into: back, count: halves.count)
            let isExact = halves.indices.allSatisfy {
                halves[$0].isNaN
                    ? wide[$0].isNaN && back[$0].isNaN
                    : Double(wide[$0]) == Double(halves[$0]) && back[$0].bitPattern == halves[$0].bitPattern
            }
            #expect(isExact)
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
