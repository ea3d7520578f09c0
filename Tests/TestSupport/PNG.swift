/// Returns an image as a minimal PNG file: 8 bits per sample, unfiltered rows, one stored (uncompressed) block.
///
/// - Parameters:
///   - channels: 1 for gray, 3 for RGB.
///   - pixels: [height, width, channels]; with one filter byte per row fewer than 65,536 bytes.
package func png(height: Int, width: Int, channels: Int, _ pixels: [UInt8]) -> [UInt8] {
    let rowBytes = width * channels
    let raw = (0..<height).flatMap { [0] + pixels[$0 * rowBytes..<($0 + 1) * rowBytes] }
    var (low, high) = (UInt32(1), UInt32(0))
    for byte in raw {
        low = (low + UInt32(byte)) % 65_521
        high = (high + low) % 65_521
    }
    let size = UInt16(raw.count)
    let stored = [0x78, 0x01, 1, UInt8(size & 0xFF), UInt8(size >> 8), UInt8(~size & 0xFF), UInt8(~size >> 8)] + raw
    let header = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, channels == 1 ? 0 : 2, 0, 0, 0]
    return pngSignature + pngChunk("IHDR", header)
        + pngChunk("IDAT", stored + bigEndian(high << 16 | low)) + pngChunk("IEND", [])
}

/// The signature of PNG files.
package let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

/// Returns a PNG chunk: length, name, data and CRC.
package func pngChunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let checked = Array(name.utf8) + data
    var sum = UInt32.max
    for byte in checked {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return bigEndian(UInt32(data.count)) + checked + bigEndian(~sum)
}

/// Returns the big-endian bytes of `values`, concatenated.
package func bigEndian<Value: FixedWidthInteger>(_ values: Value...) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.bigEndian) { Array($0) } }
}
