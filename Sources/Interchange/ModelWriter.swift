import Texts
import Checkpoints
import Failures
import Files
import Tensors

/// Writes a model to a directory in the format of a `transformers` class.
package struct ModelWriter {
    private let modelClass: ModelClass
    package let model: PortableModel
    let directory: String

    /// Creates the directory if it is missing.
    ///
    /// - Parameter modelClass: A class that can represent `model`.
    /// - Throws: `inputOutput` if the directory cannot be created.
    package init(_ modelClass: ModelClass, _ model: PortableModel, to directory: String) throws(Failure) {
        (self.modelClass, self.model, self.directory) = (modelClass, model, directory)
        try FileSystem.makeDirectory(directory)
    }

    /// The size of tensors in bytes above which they are written to several files.
    package static let shardBytes = 5_000_000_000

    /// Writes the tensors and the JSON files, `config.json` last; each file is replaced atomically.
    ///
    /// - Parameters:
    ///   - layout: The model's parameters.
    ///   - weights: The weight arena of `layout`; must stay valid until the call returns.
    ///   - type: The type of the tensors.
    ///   - generation: Members of `generation_config.json` that the model was imported with.
    ///   - shardBytes: The largest size of a file's tensors, unless a single one is larger.
    /// - Throws: `usage` if a value exceeds the range of the type, or safetensors files do not have the type;
    ///   `inputOutput` if writing fails.
    package func write(
        _ layout: ParameterLayout, _ weights: Arena<Float>, as type: ExportType = .float32,
        generation: [JSON.Member] = [], shardBytes: Int = ModelWriter.shardBytes
    ) throws(Failure) {
        guard let tensorType = type.tensorType else {
            throw Failure(
                .usage,
                "export: --type: found \(type.rawValue); allowed: float32, float16, bfloat16 with --format huggingface."
            )
        }
        let places = modelClass.places(model, layout).filter(\.isWritten)
        let sources = places.map { source($0, weights).converted(to: tensorType) }
            .sorted { $0.name.exact < $1.name.exact }
        try WeightFiles.write(sources, to: directory, shardBytes: shardBytes)
        let configuration = modelClass.configurationFile(model, type)
        if modelClass.generates {
            let tokens = (configuration.objectValue ?? []).filter {
                $0.name.hasExactSuffix("_token_id") && $0.value != .null
            }
            try write(GenerationFile.merged(tokens, generation), to: GenerationFile.name)
        }
        if let image = model.image {
            let halves = JSON.array([JSON](repeating: 0.5, count: image.channels))
            // The normalization that maps pixels to −1 ... 1, as dtrain does.
            try write(
                [
                    "image_processor_type": "ViTImageProcessor", "do_resize": true,
                    "size": ["height": .integer(image.height), "width": .integer(image.width)],
                    "do_rescale": true, "rescale_factor": .number(1 / 255.0), "do_normalize": true,
                    "image_mean": halves, "image_std": halves,
                ], to: "preprocessor_config.json")
        }
        try write(configuration, to: "config.json")
    }

    func write(_ value: JSON, to name: String) throws(Failure) {
        try FileSystem.replaceContents(of: "\(directory)/\(name)", with: value.page)
    }

    /// A tensor to write: directly from `weights`, or computed from it block by block.
    private func source(_ place: TensorPlace, _ weights: Arena<Float>) -> TensorSource {
        switch place.content {
        case .elements(let range), .duplicate(let range), .unread(let range):
            return TensorSource(
                name: place.name, type: .float32, shape: place.shape,
                bytes: UnsafeRawBufferPointer(weights.bytes(of: range)))
        case .transposed(let range, let rows, let columns, let block):
            let base = weights.base + range.lowerBound
            return made(place, width: rows * block) { column, target in
                for row in 0..<rows {
                    (target + row * block).update(from: base + (row * columns + column) * block, count: block)
                }
            }
        case .lastElements(let range, let skipped):
            let (base, width) = (weights.base + range.lowerBound, place.shape.last!)
            return made(place, width: width) { row, target in
                if row * width < skipped {
                    target.update(repeating: 0, count: width)
                } else {
                    target.update(from: base + (row * width - skipped), count: width)
                }
            }
        case .zeros, .firstRowAdded:
            let width = place.shape.last!
            return made(place, width: width) { _, target in target.update(repeating: 0, count: width) }
        }
    }

    /// A tensor whose rows are computed one after another.
    private func made(
        _ place: TensorPlace, width: Int, _ fill: @escaping (_ row: Int, _ target: UnsafeMutablePointer<Float>) -> Void
    ) -> TensorSource {
        TensorSource(name: place.name, type: .float32, shape: place.shape) { body throws(Failure) in
            let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: width)
            defer { row.deallocate() }
            for index in 0..<place.count / width {
                fill(index, row.baseAddress!)
                try body(UnsafeRawBufferPointer(row))
            }
        }
    }
}
