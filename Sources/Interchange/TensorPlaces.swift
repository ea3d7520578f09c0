import Models
import Tensors
import Texts

/// A foreign tensor and the elements of dtrain's arena that it contains.
struct TensorPlace {
    let name: String
    let shape: [Int]
    let content: Content

    /// The contents of the tensor, as ranges of the arena.
    enum Content {
        /// Elements in the order of the arena.
        case elements(Range<Int>)
        /// The transpose of the arena's matrix [rows, columns] of blocks of `block` elements.
        case transposed(Range<Int>, rows: Int, columns: Int, block: Int)
        /// Elements in the order of the arena, after `skipped` others.
        case lastElements(Range<Int>, skipped: Int)
        /// Zeros.
        case zeros
        /// A matrix whose first row is added to every row in the arena; written as zeros.
        case firstRowAdded(Range<Int>)
        /// The same values as another tensor; not written.
        case duplicate(Range<Int>)
        /// The same values as another tensor; written, never read.
        case unread(Range<Int>)
    }

    /// The number of elements.
    var count: Int { shape.reduce(1, *) }

    /// Whether a file without the tensor is incomplete.
    var isRequired: Bool {
        switch content {
        case .elements, .transposed, .lastElements, .firstRowAdded: true
        case .zeros, .duplicate, .unread: false
        }
    }

    /// Whether the tensor is written on export.
    var isWritten: Bool { if case .duplicate = content { false } else { true } }
}

extension ModelClass {
    /// All foreign tensors of `model`, whose parameters are `layout`'s. A tensor comes after those to which it refers.
    func places(_ model: PortableModel, _ layout: ParameterLayout) -> [TensorPlace] {
        let parameters = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name.exact, $0) })
        var places: [TensorPlace] = []
        var ranges: [ExactText: Range<Int>] = [:]
        var placed: Set<ExactText> = []
        func add(_ name: String, _ shape: [Int], _ content: TensorPlace.Content, at range: Range<Int>? = nil) {
            places.append(TensorPlace(name: name, shape: shape, content: content))
            ranges[name.exact] = range
        }
        func parameter(_ name: String) -> Parameter {
            guard let parameter = parameters[name.exact] else {
                preconditionFailure("\(name) is not a parameter of \(self.name)")
            }
            return parameter
        }
        for link in tensors(model) {
            switch link {
            case .weight(let weight):
                let ours = parameter(weight.ours)
                placed.insert(ours.name.exact)
                if weight.isTransposed {
                    let (rows, columns) = (ours.shape[0], ours.shape[1])
                    add(
                        weight.theirs[0].name, [columns, rows],
                        .transposed(ours.range, rows: rows, columns: columns, block: 1))
                    continue
                }
                if let (heads, parts) = weight.interleaving {
                    add(
                        weight.theirs[0].name, ours.shape,
                        .transposed(ours.range, rows: parts, columns: heads, block: ours.count / (parts * heads)))
                    continue
                }
                let columns = ours.shape.dropFirst().reduce(1, *)
                if weight.skippedRows > 0 {
                    add(
                        weight.theirs[0].name, [weight.skippedRows + ours.shape[0]] + ours.shape.dropFirst(),
                        .lastElements(ours.range, skipped: weight.skippedRows * columns))
                    continue
                }
                var first = ours.offset
                for part in weight.theirs {
                    let shape = weight.theirShape ?? [part.rows ?? ours.shape[0]] + ours.shape.dropFirst()
                    let range = first..<first + (part.rows ?? ours.shape[0]) * columns
                    add(part.name, shape, .elements(range), at: range)
                    first = range.upperBound
                }
                precondition(first == ours.range.upperBound, "the parts of \(ours.name) do not cover it")
            case .zeros(let name, let shape): add(name, shape, .zeros)
            case .added(let name, let shape, let ours): add(name, shape, .firstRowAdded(parameter(ours).range))
            case .duplicate(let name, let original):
                add(name, self.shape(of: original, places), .duplicate(ranges[original.exact]!))
            case .unread(let name, let original):
                add(name, self.shape(of: original, places), .unread(ranges[original.exact]!))
            }
        }
        precondition(placed.count == parameters.count, "\(name) does not map every parameter")
        return places
    }

    private func shape(of name: String, _ places: [TensorPlace]) -> [Int] { places.first { $0.name == name }!.shape }
}

extension PortableModel {
    /// The layout of the model's parameters, built without allocating large tables.
    package func makeLayout() -> ParameterLayout {
        var sizes = sizes
        // Position tables are as long as the context, and are parameters only if they are learned.
        if configuration.positions != .learned { sizes.contextLength = 1 }
        return configuration.layout(sizes)
    }
}
