import Failures
import Files
import TestSupport
import Texts

@testable import Datasets

extension FuzzedReader {
    /// A text as bytes are its tokens: cut anywhere, it is refused or comes back as it was.
    static let textFile = FuzzedReader(name: "text", refusals: [.badData]) {
        ["a", "To be,\r\nor not to be.\n", "naïve 漢字 🙂\u{0}\u{FEFF}"].map { Array($0.utf8) }
    } open: { directory in
        return { bytes in
            let path = try directory.file("text", holding: bytes)
            var found: [[Int32]] = []
            for chunkBytes in [1, 3, 1 << 16] {
                var reader = try TextReader(path, chunkBytes: chunkBytes)
                let cut = try reader.characterBoundary(from: bytes.count / 2)
                var tokens: [Int32] = []
                for range in [0..<cut, cut..<reader.byteCount] {
                    try reader.readTokens(in: range, ByteTokenizer()) { part, _ in tokens += part }
                }
                found.append(tokens)
            }
            try Defect.unless(found.allSatisfy { $0 == bytes.map(Int32.init) }, "other bytes than those of the text")
            try Defect.unless(String(validating: bytes, as: UTF8.self) != nil, "a text that is not UTF-8")
            try Defect.unless(ByteTokenizer().decode(found[0]) == bytes, "tokens that do not decode")
        }
    }

    /// Documents, a JSON object a line.
    static let jsonLines = FuzzedReader(name: "json-lines", refusals: [.badData]) {
        [
            "{\"text\": \"one\"}\n{\"id\": 7, \"text\": \"two \\u00e9\"}\n",
            "\u{FEFF}{\"text\":\"a\"}\r\n\r\n{\"text\":\"b\"}",
        ]
        .map { Array($0.utf8) }
    } open: { directory in
        return { bytes in try readRecords(.documents(field: "text"), [directory.file("lines", holding: bytes)]) }
    }

    /// Texts with labels, in lines of two fields or of JSON, behind a byte that says of which kind the labels are.
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

    /// Two files whose lines are translations of each other.
    static let parallelLines = FuzzedReader(name: "parallel-lines", refusals: [.badData]) {
        [("one\ntwo\n", "un\ndeux\n"), ("a\r\n", "b")].map { joined([Array($0.0.utf8), Array($0.1.utf8)]) }
    } open: { directory in
        return { bytes in
            let files = parts(2, of: bytes)
            try readRecords(
                .parallel, [directory.file("source", holding: files[0]), directory.file("target", holding: files[1])])
        }
    }

    private static func readRecords(_ form: RecordForm, _ paths: [String]) throws {
        var reader = RecordReader(form, paths)
        var names: Set<ExactText> = []
        while try reader.next() {
            for text in reader.texts {
                try Defect.unless(!text.isEmpty, "a record without text")
                try Defect.unless(String(validating: text, as: UTF8.self) != nil, "a text that is not UTF-8")
            }
            switch reader.label {
            case .number(let number): try Defect.unless(number.isFinite, "a label that is not finite")
            case .names(let found): names.formUnion(found.map(\.exact))
            case nil: break
            }
        }
        try Defect.unless(LabelDescription.sorted(names).count == names.count, "classes are lost")
    }
}
