import Files
import TestSupport
import Testing

@testable import Interpretation

struct TokenVectorTests {
    /// A model in which the vectors of the letters are given; all others are zero.
    private func vectors(_ letters: [Character: [Float]]) throws -> TokenVectors {
        try TokenVectors(
            TinyModel("decoder") { name, values in
                guard name == "token_embedding.weight" else { return }
                values.update(repeating: 0)
                for (letter, vector) in letters {
                    for (column, number) in vector.enumerated() {
                        values[Int(letter.asciiValue!) * 16 + column] = number
                    }
                }
            }.trained)
    }

    @Test func neighboursAreOrderedByCosine() throws {
        let vectors = try vectors(["a": [1, 0], "b": [3, 0.3], "c": [1, 1], "d": [-1, 0], "e": [0, 2]])
        let found = vectors.neighbours(of: try vectors.token(of: "a"), count: 3)
        #expect(found.map { vectors.names[$0.token] } == ["b", "c", "e"])
        expectClose(found.map(\.similarity), [3 / (9.09).squareRoot(), 0.5.squareRoot(), 0], absolute: 1e-6)
        #expect(vectors.neighbours(of: try vectors.token(of: "a"), count: 300).count == 4)
    }

    /// king − man + woman = queen, with vectors of different lengths.
    @Test func analogiesUseUnitVectors() throws {
        let vectors = try vectors([
            "m": [5, 0, 0], "w": [0, 7, 0], "k": [0.6, 0, 0.8], "q": [0, 0.6, 0.8], "x": [0, 0, 1],
        ])
        let tokens = try ["m", "k", "w"].map(vectors.token)
        let found = vectors.analogies(tokens[0], tokens[1], tokens[2], count: 1)
        #expect(vectors.names[found[0].token] == "q")
    }

    @Test func analogyFilesAreScoredBySection() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("questions.txt")
        try FileSystem.replaceContents(
            of: path, with: ": first set\nm k w q\nm k w x\n\n: second\nm k w unknown\r\n")
        let vectors = try vectors([
            "m": [1, 0, 0], "w": [0, 1, 0], "k": [0.6, 0, 0.8], "q": [0, 0.6, 0.8], "x": [0, 0, 1],
        ])
        let scores = vectors.scores(try AnalogyFile(reading: path))
        #expect(scores.map(\.section) == ["first set", "second", "total"])
        #expect(scores.map(\.questions) == [2, 1, 3] && scores.map(\.known) == [2, 0, 2])
        #expect(scores.map(\.correct) == [1, 0, 1] && scores[2].accuracy == 0.5 && scores[1].accuracy == 0)
    }

    @Test func refusals() throws {
        let vectors = try vectors(["a": [1]])
        expectFailure(.usage, "does not have word as one token", "its tokens are w o r d") {
            _ = try vectors.token(of: "word")
        }
        let directory = TemporaryDirectory()
        for (text, words) in [("a b c\n", ": line 1: found 3 words"), (": a\n", "has no question")] {
            try FileSystem.replaceContents(of: directory.file("q"), with: text)
            expectFailure(.badData, words) { _ = try AnalogyFile(reading: directory.file("q")) }
        }
        expectFailure(.badData, "infinite or not a number") {
            _ = try self.vectors(["a": [.nan]])
        }
    }

    /// Special tokens, white space and bytes that are no text get names of one word, each only once.
    @Test func filesNameEveryToken() throws {
        let vectors = try vectors(["a": [0.5, -1]])
        var (lines, names): ([UInt8], [UInt8]) = ([], [])
        try vectors.write(.tsv, to: { lines += $0 }, names: { names += $0 })
        let words = String(decoding: names, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(words.count == 263 && Set(words).count == 263 && words.allSatisfy { !$0.contains { $0.isWhitespace } })
        #expect(words[10] == "\\u{A}" && words[32] == "▁" && words[97] == "a" && words[200] == "<0xC8>")
        #expect(words[256..<262].allSatisfy { $0.hasPrefix("<") })
        #expect(lines.split(separator: UInt8(ascii: "\n"))[97].starts(with: "0.5\t-1.0\t0.0".utf8))
        lines = []
        try vectors.write(.word2vec, to: { lines += $0 }, names: { _ in })
        let text = String(decoding: lines, as: UTF8.self).split(separator: "\n")
        #expect(text[0] == "262 16" && text.count == 263 && text[98].hasPrefix("a 0.5 -1.0 0.0 "))
        #expect(text.dropFirst().allSatisfy { $0.split(separator: " ").count == 17 })
        #expect(TokenVectors.namesPath(beside: "x/v.tsv") == "x/v.metadata.tsv")
    }
}
