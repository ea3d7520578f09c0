import Failures
import Files
import Texts

/// A file of analogy questions in the format of word2vec's questions-words.txt: lines of four words, "a is to b as c is
/// to d", and lines ": NAME" that begin a section.
package struct AnalogyFile: Sendable {
    /// A question: a is to b as c is to d.
    package struct Question: Sendable {
        package let words: [String]
    }

    /// The questions of a section.
    package struct Section: Sendable {
        /// Empty for questions before the first section.
        package let name: String
        package var questions: [Question] = []
    }

    package let path: String
    package private(set) var sections: [Section] = []

    /// Reads a file.
    ///
    /// - Throws: `badData` as `LineReader`, and for a line that is neither four words nor the beginning of a section,
    ///   or if there is no question.
    package init(reading path: String) throws(Failure) {
        self.path = path
        let reader = try LineReader(path)
        while let line = try reader.next() {
            let words = line.split { $0 == 0x20 || (0x09...0x0D).contains($0) }.map {
                String(decoding: $0, as: UTF8.self)
            }
            if words.isEmpty { continue }
            if words[0].hasExactPrefix(":") {
                let name = ([String(words[0].unicodeScalars.dropFirst())] + words.dropFirst()).filter { !$0.isEmpty }
                sections.append(Section(name: name.joined(separator: " ")))
                continue
            }
            guard words.count == 4 else {
                throw Failure(
                    .badData,
                    "\(reader.place): found \(words.count) words; allowed: four words, a is to b as c is to d, or a line "
                        + "\": NAME\" that begins a section.")
            }
            if sections.isEmpty { sections.append(Section(name: "")) }
            sections[sections.count - 1].questions.append(Question(words: words))
        }
        guard sections.contains(where: { !$0.questions.isEmpty }) else {
            throw Failure(.badData, "\(path): has no question. Write four words on a line: a is to b as c is to d.")
        }
    }
}

/// How many analogies of a section a model solves.
package struct AnalogyScore: Equatable, Sendable {
    package let section: String
    /// The questions whose four words the vocabulary has.
    package var known = 0
    /// The known questions whose answer is the nearest token.
    package var correct = 0
    /// All questions.
    package var questions = 0

    /// The share of known questions that are correct; 0 without any.
    package var accuracy: Double { known == 0 ? 0 : Double(correct) / Double(known) }
}

extension TokenVectors {
    /// The score of each section of `file`, and of all of them in the end, under the name "total".
    ///
    /// - Source: Mikolov et al. 2013, arXiv:1301.3781, section 4.1: a question counts only if its answer is exactly the
    ///   nearest token; questions with unknown words are left out.
    package func scores(_ file: AnalogyFile) -> [AnalogyScore] {
        var total = AnalogyScore(section: "total")
        var known: [ExactText: Int32?] = [:]
        func token(_ word: String) -> Int32? {
            if let found = known[word.exact] { return found }
            let found = self.token(ifOne: word)
            known[word.exact] = .some(found)
            return found
        }
        let scores = file.sections.map { section in
            var score = AnalogyScore(section: section.name)
            for question in section.questions {
                score.questions += 1
                let tokens = question.words.compactMap(token)
                guard tokens.count == 4 else { continue }
                score.known += 1
                if analogies(tokens[0], tokens[1], tokens[2], count: 1).first?.token == tokens[3] { score.correct += 1 }
            }
            total.questions += score.questions
            total.known += score.known
            total.correct += score.correct
            return score
        }
        return scores + [total]
    }
}
