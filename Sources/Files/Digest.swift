import CXXHash
import Failures

/// An XXH3-128 hash over bytes as they come.
///
/// - Source: XXH3 by Yann Collet, from libxxhash. It finds every accident; it is no defence against an adversary.
package struct Digest: ~Copyable {
    private let state: OpaquePointer

    /// The digest of nothing yet.
    package init() {
        state = XXH3_createState()
        XXH3_128bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    /// Takes in `bytes`.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        cxxhash_update(state, bytes.baseAddress, bytes.count)
    }

    /// Takes in the UTF-8 bytes of `text` and a zero byte, so that "ab", "c" and "a", "bc" differ.
    package mutating func update(_ text: String) {
        var text = text + "\0"
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// Takes in the eight little-endian bytes of `value`.
    package mutating func update(_ value: Int) {
        withUnsafeBytes(of: Int64(value).littleEndian) { update($0) }
    }

    /// The hash of all bytes so far: 32 hexadecimal digits, in the canonical (big-endian) order that `xxhsum -H2` prints.
    package func hexadecimal() -> String {
        let hash = XXH3_128bits_digest(state)
        return hex(hash.high64) + hex(hash.low64)
    }

    /// The hash of `bytes`.
    package static func of(_ bytes: [UInt8]) -> String {
        var digest = Digest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.hexadecimal()
    }

    /// The hash of the bytes of the file `path`.
    package static func ofFile(_ path: String) throws(Failure) -> String {
        try ofFile(path, first: Int.max).hexadecimal()
    }

    /// The digest of the first `count` bytes of a file, or of all where it has fewer.
    static func ofFile(_ path: String, first count: Int) throws(Failure) -> Digest {
        let file = try File(path, .read)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { block.deallocate() }
        var digest = Digest()
        var offset = 0
        while offset < count {
            let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, count - offset)])
            let found = try file.readSome(into: part, at: offset)
            if found == 0 { break }
            digest.update(UnsafeRawBufferPointer(rebasing: part[..<found]))
            offset += found
        }
        return digest
    }

    private func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The XXH3-64 of bytes in memory, to see later whether they have changed.
///
/// - Complexity: Allocates nothing.
package func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 { cxxhash_64(bytes.baseAddress, bytes.count) }
