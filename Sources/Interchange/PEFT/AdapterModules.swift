import Models
import Tensors
import Texts

/// A linear module of a `transformers` class, and the outputs of a layer of dtrain that it computes.
struct AdapterModule {
    /// The name of the module, such as "model.layers.0.self_attn.q_proj".
    let name: String
    /// The offset of the layer's weight.
    let weight: Int
    /// The layer's output of each output of the module.
    let outputs: [Int]
    /// Whether the module stores its weight as [inputs, outputs].
    let isTransposed: Bool
}

extension ModelClass {
    /// The modules of `model` that adapters can adapt.
    ///
    /// - Parameter layout: The layout of the model.
    func adapterModules(_ model: PortableModel, _ layout: ParameterLayout) -> [AdapterModule] {
        let parameters = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name.exact, $0) })
        let adaptable = Set(layout.adaptables.map(\.weight))
        return tensors(model).flatMap { link -> [AdapterModule] in
            guard case .weight(let weight) = link, let ours = parameters[weight.ours.exact],
                adaptable.contains(ours.offset), weight.ours.hasExactSuffix(".weight")
            else { return [] }
            var first = 0
            return weight.theirs.compactMap { part in
                let rows = part.rows ?? ours.shape[0]
                defer { first += rows }
                guard let name = part.name.withoutExactSuffix(".weight") else { return nil }
                var outputs = Array(first..<first + rows)
                if let (heads, parts) = weight.interleaving {
                    let width = rows / (heads * parts)
                    // Their rows are [heads, parts, D], ours [parts, heads, D].
                    outputs = (0..<rows).map { row in
                        let (head, part) = (row / width / parts, row / width % parts)
                        return (part * heads + head) * width + row % width
                    }
                }
                return AdapterModule(
                    name: name, weight: ours.offset, outputs: outputs, isTransposed: weight.isTransposed)
            }
        }
    }
}
