import Failures
import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation
@testable import Tokenizers

extension TemporaryDirectory {
    /// Prepares records in the directory `data`, by default with the byte tokenizer.
    @discardableResult
    func prepare(
        _ form: RecordForm, _ files: [String], validation: [String] = [], fraction: Double = 0,
        tokenizer: TokenizerChoice = .byte, tokensPerShard: Int = 1000, empty: EmptyRecords? = nil,
        remark: (String) -> Void = { _ in }
    ) throws -> DatasetManifest {
        var preparation = DatasetPreparation(
            .records(form, files.map(file)), output: file("data"), tokenizer: tokenizer)
        preparation.validation = validation.map(file)
        preparation.validationFraction = fraction
        preparation.tokensPerShard = tokensPerShard
        preparation.empty = empty
        return try preparation.run(remark: remark)
    }
}

extension Records {
    /// Decodes the tokens of a record as bytes.
    func text(_ record: Int, _ column: RecordColumn) throws -> String {
        String(decoding: try tokens(record, column).map(UInt8.init), as: UTF8.self)
    }

    /// The tokens of a record.
    func tokens(_ record: Int, _ column: RecordColumn) throws -> [Int32] {
        var tokens = [Int32](repeating: -1, count: length(record, column))
        try tokens.withUnsafeMutableBufferPointer {
            try read(record, column, from: 0, count: $0.count, into: $0.baseAddress!)
        }
        return tokens
    }

    /// The decoded texts of all records.
    func texts(_ column: RecordColumn) throws -> [String] { try (0..<count).map { try text($0, column) } }
}

@Suite struct RecordsTests {
    let directory = TemporaryDirectory()

    private func open() throws -> Dataset { try Dataset.verified(directory.file("data")) }

    @Test(arguments: [1, 4, 9, 1000]) func parallelRecordsReadBack(tokensPerShard: Int) throws {
        try directory.write("one\ntwo words\r\nthré\nfour", to: "a")
        try directory.write("\u{FEFF}un\ndeux mots\ntrois\nquatre\n", to: "b")
        try directory.write("five\n", to: "va")
        try directory.write("cinq\n", to: "vb")
        let manifest = try directory.prepare(
            .parallel, ["a", "b"], validation: ["va", "vb"], tokensPerShard: tokensPerShard)
        let dataset = try open()
        #expect(dataset.kind == .parallel && dataset.labels == nil && dataset.imageShape == nil)
        #expect(dataset.recordCount(.train) == 4 && dataset.tokenCount(.train) == 0)
        let records = try dataset.records(.train)
        #expect(try records.texts(.source) == ["one", "two words", "thré", "four"])
        #expect(try records.texts(.target) == ["un", "deux mots", "trois", "quatre"])
        #expect(records.length(2, .source) == 5 && records.length(2, .target) == 5)
        #expect(try dataset.records(.validation).texts(.target) == ["cinq"])
        #expect((manifest.records?.train.count == 1) == (tokensPerShard == 1000))
        #expect((manifest.records?.train.count == 4) == (tokensPerShard == 1))
        var part = [Int32](repeating: 0, count: 3)
        try records.read(1, .target, from: 5, count: 3, into: &part)
        #expect(part == Array("mot".utf8).map(Int32.init))
        // Two datasets of the same text have the same digest, datasets of different texts do not.
        let digest = dataset.digest
        try FileSystem.remove(directory.file("data"))
        try directory.prepare(.parallel, ["a", "b"], validation: ["va", "vb"], tokensPerShard: tokensPerShard)
        #expect(try open().digest == digest)
        try FileSystem.remove(directory.file("data"))
        try directory.prepare(.parallel, ["b", "a"], validation: ["vb", "va"], tokensPerShard: tokensPerShard)
        #expect(try open().digest != digest)
    }

    @Test func oneTokenizerIsTrainedOnBothSides() throws {
        let source = (0..<200).map { "the quick brown fox number \($0)" }
        let target = (0..<200).map { "le renard brun et rapide numéro \($0)" }
        try directory.write(source.joined(separator: "\n"), to: "a")
        try directory.write(target.joined(separator: "\n"), to: "b")
        let choice = TokenizerChoice.learned(.bpe, size: 330)
        let manifest = try directory.prepare(.parallel, ["a", "b"], fraction: 0.1, tokenizer: choice)
        let dataset = try open()
        let tokenizer = try dataset.makeTokenizer()
        #expect(tokenizer.vocabularySize == 330 && manifest.tokenizerModel?.file == "tokenizer.model")
        #expect(dataset.specialTokens.eos == 3)
        let (train, validation) = (try dataset.records(.train), try dataset.records(.validation))
        #expect(train.count == 180 && validation.count == 20)
        var found: Set<String> = []
        for records in [train, validation] {
            for record in 0..<records.count {
                let pair = try [RecordColumn.source, .target].map { try tokenizer.decode(records.tokens(record, $0)) }
                    .map { String(decoding: $0, as: UTF8.self) }
                let number = try #require(pair[0].split(separator: " ").last)
                #expect(pair == ["the quick brown fox number \(number)", "le renard brun et rapide numéro \(number)"])
                found.insert(String(number))
            }
        }
        #expect(found.count == 200)
        // Words of both sides have become pieces.
        for word in ["quick", "renard", "numéro"] { #expect(try tokenizer.encode(word).count < 4) }
        try directory.change("data/tokenizer.model", at: 40, to: [dataset.tokenizerModel[40] ^ 1])
        expectFailure(.badData, "tokenizer.model", "hash changed") { _ = try open() }
    }

    @Test func documentsEndWithEndToken() throws {
        try directory.write("{\"text\": \"one\\ntwo\", \"id\": 1}\n\n{\"text\":\"é\"}", to: "d")
        try directory.prepare(.documents(field: "text"), ["d"])
        let dataset = try open()
        #expect(dataset.kind == .text && dataset.vocabularySize == 262)
        let eos = try #require(dataset.specialTokens.eos)
        let expected = Array("one\ntwo".utf8).map(Int32.init) + [eos] + Array("é".utf8).map(Int32.init) + [eos]
        #expect(try tokens(dataset.stream(.train)) == expected)
        try FileSystem.remove(directory.file("data"))
        expectFailure(.badData, "d: line 1", "string \"body\"", "text, id") {
            try directory.prepare(.documents(field: "body"), ["d"])
        }
    }

    @Test func labelsBecomeClassIndices() throws {
        try directory.write("spam\tbuy\tnow\nham\thello\nspam\tagain\n", to: "l.tsv")
        try directory.write("{\"label\": \"ham\", \"text\": \"json\"}", to: "v.jsonl")
        try directory.prepare(.labelled(nil), ["l.tsv"], validation: ["v.jsonl"])
        let dataset = try open()
        #expect(dataset.kind == .labelled)
        #expect(dataset.labels == LabelDescription(kind: .class, names: ["ham", "spam"]))
        let records = try dataset.records(.train)
        #expect(try records.texts(.text) == ["buy\tnow", "hello", "again"])
        #expect((0..<3).map(records.classIndex) == [1, 0, 1])
        #expect(try dataset.records(.validation).classIndex(of: 0) == 0)
        #expect(DatasetFacts(dataset.facts.json) == dataset.facts)
    }

    @Test func numberAndMultiLabelsReadBack() throws {
        try directory.write("1.5\ta\n-2e-3\tb\n", to: "n")
        try directory.prepare(.labelled(.number), ["n"])
        var dataset = try open()
        #expect(dataset.labels == LabelDescription(kind: .number, names: []))
        var records = try dataset.records(.train)
        #expect((0..<2).map(records.number) == [1.5, -2e-3])
        #expect(DatasetFacts(dataset.facts.json) == dataset.facts)

        try FileSystem.remove(directory.file("data"))
        let names = (0..<10).map { "c\($0)" }
        let lines = ["[]", "[\"c9\", \"c0\"]", "[\(names.map { "\"\($0)\"" }.joined(separator: ","))]"]
        try directory.write(
            lines.map { "{\"text\": \"x\", \"label\": \($0)}" }.joined(separator: "\n") + "\nc3,c4\ttab", to: "m")
        try directory.prepare(.labelled(nil), ["m"], tokensPerShard: 2)
        dataset = try open()
        #expect(dataset.labels == LabelDescription(kind: .multi, names: names))
        records = try dataset.records(.train)
        let found = (0..<4).map { record in
            var row = [Float](repeating: -1, count: 10)
            records.classes(of: record, into: &row)
            #expect(row.allSatisfy { $0 == 0 || $0 == 1 })
            return row.indices.filter { row[$0] == 1 }
        }
        #expect(found == [[], [0, 9], Array(0..<10), [3, 4]])
    }

    @Test func numericClassNamesAreSortedNumerically() {
        #expect(LabelDescription.sorted(["10", "9", "-1"]) == ["-1", "9", "10"])
        #expect(LabelDescription.sorted(["10", "9", "a"]) == ["10", "9", "a"])
        #expect(LabelDescription.sorted(["010", "9"]) == ["010", "9"])
    }

    /// Invalid records: the format, the files' contents, and the parts of the expected message.
    struct Wrong: CustomTestStringConvertible {
        var testDescription: String { text.debugDescription }
        var form = RecordForm.labelled(nil)
        var text: String
        var other: String?
        var validation: String?
        var empty: EmptyRecords?
        var found: [String]
    }

    @Test(arguments: [
        Wrong(form: .parallel, text: "a\nb\nc\n", other: "a\nb\n", found: ["line 3", "has 3 lines", "has 2"]),
        Wrong(form: .parallel, text: "a\n", other: "a\nb\n", found: ["line 2", "has 1 line,", "has 2"]),
        Wrong(form: .parallel, text: "a\n\nc", other: "a\nb\nc", found: ["one: line 2", "is empty"]),
        Wrong(form: .parallel, text: "a\nb\nc", other: "a\n \t\nc", found: ["two: line 2", "is empty"]),
        Wrong(
            form: .documents(field: "text"), text: "{\"text\": \"a\"}\n{\"text\": 1}", found: ["line 2", "\"text\""]),
        Wrong(
            form: .documents(field: "text"), text: "{\"text\": \"a\"}\n\n{\"text\": \"a}", found: ["line 3", "JSON"]),
        Wrong(form: .documents(field: "text"), text: "[1]", found: ["line 1", "no object"]),
        Wrong(form: .documents(field: "text"), text: "{\"text\": \" \"}", found: ["no training records"]),
        Wrong(form: .documents(field: "text"), text: "{\"text\": \" \"}", empty: .error, found: ["line 1", "no text"]),
        Wrong(form: .documents(field: "text"), text: "{\"body\": \"x\"}", found: ["line 1", "\"text\"", "found body"]),
        Wrong(text: "a\tx\nb x\n", found: ["line 2", "no tab"]),
        Wrong(text: "a\tx\n\tx\n", found: ["line 2", "label is empty"]),
        Wrong(text: "a\tx\nb\t \n", found: ["line 2", "no text"]),
        Wrong(text: "{\"text\": \"x\"}", found: ["line 1", "\"label\""]),
        Wrong(text: "{\"text\": \"x\", \"label\": 1.5}", found: ["line 1", "1.5", "--labels"]),
        Wrong(text: "{\"text\": \"x\", \"label\": [1.5]}", found: ["line 1", "1.5", "--labels"]),
        Wrong(
            text: "{\"text\": \"x\", \"label\": \"a\"}\n{\"text\": \"x\", \"label\": [\"a\"]}",
            found: ["line 2", "name of a class"]),
        Wrong(form: .labelled(.number), text: "1\tx\none\tx", found: ["line 2", "one", "finite number"]),
        Wrong(form: .labelled(.number), text: "1e99\tx", found: ["line 1", "1e99"]),
        Wrong(form: .labelled(.number), text: "nan\tx", found: ["line 1", "nan"]),
        Wrong(form: .labelled(.number), text: "1\tx\n0x10\ty", found: ["line 2", "0x10"]),
        Wrong(form: .labelled(.multi), text: "a,,b\tx", found: ["line 1", "label is empty"]),
        Wrong(form: .labelled(.multi), text: "\tx", found: ["no record has a class"]),
        Wrong(
            text: "spam\tx\nham\ty", validation: "ham\tx\nspan\ty",
            found: ["held: line 2", "span", "ham, spam", "did you mean spam?"]),
        Wrong(
            text: "spam\tx", validation: "{\"text\": \"x\", \"label\": [\"spam\"]}",
            found: ["held: line 1", "--labels"]),
    ])
    func reportsInvalidRecords(wrong: Wrong) throws {
        try directory.write(wrong.text, to: "one")
        if let other = wrong.other { try directory.write(other, to: "two") }
        if let validation = wrong.validation { try directory.write(validation, to: "held") }
        let failure = try #require(
            #expect(throws: Failure.self) {
                try directory.prepare(
                    wrong.form, wrong.other == nil ? ["one"] : ["one", "two"],
                    validation: wrong.validation == nil ? [] : ["held"], empty: wrong.empty)
            })
        #expect(failure.exitCode == .badData)
        for part in wrong.found { #expect(failure.message.contains(part), "\(failure.message)") }
        #expect(!FileSystem.exists(directory.file("data")))
    }

    /// Inputs whose records 2 and 4 have no text, and the texts that remain.
    struct Empty: CustomTestStringConvertible {
        var testDescription: String { "\(form)" }
        let form: RecordForm
        let texts: [String]
        /// Whether such records are skipped by default.
        let isUsual: Bool
    }

    @Test(arguments: [
        Empty(
            form: .documents(field: "t"),
            texts: ["{\"t\":\"a\"}\n{\"t\":\"\"}\n\n{\"t\":null}\n{\"t\":\"b\"}"], isUsual: true),
        Empty(
            form: .labelled(nil),
            texts: [
                "{\"label\":\"x\",\"text\":\"a\"}\n{\"label\":\"only here\",\"text\":\" \\n\"}\n\n"
                    + "{\"text\":null}\n{\"label\":\"x\",\"text\":\"b\"}"
            ], isUsual: true),
        Empty(form: .labelled(nil), texts: ["x\ta\nonly here\t \n\t\nonly there\t\r\nx\tb"], isUsual: false),
        Empty(form: .parallel, texts: ["a\n\nc\n \nb", "A\nB\nC\nD\nB\n"], isUsual: false),
    ])
    func skipsAndCountsEmptyRecords(empty: Empty) throws {
        for (name, text) in zip(["one", "two"], empty.texts) { try directory.write(text, to: name) }
        let names = Array(["one", "two"].prefix(empty.texts.count))
        for choice in [nil, EmptyRecords.skip, .error] {
            if choice == .error || (choice == nil && !empty.isUsual) {
                expectFailure(.badData, "one: line 2", "--empty skip") {
                    try directory.prepare(empty.form, names, empty: choice)
                }
                continue
            }
            var remarks: [String] = []
            try directory.prepare(empty.form, names, empty: choice, remark: { remarks.append($0) })
            #expect(remarks == ["skipped 2 records without text, the first at \(directory.file("one")): line 2"])
            let dataset = try open()
            switch empty.form {
            case .documents: #expect(try tokens(dataset.stream(.train)) == [97, 258, 98, 258])
            case .labelled:
                #expect(try dataset.records(.train).texts(.text) == ["a", "b"])
                #expect(dataset.labels?.names == ["x"])
            case .parallel:
                #expect(try dataset.records(.train).texts(.source) == ["a", "c", "b"])
                #expect(try dataset.records(.train).texts(.target) == ["A", "C", "B"])
            case .chat: Issue.record("conversations are tested elsewhere")
            }
            try FileSystem.remove(directory.file("data"))
        }
    }

    /// A file with CR as its only line end is rejected, in every form.
    @Test func rejectsOldMacLineEnds() throws {
        let files: [(form: RecordForm, texts: [String])] = [
            (.documents(field: "t"), ["{\"t\":\"a\"}\r{\"t\":\"b\"}\r"]), (.labelled(nil), ["x\ta\ry\tb\r"]),
            (.labelled(nil), ["{\"label\":1,\"text\":\"a\"}\r{\"label\":2,\"text\":\"b\"}"]),
            (.parallel, ["a\nb\n", "A\rB\r"]),
        ]
        for (form, texts) in files {
            for (name, text) in zip(["one", "two"], texts) { try directory.write(text, to: name) }
            let names = Array(["one", "two"].prefix(texts.count))
            expectFailure(.badData, "has CR (first at byte ", "tr '\\r' '\\n' < ") {
                try directory.prepare(form, names)
            }
            #expect(!FileSystem.exists(directory.file("data")))
        }
        try directory.write("a\rb\r", to: "text")
        expectFailure(.badData, "text: has CR (first at byte 2) ") {
            _ = try DatasetPreparation(texts: [directory.file("text")], output: directory.file("data")).run()
        }
    }

    /// With `skip`, a file may be empty, but not all files.
    @Test func skipsFileWithoutRecords() throws {
        try directory.write("{\"text\": \"a\"}", to: "one")
        try directory.write("\u{FEFF}", to: "none")
        expectFailure(.badData, "none: is empty") { try directory.prepare(.documents(field: "text"), ["one", "none"]) }
        try directory.prepare(.documents(field: "text"), ["one", "none"], empty: .skip)
        #expect(try tokens(open().stream(.train)) == [97, 258])
        try FileSystem.remove(directory.file("data"))
        expectFailure(.badData, "no training records") {
            try directory.prepare(.documents(field: "text"), ["none"], empty: .skip)
        }
    }

    @Test func reportsLineThatIsNotUTF8() throws {
        try directory.write(Array("good\tx\n".utf8) + [0x61, 0x09, 0xEF, 0x76], to: "latin")
        expectFailure(.badData, "latin: line 2", "byte 3 of the line", "offset 9 ", "UTF-8") {
            try directory.prepare(.labelled(nil), ["latin"])
        }
        try directory.write(Array("good\tx\na\t".utf8) + [0xE2, 0x82, 0x0A], to: "cut")
        expectFailure(.badData, "cut: line 2", "UTF-8") { try directory.prepare(.labelled(nil), ["cut"]) }
    }

    @Test func readsLineLongerThanBuffer() throws {
        let long = String(repeating: "0123456789", count: 100_000)
        try directory.write("a\t\(long)\nb\tshort\n", to: "long")
        try directory.prepare(.labelled(nil), ["long"])
        #expect(try open().records(.train).texts(.text) == [long, "short"])
    }

    @Test func stopRemovesEverything() throws {
        try directory.write((0..<2000).map { "c\t\($0)" }.joined(separator: "\n"), to: "l")
        var preparation = DatasetPreparation(
            .records(.labelled(nil), [directory.file("l")]), output: directory.file("data"))
        preparation.tokenizer = .learned(.bpe, size: 290)
        preparation.tokensPerShard = 100
        preparation.chunkBytes = 2000
        var polls = 0
        expectFailure(.stopped, "again") {
            _ = try preparation.run(shouldStop: {
                polls += 1
                return polls == 12
            })
        }
        #expect(!FileSystem.exists(directory.file("data")))
        try FileSystem.makeDirectory(directory.file("data"))
        // The state after a kill: every kind of file, but no manifest.
        let names = [
            "dataset.incomplete", "tokenizer.model", "train-00000-source.bin", "train-00000-source.ends",
            "train-00001.labels", "validation-00000.pixels", "dataset.json.new",
        ]
        for name in names { try directory.write("rest", to: "data/\(name)") }
        _ = try preparation.run()
        let left = Set(try FileSystem.list(directory.file("data")))
        #expect(left.isDisjoint(with: ["dataset.incomplete", "train-00000-source.bin", "validation-00000.pixels"]))
        #expect(try open().records(.train).count == 1800)
    }

    @Test func reportsDamagedRecordFiles() throws {
        try directory.write("x\tone\ny\ttwo\nx\tthree\n", to: "l")
        try directory.prepare(.labelled(nil), ["l"])
        func expectDamage(_ name: String, at offset: Int, to bytes: [UInt8], _ found: String...) throws {
            let path = directory.file("data/\(name)")
            let before = try FileSystem.contents(of: path)
            try directory.change("data/\(name)", at: offset, to: bytes)
            expectFailure(.badData, name, "hash changed") { _ = try open() }
            let failure = try #require(
                #expect(throws: Failure.self) {
                    _ = try Dataset.open(directory.file("data")).records(.train).texts(.text)
                })
            for part in [name] + found { #expect(failure.message.contains(part), "\(failure.message)") }
            try directory.write(before, to: "data/\(name)")
            _ = try open()
        }
        // The end offsets of the records are 3, 6 and 11.
        try expectDamage("train-00000-text.ends", at: 0, to: [6], "byte 4", "ends at token 6, after one that ends at 6")
        try expectDamage("train-00000-text.ends", at: 0, to: [0], "byte 0", "ends at token 0")
        try expectDamage("train-00000-text.ends", at: 4, to: [12], "byte 4", "ends at token 12")
        try expectDamage("train-00000-text.ends", at: 7, to: [0xFF], "byte 4", "ends at token")
        try expectDamage("train-00000-text.ends", at: 8, to: [10], "end at token 10 of 11")
        try expectDamage("train-00000.labels", at: 4, to: [2], "byte 4", "class 2 of 2")
        try expectDamage("train-00000-text.bin", at: 1025, to: [0xFF], "byte 1024")
        for name in ["train-00000-text.ends", "train-00000.labels", "train-00000-text.bin"] {
            let before = try FileSystem.contents(of: directory.file("data/\(name)"))
            try directory.write(before.dropLast(), to: "data/\(name)")
            expectFailure(.badData, name, "holds \(before.count - 1)") { _ = try Dataset.open(directory.file("data")) }
            try FileSystem.remove(directory.file("data/\(name)"))
            expectFailure(.badData, name, "No such file") { _ = try Dataset.open(directory.file("data")) }
            try directory.write(before, to: "data/\(name)")
        }
    }

    @Test(arguments: [
        ("\"count\" : 3", "\"count\" : 4", "3 records"), ("\"count\" : 3", "\"count\" : -3", "count is -3"),
        ("\"count\" : 3", "\"count\" : 9223372036854775807", "count is 9223372036854775807"),
        ("\"text\" : {", "\"source\" : {", "does not have the columns"),
        ("\"kind\" : \"labelled\"", "\"kind\" : \"parallel\"", "kind is parallel"),
        ("\"kind\" : \"labelled\"", "\"kind\" : \"text\"", "kind is text"),
        ("\"kind\" : \"class\"", "\"kind\" : \"number\"", "labels has 2 names"),
        ("\"x\"", "\"y\"", "a duplicate name"), ("train-00000.labels", "../labels", "labels.file"),
        ("train-00000.labels", "train-00000-text.bin", "is listed more than once"),
        ("\"pad\" : 256", "\"pad\" : 262", "special_tokens has 262"),
        ("\"pad\" : 256", "\"pad\" : 255", "special tokens"),
        ("\"kind\" : \"byte\"", "\"kind\" : \"sentencepiece\"", "tokenizer_model"),
    ])
    func rejectsImpossibleManifest(old: String, new: String, found: String) throws {
        try directory.write("x\tone\ny\ttwo\nx\tthree\n", to: "l")
        try directory.prepare(.labelled(nil), ["l"])
        var text = String(decoding: try FileSystem.contents(of: directory.file("data/dataset.json")), as: UTF8.self)
        let range = try #require(text.firstRange(of: old))
        text.replaceSubrange(range, with: new)
        try directory.writeManifest(text)
        let failure = try #require(#expect(throws: Failure.self) { _ = try Dataset.open(directory.file("data")) })
        #expect(failure.exitCode == .badData)
        #expect(
            failure.message.contains(found) || (old.contains("count") && failure.message.contains("; expected ")),
            "\(failure.message)")
    }

    @Test(arguments: [0, 0.1, 0.25, 1.0 / 3, 0.5, 0.9]) func heldOutRecordsAreSpreadEvenly(fraction: Double) {
        let heldOut = HeldOut(fraction: fraction)
        let chosen = (0..<10_000).map(heldOut.contains)
        for start in stride(from: 0, to: 10_000, by: 1000) {
            let count = chosen[start..<start + 1000].count { $0 }
            #expect(abs(Double(count) - 1000 * fraction) <= 2)
        }
        guard fraction > 0, fraction < 0.5 else { return }
        // If two kinds of records alternate, both are held out equally: half of the chosen indices are even, within
        // five standard deviations.
        let places = chosen.indices.filter { chosen[$0] }
        let even = places.count { $0.isMultiple(of: 2) }
        #expect(abs(Double(even) - Double(places.count) / 2) < 2.5 * Double(places.count).squareRoot())
    }
}
