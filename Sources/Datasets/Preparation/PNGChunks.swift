import Failures

/// What libpng is given of a PNG file: the chunks that its pixels depend on.
///
/// libpng's simplified interface warns where its limits are exceeded, and goes on: it allocates what a chunk promises
/// before it looks for the bytes, and unpacks every text in the file, up to a thousand times as large, to forget it.
enum PNGChunks {
    private static let signature: [UInt8] = [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
    /// Transparency, and how samples become sRGB. Of the others, those whose first letter is a capital are needed.
    private static let needed = ["tRNS", "gAMA", "cHRM", "sRGB", "iCCP"].map { Array($0.utf8) }

    /// The bytes of a PNG without the chunks that its pixels do not depend on; what is no PNG stays as it is.
    ///
    /// - Throws: `badData` for a chunk that leads beyond the end of the file.
    static func ofPixels(in bytes: [UInt8], _ path: String) throws(Failure) -> [UInt8] {
        guard bytes.starts(with: signature) else { return bytes }
        var kept = signature
        kept.reserveCapacity(bytes.count)
        var rest = bytes.dropFirst(signature.count)
        // A length and a name; behind the data stands a checksum.
        while rest.count >= 8 {
            let byteCount = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let name = rest.dropFirst(4).prefix(4)
            guard byteCount <= rest.count - 8 else {
                throw Failure(
                    .badData,
                    "\(path): not a whole PNG image: a chunk promises \(byteCount) bytes, \(rest.count - 8) are left. "
                        + "Copy it again, or remove it.")
            }
            let chunk = rest.prefix(byteCount + 12)
            let isCritical = name.first.map { $0 & 0x20 == 0 } ?? false
            if isCritical || needed.contains(where: name.elementsEqual) { kept += chunk }
            // libpng reads no further.
            if name.elementsEqual("IEND".utf8) { break }
            rest = rest.dropFirst(chunk.count)
        }
        return kept
    }
}
