import Tensors
import Files
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

@Suite struct ImageTests {
    let directory = TemporaryDirectory()

    private func prepare(
        _ paths: [String], validation: [String] = [], fraction: Double = 0, tokensPerShard: Int = 1000
    ) throws -> Dataset {
        var preparation = DatasetPreparation(.images(paths.map(directory.file)), output: directory.file("data"))
        preparation.validation = validation.map(directory.file)
        preparation.validationFraction = fraction
        preparation.tokensPerShard = tokensPerShard
        _ = try preparation.run()
        return try Dataset.verified(directory.file("data"))
    }

    private func pixels(_ records: Records, _ record: Int, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try records.pixels(of: record, into: &bytes)
        return bytes
    }

    /// Writes an image of 2 rows with 3 pixels to a folder.
    private func write(_ name: String, _ first: UInt8, channels: Int = 1) throws {
        let folder = directory.file(name).split(separator: "/").dropLast().joined(separator: "/")
        try FileSystem.makeDirectory("/" + folder)
        let pixels = (0..<UInt8(6 * channels)).map { first &+ $0 }
        try directory.write(png(height: 2, width: 3, channels: channels, pixels), to: name)
    }

    private func idx(_ dimensions: [Int], _ data: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(dimensions.count)]
            + dimensions.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } } + data
    }

    @Test(arguments: [1, 1000]) func foldersBecomeClasses(tokensPerShard: Int) throws {
        try write("set/dog/1.png", 10)
        try write("set/dog/2.PNG", 20)
        try write("set/cat/x.png", 30)
        try write("set/.hidden/x.png", 1)
        try write("held/cat/y.png", 40)
        let dataset = try prepare(["set"], validation: ["held"], tokensPerShard: tokensPerShard)
        #expect(dataset.kind == .images && dataset.imageShape == ImageShape(height: 2, width: 3, channels: 1))
        #expect(dataset.labels == LabelDescription(kind: .class, names: ["cat", "dog"]))
        let records = try dataset.records(.train)
        #expect((0..<3).map(records.classIndex) == [0, 1, 1])
        for (record, first) in [(2, 20), (0, 30), (1, 10)] as [(Int, UInt8)] {
            #expect(try pixels(records, record, 6) == (0..<6).map { first + $0 })
        }
        #expect(try pixels(try dataset.records(.validation), 0, 6) == (40..<46).map { $0 })
        #expect(DatasetFacts(dataset.facts.json) == dataset.facts)
    }

    @Test func oneColourImageGivesAllThreeChannels() throws {
        try write("set/a/1.png", 10)
        try write("set/b/1.png", 100, channels: 3)
        let dataset = try prepare(["set"])
        #expect(dataset.imageShape?.channels == 3)
        let records = try dataset.records(.train)
        #expect(try pixels(records, 0, 18) == (10..<16).flatMap { [$0, $0, $0] })
        #expect(try pixels(records, 1, 18) == (100..<118).map { $0 })
    }

    @Test func readsMNISTFiles() throws {
        let images = idx([3, 2, 2], Array(1...12))
        try directory.write(images, to: "images")
        try directory.write(idx([3], [7, 0, 2]), to: "labels")
        let dataset = try prepare(["images", "labels"])
        #expect(dataset.labels?.names == (0...7).map(String.init))
        #expect(dataset.imageShape == ImageShape(height: 2, width: 2, channels: 1))
        let records = try dataset.records(.train)
        #expect((0..<3).map(records.classIndex) == [7, 0, 2])
        #expect(try pixels(records, 2, 4) == [9, 10, 11, 12])

        try FileSystem.remove(directory.file("data"))
        try FileSystem.makeDirectory(directory.file("mnist"))
        try directory.write(images, to: "mnist/train-images-idx3-ubyte")
        try directory.write(idx([3], [7, 0, 2]), to: "mnist/train-labels-idx1-ubyte")
        #expect(try prepare(["mnist"]).recordCount(.train) == 3)
    }

    @Test func holdsOutATenthSpreadEvenly() throws {
        try directory.write(idx([100, 1, 1], Array(0..<100)), to: "images")
        try directory.write(idx([100], [UInt8](repeating: 0, count: 100)), to: "labels")
        let dataset = try prepare(["images", "labels"], fraction: 0.1)
        #expect(dataset.recordCount(.train) == 90 && dataset.recordCount(.validation) == 10)
        let held = try dataset.records(.validation)
        #expect(Set(try (0..<10).map { try pixels(held, $0, 1)[0] / 10 }) == Set(0..<10))
    }

    @Test func reportsInvalidImages() throws {
        try write("set/a/good.png", 1)
        let good = try FileSystem.contents(of: directory.file("set/a/good.png"))
        func expectRefusal(_ name: String, _ bytes: [UInt8], _ found: String) throws {
            try directory.write(bytes, to: "set/a/\(name)")
            expectFailure(.badData, name, found) { _ = try prepare(["set"]) }
            try FileSystem.remove(directory.file("set/a/\(name)"))
            #expect(!FileSystem.exists(directory.file("data")))
        }
        try expectRefusal("text.png", Array("hello".utf8), "it does not begin with the signature of PNG files")
        try expectRefusal(
            "renamed.png", [0xFF, 0xD8, 0xFF, 0xE0],
            "is a JPEG image, although its name ends in .png. Convert it (ImageMagick): mogrify -format png /")
        try expectRefusal("empty.png", [], "PNG")
        for count in [8, 20, 33, 45, 60] {
            try expectRefusal("cut.png", Array(good.prefix(count)), "PNG image: ")
        }
        try expectRefusal("half.png", Array(good.prefix(33)), "it ends before its IEND chunk")
        var flipped = good
        flipped[50] ^= 0x55
        try expectRefusal("flipped.png", flipped, "the checksum of its chunk IDAT is wrong")
        let empty = Array(good.prefix(33)) + pngChunk("IDAT", [1, 2, 3]) + pngChunk("IEND", [])
        try expectRefusal("unpacked.png", empty, "its header or its pixels are invalid")
        try expectRefusal("none.png", Array(good.prefix(33)) + pngChunk("IEND", []), "it has no pixels")
        try expectRefusal("wide.png", png(height: 2, width: 4, channels: 1, Array(0..<8)), "2 × 4 pixels")
        try expectRefusal(
            "photo.jpg", good, "its name does not end in .png. Each folder holds the PNG images of one class")
        var huge = good
        huge.replaceSubrange(16..<20, with: [0x7F, 0xFF, 0xFF, 0xFF])
        try expectRefusal("huge.png", huge, "huge.png")
        // About 100 bytes that declare an image of 768 MiB, which must be rejected before allocation.
        let bomb =
            pngSignature + pngChunk("IHDR", bigEndian(UInt32(16384), 16384) + [8, 2, 0, 0, 0]) + good.dropFirst(33)
        try expectRefusal("bomb.png", bomb, "805306368 bytes; allowed: at most 67108864")
        // libpng would allocate the declared size of a chunk before reading it.
        let promise = good.prefix(33) + (bigEndian(UInt32(0x2F00_0020)) + Array("iTXt".utf8)) + good.dropFirst(33)
        try expectRefusal(
            "promise.png", Array(promise), "declares 788529184 bytes, but only \(good.count - 33) are left")
    }

    /// Text chunks, which libpng would decompress and discard, are removed.
    @Test func passesOnlyPixelChunksToLibpng() throws {
        let image = png(height: 1, width: 1, channels: 1, [9])
        let (header, data) = (Array(image.prefix(33)), Array(image.dropFirst(33)))
        let needed = ["gAMA", "cHRM", "sRGB", "iCCP", "tRNS", "PLTE", "ABCD"].flatMap { pngChunk($0, [1, 2, 3]) }
        let others = ["tEXt", "zTXt", "iTXt", "eXIf", "sPLT", "aBCD"].flatMap { pngChunk($0, [1, 2, 3]) }
        #expect(try PNGChunks.ofPixels(in: image + [1, 2, 3], "x") == image)
        #expect(try PNGChunks.ofPixels(in: header + others + needed + others + data, "x") == header + needed + data)
        // A truncated checksum is left for libpng to reject.
        #expect(try PNGChunks.ofPixels(in: image.dropLast(3), "x") == image.dropLast(3))
        #expect(try PNGChunks.ofPixels(in: Array("JFIF, which is long enough".utf8), "x").count == 26)
    }

    @Test func rejectsInvalidImageSets() throws {
        expectFailure(.badData, "absent") { _ = try prepare(["absent"]) }
        try FileSystem.makeDirectory(directory.file("empty"))
        expectFailure(.badData, "empty", "folder") { _ = try prepare(["empty"]) }
        try FileSystem.makeDirectory(directory.file("set/a"))
        expectFailure(.badData, "set/a", "no image") { _ = try prepare(["set"]) }
        try write("set/a/1.png", 1)
        try write("held/b/1.png", 1)
        expectFailure(.badData, "held/b/1.png", "class b") { _ = try prepare(["set"], validation: ["held"]) }
        try write("colour/a/1.png", 1, channels: 3)
        expectFailure(.badData, "colour/a/1.png", "3 channels") { _ = try prepare(["set"], validation: ["colour"]) }
        expectFailure(.usage, "3 paths") { _ = try prepare(["set", "set", "set"]) }
    }

    @Test func reportsInvalidIDXFiles() throws {
        let images = idx([2, 2, 2], Array(0..<8))
        let labels = idx([2], [0, 1])
        try directory.write(images, to: "images")
        try directory.write(labels, to: "labels")
        func expectRefusal(_ name: String, _ bytes: [UInt8], _ found: String) throws {
            try directory.write(bytes, to: "wrong-\(name)")
            expectFailure(.badData, "wrong-\(name)", found) {
                _ = try prepare(name == "images" ? ["wrong-images", "labels"] : ["images", "wrong-labels"])
            }
        }
        try expectRefusal("images", labels + labels, "starts with the bytes 0 0 8 1")
        try expectRefusal("images", [0x1F, 0x8B] + images, ".gz")
        try expectRefusal("images", Array(images.dropLast()), "declares 8 bytes")
        try expectRefusal("images", Array(images.prefix(10)), "holds 10 bytes")
        try expectRefusal("images", idx([-1, -1, -1], Array(0..<8)), "an implausibly large size")
        try expectRefusal("images", idx([2, 0, 2], Array(0..<8)), "declares 0 bytes")
        try expectRefusal("labels", idx([3], [0, 1, 2]), "3 labels")
        try expectRefusal("labels", images, "starts with the bytes 0 0 8 3")
        #expect(try prepare(["images", "labels"]).recordCount(.train) == 2)
    }
}
