import CXXHash
import Failures

/// An incremental XXH3-128 hash.
///
/// - Source: XXH3 by Yann Collet, from libxxhash. It detects accidental corruption; it does not protect against an
///   attacker.
package struct Digest: ~Copyable {
    private let state: OpaquePointer

    /// A digest of no bytes.
    package init() {
        state = XXH3_createState()
        XXH3_128bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    /// Adds `bytes`.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        cxxhash_update(state, bytes.baseAddress, bytes.count)
    }

    /// Adds the UTF-8 bytes of `text` and a zero byte, so that "ab", "c" and "a", "bc" have different digests.
    package mutating func update(_ text: String) {
        var text = text + "\0"
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// Adds the eight little-endian bytes of `value`.
    package mutating func update(_ value: Int) {
        withUnsafeBytes(of: Int64(value).littleEndian) { update($0) }
    }

    /// Returns the hash of all bytes so far as 32 hexadecimal digits, in the canonical (big-endian) order of `xxhsum
    /// -H2`.
    package func hexadecimal() -> String {
        let hash = XXH3_128bits_digest(state)
        return hex(hash.high64) + hex(hash.low64)
    }

    /// Returns the hash of `bytes`.
    package static func of(_ bytes: [UInt8]) -> String {
        var digest = Digest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.hexadecimal()
    }

    /// Returns the hash of the bytes of the file `path`.
    package static func ofFile(_ path: String) throws(Failure) -> String {
        try ofFile(path, first: Int.max).hexadecimal()
    }

    /// Returns the digest of the first `count` bytes of a file, or of the whole file if it is shorter.
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

/// Returns the XXH3-64 hash of bytes in memory, used to detect later changes.
///
/// - Complexity: O(bytes); allocates nothing.
package func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 { cxxhash_64(bytes.baseAddress, bytes.count) }
