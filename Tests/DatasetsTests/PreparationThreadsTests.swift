import Failures
import Files
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation
@testable import Tokenizers

/// The number of threads changes neither a dataset nor the message for bad input.
@Suite struct PreparationThreadsTests {
    let directory = TemporaryDirectory()

    /// Prepares a dataset with each number of threads.
    ///
    /// - Returns: The remarks and the files of the dataset with their digests, or the message of the failure.
    private func outcomes(_ make: () throws -> DatasetPreparation, chunkBytes: Int = 64) throws -> [String] {
        try [1, 2, 3, 8].map { threads in
            var preparation = try make()
            preparation.output = directory.file("data")
            preparation.chunkBytes = chunkBytes
            return try withThreadPool(threads) { pool in
                preparation.pool = pool
                return try outcome(of: preparation)
            }
        }
    }

    private func outcome(of preparation: DatasetPreparation) throws -> String {
        var lines: [String] = []
        do throws(Failure) {
            _ = try preparation.run(remark: { lines.append($0) })
        } catch {
            #expect(!FileSystem.exists(preparation.output))
            return "\(error.exitCode): \(error.message)"
        }
        for name in try FileSystem.list(preparation.output) {
            lines.append("\(name): \(Digest.of(try FileSystem.contents(of: "\(preparation.output)/\(name)")))")
        }
        try FileSystem.remove(preparation.output)
        return lines.joined(separator: "\n")
    }

    private func expectSameDataset(
        _ preparation: @autoclosure () throws -> DatasetPreparation, chunkBytes: Int = 64
    ) throws {
        let outcomes = try outcomes(preparation, chunkBytes: chunkBytes)
        #expect(outcomes[0].contains("dataset.json"), "\(outcomes[0].prefix(300))")
        // Not compared within `#expect`, which would print both datasets.
        let different = outcomes.count { $0 != outcomes[0] }
        #expect(different == 0)
    }

    private func expectMessage(
        _ message: String, _ preparation: @autoclosure () throws -> DatasetPreparation
    ) throws {
        for outcome in try outcomes(preparation) { #expect(outcome.contains(message), "\(outcome.prefix(300))") }
    }

    private func preparation(
        _ source: DatasetPreparation.Source, _ tokenizer: TokenizerChoice = .byte, validation: [String] = [],
        separatesDocuments: Bool = false
    ) -> DatasetPreparation {
        var preparation = DatasetPreparation(source, output: "", tokenizer: tokenizer)
        preparation.validation = validation
        preparation.separatesDocuments = separatesDocuments
        preparation.tokensPerShard = 4000
        return preparation
    }

    /// A line of words with characters of one to four bytes.
    private func line(_ index: Int) -> String {
        let words = ["the", "größe", "of", " two  spaces", "漢字", "🙂", "a\u{2581}b", "Work,", "x\ty", "copies"]
        return integers(2 + index % 9, below: words.count, seed: UInt64(index)).map { words[$0] }.joined(separator: " ")
    }

    private func lines(_ range: Range<Int>) -> String { range.map { line($0) + "\n" }.joined() }

    static let tokenizers: [TokenizerChoice] = [
        .byte, .file(goldenTokenizerModel("lossless.model")), .file(goldenTokenizerModel("foreign.model")),
    ]

    @Test(arguments: 0..<tokenizers.count) func texts(index: Int) throws {
        let texts = try [
            lines(0..<150), "no line break at the end", lines(200..<210) + "\n\n",
            String(repeating: "one long line, ", count: 6000),
        ].enumerated().map { try directory.write($1, to: "text\($0)") }
        let held = try directory.write(lines(300..<320), to: "held")
        let tokenizer = PreparationThreadsTests.tokenizers[index]
        try expectSameDataset(preparation(.text(texts), tokenizer), chunkBytes: 512)
        try expectSameDataset(
            preparation(.text(texts), tokenizer, validation: [held], separatesDocuments: true), chunkBytes: 512)
    }

    @Test(arguments: 0..<tokenizers.count) func records(index: Int) throws {
        let tokenizer = PreparationThreadsTests.tokenizers[index]
        let objects = (0..<90).map { "{\"id\": \($0), \"text\": \"\($0 % 7 == 3 ? "" : "r\($0) größe")\"}" }
        let files = try [
            objects.joined(separator: "\n"), lines(0..<80), lines(100..<180),
            (0..<80).map { "\(["one", "two", "three"][$0 * 7 % 3])\t\(line($0))\n" }.joined(separator: "\n"),
            (0..<80).map { "\(Double($0) / 8)\t\(line($0))" }.joined(separator: "\n"),
            (0..<80).map { "{\"text\": \"text \($0)\", \"label\": [\($0 % 4 == 0 ? "" : "\"a\"")]}" }
                .joined(separator: "\r\n"),
        ].enumerated().map { try directory.write($1, to: "file\($0)") }
        try expectSameDataset(preparation(.records(.documents(field: "text"), [files[0], files[0]]), tokenizer))
        try expectSameDataset(preparation(.records(.parallel, [files[1], files[2]]), tokenizer))
        try expectSameDataset(preparation(.records(.labelled(nil), [files[3]]), tokenizer, validation: [files[3]]))
        try expectSameDataset(preparation(.records(.labelled(.number), [files[4]]), tokenizer))
        try expectSameDataset(preparation(.records(.labelled(nil), [files[5]]), tokenizer))
    }

    /// The text to learn from is the same for any number of threads.
    @Test func learnedTokenizers() throws {
        let text = try directory.write(lines(0..<100), to: "text")
        try expectSameDataset(preparation(.text([text]), .learned(.bpe, size: 290)), chunkBytes: 512)
        let records = try directory.write((0..<80).map { "c\($0 % 3)\t\(line($0))\n" }.joined(), to: "records")
        try expectSameDataset(preparation(.records(.labelled(nil), [records]), .learned(.bpe, size: 290)))
    }

    @Test func images() throws {
        for index in 0..<40 {
            let folder = "set/class\(index % 3)"
            try FileSystem.makeDirectory(directory.file(folder))
            let pixels = integers(12, below: 256, seed: UInt64(index)).map(UInt8.init)
            try directory.write(png(height: 3, width: 4, channels: 1, pixels), to: "\(folder)/\(index).png")
        }
        let set = directory.file("set")
        try expectSameDataset(preparation(.images([set])))
        try expectSameDataset(preparation(.images([set]), validation: [set]))
        // A damaged image after good ones, then one of another size before it.
        try directory.write(Array("no image".utf8), to: "set/class2/9.png")
        try expectMessage("class2/9.png: ", preparation(.images([set])))
        try directory.write(png(height: 3, width: 5, channels: 1, Array(0..<15)), to: "set/class2/8.png")
        try expectMessage("class2/8.png: has 3 × 5 pixels", preparation(.images([set])))
    }

    /// Bad input far behind the start gives the message with its file and line, and nothing remains.
    @Test func failures() throws {
        let (a, b) = (try directory.write(lines(0..<100), to: "a"), try directory.write(lines(100..<199), to: "b"))
        try expectMessage("a: line 100: \(a) has 100 lines, \(b) has 99", preparation(.records(.parallel, [a, b])))
        let blank = try directory.write(lines(0..<70) + " \n" + lines(71..<90) + "\n" + lines(91..<100), to: "blank")
        try expectMessage("blank: line 71: is empty", preparation(.records(.parallel, [a, blank])))
        let bad = try directory.write(Array(lines(0..<60).utf8) + [0xFF] + Array(lines(60..<70).utf8), to: "bad")
        for source in [DatasetPreparation.Source.text([a, bad]), .records(.parallel, [a, bad])] {
            try expectMessage("bad: line 61: not UTF-8 starting at byte 1", preparation(source))
        }
        let objects = (0..<80).map { $0 == 66 || $0 == 70 ? "{\"text\": 3}" : "{\"text\": \"r\($0)\"}" }
        let json = try directory.write(objects.joined(separator: "\n"), to: "json")
        try expectMessage("json: line 67: ", preparation(.records(.documents(field: "text"), [json])))
        let labels = (0..<90).map { $0 == 80 ? "none" : "x\ttext \($0)" }
        let label = try directory.write(labels.joined(separator: "\n"), to: "label")
        try expectMessage("label: line 81: has no tab", preparation(.records(.labelled(nil), [label])))
        let good = try directory.write("x\tone\ny\ttwo", to: "good")
        let others = (0..<90).map { "\($0 < 50 ? "x" : "z\($0)")\tt" }
        let other = try directory.write(others.joined(separator: "\n"), to: "other")
        try expectMessage(
            "other: line 51: the label z50 is not among",
            preparation(.records(.labelled(nil), [good]), validation: [other]))
        // A failure of the tokenizer.
        let numbers = try directory.write(lines(0..<40), to: "numbers")
        try expectMessage("no tokenizer", preparation(.text([numbers]), .made(NumberTokenizer(vocabularySize: 9))))
    }
}
