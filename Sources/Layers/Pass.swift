import Kernels
import Numbers

/// One pass over a batch, shared by all layers.
package struct Pass<Element: Storage> {
    /// B, the number of sequences.
    package let sequences: Int
    /// T, the number of positions per sequence.
    package let positions: Int
    /// The self-attention mask.
    package let mask: AttentionMask
    /// The positions in the KV caches, for inference.
    package let cachePlaces: CachePlaces?
    /// The parameters, dropout and scratch memory.
    package let context: LayerContext<Element>
    /// The biases of self-attention scores in the current stack, and their gradients; nil: none.
    var biases: DistanceBiases?
    var biasGradients: UnsafeMutablePointer<Float>?

    /// A pass over `sequences` × `positions` positions.
    package init(
        sequences: Int, positions: Int, mask: AttentionMask, cachePlaces: CachePlaces? = nil,
        _ context: LayerContext<Element>
    ) {
        self.sequences = sequences
        self.positions = positions
        self.mask = mask
        self.cachePlaces = cachePlaces
        self.context = context
    }

    /// B · T, the number of rows.
    package var rows: Int { sequences * positions }

    /// Applies dropout to an embedding's output, [B, T, `width`], in Float32 like all dropout.
    func dropEmbedding(_ output: UnsafeMutablePointer<Element>, width: Int, site: Int) {
        guard let dropout = context.dropouts.embedding else { return }
        let values = context.workspace.floats(.branch, rows * width)
        convert(UnsafePointer(output), into: values, count: rows * width)
        dropout.apply(values, sequences: sequences, elements: positions * width, site: site)
        convert(UnsafePointer(values), into: output, count: rows * width)
    }
}

/// The dropout probabilities during training, by kind of site.
package struct DropoutRates: Equatable, Sendable {
    /// On the sum of the embeddings.
    package var embedding: Double
    /// On attention probabilities.
    package var attention: Double
    /// On the output of each sublayer, before the residual addition.
    package var residual: Double

    /// Three probabilities, each at least 0 and less than 1.
    package init(embedding: Double, attention: Double, residual: Double) {
        self.embedding = embedding
        self.attention = attention
        self.residual = residual
    }
}

/// The dropout of one pass, by kind of site; nil: no dropout.
///
/// - Source: Srivastava et al. 2014, "Dropout"; the sites are those of Vaswani et al. 2017, section 5.4.
package struct Dropouts {
    let embedding: Dropout?
    let attention: Dropout?
    let residual: Dropout?

    /// No dropout, for inference.
    package static var none: Dropouts { Dropouts(embedding: nil, attention: nil, residual: nil) }

    private init(embedding: Dropout?, attention: Dropout?, residual: Dropout?) {
        self.embedding = embedding
        self.attention = attention
        self.residual = residual
    }

    /// The dropout of step `step`.
    ///
    /// - Parameter samples: The global sample index of each sequence of the batch.
    package init(_ rates: DropoutRates, seed: UInt64, step: Int, samples: UnsafePointer<UInt64>) {
        func dropout(_ rate: Double) -> Dropout? { Dropout(rate: rate, seed: seed, step: step, samples: samples) }
        self.init(
            embedding: dropout(rates.embedding), attention: dropout(rates.attention),
            residual: dropout(rates.residual))
    }
}
