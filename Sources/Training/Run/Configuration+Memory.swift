import Collectives
import Layers
import Models
import Numbers
import Objectives
import Optimizers
import Resources
import Settings
import Tensors

extension Configuration {
    /// Estimates the memory that all ranks of a host need to train a model of `sizes`.
    ///
    /// - Parameters:
    ///   - positions: The length of the longest sequence; nil: the context length.
    ///   - recomputation: What the backward pass computes again.
    package func stepMemory(
        _ sizes: ModelSizes, positions: Int? = nil, recomputation: Recomputation = .none,
        _ communicator: any Communicator
    ) -> MemoryEstimate {
        stepMemory(
            sizes, positions: positions ?? sizes.contextLength, recomputation, ranks: communicator.size,
            perNode: communicator.localSize)
    }

    /// Estimates the memory that `perNode` ranks of a job of `ranks` ranks need on their host: a lower bound.
    package func stepMemory(
        _ sizes: ModelSizes, positions: Int, _ recomputation: Recomputation, ranks: Int, perNode: Int
    ) -> MemoryEstimate {
        var estimate = arenaMemory(sizes, positions: positions, recomputation, ranks: ranks, perNode: perNode)
        let sequences = batch.sequencesPerSlot
        estimate.add(
            "activations' gradients", sequences * positions,
            bytesEach: (3 * model.width + model.hiddenWidth) * MemoryLayout<Float>.stride, times: perNode)
        let model = Transformer<Float>(model, sizes, fineTuning.adaptation)
        let rows = Double(model.outputRows(sequences: sequences, positions: positions)) * targetShare(sizes)
        estimate.add(
            "logits", Prediction.logitBytes(rows: Int(rows), outputs: model.head.outputWidth), bytesEach: 1,
            times: perNode)
        return estimate
    }

    /// The memory of weights, gradients, optimizer state, activations and messages: what is allocated before the first
    /// step, exactly, of all ranks of a host.
    ///
    /// - Parameters:
    ///   - ranks: The number of ranks of the job.
    ///   - perNode: The number of ranks on this host.
    package func arenaMemory(
        _ sizes: ModelSizes, positions: Int, _ recomputation: Recomputation, ranks: Int, perNode: Int
    ) -> MemoryEstimate {
        switch precision {
        case .float32: arenaMemory(sizes, positions, recomputation, ranks, perNode, storing: Float.self)
        case .float16: arenaMemory(sizes, positions, recomputation, ranks, perNode, storing: Float16.self)
        case .bfloat16: arenaMemory(sizes, positions, recomputation, ranks, perNode, storing: BFloat16.self)
        }
    }

    /// The size of a checkpoint's tensors in bytes, for the layout of the trained parameters.
    package func checkpointBytes(_ layout: ParameterLayout) -> Int {
        let masters = precision == .float32 ? 0 : 1
        let floats = masters + makeOptimizer(optimizer).stateNames.count + (training.emaDecay > 0 ? 1 : 0)
        return layout.parameterCount * (precision.format.byteCount + floats * MemoryLayout<Float>.stride)
    }

    private func arenaMemory<Element: Storage>(
        _ sizes: ModelSizes, _ positions: Int, _ recomputation: Recomputation, _ ranks: Int, _ perNode: Int,
        storing: Element.Type
    ) -> MemoryEstimate {
        let slots = batch.slots / ranks
        let model = Transformer<Element>(model, sizes, fineTuning.adaptation)
        let count = model.layout.trained.count
        let element = MemoryLayout<Element>.stride
        // Ranks of one host share the weights, unless gradient averaging does not use shared memory.
        let nodes = stride(from: 0, to: ranks, by: perNode).map { $0..<min($0 + perNode, ranks) }
        let isShared = averaging.preferred(nodes: nodes) != .allreduce
        var estimate = MemoryEstimate()
        let weights = model.layout.adaptation == nil ? count : model.layout.count + count
        estimate.add("weights", weights, bytesEach: element, times: isShared ? 1 : perNode)
        // In addition to the gradient of the step, subtree sums that wait for their sibling.
        let gradients = (0..<max(slots, 1)).map(\.nonzeroBitCount).max()! + 1
        estimate.add("gradients", count, bytesEach: element, times: gradients * perNode)
        let shard = count / ranks * perNode
        let float = MemoryLayout<Float>.stride
        if MasterWeights<Element>.areCopies { estimate.add("master weights", shard, bytesEach: float) }
        estimate.add("moments", shard, bytesEach: float, times: makeOptimizer(optimizer).stateNames.count)
        if training.emaDecay > 0 { estimate.add("moving average", shard, bytesEach: float) }
        estimate.addActivations(
            model, sequences: batch.sequencesPerSlot, positions: positions, recomputation, ranks: perNode)
        return estimate
    }

    /// What the backward pass computes again: what the configuration says or, with `auto`, the least that fits into the
    /// memory of this host.
    package func chosenRecomputation(
        _ sizes: ModelSizes, positions: Int, ranks: Int, perNode: Int
    ) -> Recomputation {
        switch training.recompute {
        case .none: return .none
        case .attention: return .attention
        case .block: return .block
        case .automatic:
            let available = Double(MemoryEstimate.availableBytes(processes: perNode))
            return Recomputation.allCases.first {
                stepMemory(sizes, positions: positions, $0, ranks: ranks, perNode: perNode).bytes <= available
            } ?? .block
        }
    }

    /// Checks that every host of the job has enough memory for training, and determines what the backward pass computes
    /// again: what the configuration says or, with `auto`, the least that fits on every host. Collective: every rank
    /// calls it.
    ///
    /// - Parameter positions: The length of the longest sequence.
    /// - Throws: `AgreedFailure` with `usage`.
    package func requireTrainingMemory(
        _ sizes: ModelSizes, positions: Int, _ communicator: any Communicator
    ) throws -> Recomputation {
        // Ranks of one host may see other amounts of free memory.
        let own = chosenRecomputation(
            sizes, positions: positions, ranks: communicator.size, perNode: communicator.localSize)
        let recomputation = Recomputation(rawValue: Int(try communicator.maximum(Int64(own.rawValue))))!
        let fewer = communicator.localSize > 1 ? ", or start fewer ranks per host" : ""
        let again = recomputation == .block ? "" : "set training.recompute: block, "
        try communicator.requireMemory(
            for: "training",
            remedy:
                "Lower batch.sequences or raise batch.slots (activations), \(again)lower data.context_length, "
                + "model.layers or model.width, set precision: bfloat16 or float16\(fewer)."
        ) {
            stepMemory(sizes, positions: positions, recomputation: recomputation, communicator)
        }
        return recomputation
    }
}
