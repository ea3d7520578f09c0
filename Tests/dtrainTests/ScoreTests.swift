import Failures
import Files
import TestSupport
import Testing

@testable import dtrain

struct ScoreTests {
    private let directory = TemporaryDirectory()

    private func score(_ hypotheses: [UInt8], _ references: [UInt8], _ words: [String] = []) throws -> String {
        for (name, bytes) in [("hypotheses", hypotheses), ("references", references)] {
            try FileSystem.replaceContents(of: directory.file(name)) { (file: borrowing File) throws(Failure) in
                try file.write(bytes)
            }
        }
        let paths = ["--hypotheses", directory.file("hypotheses"), "--references", directory.file("references")]
        return try scoreText(Arguments(paths + words, for: .score))
    }

    private func score(_ hypotheses: String, _ references: String, _ words: String...) throws -> String {
        try score(Array(hypotheses.utf8), Array(references.utf8), words)
    }

    /// The scores that `sacrebleu` 2.6.0 prints for the same files.
    @Test func scoresMatchSacreBLEU() throws {
        let (hypothesis, reference) = ("The cat sat on the mat\n", "The cat sat on a mat\n")
        #expect(
            try score(hypothesis, reference)
                == "BLEU 53.73, precisions 83.3/60.0/50.0/33.3, brevity penalty 1.000, 6 tokens against 6")
        #expect(try score(hypothesis, reference, "--metric", "chrf") == "chrF 72.08")
        #expect(try score(hypothesis, reference, "--metric", "chrf++") == "chrF++ 72.03")
    }

    /// The means of the scores of the package rouge-score, without stemming.
    @Test func scoresMatchRougeScore() throws {
        let (hypotheses, references) = ("The cat sat on the mat\nruns\n", "The cats sat on a mat\nRunning\n")
        #expect(
            try score(hypotheses, references, "--metric", "rouge1")
                == "ROUGE-1 33.33, precision 33.33, recall 33.33, mean over 2 lines")
        #expect(try score(hypotheses, references, "--metric", "rouge2").hasPrefix("ROUGE-2 10.00, "))
        #expect(try score(hypotheses, references, "--metric", "rougeL").hasPrefix("ROUGE-L 33.33, "))
        let line = try score("a b\n", "b a\n", "--metric", "rougeL", "--json")
        let json = try JSON(parsing: Array(line.utf8), source: "score")
        #expect(json["metric"] == "rougeL")
        #expect(json["score"]?.doubleValue == 50)
    }

    @Test func rejectsOldMacLineEnds() {
        expectFailure(.badData, "references: has CR (first at byte 2) ", "tr '\\r' '\\n' < ") {
            _ = try score("a\nb\n", "a\rb\r")
        }
    }

    @Test func printsJSONObject() throws {
        let line = try score("a b c d e\n", "a b c d e\n", "--json")
        let json = try JSON(parsing: Array(line.utf8), source: "score")
        #expect(json["metric"] == "bleu")
        #expect(json["totals"] == [5, 4, 3, 2])
        #expect(json["lines"] == 1)
        expectClose(try #require(json["score"]?.doubleValue), 100, relative: 1e-12)
        let other = try JSON(
            parsing: Array(try score("a\n", "a\n", "--json", "--metric", "chrf").utf8), source: "score")
        #expect(other["metric"] == "chrf")
        expectClose(try #require(other["score"]?.doubleValue), 100, relative: 1e-12)
    }

    /// The worst line comes first; control characters do not reach the terminal.
    @Test func linesAreScored() throws {
        for (name, text) in [("hypotheses", "a b c d\nx\u{1B}[2J y\n"), ("references", "a b c d\nx y z\n")] {
            try FileSystem.replaceContents(of: directory.file(name), with: text)
        }
        let words = ["--hypotheses", directory.file("hypotheses"), "--references", directory.file("references")]
        let lines = try lineScores(Arguments(words + ["--lines"], for: .score)).split(separator: "\n")
        #expect(lines.count == 2 && lines[0].hasPrefix("2\t") && lines[1] == "1\t100.00\ta b c d\ta b c d")
        #expect(!lines[0].unicodeScalars.contains("\u{1B}"))
        let json = try lineScores(Arguments(words + ["--lines", "--json", "--metric", "chrf"], for: .score))
        #expect(json.hasPrefix(#"{"line":2,"metric":"chrf","score":"#) && json.contains(#"x\u001b[2J y"#))
    }

    /// Only LF and CR LF end a line, the last line need not have an end, and an empty line is a segment.
    @Test func splitsLinesAtLineFeedsOnly() throws {
        #expect(try score("a b c d\r\n\n", "a b c d\n\u{2028}").hasPrefix("BLEU 100.00, "))
        // Neither a byte order mark at the start of a file nor a CR before LF is text.
        #expect(try score("\u{FEFF}a b c d\r\ne\r\n", "a b c d\ne", "--metric", "chrf") == "chrF 100.00")
        expectFailure(.badData, "hypotheses and ", "references differ in length: 2 and 3 lines.") {
            _ = try score("a\nb\n", "a\nb\n\n")
        }
    }

    @Test func rejectsFilesThatCannotBeCompared() throws {
        expectFailure(.badData, "references: is empty") { _ = try score("a", "") }
        expectFailure(.badData, "hypotheses: line 2: not UTF-8 starting at byte 1 of the line") {
            _ = try score([0x61, 0x0A, 0xC3, 0x0A], [0x61, 0x0A, 0x61, 0x0A])
        }
        expectFailure(.usage, "--metric: found blue; allowed: bleu, chrf, chrf++, rouge1, rouge2, rougeL.") {
            _ = try score("a", "a", "--metric", "blue")
        }
        expectFailure(.usage, "--references is missing") {
            _ = try scoreText(Arguments(["--hypotheses", "a"], for: .score))
        }
        expectFailure(.badData, "none", "No such file") {
            _ = try scoreText(Arguments(["--hypotheses", "none", "--references", "none"], for: .score))
        }
    }
}
