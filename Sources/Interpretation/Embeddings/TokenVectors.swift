import Failures
import Inference
import Tensors
import Texts
import Tokenizers

// V tokens, C hidden size.

/// The vectors of a model's tokens: the rows of its token embedding.
package struct TokenVectors {
    /// C.
    package let width: Int
    /// [V, C].
    package let values: UnsafeBufferPointer<Float>
    /// The names of the tokens.
    package let names: TokenNames
    /// The name of the parameter that holds the vectors.
    package let parameter: String
    private let owner: Arena<Float>
    private let directory: String
    private let tokenizer: any Tokenizer
    /// The Euclidean norm of each vector.
    private let norms: [Double]

    /// A token and a similarity.
    package typealias Neighbour = (token: Int32, similarity: Double)

    /// The vectors of `trained`: those of its input tokens, or of its source if only that has a table.
    ///
    /// - Throws: `badData` if a vector is not finite.
    package init(_ trained: TrainedModel) throws(Failure) {
        let tables = ["token_embedding.weight", "encoder.token_embedding.weight"]
        guard
            let table = tables.lazy.compactMap({ name in
                trained.model.layout.parameters.first { $0.name.exact == name.exact }
            }).first
        else { preconditionFailure("a model that reads text has a token embedding") }
        let names = TokenNames(trained.tokenizer)
        width = table.shape[1]
        // Rows beyond the vocabulary are padding.
        let rows = min(table.shape[0], names.count)
        values = UnsafeBufferPointer(start: trained.weights.base + table.offset, count: rows * width)
        guard values.allSatisfy(\.isFinite) else {
            throw Failure(
                .badData,
                "\(trained.directory): \(table.name) has a number that is infinite or not a number. Use an earlier checkpoint."
            )
        }
        self.names = names
        (parameter, owner, directory, tokenizer) = (table.name, trained.weights, trained.directory, trained.tokenizer)
        let (values, width) = (values, width)
        norms = (0..<rows).map { row in
            values[row * width..<(row + 1) * width].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
    }

    /// V, without padding.
    package var count: Int { norms.count }

    /// The vector of `token`, [C].
    package func vector(_ token: Int32) -> ArraySlice<Float> {
        ArraySlice(values[Int(token) * width..<(Int(token) + 1) * width])
    }

    /// The token of `word`.
    ///
    /// A tokenizer may have a word both with the space before it and without; the former is a whole word of a text, so
    /// it comes first. The name of a token, such as `▁house`, is also accepted.
    ///
    /// - Throws: `usage` if the vocabulary does not have the word as one token, with the tokens that it consists of.
    package func token(of word: String) throws(Failure) -> Int32 {
        guard let token = token(ifOne: word) else {
            let parts = try tokenizer.encode(word).map { names[$0] }
            let close = nearestSpelling(to: word, among: spellings).map { " Did you mean \($0)?" } ?? ""
            throw Failure(
                .usage,
                "embeddings: the vocabulary of \(directory) does not have \(word) as one token"
                    + (parts.isEmpty || parts.count > 20 ? "." : "; its tokens are \(parts.joined(separator: " ")).")
                    + close + " Choose a word that is one token; dtrain tokenize shows the tokens of a text.")
        }
        return token
    }

    /// The token of `word`; nil if the vocabulary does not have it as one token.
    package func token(ifOne word: String) -> Int32? {
        for written in ["x \(word)", word] {
            guard let tokens = try? tokenizer.encode(written), let last = tokens.last, Int(last) < count else {
                continue
            }
            let name = names[last]
            if name.exact == word.exact || name.exact == "▁\(word)".exact { return last }
        }
        return (0..<Int32(count)).first { names.hasText($0) && names[$0].exact == word.exact }
    }

    /// The words that can be looked up, for suggestions.
    private var spellings: [String] {
        (0..<Int32(count)).filter(names.hasText).map { names[$0] }.map { $0.withoutExactPrefix("▁") ?? $0 }
    }

    /// The tokens whose vectors have the largest cosine to `direction`, the most similar first.
    ///
    /// - Parameters:
    ///   - direction: [C]; not the zero vector.
    ///   - excluded: Tokens that are left out; special tokens and tokens without text always are.
    package func nearest(to direction: [Double], excluding excluded: Set<Int32>, count wanted: Int) -> [Neighbour] {
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length > 0 else { return [] }
        var found: [Neighbour] = []
        for row in 0..<count where norms[row] > 0 {
            let token = Int32(row)
            if excluded.contains(token) || !names.hasText(token) { continue }
            var product = 0.0
            for column in 0..<width { product += Double(values[row * width + column]) * direction[column] }
            let similarity = product / (norms[row] * length)
            if found.count == wanted, similarity <= found[wanted - 1].similarity { continue }
            let place = found.firstIndex { $0.similarity < similarity } ?? found.count
            found.insert((token, similarity), at: place)
            if found.count > wanted { found.removeLast() }
        }
        return found
    }

    /// The nearest neighbours of a token.
    package func neighbours(of token: Int32, count: Int) -> [Neighbour] {
        nearest(to: vector(token).map(Double.init), excluding: [token], count: count)
    }

    /// The tokens d for which a is to b as c is to d: those nearest to b − a + c, with vectors of length 1.
    ///
    /// - Source: Mikolov, Yih & Zweig 2013, "Linguistic regularities in continuous space word representations",
    ///   section 4.
    package func analogies(_ a: Int32, _ b: Int32, _ c: Int32, count: Int) -> [Neighbour] {
        func unit(_ token: Int32) -> [Double] {
            let norm = norms[Int(token)]
            return vector(token).map { norm > 0 ? Double($0) / norm : 0 }
        }
        let (a1, b1, c1) = (unit(a), unit(b), unit(c))
        return nearest(
            to: a1.indices.map { b1[$0] - a1[$0] + c1[$0] }, excluding: [a, b, c], count: count)
    }
}
