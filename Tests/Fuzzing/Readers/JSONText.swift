import Datasets
import Files

extension FuzzedReader {
    /// JSON: writing the parsed value and parsing it again gives the same value.
    static let json = FuzzedReader(name: "json", refusals: [.badData]) {
        [
            #"{"a": [1, -2.5e-3, 1E+2, -0, 9223372036854775807, 9223372036854775808, true, false, null]}"#,
            #"["\u0000\"\\\/\b\f\n\r\t\ud83d\ude00 é 🙂", {}, [], [[{"b": {"c": ""}}]]]"#, DatasetFacts.sample.json.page,
        ].map { Array($0.utf8) }
    } open: { _ in
        return { bytes in
            let value = try JSON(parsing: bytes, source: "text")
            for text in [value.line, value.page] {
                try Defect.unless(
                    try JSON(parsing: Array(text.utf8), source: "again") == value, "the value written again differs")
            }
            try Defect.unless(!value.line.utf8.contains(0x0A), "a line of several")
            if let facts = DatasetFacts(value) {
                try Defect.unless(DatasetFacts(facts.json) == facts, "facts written again differ")
            }
        }
    }
}
