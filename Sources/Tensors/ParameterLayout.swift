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
///
/// With an adaptation, all parameters are frozen, and the layout also lists the adapters of its linear layers. These
/// are trained: their parameters have a layout of their own, with the same number of sections.
package struct ParameterLayout: Sendable {
    /// All parameters, by offset.
    package private(set) var parameters: [Parameter] = []
    /// The number of elements of an arena, padding included.
    package private(set) var count = 0
    /// The element range of each layer, in the order of declaration: the unit whose gradients become final together.
    package private(set) var sections: [Range<Int>] = []

    /// The adaptation of linear layers; nil: none, and all parameters are trained.
    package let adaptation: LowRankAdaptation?
    /// The adapters of the linear layers that the adaptation names.
    package private(set) var adapters: [LowRankAdapter] = []
    /// The layers that an adaptation may name, and the parts of their outputs.
    package private(set) var adaptables: [AdaptableOutputs] = []
    /// The section of each adapter.
    private var adapterSections: [Int] = []
    private var adapterCount = 0

    /// An empty layout.
    package init(_ adaptation: LowRankAdaptation? = nil) { self.adaptation = adaptation }

    /// Starts the next section.
    package mutating func beginSection() { sections.append(count..<count) }

    /// Declares one parameter of the current section.
    ///
    /// - Returns: The parameter's offset.
    package mutating func declare(_ name: String, _ shape: [Int], _ initializer: Initializer, decays: Bool) -> Int {
        require(!sections.isEmpty, "a parameter is declared outside all sections")
        let parameter = Parameter(name: name, shape: shape, initializer: initializer, decays: decays, offset: count)
        parameters.append(parameter)
        count += paddedCount(parameter.count)
        sections[sections.count - 1] = sections[sections.count - 1].lowerBound..<count
        return parameter.offset
    }

    /// Declares the adapters of a linear layer of the current section: one of the whole layer if the adaptation names
    /// it, otherwise one of each part that it names.
    ///
    /// - Parameter candidates: The whole layer, followed by the parts of its outputs.
    package mutating func declareAdapters(_ candidates: [AdaptableOutputs], inputWidth: Int) -> [LowRankAdapter] {
        adaptables += candidates
        guard let adaptation else { return [] }
        let named = candidates.filter { adaptation.isTarget($0.name) }
        let chosen = named.first == candidates.first ? Array(named.prefix(1)) : named
        return chosen.map { outputs in
            let a = adapterCount
            let b = a + paddedCount(adaptation.rank * inputWidth)
            adapterCount = b + paddedCount(outputs.outputs.count * adaptation.rank)
            let adapter = LowRankAdapter(
                name: outputs.name, index: adapters.count, rank: adaptation.rank, scale: adaptation.scale,
                inputWidth: inputWidth, outputs: outputs.outputs, weight: outputs.weight, a: a, b: b)
            adapters.append(adapter)
            adapterSections.append(sections.count - 1)
            return adapter
        }
    }

    /// The layout of the trained parameters: that of the adapters, or without an adaptation this one.
    ///
    /// Adapter `name` has the parameters `name`.lora_a, [r, I], and `name`.lora_b, [outputs, r]. B is initially 0, so
    /// that the adapted model computes what the frozen one does.
    package var trained: ParameterLayout {
        guard adaptation != nil else { return self }
        var layout = ParameterLayout()
        for section in sections.indices {
            layout.beginSection()
            for (adapter, own) in zip(adapters, adapterSections) where own == section {
                // The distribution of the authors' code.
                let bound = 1 / Double(adapter.inputWidth).squareRoot()
                let a = layout.declare(
                    "\(adapter.name).lora_a", [adapter.rank, adapter.inputWidth], .uniform(bound: bound), decays: true)
                let b = layout.declare(
                    "\(adapter.name).lora_b", [adapter.outputs.count, adapter.rank], .zeros, decays: true)
                require((a, b) == (adapter.a, adapter.b), "adapters are declared in the order of their layers")
            }
        }
        return layout
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

/// The number of elements of a parameter with its padding.
private func paddedCount(_ count: Int) -> Int { (count + 31) / 32 * 32 }
