import Tensors
import TestSupport
import Testing

@Suite struct ParameterLayoutTests {
    private struct Declaration {
        var name = "a"
        var shape = [33]
        var initializer = Initializer.zeros
        var decays = false
    }

    private func layout(_ sections: [[Declaration]]) -> ParameterLayout {
        var layout = ParameterLayout()
        for section in sections {
            layout.beginSection()
            for parameter in section {
                _ = layout.declare(parameter.name, parameter.shape, parameter.initializer, decays: parameter.decays)
            }
        }
        return layout
    }

    @Test func alignsParametersWithinSections() {
        let layout = layout([
            [Declaration(name: "a", shape: [33]), Declaration(name: "b", shape: [1])],
            [Declaration(name: "c", shape: [4, 8], decays: true)], [],
        ])
        #expect(layout.parameters.map(\.name) == ["a", "b", "c"])
        #expect(layout.parameters.map(\.offset) == [0, 64, 96])
        #expect(layout.parameters.map(\.range) == [0..<33, 64..<65, 96..<128])
        #expect(layout.parameters.map(\.decays) == [false, false, true])
        #expect(layout.sections == [0..<96, 96..<128, 128..<128])
        #expect(layout.count == 128 && layout.parameterCount == 66)
        #expect(layout.parameters.allSatisfy { $0.offset * MemoryLayout<Float>.stride % 128 == 0 })
    }

    static let places: [(index: Int, name: String?)] = [
        (0, "a"), (32, "a"), (33, nil), (63, nil), (64, "b"), (65, nil), (200, nil),
    ]

    @Test(arguments: places)
    func findsParameterByElement(index: Int, name: String?) {
        let layout = layout([[Declaration(name: "a", shape: [33]), Declaration(name: "b", shape: [1])]])
        #expect(layout.parameter(containing: index)?.name == name)
    }

    @Test func digestDependsOnNamesAndShapes() {
        let digest = layout([[Declaration(name: "a", shape: [4, 8]), Declaration(name: "b", shape: [2])]]).digest()
        #expect(digest.count == 32)
        #expect(
            layout([[Declaration(name: "a", shape: [4, 8])], [Declaration(name: "b", shape: [2])]]).digest() == digest)
        let others = [
            [Declaration(name: "ab", shape: [4, 8]), Declaration(name: "b", shape: [2])],
            [Declaration(name: "a", shape: [8, 4]), Declaration(name: "b", shape: [2])],
            [Declaration(name: "a", shape: [32]), Declaration(name: "b", shape: [2])],
            [Declaration(name: "a", shape: [4, 8, 1]), Declaration(name: "b", shape: [2])],
            [Declaration(name: "b", shape: [2]), Declaration(name: "a", shape: [4, 8])],
            [Declaration(name: "a", shape: [4, 8])], [],
        ].map { layout([$0]).digest() }
        #expect(Set(others + [digest]).count == others.count + 1)
    }

    @Test func initializesParametersAndLeavesPaddingZero() {
        let layout = layout([
            [
                Declaration(name: "zeros", shape: [3]), Declaration(name: "ones", shape: [35], initializer: .ones),
                Declaration(name: "normal", shape: [101, 99], initializer: .normal(standardDeviation: 0.02)),
            ]
        ])
        let arena = Arena<Float>(count: layout.count)
        arena.base[0] = 7
        layout.initialize(arena, seed: 1)
        let all = array(arena.base, arena.count)
        #expect(all[layout.parameters[0].range].allSatisfy { $0 == 0 })
        #expect(all[layout.parameters[1].range].allSatisfy { $0 == 1 })
        #expect(all[layout.parameters[2].range].allSatisfy { $0 != 0 })
        #expect(all.indices.allSatisfy { layout.parameter(containing: $0) != nil || all[$0] == 0 })
    }

    /// All values are within the bounds, and the first, second and fourth moments of 2¹⁸ values are within five
    /// standard errors of their expectations.
    @Test func uniformValuesAreUniform() {
        let count = 1 << 18
        let numbers = initial(count: count, .uniform(bound: 0.5), seed: 1)
        #expect(numbers.allSatisfy { abs($0) <= 0.5 })
        #expect(numbers.max()! > 0.4999 && numbers.min()! < -0.4999)
        let values = numbers.map { Double($0) / 0.5 }
        let error = 5 / Double(count).squareRoot()
        expectClose(values.reduce(0, +) / Double(count), 0, absolute: error * (1.0 / 3).squareRoot())
        let squares = values.reduce(0) { $0 + $1 * $1 } / Double(count)
        expectClose(squares, 1.0 / 3, absolute: error * (4.0 / 45).squareRoot())
        let fourths = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / Double(count)
        expectClose(fourths, 1.0 / 5, absolute: error * (16.0 / 225).squareRoot())
        // Neighbouring values are uncorrelated.
        let products = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        expectClose(products / Double(count), 0, absolute: error / 3)
    }

    /// Initializing in two ranges yields the same bits as initializing at once.
    @Test(arguments: [Initializer.normal(standardDeviation: 0.5), .uniform(bound: 0.5)])
    func rangesEqualTheWhole(initializer: Initializer) {
        let layout = layout([
            [Declaration(shape: [70], initializer: initializer), Declaration(shape: [101], initializer: initializer)]
        ])
        let whole = Arena<Float>(count: layout.count)
        layout.initialize(whole, seed: 1)
        for cut in [4, 32, 68, 96, 100, 196] {
            let parts = Arena<Float>(count: layout.count)
            layout.initialize(0..<cut, into: parts.base, seed: 1)
            layout.initialize(cut..<layout.count, into: parts.base + cut, seed: 1)
            #expect(array(parts.base, parts.count) == array(whole.base, whole.count), "cut at \(cut)")
        }
    }

    @Test func uniformValuesFollowTheGenerator() {
        let stream = RandomStream(seed: 1, purpose: .initialization, layer: 0)
        let expected = (0..<27).map { index in
            let word = stream.words(UInt64(index / 4))[index % 4]
            return Float(0.25 * ((2 * Double(word) + 1) / 4_294_967_296 - 1))
        }
        #expect(initial(count: 27, .uniform(bound: 0.25), seed: 1) == expected)
        for count in 1..<9 {
            #expect(initial(count: count, .uniform(bound: 0.25), seed: 1) == Array(expected[..<count]))
        }
    }

    /// The first four moments of 2¹⁸ normal values are within five standard errors of their expectations.
    @Test func normalValuesAreNormal() {
        let count = 1 << 18
        let values = initial(count: count, deviation: 0.5, seed: 1).map { Double($0) / 0.5 }
        func moment(_ power: Int) -> Double {
            values.reduce(0) { sum, x in sum + (0..<power).reduce(1.0) { product, _ in product * x } } / Double(count)
        }
        let error = 5 / Double(count).squareRoot()
        expectClose(moment(1), 0, absolute: error)
        expectClose(moment(2), 1, absolute: error * 2.squareRoot())
        expectClose(moment(3), 0, absolute: error * 15.squareRoot())
        expectClose(moment(4), 3, absolute: error * 96.squareRoot())
        // Neighbouring values are uncorrelated.
        let products = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        expectClose(products / Double(count), 0, absolute: error)
    }

    @Test func initializationDependsOnSeedAndParameterOnly() {
        let values = initial(count: 101, deviation: 1, seed: 1)
        #expect(initial(count: 101, deviation: 1, seed: 1) == values)
        // A shorter parameter has the first values of a longer one, even in its last, partial vector.
        for count in 1..<9 { #expect(initial(count: count, deviation: 1, seed: 1) == Array(values[..<count])) }
        #expect(Set(initial(count: 101, deviation: 1, seed: 2)).isDisjoint(with: values))

        let pair = layout([
            [
                Declaration(name: "a", shape: [64], initializer: .normal(standardDeviation: 1)),
                Declaration(name: "b", shape: [64], initializer: .normal(standardDeviation: 1)),
            ]
        ])
        let arena = Arena<Float>(count: pair.count)
        pair.initialize(arena, seed: 1)
        let all = array(arena.base, arena.count)
        #expect(Set(all[..<64]).isDisjoint(with: all[64...]))
    }

    private func initial(count: Int, deviation: Double, seed: UInt64) -> [Float] {
        initial(count: count, .normal(standardDeviation: deviation), seed: seed)
    }

    private func initial(count: Int, _ initializer: Initializer, seed: UInt64) -> [Float] {
        let layout = layout([[Declaration(shape: [count], initializer: initializer)]])
        let arena = Arena<Float>(count: layout.count)
        layout.initialize(arena, seed: seed)
        return array(arena.base, count)
    }
}
