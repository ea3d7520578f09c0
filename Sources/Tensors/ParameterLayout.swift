import Failures
import Files

/// One learned tensor and its position in every arena.
package struct Parameter: Sendable {
    /// Its name in checkpoints: "blocks.0.attention.projection.weight".
    package let name: String
    /// The dimensions, outermost first.
    package let shape: [Int]
    /// The distribution of the initial values.
    package let initializer: Initializer
    /// Whether weight decay applies.
    package let decays: Bool
    /// The index of the first element in an arena.
    package let offset: Int

    /// The number of elements.
    package var count: Int { shape.reduce(1, *) }
    /// The indices of its elements in an arena.
    package var range: Range<Int> { offset..<offset + count }
}

/// The offset of every parameter in the flat arenas.
///
/// Parameters are declared once, in the order in which the forward pass first uses them. Initialization, weight decay,
/// checkpoint names and all-reduce buckets are derived from the layout. Each parameter starts at a multiple of 128
/// bytes in a Float32 arena; padding between parameters stays zero in every arena.
package struct ParameterLayout: Sendable {
    /// All parameters, by offset.
    package private(set) var parameters: [Parameter] = []
    /// The number of elements of an arena, padding included.
    package private(set) var count = 0
    /// The element range of each layer, in the order of declaration: the unit whose gradients become final together.
    package private(set) var sections: [Range<Int>] = []

    /// An empty layout.
    package init() {}

    /// Starts the next section.
    package mutating func beginSection() { sections.append(count..<count) }

    /// Declares one parameter of the current section.
    ///
    /// - Returns: The parameter's offset.
    package mutating func declare(_ name: String, _ shape: [Int], _ initializer: Initializer, decays: Bool) -> Int {
        require(!sections.isEmpty, "a parameter is declared outside all sections")
        let parameter = Parameter(name: name, shape: shape, initializer: initializer, decays: decays, offset: count)
        parameters.append(parameter)
        count += (parameter.count + 31) / 32 * 32
        sections[sections.count - 1] = sections[sections.count - 1].lowerBound..<count
        return parameter.offset
    }

    /// The number of elements of all parameters, without padding.
    package var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

    /// Returns the parameter that contains element `index`, or nil for padding.
    package func parameter(containing index: Int) -> Parameter? { parameters.first { $0.range.contains(index) } }

    /// Returns a hash of all names and shapes; equal layouts have equal digests.
    package func digest() -> String {
        var digest = Digest()
        for parameter in parameters {
            digest.update(parameter.name)
            digest.update(parameter.shape.count)
            for size in parameter.shape { digest.update(size) }
        }
        return digest.hexadecimal()
    }

    /// Fills `weights` with the initial values for `seed`, which are the same on every rank and for every rank count.
    ///
    /// - Complexity: O(count).
    package func initialize(_ weights: Arena<Float>, seed: UInt64) {
        require(weights.count >= count, "a layout of \(count) elements does not fit into an arena of \(weights.count)")
        initialize(0..<count, into: weights.base, seed: seed)
    }

    /// Fills `target` with the initial values of the elements in `range`; padding is not written.
    ///
    /// - Complexity: O(parameters + range).
    package func initialize(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>, seed: UInt64) {
        for (index, parameter) in parameters.enumerated() {
            let own = parameter.range.clamped(to: range)
            if own.isEmpty { continue }
            let values = UnsafeMutableBufferPointer(
                start: target + (own.lowerBound - range.lowerBound), count: own.count)
            let stream = RandomStream(seed: seed, purpose: .initialization, layer: UInt32(index))
            switch parameter.initializer {
            case .zeros: values.update(repeating: 0)
            case .ones: values.update(repeating: 1)
            case .normal(let standardDeviation):
                fillNormal(values, from: own.lowerBound - parameter.offset, stream, Float(standardDeviation))
            case .uniform(let bound):
                fillUniform(values, from: own.lowerBound - parameter.offset, stream, bound)
            }
        }
    }
}
