import Failures
import Files
import Tensors
import Texts

/// Reads a `transformers` model directory: `config.json` and safetensors files.
package struct ModelReader {
    /// The names of files that mark a directory as a model's.
    package static let weightFileNames = [WeightFiles.fileName, WeightFiles.indexName, "pytorch_model.bin"]

    /// The model description in `config.json`.
    package let model: PortableModel
    /// The model's class.
    package let modelClass: ModelClass
    /// The settings of generation that dtrain does not write by itself.
    package let generation: [JSON.Member]
    /// The path of their file, for messages.
    package let generationPath: String
    let directory: String
    private let weights: WeightFiles

    /// Opens a directory; only the headers of the tensor files are read.
    ///
    /// - Throws: `badData` if the directory contains no model of a supported class, or one with options that dtrain
    ///   does not support.
    package init(_ directory: String) throws(Failure) {
        guard try FileSystem.isPresentDirectory(directory) else {
            throw Failure(
                .badData, "\(directory): no such directory. Name one with config.json and model.safetensors.")
        }
        try ExportDirectory.refuseIncomplete(directory)
        let file = try ConfigurationFile("\(directory)/config.json")
        self.directory = directory
        modelClass = try ModelClass.named(in: file)
        generation = modelClass.generates ? try GenerationFile.members(directory, file) : []
        generationPath = try GenerationFile.path(directory)
        weights = try WeightFiles(directory)
        var model = try modelClass.model(file)
        if let bias = modelClass.finalBias { model.configuration.headBias = try weights.isNonzero(bias) }
        if let head = modelClass.untiedHead, !model.configuration.scaleHead, weights.has(head) {
            model.configuration.tieEmbeddings = false
        }
        self.model = model
    }

    /// Checks that the files contain every tensor of the model with the expected shape, and no unknown tensors.
    ///
    /// - Throws: `badData`, with the tensor, its file, and what was expected.
    package func check(_ layout: ParameterLayout) throws(Failure) { _ = try checked(layout) }

    /// Reads all tensors into `target`.
    ///
    /// - Parameter target: A weight arena of `layout`.
    /// - Throws: `badData` if the tensors do not fit the model.
    package func load(_ layout: ParameterLayout, into target: Arena<Float>) throws(Failure) {
        for (place, name) in try checked(layout) {
            switch place.content {
            case .elements(let range): try weights.read(name, into: target.base + range.lowerBound, count: range.count)
            case .transposed(let range, let rows, let columns, let block):
                try withNumbers(of: place, name) { numbers in
                    let base = target.base + range.lowerBound
                    for row in 0..<rows {
                        for column in 0..<columns {
                            (base + (row * columns + column) * block).update(
                                from: numbers.baseAddress! + (column * rows + row) * block, count: block)
                        }
                    }
                }
            case .lastElements(let range, let skipped):
                try withNumbers(of: place, name) { numbers in
                    (target.base + range.lowerBound).update(
                        from: numbers.baseAddress! + skipped, count: range.count)
                }
            case .zeros:
                let isZero = try withNumbers(of: place, name) { $0.allSatisfy { $0 == 0 } }
                guard isZero else {
                    throw Failure(
                        .badData,
                        "\(weights.path(of: name)): tensor \(name): is not zero, but dtrain has no equivalent parameter."
                    )
                }
            case .firstRowAdded(let range):
                try withNumbers(of: place, name) { numbers in
                    let width = place.shape.last!
                    for index in range { target.base[index] += numbers[(index - range.lowerBound) % width] }
                }
            case .duplicate(let range):
                let isSame = try withNumbers(of: place, name) { numbers in
                    zip(range, numbers).allSatisfy { target.base[$0] == $1 }
                }
                guard isSame else {
                    throw Failure(
                        .badData,
                        "\(weights.path(of: name)): tensor \(name): differs from the embedding that config.json says "
                            + "it is tied to.")
                }
            case .unread: break
            }
        }
    }

    /// Calls `body` with a tensor's values and returns its result.
    private func withNumbers<Result>(
        of place: TensorPlace, _ name: String, _ body: (UnsafeMutableBufferPointer<Float>) -> Result
    ) throws(Failure) -> Result {
        let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: place.count)
        defer { numbers.deallocate() }
        guard let base = numbers.baseAddress else { return body(numbers) }
        try weights.read(name, into: base, count: place.count)
        return body(numbers)
    }

    /// Returns the mappings of the tensors that are present, each with its name in the file.
    private func checked(_ layout: ParameterLayout) throws(Failure) -> [(place: TensorPlace, name: String)] {
        let places = modelClass.places(model, layout)
        let expected = Set(places.map(\.name.exact))
        var found: [ExactText: String] = [:]
        var unknown: [String] = []
        for name in weights.names.sortedExactly() {
            let present = modelClass.presentName(name, among: expected)
            if expected.contains(present.exact) {
                found[present.exact] = name
            } else if !modelClass.ignores(name) {
                unknown.append(name)
            }
        }
        for place in places where place.isRequired && found[place.name.exact] == nil {
            let candidates = unknown.isEmpty ? weights.names.sortedExactly() : unknown
            throw Failure(
                .badData,
                "\(weights.path): tensor \(place.name): is missing; \(modelClass.name) needs it"
                    + nearest(place.name, candidates, "the nearest names in the file").map { "; \($0)" }.joined() + ".")
        }
        if let name = unknown.first {
            throw Failure(
                .badData,
                "\(weights.path(of: name)): tensor \(name): is unknown to \(modelClass.name)"
                    + nearest(name, places.map(\.name), "the nearest allowed names").map { "; \($0)" }.joined() + ".")
        }
        var result: [(place: TensorPlace, name: String)] = []
        for place in places {
            guard let name = found[place.name.exact] else { continue }
            try weights.check(name, shape: place.shape)
            result.append((place, name))
        }
        return result
    }

    /// Returns a phrase with the elements of `names` that are most similar to `name`; empty if there are none.
    private func nearest(_ name: String, _ names: [String], _ words: String) -> [String] {
        let comparable = ([name] + names).filter { $0.utf8.count <= ModelClass.nameBytesLimit }
        guard comparable.first?.exact == name.exact else { return [] }
        let near = NamePattern(name).nearest(3, among: Array(comparable.dropFirst()))
        return near.isEmpty ? [] : ["\(words): \(near.joined(separator: ", "))"]
    }
}
