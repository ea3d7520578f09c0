import Checkpoints
import Failures
import Files
import Kernels
import Numbers
import Tensors

extension WeightFiles {
    /// Writes tensors to `model.safetensors` or, if they are larger than `shardBytes`, to several files with an index.
    ///
    /// - Throws: `inputOutput` if writing fails; the error of a tensor.
    static func write(_ tensors: [TensorSource], to directory: String, shardBytes: Int) throws(Failure) {
        var shards: [[TensorSource]] = [[]]
        var bytes = 0
        for tensor in tensors {
            if bytes + tensor.byteCount > shardBytes, !shards[shards.count - 1].isEmpty {
                shards.append([])
                bytes = 0
            }
            shards[shards.count - 1].append(tensor)
            bytes += tensor.byteCount
        }
        guard shards.count > 1 else {
            return try SafetensorsFile.replace("\(directory)/\(fileName)", with: tensors)
        }
        var members: [JSON.Member] = []
        for (index, shard) in shards.enumerated() {
            let name = "model-\(digits(index + 1))-of-\(digits(shards.count)).safetensors"
            try SafetensorsFile.replace("\(directory)/\(name)", with: shard)
            members += shard.map { JSON.Member($0.name, .string(name)) }
        }
        let size = tensors.reduce(0) { $0 + $1.byteCount }
        let value: JSON = ["metadata": ["total_size": .integer(size)], "weight_map": .object(members)]
        try FileSystem.replaceContents(of: "\(directory)/\(indexName)", with: value.page)
    }

    /// The number of a file, with five digits or more.
    private static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
    }
}

extension TensorSource {
    /// The same Float32 tensor in another type.
    func converted(to type: TensorType) -> TensorSource {
        switch type {
        case .float16: converted(to: type, as: Float16.self)
        case .bfloat16: converted(to: type, as: BFloat16.self)
        default: self
        }
    }

    private func converted<Element: Storage>(to type: TensorType, as _: Element.Type) -> TensorSource {
        TensorSource(name: name, type: type, shape: shape) { body throws(Failure) in
            try forEachBlock { block throws(Failure) in
                let count = block.count / MemoryLayout<Float>.stride
                let elements = UnsafeMutableBufferPointer<Element>.allocate(capacity: count)
                defer { elements.deallocate() }
                guard let source = block.baseAddress, let target = elements.baseAddress else { return }
                convert(source.assumingMemoryBound(to: Float.self), into: target, count: count)
                let bytes = UnsafeRawBufferPointer(elements)
                if type == .float16, firstNonFinite(bytes, .float16) != nil {
                    throw Failure(
                        .usage,
                        "export: --type float16: tensor \(name) has a value beyond the range of Float16 (65504). Use "
                            + "--type bfloat16 or float32.")
                }
                try body(bytes)
            }
        }
    }
}
