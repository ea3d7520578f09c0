import Failures
import Files
import Tensors

/// A token file whose header and size have been checked.
package struct TokenShard: Sendable {
    /// The file's path.
    package let path: String
    /// The format of its tokens.
    package let format: TokenShardFormat
    /// The number of tokens; at least 1.
    package let tokenCount: Int
    /// The XXH3-128 that the manifest records; nil without a manifest.
    package private(set) var recordedDigest: String?
    /// The state of the file when it was opened.
    let stamp: FileStamp

    /// The file's size in bytes.
    package var byteCount: Int { byteOffset(ofToken: tokenCount) }

    /// The byte offset of token `index`.
    package func byteOffset(ofToken index: Int) -> Int { format.headerBytes + format.tokenBytes * index }

    /// Opens `path` and checks its magic number, version, token count and size.
    ///
    /// - Parameter allowingHeaderless: Whether a file without a header is read as nanoGPT's `UInt16` tokens.
    /// - Throws: `badData`, with the file and the byte offset of the invalid value.
    package init(checking path: String, allowingHeaderless: Bool = false) throws(Failure) {
        let file = try File(path, .read)
        let size = try file.size()
        let header = try TokenShardHeader(of: file)
        self.path = path
        stamp = try file.stamp()
        if let magic = header.magic, let format = TokenShardFormat(magic: magic) {
            self.format = format
            tokenCount = try header.tokenCount(path, format, size: size)
        } else {
            let isOtherLLMC = header.magic.map(TokenShardFormat.llmcMagics.contains) ?? false
            guard allowingHeaderless, !isOtherLLMC else { throw header.unknownMagic(path, size: size) }
            guard size > 0, size.isMultiple(of: 2) else {
                throw Failure(
                    .badData,
                    "\(path): holds \(size) bytes; 16-bit tokens without a header take an even number of bytes, "
                        + "at least 2. Copy or prepare the file again.")
            }
            format = .headerless
            tokenCount = size / 2
        }
    }

    /// Stores the hash that the manifest records.
    mutating func record(digest: String) { recordedDigest = digest }

    /// Reads the whole file and checks its hash against the recorded one, and every token against the vocabulary.
    ///
    /// - Parameter progress: Called after every MiB with the number of bytes just read.
    /// - Throws: `badData`, with the file; for a token outside the vocabulary, also its byte offset and value.
    /// - Complexity: O(file size); the file is read once.
    func verify(vocabularySize: Int, _ progress: (_ bytes: Int) -> Void) throws(Failure) {
        let file = try File(path, .read)
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { chunk.deallocate() }
        var digest = Digest()
        var offset = 0
        var strange: Failure?
        while true {
            let count = try file.readSome(into: chunk, at: offset)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: chunk[..<count])
            if recordedDigest != nil { digest.update(bytes) }
            // The header and the chunks are multiples of the token size.
            let skipped = max(0, format.headerBytes - offset)
            if strange == nil, skipped < count {
                let tokens = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
                if largestToken(tokens) >= vocabularySize {
                    let first = (offset + skipped - format.headerBytes) / format.tokenBytes
                    strange = outsideVocabulary(vocabularySize, tokens, first: first)
                }
            }
            offset += count
            progress(count)
        }
        // The hash is checked first: if it differs, the file is damaged, whatever its tokens are.
        if let recordedDigest {
            let found = digest.hexadecimal()
            guard found == recordedDigest else { throw Dataset.hashChanged(path, found, recordedDigest) }
        }
        if let strange { throw strange }
    }

    private func largestToken(_ bytes: UnsafeRawBufferPointer) -> Int {
        let (base, count) = (bytes.baseAddress!, bytes.count / format.tokenBytes)
        return format.tokenBytes == 4
            ? Tensors.largestToken(base.assumingMemoryBound(to: UInt32.self), count: count)
            : Tensors.largestToken(base.assumingMemoryBound(to: UInt16.self), count: count)
    }

    /// The error for the first token in `bytes` that is outside the vocabulary.
    ///
    /// - Parameter first: The index in the shard of the first token of `bytes`.
    func outsideVocabulary(_ vocabularySize: Int, _ bytes: UnsafeRawBufferPointer, first: Int) -> Failure {
        let tokenBytes = format.tokenBytes
        func token(_ index: Int) -> Int {
            tokenBytes == 4
                ? Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
                : Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)))
        }
        let index = (0..<bytes.count / tokenBytes).first { token($0) >= vocabularySize } ?? 0
        let advice =
            recordedDigest == nil
            ? " For shards without \(DatasetManifest.fileName), model.vocabulary_size is the number of tokens." : ""
        return Failure(
            .badData,
            "\(path): token \(token(index)) at byte \(byteOffset(ofToken: first + index)); the vocabulary "
                + "has \(vocabularySize) tokens, from 0 to \(vocabularySize - 1). The file is damaged or made with "
                + "another tokenizer; copy or prepare it again.\(advice)")
    }

    /// The XXH3-128 of the whole file, as `xxhsum -H2` prints it.
    ///
    /// - Parameter progress: Called after every MiB with the number of bytes read so far.
    /// - Complexity: O(file size); the file is read in chunks of 1 MiB.
    package static func digest(
        ofFile path: String, progress: (_ bytesDone: Int) -> Void = { _ in }
    ) throws(Failure) -> String {
        let file = try File(path, .read)
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { chunk.deallocate() }
        var digest = Digest()
        var offset = 0
        while true {
            let count = try file.readSome(into: chunk, at: offset)
            if count == 0 { return digest.hexadecimal() }
            digest.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            offset += count
            progress(offset)
        }
    }
}

/// The first three header fields of an llm.c file; nil if the file is too short.
private struct TokenShardHeader {
    let magic: Int32?
    let version: Int32?
    let count: Int32?

    init(of file: borrowing File) throws(Failure) {
        var words = SIMD4<Int32>(repeating: 0)
        let result: Result<Int, Failure> = withUnsafeMutableBytes(of: &words) { bytes in
            do throws(Failure) { return .success(try file.readSome(into: bytes, at: 0)) } catch {
                return .failure(error)
            }
        }
        let held = try result.get()
        magic = held >= 4 ? Int32(littleEndian: words.x) : nil
        version = held >= 8 ? Int32(littleEndian: words.y) : nil
        count = held >= 12 ? Int32(littleEndian: words.z) : nil
    }

    /// Returns the number of tokens after checking the header and the file size.
    func tokenCount(_ path: String, _ format: TokenShardFormat, size: Int) throws(Failure) -> Int {
        guard size >= format.headerBytes, let version, let count else {
            throw Failure(
                .badData,
                "\(path): holds \(size) bytes, fewer than its header of \(format.headerBytes) bytes. "
                    + "The file is truncated; copy or prepare it again.")
        }
        if let known = format.signature, version != known.version {
            throw Failure(
                .badData,
                "\(path): version \(version) at byte 4; shards with magic number \(known.magic) have version "
                    + "\(known.version). Prepare the file again in that version.")
        }
        guard count > 0 else {
            throw Failure(
                .badData,
                "\(path): declares \(count) tokens at byte 8; allowed: 1 to \(Int32.max). "
                    + "Writing it may have been interrupted; copy or prepare it again.")
        }
        // 1024 + 4 · (2³¹ − 1) cannot overflow an Int.
        let promised = format.headerBytes + format.tokenBytes * Int(count)
        guard size == promised else {
            throw Failure(
                .badData,
                "\(path): holds \(size) bytes, but its header declares \(promised) (\(count) tokens of "
                    + "\(format.tokenBytes) bytes, at byte 8, after \(format.headerBytes) bytes of header). "
                    + "\(size < promised ? "The file is truncated" : "The file is damaged"); "
                    + "copy or prepare it again.")
        }
        return Int(count)
    }

    func unknownMagic(_ path: String, size: Int) -> Failure {
        let found = magic.map { "magic number \($0) at byte 0" } ?? "holds \(size) bytes, too few for a magic number"
        let allowed = TokenShardFormat.allCases.compactMap { format in
            format.signature.map { "\($0.magic) (\(format.tokenBytes * 8)-bit tokens)" }
        }
        return Failure(
            .badData,
            "\(path): \(found); a token shard has \(allowed.joined(separator: " or ")). "
                + "Copy or prepare the file again.")
    }
}
