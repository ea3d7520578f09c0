import Datasets
import Failures
import Files
import Texts

/// Inputs of a preparation that are compressed or come from standard input, as plain files in the output directory.
///
/// Texts are read more than once and their ends are held out, which needs plain files. They are removed at the end.
struct UnpackedInputs {
    /// The path of each input as a plain file, by its own path.
    private var paths: [ExactText: String] = [:]

    /// The path that stands for standard input.
    static let standardInput = "-"
    /// The decompressed size up to which a file is not taken for a decompression bomb, in bytes.
    private static let plausibleBytes = 64 << 20
    /// The largest ratio of the decompressed to the compressed size of larger files. Texts have about 4, logs up to
    /// 100.
    private static let ratioLimit = 250
    private static let chunkBytes = 1 << 18

    /// Whether an input is read from another file than its own.
    static func isPacked(_ path: String) -> Bool {
        path.exact == standardInput.exact || [".gz", ".zst"].contains { path.hasExactSuffix($0) }
    }

    /// Unpacks the inputs that need it.
    ///
    /// - Parameters:
    ///   - inputs: All inputs.
    ///   - directory: The output directory.
    ///   - proceed: Called regularly; throws to stop.
    /// - Throws: `usage` if standard input is named twice; `badData` for a damaged file, or one that becomes
    ///   implausibly large; `inputOutput` if reading or writing fails.
    init(_ inputs: [String], in directory: String, _ proceed: DatasetPreparation.Checkpoint) throws(Failure) {
        for (index, input) in inputs.enumerated() where UnpackedInputs.isPacked(input) {
            let isStandardInput = input.exact == UnpackedInputs.standardInput.exact
            guard paths[input.exact] == nil else {
                if isStandardInput {
                    throw Failure(.usage, "Standard input (-) can be read only once; found it twice.")
                }
                continue
            }
            let path = "\(directory)/\(FileName.unpacked(index))"
            let output = try File(path, .create)
            if isStandardInput {
                try UnpackedInputs.copyStandardInput(to: output, proceed)
            } else if input.hasExactSuffix(".gz") {
                var decompressor = try GzipDecompressor()
                try UnpackedInputs.decompress(input, &decompressor, "gzip", to: output, proceed)
            } else {
                var decompressor = try ZstdDecompressor()
                try UnpackedInputs.decompress(input, &decompressor, "zstd", to: output, proceed)
            }
            paths[input.exact] = path
        }
    }

    /// The path of an input as a plain file.
    func path(_ input: String) -> String { paths[input.exact] ?? input }

    /// Removes the files.
    func remove() throws(Failure) {
        for path in paths.values { try FileSystem.remove(path) }
    }

    /// The failure with the names of the inputs instead of those of the plain files.
    func naming(_ failure: Failure) -> Failure {
        paths.reduce(failure) { failure, input in
            let name = input.key.text == UnpackedInputs.standardInput ? "standard input" : input.key.text
            return failure.naming(name, insteadOf: input.value)
        }
    }

    private static func copyStandardInput(
        to output: borrowing File, _ proceed: DatasetPreparation.Checkpoint
    ) throws(Failure) {
        while true {
            try proceed(0)
            let more = try StandardInput.read(atMost: chunkBytes)
            if more.isEmpty { return }
            try output.write(more)
        }
    }

    private static func decompress(
        _ path: String, _ decompressor: inout some Decompressor & ~Copyable, _ format: String,
        to output: borrowing File, _ proceed: DatasetPreparation.Checkpoint
    ) throws(Failure) {
        let file = try File(path, .read)
        let size = try file.size()
        let (most, overflows) = size.multipliedReportingOverflow(by: ratioLimit)
        let limit = overflows ? Int.max : max(plausibleBytes, most)
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 64)
        let made = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 64)
        defer {
            input.deallocate()
            made.deallocate()
        }
        var (offset, total, endsUnit) = (0, 0, false)
        while offset < size {
            let count = try file.readSome(into: input, at: offset)
            guard count > 0 else { break }
            var place = 0
            while true {
                try proceed(0)
                let part = UnsafeRawBufferPointer(rebasing: input[place..<count])
                let step: (taken: Int, made: Int, endsUnit: Bool)
                do throws(DecompressionFault) {
                    step = try decompressor.decompress(part, into: made)
                } catch {
                    throw Failure(
                        .badData,
                        "\(path): byte \(offset + place): is no \(format) file, or is damaged: \(error.message). Copy it again, "
                            + "or name a file that is not compressed.")
                }
                place += step.taken
                total += step.made
                endsUnit = step.endsUnit
                guard total <= limit else {
                    throw Failure(
                        .badData,
                        "\(path): its \(size) bytes become more than \(limit); allowed: \(ratioLimit) times its size, or "
                            + "\(plausibleBytes >> 20) MiB. If the text is what it should be, unpack it first.")
                }
                try output.write(UnsafeRawBufferPointer(rebasing: made[..<step.made]))
                // Output may remain although all input was taken.
                if place == count, step.made < made.count || endsUnit { break }
            }
            offset += count
        }
        guard endsUnit else {
            throw Failure(
                .badData, "\(path): the \(format) file ends too early, after \(size) bytes. Copy it again.")
        }
    }
}
