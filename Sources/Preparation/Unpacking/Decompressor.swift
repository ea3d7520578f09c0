import CZlib
import CZstd
import Failures

/// The state of decompressing a file.
protocol Decompressor: ~Copyable {
    /// Decompresses a part of `input` into `output`.
    ///
    /// - Returns: The number of bytes taken and made, and whether a compressed unit ends there. Another one may follow.
    /// - Throws: What is wrong with the input.
    mutating func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionFault) -> (taken: Int, made: Int, endsUnit: Bool)
}

/// What is wrong with compressed data.
struct DecompressionFault: Error {
    let message: String
}

/// gzip (RFC 1952): one or several members. zlib checks the CRC-32 and the size of each.
struct GzipDecompressor: Decompressor, ~Copyable {
    /// In memory of its own, because zlib's state points to it.
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(Failure) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // The largest window; 16: a gzip header is required.
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw Failure(.internalError, "zlib could not be started.")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    mutating func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionFault) -> (taken: Int, made: Int, endsUnit: Bool) {
        let bytes = input.bindMemory(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
        stream.pointee.avail_in = UInt32(bytes.count)
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        let code = inflate(stream, Z_NO_FLUSH)
        let taken = bytes.count - Int(stream.pointee.avail_in)
        let made = output.count - Int(stream.pointee.avail_out)
        switch code {
        case Z_OK, Z_BUF_ERROR: return (taken, made, false)
        case Z_STREAM_END:
            inflateReset(stream)
            return (taken, made, true)
        default:
            throw DecompressionFault(message: stream.pointee.msg.map { String(cString: $0) } ?? "error \(code)")
        }
    }
}

/// Zstandard (RFC 8878): one or several frames, with their checksums if they have one.
struct ZstdDecompressor: Decompressor, ~Copyable {
    private let context: OpaquePointer

    /// The largest window, 2²⁷ bytes: the default of the program `zstd`.
    private static let windowLog: Int32 = 27

    init() throws(Failure) {
        guard let context = ZSTD_createDCtx() else { throw Failure(.internalError, "zstd could not be started.") }
        self.context = context
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdDecompressor.windowLog)
    }

    deinit { ZSTD_freeDCtx(context) }

    mutating func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionFault) -> (taken: Int, made: Int, endsUnit: Bool) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let code = ZSTD_decompressStream(context, &target, &source)
        if ZSTD_isError(code) != 0 {
            throw DecompressionFault(message: String(cString: ZSTD_getErrorName(code)))
        }
        return (source.pos, target.pos, code == 0)
    }
}
