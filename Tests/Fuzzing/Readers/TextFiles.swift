import Files
import Tokenizers
import Texts

@testable import Datasets
@testable import Preparation

extension FuzzedReader {
    /// A text with the byte tokenizer: with any chunk size, it is rejected or reproduced, with LF line breaks and
    /// without byte order mark.
    static let textFile = FuzzedReader(name: "text", refusals: [.badData]) {
        ["a", "To be,\r\nor not to be.\n", "naïve 漢字 🙂\u{0}\u{FEFF}", "\u{FEFF}\ra\r\r\n\r"].map { Array($0.utf8) }
    } open: { directory in
        return { bytes in
            let path = try directory.file("text", holding: bytes)
            var found: [[Int32]] = []
            for chunkBytes in [1, 3, 1 << 16] {
                var chunks = TextChunks([(path, false)], heldOut: 0.5, ByteTokenizer(), chunkBytes: chunkBytes)
                var tokens: [Int32] = []
                while let chunk = try chunks.next() { tokens += try chunk.tokens(ByteTokenizer()) }
                found.append(tokens)
            }
            var expected: [UInt8] = []
            for byte in bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...] {
                if byte == UInt8(ascii: "\n"), expected.last == UInt8(ascii: "\r") { expected.removeLast() }
                expected.append(byte)
            }
            try Defect.unless(
                found.allSatisfy { $0 == expected.map(Int32.init) }, "the bytes differ from those of the text")
            try Defect.unless(String(validating: bytes, as: UTF8.self) != nil, "a text that is not UTF-8")
            var lines: [[UInt8]] = []
            let reader = try LineReader(path, allowsEmpty: true)
            while let line = try reader.next() { lines.append(line) }
            let joined = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
            try Defect.unless(
                joined == expected || joined + [UInt8(ascii: "\n")] == expected,
                "the lines differ from those of the text")
        }
    }

    /// Documents, one JSON object per line.
    static let jsonLines = FuzzedReader(name: "json-lines", refusals: [.badData]) {
        [
            "{\"text\": \"one\"}\n{\"id\": 7, \"text\": \"two \\u00e9\"}\n",
            "\u{FEFF}{\"text\":\"a\"}\r\n\r\n{\"text\":\"b\"}",
        ]
        .map { Array($0.utf8) }
    } open: { directory in
        return { bytes in try readRecords(.documents(field: "text"), [directory.file("lines", holding: bytes)]) }
    }

    /// Labelled texts in lines with a tab or JSON, preceded by a byte for the kind of labels.
    static let labelledLines = FuzzedReader(name: "labelled-lines", refusals: [.badData]) {
        [
            "0x\tone\ny\ttwo\n", "1{\"label\": 3, \"text\": \"one\"}\n",
            "2a,b\tone\n\ttwo\n{\"label\":[\"a\"],\"text\":\"t\"}\n",
            "30.5\tone\n-1e3\ttwo\n{\"label\":7,\"text\":\"three\"}\n",
        ].map { Array($0.utf8) }
    } open: { directory in
        let kinds: [LabelDescription.Kind?] = [nil, .class, .multi, .number]
        return { bytes in
            let path = try directory.file("lines", holding: Array(bytes.dropFirst()))
            try readRecords(.labelled(kinds[Int(bytes.first ?? 0) % kinds.count]), [path])
        }
    }

    /// Two files with parallel lines.
    static let parallelLines = FuzzedReader(name: "parallel-lines", refusals: [.badData]) {
        [("one\ntwo\n", "un\ndeux\n"), ("a\r\n", "b")].map { joined([Array($0.0.utf8), Array($0.1.utf8)]) }
    } open: { directory in
        return { bytes in
            let files = parts(2, of: bytes)
            try readRecords(
                .parallel, [directory.file("source", holding: files[0]), directory.file("target", holding: files[1])])
        }
    }

    static func readRecords(_ form: RecordForm, _ paths: [String]) throws {
        let parser = RecordParser(form)
        var reader = RecordLinesReader(form, paths, allowsEmpty: false, batchBytes: 16)
        var names: Set<ExactText> = []
        while let lines = try reader.next() {
            for record in try parser.records(of: lines) {
                for text in record.texts {
                    try Defect.unless(!text.isEmpty || form == .chat, "a record without text")
                    try Defect.unless(String(validating: text, as: UTF8.self) != nil, "a text that is not UTF-8")
                }
                switch record.label {
                case .number(let number): try Defect.unless(number.isFinite, "a label that is not finite")
                case .names(let found): names.formUnion(found.map(\.exact))
                case nil: break
                }
            }
        }
        try Defect.unless(LabelDescription.sorted(names).count == names.count, "classes are lost")
    }
}
