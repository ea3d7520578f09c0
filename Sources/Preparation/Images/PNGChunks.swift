import Failures
import Files

/// Selects the chunks of a PNG file that determine its pixels, which are passed to libpng.
///
/// When limits are exceeded, libpng's simplified interface only warns: it allocates the declared size of a chunk before
/// reading it, and decompresses every text chunk, up to a thousand times its size, only to discard it.
enum PNGChunks {
    private static let signature: [UInt8] = [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
    /// Ancillary chunks for transparency and conversion to sRGB. Critical chunks, whose first letter is a capital, are
    /// always needed.
    private static let needed = ["tRNS", "gAMA", "cHRM", "sRGB", "iCCP"].map { Array($0.utf8) }

    /// Returns the bytes of a PNG file without the chunks that do not affect its pixels; other files unchanged.
    ///
    /// - Throws: `badData` for a chunk that extends beyond the end of the file.
    static func ofPixels(in bytes: [UInt8], _ path: String) throws(Failure) -> [UInt8] {
        guard bytes.starts(with: signature) else { return bytes }
        var kept = signature
        kept.reserveCapacity(bytes.count)
        var rest = bytes.dropFirst(signature.count)
        // A chunk is a length, a name, the data and a checksum.
        while rest.count >= 8 {
            let byteCount = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let name = rest.dropFirst(4).prefix(4)
            guard byteCount <= rest.count - 8 else {
                throw Failure(
                    .badData,
                    "\(path): not a whole PNG image: a chunk declares \(byteCount) bytes, but only \(rest.count - 8) are left. "
                        + "Copy it again, or remove it.")
            }
            let chunk = rest.prefix(byteCount + 12)
            let isCritical = name.first.map { $0 & 0x20 == 0 } ?? false
            if isCritical || needed.contains(where: name.elementsEqual) { kept += chunk }
            // libpng does not read beyond this chunk.
            if name.elementsEqual("IEND".utf8) { break }
            rest = rest.dropFirst(chunk.count)
        }
        return kept
    }

    // MARK: Diagnosis

    /// Returns the name of another image format with whose signature the bytes begin; nil if there is none.
    static func otherFormat(of bytes: [UInt8]) -> String? {
        let others: [([UInt8], String)] = [
            ([0xFF, 0xD8, 0xFF], "JPEG"), (Array("GIF8".utf8), "GIF"), (Array("RIFF".utf8), "WebP"),
            (Array("BM".utf8), "BMP"),
        ]
        return others.first { bytes.starts(with: $0.0) }?.1
    }

    /// Returns the reason why a PNG file cannot be decoded.
    static func flaw(in bytes: [UInt8]) -> String {
        guard bytes.starts(with: signature) else { return "it does not begin with the signature of PNG files" }
        var rest = bytes.dropFirst(signature.count)
        var names: [String] = []
        while rest.count >= 12 {
            let byteCount = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard byteCount <= rest.count - 12 else { break }
            let part = rest.dropFirst(4).prefix(4 + byteCount)
            let name = String(decoding: part.prefix(4), as: UTF8.self)
            let recorded = rest.dropFirst(8 + byteCount).prefix(4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            guard checksum(part) == recorded else { return "the checksum of its chunk \(name) is wrong" }
            names.append(name)
            rest = rest.dropFirst(12 + byteCount)
        }
        guard names.first == "IHDR" || names.isEmpty else { return "its first chunk is not IHDR" }
        guard names.last == "IEND" else { return "it ends before its IEND chunk" }
        return names.contains("IDAT")
            ? "its header or its pixels are invalid" : "it has no pixels"
    }

    /// The CRC-32 (ISO 3309) that every chunk of a PNG file has.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}
