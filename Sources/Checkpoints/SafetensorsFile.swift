import Failures
import Files
import Tensors
import Texts

/// An open safetensors file whose header is valid.
package struct SafetensorsFile: ~Copyable {
    /// A tensor of the file.
    package struct Tensor: Equatable, Sendable {
        package let name: String
        package let type: TensorType
        package let shape: [Int]
        /// The range of its bytes in the file.
        let range: Range<Int>
    }

    /// The path with which it was opened.
    package var path: String { file.path }
    /// The tensors in the order of their data.
    package let tensors: [Tensor]
    /// The strings of the header's `__metadata__`.
    package let metadata: [ExactText: String]

    private let file: File
    private let size: Int
    private let indices: [ExactText: Int]

    /// Opens `path` and checks its header; tensor data is not read.
    ///
    /// - Throws: `badData` if it is not a valid safetensors file.
    package init(_ path: String, followingLinks: Bool = true) throws(Failure) {
        let file = try File(path, .read, followingLinks: followingLinks)
        let size = try file.size()
        let headerBytes = try Self.headerBytes(of: file, size: size)
        let dataStart = SafetensorsHeader.lengthBytes + headerBytes
        let header = try SafetensorsHeader(
            parsing: Self.bytes(of: file, in: SafetensorsHeader.lengthBytes..<dataStart),
            dataBytes: size - dataStart, path: path)
        tensors = header.entries.map {
            Tensor(
                name: $0.name, type: $0.type, shape: $0.shape,
                range: dataStart + $0.range.lowerBound..<dataStart + $0.range.upperBound)
        }
        metadata = header.metadata
        indices = Dictionary(uniqueKeysWithValues: zip(tensors.map(\.name.exact), tensors.indices))
        self.file = file
        self.size = size
    }

    /// The tensor of that name, or nil.
    package subscript(name: String) -> Tensor? { indices[name.exact].map { tensors[$0] } }

    /// Reads a tensor into `destination`.
    ///
    /// - Throws: `badData` if the file has no tensor of that name, type and shape, or a value is not finite.
    package func read(into destination: TensorDestination) throws(Failure) {
        guard let tensor = self[destination.name] else {
            throw Failure(.badData, "\(path): holds no tensor \(destination.name).")
        }
        guard tensor.type == destination.type, tensor.shape == destination.shape else {
            throw Failure(
                .badData,
                "\(path): tensor \(tensor.name): is \(tensor.type.rawValue) \(tensor.shape); expected "
                    + "\(destination.type.rawValue) \(destination.shape).")
        }
        try destination.fill { buffer, offset throws(Failure) in
            precondition(offset >= 0 && offset + buffer.count <= tensor.range.count, "inside \(tensor.name)")
            try readFinite(tensor, from: offset, into: buffer)
        }
    }

    /// Reads the tensor `name` into `buffer`.
    ///
    /// - Throws: `badData` if the file has no tensor of that name and size in bytes, or a value is not finite.
    package func read(_ name: String, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        try readFinite(try tensor(name, bytes: buffer.count), from: 0, into: buffer)
    }

    /// Calls `body` with all bytes of a tensor of this file in blocks, which are aligned and valid until `body`
    /// returns. Values that are not finite are passed on.
    package func forEachBlock(
        of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: TensorSource.blockBytes, alignment: 64)
        defer { block.deallocate() }
        for offset in stride(from: tensor.range.lowerBound, to: tensor.range.upperBound, by: block.count) {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: block[..<min(block.count, tensor.range.upperBound - offset)])
            try file.read(into: part, at: offset)
            try body(UnsafeRawBufferPointer(part))
        }
    }

    /// Returns the tensor of that name; its size must be `bytes`.
    private func tensor(_ name: String, bytes: Int) throws(Failure) -> Tensor {
        guard let tensor = self[name] else { throw Failure(.badData, "\(path): holds no tensor \(name).") }
        guard tensor.range.count == bytes else {
            throw Failure(
                .badData, "\(path): tensor \(name): holds \(tensor.range.count) bytes; expected \(bytes).")
        }
        return tensor
    }

    /// Reads bytes of a tensor and rejects values that are not finite. All reads of tensor values use this function.
    private func readFinite(
        _ tensor: Tensor, from offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Failure) {
        // In blocks that are still in the CPU cache when they are checked.
        for start in stride(from: 0, to: buffer.count, by: TensorSource.blockBytes) {
            let block = UnsafeMutableRawBufferPointer(
                rebasing: buffer[start..<min(start + TensorSource.blockBytes, buffer.count)])
            try file.read(into: block, at: tensor.range.lowerBound + offset + start)
            guard let nonFinite = Self.nonFinite(block, of: tensor, from: offset + start) else { continue }
            throw Failure(
                .badData,
                "\(path): \(nonFinite). The training run that wrote it diverged, or the file is damaged: use an earlier "
                    + "checkpoint or another copy.")
        }
    }

    /// Reads and hashes every byte once, and searches for numbers that are infinite or NaN.
    ///
    /// - Parameters:
    ///   - fromDisk: Whether to drop the file from the page cache first.
    ///   - progress: Called with the number of bytes just read.
    /// - Returns: The fingerprint, and the first number that is not finite, in words.
    func fingerprint(
        fromDisk: Bool = false, progress: (Int) -> Void
    ) throws(Failure) -> (fingerprint: FileFingerprint, nonFinite: String?) {
        if fromDisk { file.forgetCache() }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: TensorSource.blockBytes, alignment: 64)
        defer { block.deallocate() }
        var fileDigest = Digest()
        var nonFinite: String?
        func hash(_ range: Range<Int>, _ tensorDigest: inout Digest, of tensor: Tensor?) throws(Failure) {
            var offset = range.lowerBound
            while offset < range.upperBound {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: block[..<min(block.count, range.upperBound - offset)])
                try file.read(into: part, at: offset)
                fileDigest.update(UnsafeRawBufferPointer(part))
                tensorDigest.update(UnsafeRawBufferPointer(part))
                if nonFinite == nil, let tensor {
                    nonFinite = Self.nonFinite(part, of: tensor, from: offset - range.lowerBound)
                }
                offset += part.count
                progress(part.count)
            }
        }

        var headerDigest = Digest()
        try hash(0..<(tensors.first?.range.lowerBound ?? size), &headerDigest, of: nil)
        var fingerprints: [TensorFingerprint] = []
        for tensor in tensors {
            var tensorDigest = Digest()
            try hash(tensor.range, &tensorDigest, of: tensor)
            fingerprints.append(
                TensorFingerprint(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, digest: tensorDigest.hexadecimal()))
        }
        return (FileFingerprint(size: size, digest: fileDigest.hexadecimal(), tensors: fingerprints), nonFinite)
    }

    /// The first infinite number or NaN among bytes of `tensor` that begin at its byte `offset`, in words; nil if all
    /// are finite.
    private static func nonFinite(
        _ bytes: UnsafeMutableRawBufferPointer, of tensor: Tensor, from offset: Int
    ) -> String? {
        guard let format = tensor.type.floatFormat, let index = firstNonFinite(UnsafeRawBufferPointer(bytes), format)
        else { return nil }
        return "tensor \(tensor.name): element \(offset / format.byteCount + index) of \(tensor.type.rawValue) "
            + "\(tensor.shape) is infinite or not a number; only finite numbers are allowed"
    }

    // MARK: Opening

    /// Reads the length of the header's JSON; rejected if it exceeds the file or the format's limit.
    private static func headerBytes(of file: borrowing File, size: Int) throws(Failure) -> Int {
        let path = file.path
        guard size >= SafetensorsHeader.lengthBytes else {
            throw Failure(.badData, "\(path): \(size) bytes are too few for a safetensors file.")
        }
        let field = try bytes(of: file, in: 0..<SafetensorsHeader.lengthBytes)
        let length = field.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(min(SafetensorsHeader.maximumBytes, size - SafetensorsHeader.lengthBytes)) else {
            throw Failure(
                .badData,
                "\(path): declares a header of \(length) bytes in a file of \(size) bytes (at most "
                    + "\(SafetensorsHeader.maximumBytes) are allowed): it is truncated, or not a safetensors file.")
        }
        return Int(length)
    }

    private static func bytes(of file: borrowing File, in range: Range<Int>) throws(Failure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 8)
        defer { buffer.deallocate() }
        try file.read(into: buffer, at: range.lowerBound)
        return Array(buffer)
    }
}
