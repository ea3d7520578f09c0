import Checkpoints
import Failures
import Files
import Numbers
import Tensors
import Texts

/// The tensors of a model directory: `model.safetensors`, or several files with an index.
final class WeightFiles {
    /// The path of the file or the index, for error messages.
    let path: String
    private let files: [(path: String, tensors: [SafetensorsFile.Tensor])]
    /// The file index of each tensor, and its index in that file, by name.
    private let places: [ExactText: (file: Int, tensor: Int)]
    /// The file that was read last. Only one is open, because a model may have more files than a process may open.
    private var open: (index: Int, file: OpenFile)?

    /// A class around the file, which is not copyable.
    private final class OpenFile {
        let file: SafetensorsFile

        init(_ path: String) throws(Failure) { file = try SafetensorsFile(path) }
    }

    static let fileName = "model.safetensors"
    static let indexName = "model.safetensors.index.json"
    private static let indexLimitBytes = 256 << 20

    /// Opens the files of `directory` and checks their headers.
    ///
    /// - Parameter fileName: The name of the file if there is only one.
    /// - Throws: `badData` if there are none, or a file or the index is invalid.
    init(_ directory: String, fileName: String = WeightFiles.fileName) throws(Failure) {
        let (single, index) = ("\(directory)/\(fileName)", "\(directory)/\(WeightFiles.indexName)")
        let names: [String]
        if try FileSystem.isPresent(single) {
            (path, names) = (single, [fileName])
        } else if try FileSystem.isPresent(index) {
            (path, names) = (index, try WeightFiles.fileNames(index))
        } else {
            let others = FileSystem.isDirectory(directory) ? try FileSystem.list(directory) : []
            let pickled = others.first { name in [".bin", ".pt", ".pth"].contains { name.hasExactSuffix($0) } }
            throw Failure(
                .badData,
                "\(directory): holds neither \(fileName) nor \(WeightFiles.indexName)"
                    + (pickled.map {
                        "; \($0) is not read, because such files can contain any program. Convert it where transformers is "
                            + "installed: AutoModel.from_pretrained(DIR).save_pretrained(DIR)."
                    } ?? "."))
        }
        var files: [(path: String, tensors: [SafetensorsFile.Tensor])] = []
        var places: [ExactText: (file: Int, tensor: Int)] = [:]
        for name in names {
            guard try FileSystem.isPresent("\(directory)/\(name)") else {
                throw Failure(
                    .badData,
                    "\(directory)/\(name): is missing, although \(WeightFiles.indexName) names it. Copy all files of the "
                        + "model.")
            }
            let opened = try SafetensorsFile("\(directory)/\(name)")
            for (index, tensor) in opened.tensors.enumerated() {
                if let other = places.updateValue((files.count, index), forKey: tensor.name.exact) {
                    throw Failure(
                        .badData,
                        "\(opened.path): tensor \(tensor.name): is also in \(files[other.file].path).")
                }
            }
            files.append((opened.path, opened.tensors))
        }
        (self.files, self.places) = (files, places)
    }

    /// Returns the names of the files in an index.
    private static func fileNames(_ index: String) throws(Failure) -> [String] {
        let bytes = try TextReader.contents(of: index, limitBytes: indexLimitBytes)
        guard let members = try JSON(parsing: bytes, source: index)["weight_map"]?.objectValue else {
            throw Failure(.badData, "\(index): has no weight_map.")
        }
        var names: Set<ExactText> = []
        for member in members {
            // Compares bytes: a slash followed by a combining accent is one `Character`, but still a path separator.
            guard let name = member.value.stringValue, name.hasExactSuffix(".safetensors"), !name.hasExactPrefix("."),
                !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
            else {
                throw Failure(
                    .badData,
                    "\(index): weight_map: \(member.name): found \(member.value.line.prefix(80)); allowed: the name "
                        + "of a .safetensors file in the same directory.")
            }
            names.insert(name.exact)
        }
        guard !names.isEmpty else { throw Failure(.badData, "\(index): weight_map names no file.") }
        return names.sorted().map(\.text)
    }

    /// The names of all tensors, in no particular order.
    var names: [String] { places.keys.map(\.text) }

    /// The shape of a tensor; nil if there is none of this name.
    func shape(of name: String) -> [Int]? { places[name.exact].map { files[$0.file].tensors[$0.tensor].shape } }

    /// The file that contains a tensor, for error messages.
    func path(of name: String) -> String { places[name.exact].map { files[$0.file].path } ?? path }

    /// Checks a tensor's shape and that its type is supported.
    func check(_ name: String, shape: [Int]) throws(Failure) {
        let tensor = tensor(name)
        guard tensor.shape == shape else {
            throw Failure(
                .badData,
                "\(path(of: name)): tensor \(name): its shape is \(tensor.shape), but config.json requires \(shape).")
        }
        guard [.float32, .float16, .bfloat16].contains(tensor.type) else {
            throw Failure(
                .badData,
                "\(path(of: name)): tensor \(name): is of type \(tensor.type.rawValue); allowed: F32, F16, BF16.")
        }
    }

    /// Whether there is a tensor of this name.
    func has(_ name: String) -> Bool { places[name.exact] != nil }

    /// Whether a tensor exists and has an element that is not 0.
    func isNonzero(_ name: String) throws(Failure) -> Bool {
        guard let place = places[name.exact] else { return false }
        let shape = files[place.file].tensors[place.tensor].shape
        try check(name, shape: shape)
        let count = shape.reduce(1, *)
        let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
        defer { numbers.deallocate() }
        guard let base = numbers.baseAddress, count > 0 else { return false }
        try read(name, into: base, count: count)
        return numbers.contains { $0 != 0 }
    }

    /// Reads a checked tensor of `count` elements and converts it to Float32.
    ///
    /// - Throws: `badData` if an element is infinite or not a number.
    func read(_ name: String, into target: UnsafeMutablePointer<Float>, count: Int) throws(Failure) {
        try readStored(name, into: target, count: count)
        guard let index = firstNonFinite(target, count: count) else { return }
        throw Failure(
            .badData,
            "\(path(of: name)): tensor \(name): element \(index) is \(target[index]); only finite numbers are allowed. "
                + "Use another copy of the model.")
    }

    private func readStored(_ name: String, into target: UnsafeMutablePointer<Float>, count: Int) throws(Failure) {
        let type = tensor(name).type
        if type == .float32 {
            return try read(name, UnsafeMutableRawBufferPointer(start: target, count: count * type.byteCount))
        }
        let halves = UnsafeMutablePointer<UInt16>.allocate(capacity: max(count, 1))
        defer { halves.deallocate() }
        try read(name, UnsafeMutableRawBufferPointer(start: halves, count: count * type.byteCount))
        if type == .bfloat16 {
            halves.withMemoryRebound(to: BFloat16.self, capacity: count) {
                convert(UnsafePointer($0), into: target, count: count)
            }
        } else {
            halves.withMemoryRebound(to: Float16.self, capacity: count) {
                convert(UnsafePointer($0), into: target, count: count)
            }
        }
    }

    private func read(_ name: String, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        let index = place(of: name).file
        if open?.index != index {
            open = nil
            let file = try OpenFile(files[index].path)
            guard file.file.tensors == files[index].tensors else {
                throw Failure(.badData, "\(files[index].path): was replaced while it was read. Import the model again.")
            }
            open = (index, file)
        }
        try open!.file.file.read(name, into: buffer)
    }

    private func tensor(_ name: String) -> SafetensorsFile.Tensor {
        let place = place(of: name)
        return files[place.file].tensors[place.tensor]
    }

    private func place(of name: String) -> (file: Int, tensor: Int) {
        guard let place = places[name.exact] else { preconditionFailure("\(name) is not one of the tensors") }
        return place
    }
}
