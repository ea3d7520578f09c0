import Texts

/// A file that was given as text but has another format, recognized by its first bytes.
struct ForeignFile: Sendable {
    /// The format as a predicate: "is compressed with gzip".
    let found: String
    /// The advice: a sentence, without its full stop if a command follows.
    let advice: String
    /// Returns the shell command that converts the file at the quoted path `path` to text at `output`; nil if there is
    /// none.
    var command: (@Sendable (_ path: String, _ output: String) -> String)?

    /// Returns the message that follows the file's path.
    func message(_ path: String) -> String {
        guard let command else { return "\(found), not UTF-8 text. \(advice)" }
        return "\(found), not UTF-8 text. \(advice): \(ForeignFile.pasteable(path, command))"
    }

    /// Recognizes a file by its first bytes; returns nil if it may be text.
    ///
    /// - Parameters:
    ///   - head: The first 4 KiB of the file, or all of a smaller file.
    ///   - byteCount: The size of the file in bytes.
    static func recognize(_ head: [UInt8], byteCount: Int) -> ForeignFile? {
        // UTF-32's little-endian byte order mark begins with UTF-16's, so it is tested first.
        for (mark, name) in [
            ([0xFF, 0xFE, 0x00, 0x00], "UTF-32"), ([0x00, 0x00, 0xFE, 0xFF], "UTF-32"), ([0xFF, 0xFE], "UTF-16"),
            ([0xFE, 0xFF], "UTF-16"),
        ] as [([UInt8], String)] where head.starts(with: mark) {
            return wide(name, "is \(name), by its byte order mark")
        }
        if let found = signatures.first(where: { head.starts(with: $0.bytes) }) { return found.file }
        if head.starts(with: Array("BZh".utf8)), head.dropFirst(4).starts(with: [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) {
            return packed("bzip2", "bzip2 -dc")
        }
        if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
            return ForeignFile(found: "is a tar archive", advice: "Unpack it") { path, _ in "tar -xf \(path)" }
        }
        if byteCount < 1024, head.starts(with: Array("version https://git-lfs.github.com/spec/".utf8)) {
            return ForeignFile(
                found: "is a Git LFS pointer, not the file itself", advice: "Fetch the file, in its repository"
            ) { path, _ in "git lfs pull --include \(path)" }
        }
        return wideByZeros(head, byteCount, isUTF8: true)
    }

    /// Returns advice for a file with bytes that are not UTF-8.
    ///
    /// - Parameters:
    ///   - head: The first bytes of the file.
    ///   - found: The bytes that start at the first invalid one.
    ///   - isCutShort: Whether the file ends within a character.
    ///   - isMostlyUTF8: Whether the text before `found` contains valid multi-byte characters.
    static func remedy(
        _ path: String, head: [UInt8], found: [UInt8], isCutShort: Bool, isMostlyUTF8: Bool
    ) -> String {
        if isCutShort {
            return "The file ends within a character: it is truncated. Copy it again, or drop the incomplete "
                + "character: " + pasteable(path, dropping)
        }
        if let wide = wideByZeros(head, head.count, isUTF8: false) {
            return "The file \(wide.found). \(wide.advice)\(wide.command.map { ": " + pasteable(path, $0) } ?? "")"
        }
        if isMostlyUTF8 {
            return "The text before it is UTF-8, so the file is damaged there. Repair it, or drop the invalid bytes: "
                + pasteable(path, dropping)
        }
        // Windows-1252 extends the printable characters of ISO 8859-1, but these five bytes are undefined in it.
        let encoding = found.contains { [0x81, 0x8D, 0x8F, 0x90, 0x9D].contains($0) } ? "ISO-8859-1" : "WINDOWS-1252"
        return "The file seems to be in an older encoding. Convert it; for Western European text: "
            + pasteable(path, { "iconv -f \(encoding) -t UTF-8 \($0) > \($1)" }) + " (iconv -l lists other encodings)"
    }

    /// The message, after the file's path, for a file without LF whose first CR is at `offset`.
    static func oldLineEnds(_ path: String, _ offset: Int) -> String {
        "has CR (first at byte \(offset + 1)) but no LF: its lines end as on old Macs, or it is one line with carriage "
            + "returns in it. Lines must end with LF or CR LF. Convert it: "
            + pasteable(path) { "tr '\\r' '\\n' < \($0) > \($1)" }
    }

    // MARK: UTF-16 and UTF-32

    /// Recognizes UTF-16 or UTF-32 without a byte order mark, or binary data, by the positions of zero bytes; returns
    /// nil if the file may be text.
    ///
    /// - Parameter isUTF8: Whether the bytes may be UTF-8, in which case a few zero bytes are accepted.
    private static func wideByZeros(_ head: [UInt8], _ byteCount: Int, isUTF8: Bool) -> ForeignFile? {
        var zeros = [0, 0, 0, 0]
        for (index, byte) in head.enumerated() where byte == 0 { zeros[index % 4] += 1 }
        let (total, quarters) = (zeros.reduce(0, +), head.count / 4)
        guard total > 0 else { return nil }
        let groups = stride(from: 0, to: 4 * quarters, by: 4).map { head[$0..<$0 + 4] }
        // The Unicode planes with assigned characters. A plane of 10 or 13 is more likely a line feed or carriage
        // return of UTF-16.
        let planes: [UInt8] = [0, 1, 2, 3, 14]
        if byteCount.isMultiple(of: 4), quarters > 0 {
            if zeros[0] < quarters, groups.allSatisfy({ $0.last == 0 && planes.contains($0[$0.startIndex + 2]) }) {
                return wide("UTF-32LE", "is UTF-32 (little-endian) without a byte order mark")
            }
            if zeros[3] < quarters, groups.allSatisfy({ $0.first == 0 && planes.contains($0[$0.startIndex + 1]) }) {
                return wide("UTF-32BE", "is UTF-32 (big-endian) without a byte order mark")
            }
        }
        let (even, odd) = (zeros[0] + zeros[2], zeros[1] + zeros[3])
        // In UTF-16, spaces and line ends alone produce this many zero bytes in any language that separates words by
        // spaces.
        let isDense = total >= (isUTF8 ? max(2, head.count / 64) : 1)
        if isDense, byteCount.isMultiple(of: 2), min(even, odd) * 16 <= (isUTF8 ? 0 : max(even, odd)) {
            return odd > even
                ? wide("UTF-16LE", "is UTF-16 (little-endian) without a byte order mark")
                : wide("UTF-16BE", "is UTF-16 (big-endian) without a byte order mark")
        }
        if isUTF8, head.count < 4 || total <= head.count / 2 { return nil }
        return ForeignFile(
            found: "holds zero bytes: it is binary data", advice: "Give a text file, or export the file as text.")
    }

    private static func wide(_ name: String, _ found: String) -> ForeignFile {
        ForeignFile(found: found, advice: "Convert it") { "iconv -f \(name) -t UTF-8 \($0) > \($1)" }
    }

    // MARK: Signatures

    private static let signatures: [(bytes: [UInt8], file: ForeignFile)] = {
        func image(_ name: String) -> ForeignFile {
            ForeignFile(found: "is a \(name) image", advice: "Images are prepared with --images DIRECTORY.")
        }
        func other(_ found: String, _ advice: String) -> ForeignFile { ForeignFile(found: found, advice: advice) }
        let office = "Save it as plain text in UTF-8 with the program that wrote it."
        let table = "Export its texts as JSON lines or plain text."
        return [
            ([0x1F, 0x8B], packed("gzip", "gzip -dc")),
            ([0x1F, 0x9D], packed("compress", "gzip -dc")),
            ([0x28, 0xB5, 0x2F, 0xFD], packed("zstd", "zstd -dc")),
            ([0xFD] + Array("7zXZ".utf8) + [0], packed("xz", "xz -dc")),
            ([0x5D, 0, 0], packed("lzma", "xz --format=lzma -dc")),
            (Array("LZIP".utf8) + [1], packed("lzip", "lzip -dc")),
            ([0x04, 0x22, 0x4D, 0x18], packed("lz4", "lz4 -dc")),
            (Array("PK".utf8) + [3, 4], archive("a zip archive", "unzip -p")),
            (Array("PK".utf8) + [5, 6], other("is an empty zip archive", "Give a text file.")),
            (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], archive("a 7-Zip archive", "7z x -so")),
            (Array("Rar!".utf8) + [0x1A, 0x07], archive("a RAR archive", "unrar p -inul")),
            (
                Array("%PDF-".utf8),
                ForeignFile(found: "is a PDF", advice: "Extract its text") { "pdftotext \($0) \($1)" }
            ),
            ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], other("is a Microsoft Office file", office)),
            (Array("PAR1".utf8) + [0x15], other("is a Parquet file", table)),
            (Array("ARROW1".utf8) + [0, 0], other("is an Arrow file", table)),
            (Array("SQLite format 3".utf8) + [0], other("is an SQLite database", table)),
            ([0x89] + Array("HDF\r\n".utf8), other("is an HDF5 file", table)),
            ([0x93] + Array("NUMPY".utf8), other("is a NumPy array", table)),
            ([0x7F] + Array("ELF".utf8), other("is a program", "Give a text file.")),
            ([0x89] + Array("PNG\r\n".utf8), image("PNG")),
            ([0xFF, 0xD8, 0xFF], image("JPEG")),
            (Array("GIF87a".utf8), image("GIF")),
            (Array("GIF89a".utf8), image("GIF")),
        ]
    }()

    private static func packed(_ name: String, _ command: String) -> ForeignFile {
        ForeignFile(found: "is compressed with \(name)", advice: "Unpack it") { "\(command) \($0) > \($1)" }
    }

    private static func archive(_ found: String, _ command: String) -> ForeignFile {
        ForeignFile(found: "is \(found)", advice: "Unpack it (an office document: save it as plain text)") {
            "\(command) \($0) > \($1)"
        }
    }

    // MARK: Commands

    /// Returns a command with the quoted paths of its input and of its output, `path` with the suffix `.utf8`.
    private static func pasteable(_ path: String, _ command: (String, String) -> String) -> String {
        command(shellPath(path), shellPath(path + ".utf8"))
    }

    private static func dropping(_ path: String, _ output: String) -> String {
        "iconv -c -f UTF-8 -t UTF-8 \(path) > \(output)"
    }
}
