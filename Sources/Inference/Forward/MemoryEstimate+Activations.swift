import Failures
import Layers
import Models
import Numbers
import Resources

extension MemoryEstimate {
    /// Adds the activations of `ranks` ranks, each for up to `sequences` × `positions`; nil: the context length.
    ///
    /// - Parameter recomputation: What a backward pass computes again.
    package mutating func addActivations<Element: Storage>(
        _ model: Transformer<Element>, sequences: Int, positions: Int? = nil, _ recomputation: Recomputation = .block,
        ranks: Int
    ) {
        let bytes = model.activationBytes(
            sequences: sequences, positions: positions ?? model.sizes.contextLength, recomputation)
        add("activations", bytes, bytesEach: 1, times: ranks)
    }

    /// Checks that the memory suffices for a batch of `sequences` sequences in a process without other ranks.
    ///
    /// - Parameters:
    ///   - purpose: What the batch is for, such as "embedding".
    ///   - recomputation: What a backward pass computes again.
    /// - Throws: `usage`.
    package static func requireBatch(
        _ purpose: String, _ model: Transformer<Float>, sequences: Int, _ recomputation: Recomputation = .block
    ) throws(Failure) {
        var estimate = MemoryEstimate()
        estimate.addActivations(model, sequences: sequences, recomputation, ranks: 1)
        try estimate.require(
            purpose, available: availableBytes(), remedy: "Lower the batch (\(sequences); it changes no result).")
    }
}
