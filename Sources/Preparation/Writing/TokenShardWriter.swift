import Datasets
import Failures
import Files

/// Writes a shard of unknown length; the header's token count is written at the end.
struct TokenShardWriter: ~Copyable {
    private let file: File
    private let format: TokenShardFormat
    private let scratch: UnsafeMutableRawBufferPointer
    private(set) var tokenCount = 0

    /// Creates the shard `path`, or truncates an existing file.
    ///
    /// Until `finish` the header declares 0 tokens, so an unfinished shard is rejected by readers.
    init(_ path: String, format: TokenShardFormat) throws(Failure) {
        var header = [UInt8](repeating: 0, count: format.headerBytes)
        if let (magic, version) = format.signature {
            header.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: magic.littleEndian, toByteOffset: 0, as: Int32.self)
                bytes.storeBytes(of: version.littleEndian, toByteOffset: 4, as: Int32.self)
            }
        }
        let file = try File(path, .create)
        try header.withUnsafeBufferPointer { bytes throws(Failure) in
            try file.write(UnsafeRawBufferPointer(bytes))
        }
        self.file = file
        self.format = format
        scratch = .allocate(byteCount: 1 << 18, alignment: 64)
    }

    deinit { scratch.deallocate() }

    /// Appends `tokens`, each of which must be representable in the format.
    mutating func append(_ tokens: ArraySlice<Int32>) throws(Failure) {
        precondition(
            tokens.count <= TokenShardFormat.maximumTokenCount - tokenCount,
            "the token count exceeds the 31 bits of the header")
        var rest = tokens
        while !rest.isEmpty {
            let part = rest.prefix(scratch.count / format.tokenBytes)
            rest = rest.dropFirst(part.count)
            switch format {
            case .uint16, .headerless: store(part, as: UInt16.self)
            case .uint32: store(part, as: UInt32.self)
            }
            try file.write(UnsafeRawBufferPointer(rebasing: scratch[..<(part.count * format.tokenBytes)]))
            tokenCount += part.count
        }
    }

    /// Writes the token count and syncs the shard to disk.
    ///
    /// - Returns: The shard's entry for the manifest. The hash is computed by reading the file back, because the header
    ///   changes last.
    consuming func finish() throws(Failure) -> DatasetManifest.Shard {
        if format.signature != nil {
            scratch.storeBytes(of: Int32(tokenCount).littleEndian, as: Int32.self)
            try file.write(UnsafeRawBufferPointer(rebasing: scratch[..<4]), at: 8)
        }
        try file.synchronize()
        return DatasetManifest.Shard(
            file: FileName.last(of: file.path), tokens: tokenCount,
            bytes: format.headerBytes + format.tokenBytes * tokenCount,
            digest: try TokenShard.digest(ofFile: file.path))
    }

    private func store<Token: FixedWidthInteger & UnsignedInteger>(_ tokens: ArraySlice<Int32>, as: Token.Type) {
        let stored = scratch.bindMemory(to: Token.self)
        for (place, token) in zip(stored.indices, tokens) { stored[place] = Token(token).littleEndian }
    }
}
