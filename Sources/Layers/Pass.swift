import Kernels

/// What the layers of one pass over a batch share.
package struct Pass {
    /// B.
    package let sequences: Int
    /// T.
    package let positions: Int
    /// Which positions each position sees.
    package let mask: AttentionMask
    /// What is dropped while training.
    package let dropouts: Dropouts
    /// Scratch memory.
    package let workspace: Workspace
    /// Where its rows stand in caches of keys and values, outside training.
    package let cachePlaces: CachePlaces?

    /// A pass over `sequences` × `positions`.
    package init(
        sequences: Int, positions: Int, mask: AttentionMask, dropouts: Dropouts = .none,
        cachePlaces: CachePlaces? = nil, _ workspace: Workspace
    ) {
        self.sequences = sequences
        self.positions = positions
        self.mask = mask
        self.dropouts = dropouts
        self.workspace = workspace
        self.cachePlaces = cachePlaces
    }

    /// B · T.
    package var rows: Int { sequences * positions }

    /// Drops elements of an embedding's output, [B, T, `width`], in Float32, like every other place.
    func dropEmbedding<Element: Storage>(_ output: UnsafeMutablePointer<Element>, width: Int, site: Int) {
        guard let dropout = dropouts.embedding else { return }
        let values = workspace.floats(.branch, rows * width)
        convert(UnsafePointer(output), into: values, count: rows * width)
        dropout.apply(values, sequences: sequences, elements: positions * width, site: site)
        convert(UnsafePointer(values), into: output, count: rows * width)
    }

    /// What computes the products of a linear map forward.
    var engine: ProductEngine { cachePlaces.map { $0.adds ? .vectors : .best } ?? .best }
}

/// The shares of numbers that are set to zero while training, by the kind of place.
package struct DropoutRates: Equatable, Sendable {
    /// Of the embeddings' sum.
    package var embedding: Double
    /// Of attention's probabilities.
    package var attention: Double
    /// Of what a sublayer adds to the residual stream.
    package var residual: Double

    /// Three rates, each from 0 to less than 1.
    package init(embedding: Double, attention: Double, residual: Double) {
        self.embedding = embedding
        self.attention = attention
        self.residual = residual
    }
}

/// The dropouts of one pass; nil drops nothing.
///
/// - Source: Srivastava et al. 2014, "Dropout"; the places are Vaswani et al.'s 2017, section 5.4.
package struct Dropouts {
    let embedding: Dropout?
    let attention: Dropout?
    let residual: Dropout?

    /// Nothing is dropped: outside training.
    package static var none: Dropouts { Dropouts(embedding: nil, attention: nil, residual: nil) }

    private init(embedding: Dropout?, attention: Dropout?, residual: Dropout?) {
        self.embedding = embedding
        self.attention = attention
        self.residual = residual
    }

    /// The dropouts of step `step`.
    ///
    /// - Parameter samples: The global index of each sequence of the batch.
    package init(_ rates: DropoutRates, seed: UInt64, step: Int, samples: UnsafePointer<UInt64>) {
        func dropout(_ rate: Double) -> Dropout? { Dropout(rate: rate, seed: seed, step: step, samples: samples) }
        self.init(
            embedding: dropout(rates.embedding), attention: dropout(rates.attention),
            residual: dropout(rates.residual))
    }
}
