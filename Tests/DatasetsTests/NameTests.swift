import Files
import TestSupport
import Testing
import Texts

@testable import Datasets
@testable import Preparation

/// Names of classes and files that Swift's `String` treats as equal or splits differently.
@Suite struct NameTests {
    let directory = TemporaryDirectory()

    /// Class names in the order of their bytes; all but the first and the last are equal to a neighbour in Swift.
    static let classes = [
        "A\u{30A}", "cafe\u{301}", "caf\u{E9}", "\u{C5}", "\u{1100}\u{1161}\u{11A8}", "\u{212B}", "\u{AC01}",
        "\u{1F1E9}\u{1F1EA}",
    ]

    private func open() throws -> Dataset { try Dataset.verified(directory.file("data")) }

    private func expectClasses(_ dataset: Dataset, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            dataset.labels?.names.map(\.exact) == Self.classes.map(\.exact), "\(dataset.labels?.names ?? [])",
            sourceLocation: sourceLocation)
    }

    @Test(arguments: [false, true]) func classNamesAreComparedByBytes(isJSON: Bool) throws {
        let lines = (Self.classes + Self.classes.reversed()).map { name in
            isJSON ? JSON.object([.init("label", .string(name)), .init("text", "x")]).line : "\(name)\tx"
        }
        try directory.write(lines.joined(separator: "\n"), to: "records")
        try directory.prepare(.labelled(nil), ["records"])
        let dataset = try open()
        expectClasses(dataset)
        let (records, count) = (try dataset.records(.train), Self.classes.count)
        #expect((0..<2 * count).map { Int(records.classIndex(of: $0)) } == Array(0..<count) + (0..<count).reversed())
        // Two datasets are different if a name has different bytes.
        var facts = dataset.facts
        facts.labels?.names[1] = Self.classes[2]
        #expect(facts != dataset.facts)
        expectFailure(.badData, "the label cafe\u{301}\u{301} is not among the 8 classes of the training files") {
            try FileSystem.remove(directory.file("data"))
            try directory.write("cafe\u{301}\u{301}\tx", to: "held")
            try directory.prepare(.labelled(nil), ["records"], validation: ["held"])
        }
    }

    @Test func combiningMarksDoNotHideSeparators() throws {
        // A tab, a comma or a line break followed by a combining mark is one `Character`.
        try directory.write("a,\u{301}b\t\u{301}x\r\nb\u{200D},a\ty\n\u{301}\tz", to: "records")
        try directory.prepare(.labelled(.multi), ["records"])
        let dataset = try open()
        #expect(dataset.labels?.names.map(\.exact) == ["a", "b\u{200D}", "\u{301}", "\u{301}b"].map(\.exact))
        #expect(try dataset.records(.train).texts(.text).map(\.exact) == ["\u{301}x", "y", "z"].map(\.exact))
    }

    @Test func rejectsLabelsThatAreNotUTF8() throws {
        // Two labels in Latin-1 that would be equal after repair.
        try directory.write(
            Array("caf".utf8) + [0xE9, 9, 0x78, 10] + Array("caf".utf8) + [0xE8, 9, 0x78], to: "records")
        expectFailure(.badData, "records", "line 1", "not UTF-8") {
            try directory.prepare(.labelled(nil), ["records"])
        }
    }

    private func writeImages(_ names: [String], to set: String) throws {
        for (index, name) in names.enumerated() {
            let folder = directory.file("\(set)/\(name)")
            try FileSystem.makeDirectory(folder)
            for file in ["\(index % 2)\u{E9}.png", "\(index % 2)e\u{301}.PNG"] {
                let pixels = (0..<6).map { UInt8($0) &+ name.utf8.reduce(0, &+) }
                try directory.write(png(height: 2, width: 3, channels: 1, pixels), to: "\(set)/\(name)/\(file)")
            }
        }
    }

    private func prepareImages(_ set: String) throws -> Dataset {
        try FileSystem.remove(directory.file("data"))
        var preparation = DatasetPreparation(.images([directory.file(set)]), output: directory.file("data"))
        preparation.validationFraction = 0
        _ = try preparation.run()
        return try open()
    }

    @Test func everyFolderBecomesAClass() throws {
        try writeImages(Self.classes, to: "set")
        let dataset = try prepareImages("set")
        expectClasses(dataset)
        let records = try dataset.records(.train)
        #expect(
            (0..<records.count).map { Int(records.classIndex(of: $0)) } == Self.classes.indices.flatMap { [$0, $0] })
    }

    @Test func directoryOrderDoesNotChangeDataset() throws {
        // Swift sorts these names as equal, which leaves them in the order of the directory listing.
        try writeImages(Self.classes, to: "one")
        try writeImages(Self.classes.reversed(), to: "two")
        // The files within a folder are in another order too.
        let digests = try ["one", "two"].map { try prepareImages($0).digest }
        #expect(digests[0] == digests[1])
    }

    @Test func acceptsFolderNamesThatAreNotUTF8() throws {
        let names = [[0x63, 0xE9], [0x63, 0xFF], [0xC0, 0xAF], Array("a\nb".utf8)].map { PathText.text(of: $0) }
        try writeImages(names, to: PathText.text(of: [0xFE]))
        let dataset = try prepareImages(PathText.text(of: [0xFE]))
        #expect(dataset.recordCount(.train) == 8)
        #expect(
            Set((dataset.labels?.names ?? []).map { PathText.bytes(of: $0) })
                == [[0x63, 0xE9], [0x63, 0xFF], [0xC0, 0xAF], Array("a\nb".utf8)])
    }

    @Test func fileNamesAreComparedByBytes() throws {
        #expect(FileName.isOfPreparation("train-00000.bin") && FileName.isOfPreparation("train-00000-text.ends"))
        for name in ["train-00000.bin\u{301}", "train-00000\u{301}.bin", "train\u{301}-00000.bin", "x.\u{301}bin"] {
            #expect(!FileName.isOfPreparation(name), "\(name)")
        }
        #expect(FileName.last(of: "a/\u{301}b").exact == "\u{301}b".exact)
        #expect(!FileName.isPlain("..\u{301}") && !FileName.isPlain("a/\u{20DD}b"))
        // All shards of other programs are found, in the order of their bytes.
        for name in ["e\u{301}.bin", "\u{E9}.bin", PathText.text(of: [0xFF]) + ".bin"] {
            try directory.writeShard([1, 2, 3], to: name, format: .uint16)
        }
        let dataset = try Dataset.open(directory.path)
        #expect(dataset.tokenCount(.train) == 9)
    }
}
