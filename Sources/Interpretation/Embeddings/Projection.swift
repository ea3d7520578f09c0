import Failures
import Files
import Inference
import Reporting
import Texts

/// The methods that bring vectors down to two or three dimensions.
package enum ProjectionMethod: String, CaseIterable, Sendable {
    /// The directions of the largest variance; see `PrincipalComponents`.
    case pca
    /// Keeps neighbours together; see `NeighbourEmbedding`.
    case tsne
}

/// Vectors in two or three dimensions, with their names: what a scatter plot shows.
package struct Projection: Sendable {
    package let method: ProjectionMethod
    package let dimensions: Int
    package let seed: UInt64
    package let names: [String]
    /// [N, dimensions].
    package let points: [Double]
    /// The share of the variance in each component, for `pca`; empty otherwise.
    package let shares: [Double]

    /// The number of steps of t-SNE.
    private static let steps = 750
    /// The effective number of neighbours of t-SNE.
    private static let perplexity = 30.0

    /// Projects `values`, [N, `width`], one vector for each of `names`.
    package init(
        _ values: [Double], names: [String], width: Int, _ method: ProjectionMethod, dimensions: Int, seed: UInt64
    ) {
        (self.method, self.dimensions, self.seed, self.names) = (method, dimensions, seed, names)
        switch method {
        case .pca:
            let components = PrincipalComponents(values, width: width, components: dimensions, seed: seed)
            (points, shares) = (components.points, components.shares)
        case .tsne:
            var map = NeighbourEmbedding(
                values, width: width, dimensions: dimensions, perplexity: Projection.perplexity, seed: seed)
            map.run(steps: Projection.steps)
            (points, shares) = (map.points, [])
        }
    }

    /// One object with the points and their names, rounded to six decimals.
    package var json: JSON {
        [
            "method": .string(method.rawValue), "dimensions": .integer(dimensions), "seed": .integer(Int(seed)),
            "variance_shares": .array(shares.map { .number($0) }),
            "points": .array(
                names.indices.map { row in
                    ["name": .string(names[row]), "point": rounded(point(row).map { Float($0) })]
                }),
        ]
    }

    /// A line for each point: its name and its coordinates, separated by tabs.
    package var tsv: String {
        names.indices.map { row in
            names[row] + "\t" + point(row).map { fixed($0, 6) }.joined(separator: "\t") + "\n"
        }.joined()
    }

    private func point(_ row: Int) -> ArraySlice<Double> { points[(row * dimensions)...].prefix(dimensions) }
}

extension TokenVectors {
    /// The projection of the vectors of the first `limit` tokens with a letter: tokenizers that are learned from a text
    /// number frequent tokens first.
    package func projection(
        _ method: ProjectionMethod, dimensions: Int, limit: Int, seed: UInt64
    ) -> Projection {
        let tokens = (0..<Int32(count)).lazy.filter { token in
            names.hasText(token) && names[token].unicodeScalars.contains { $0.properties.isAlphabetic }
        }.prefix(limit)
        return Projection(
            tokens.flatMap { vector($0).map(Double.init) }, names: tokens.map { names[$0] }, width: width, method,
            dimensions: dimensions, seed: seed)
    }
}
