import Failures
import Files
import Settings
import Texts

/// A file of questions, a JSON object per line: `{"prompt": …, "choices": [ … ], "answer": …}` with the answer as a
/// choice or its index from 0, or `{"prompt": …, "answer": …}` with a text or a list of texts.
package struct TaskFile: Sendable {
    /// A question.
    struct Item: Equatable, Sendable {
        let line: Int
        let prompt: String
        /// The choices; empty for a free answer.
        let choices: [String]
        /// The index of the right choice; 0 for a free answer.
        let answer: Int
        /// The expected texts of a free answer.
        let expected: [String]
    }

    /// The file's path, for messages.
    package let path: String
    let items: [Item]
    /// The digest of the file's lines.
    let digest: String

    /// The questions without choices.
    var freeItems: [Item] { items.filter(\.choices.isEmpty) }

    /// The metrics that the questions have.
    package var metrics: [ValidationMetric] {
        (freeItems.count < items.count ? [.choiceAccuracy] : []) + (freeItems.isEmpty ? [] : [.exactMatch, .tokenF1])
    }

    /// Reads a file.
    ///
    /// - Throws: `badData` as `LineReader`, and for a line that is no such object, or whose answer is no choice.
    package init(reading path: String) throws(Failure) {
        self.path = path
        var items: [Item] = []
        var digest = Digest()
        let reader = try LineReader(path)
        while let line = try reader.next() {
            line.withUnsafeBytes { digest.update($0) }
            digest.update(reader.lineNumber)
            if line.allSatisfy({ $0 <= 0x20 }) { continue }
            items.append(
                try TaskFile.item(try JSON(parsing: line, source: reader.place), reader.lineNumber, reader.place))
        }
        guard !items.isEmpty else { throw Failure(.badData, "\(path): has no question.") }
        self.items = items
        self.digest = digest.hexadecimal()
    }

    private static func item(_ object: JSON, _ line: Int, _ place: String) throws(Failure) -> Item {
        func refuse(_ found: String) -> Failure {
            Failure(
                .badData,
                "\(place): \(found) Allowed: {\"prompt\": TEXT, \"choices\": [TEXT, …], \"answer\": TEXT or INDEX} or "
                    + "{\"prompt\": TEXT, \"answer\": TEXT or [TEXT, …]}.")
        }
        guard let prompt = object["prompt"]?.stringValue else { throw refuse("has no text \"prompt\".") }
        guard let answer = object["answer"] else { throw refuse("has no \"answer\".") }
        guard let list = object["choices"] else {
            let expected = answer.arrayValue?.map(\.stringValue) ?? [answer.stringValue]
            let texts = expected.compactMap(\.self)
            guard !texts.isEmpty, texts.count == expected.count else {
                throw refuse("\"answer\" is \(answer.line.prefix(60)).")
            }
            return Item(line: line, prompt: prompt, choices: [], answer: 0, expected: texts)
        }
        let choices = list.arrayValue?.compactMap(\.stringValue) ?? []
        guard choices.count > 1, choices.count == list.arrayValue?.count, !choices.contains(where: \.isEmpty) else {
            throw refuse("\"choices\" is \(list.line.prefix(60)); needed: at least two texts.")
        }
        let index = answer.integerValue ?? choices.firstIndex { $0.exact == answer.stringValue?.exact }
        guard let index, choices.indices.contains(index) else {
            throw refuse("the answer \(answer.line.prefix(60)) is none of the \(choices.count) choices.")
        }
        return Item(line: line, prompt: prompt, choices: choices, answer: index, expected: [])
    }
}
