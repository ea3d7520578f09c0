import CZlib
import CZstd
import Files
import Preparation
import TestSupport
import Testing

@testable import Datasets

@Suite struct UnpackingTests {
    private let directory = TemporaryDirectory()

    private func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var (stream, input) = (z_stream(), bytes)
        var output = [UInt8](repeating: 0, count: bytes.count + 64)
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        return input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                #expect(deflate(&stream, Z_FINISH) == Z_STREAM_END)
                return Array(output[..<(output.count - Int(stream.avail_out))])
            }
        }
    }

    private func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let count = ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
        return Array(output[..<count])
    }

    private func prepare(_ name: String, _ bytes: [UInt8], output: String = "data") throws -> Dataset {
        let path = directory.file(name)
        try File(path, .create).write(bytes)
        var preparation = DatasetPreparation(texts: [path], output: directory.file(output))
        preparation.validationFraction = 0
        _ = try preparation.run()
        return try Dataset.verified(preparation.output)
    }

    @Test(arguments: [0, 1, 5000, 40_000]) func datasetsAreThoseOfThePlainText(lines: Int) throws {
        let text = Array("one\n".utf8) + (0..<lines).flatMap { Array("line \($0 &* 7919 % 1000)\n".utf8) }
        let plain = try prepare("text.txt", text, output: "plain")
        // Two members or frames, one after the other.
        let half = text.count / 2
        let (first, second) = (Array(text[..<half]), Array(text[half...]))
        for (name, packed) in [("text.txt.gz", gzip(first) + gzip(second)), ("text.zst", zstd(first) + zstd(second))] {
            let dataset = try prepare(name, packed, output: "out-\(name)")
            #expect(dataset.digest == plain.digest)
            #expect(
                try DatasetManifest(readingFrom: dataset.directory).sources == [.init(file: name, bytes: packed.count)])
            #expect(try FileSystem.list(dataset.directory).sorted() == FileSystem.list(plain.directory).sorted())
        }
    }

    @Test func recordsKeepTheirLineNumbers() throws {
        let path = directory.file("a.jsonl.gz")
        try File(path, .create).write(gzip(Array("{\"text\": \"a\"}\n{\"txt\": 1}\n".utf8)))
        let preparation = DatasetPreparation(
            .records(.documents(field: "text"), [path]), output: directory.file("data"))
        expectFailure(.badData, "\(path): line 2: a JSON object with a string \"text\" is required") {
            _ = try preparation.run()
        }
        #expect(!FileSystem.exists(directory.file("data")))
    }

    @Test func damagedFilesAreRefused() throws {
        let text = Array("some text, some text\n".utf8)
        for (name, packed) in [("a.gz", gzip(text)), ("a.zst", zstd(text))] {
            expectFailure(.badData, "\(name): the ", " file ends too early") {
                _ = try prepare(name, Array(packed.dropLast(3)))
            }
            expectFailure(.badData, "\(name): byte ", "or is damaged") { _ = try prepare(name, text) }
            expectFailure(.badData, "\(name): byte ", "or is damaged") { _ = try prepare(name, packed + text) }
        }
        var wrong = gzip(text)
        wrong[wrong.count - 6] ^= 1
        expectFailure(.badData, "incorrect data check") { _ = try prepare("a.gz", wrong) }
        expectFailure(.badData, "a.gz: the gzip file ends too early, after 0 bytes") { _ = try prepare("a.gz", []) }
    }

    @Test func bombsAreRefused() throws {
        let member = gzip([UInt8](repeating: 0x20, count: 1 << 20))
        let bomb = Array(repeatElement(member, count: 70).joined())
        expectFailure(.badData, "bytes become more than 67108864; allowed: 250 times its size, or 64 MiB") {
            _ = try prepare("bomb.gz", bomb)
        }
        #expect(!FileSystem.exists(directory.file("data")))
    }
}
