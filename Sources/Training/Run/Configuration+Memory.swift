import Collectives
import Kernels
import Layers
import Models
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
        let positions = positions ?? sizes.contextLength
        return switch precision {
        case .float32: stepMemory(sizes, positions, recomputation, communicator, storing: Float.self)
        case .float16: stepMemory(sizes, positions, recomputation, communicator, storing: Float16.self)
        case .bfloat16: stepMemory(sizes, positions, recomputation, communicator, storing: BFloat16.self)
        }
    }

    private func stepMemory<Element: Storage>(
        _ sizes: ModelSizes, _ positions: Int, _ recomputation: Recomputation, _ communicator: any Communicator,
        storing: Element.Type
    ) -> MemoryEstimate {
        let slots = batch.slots / communicator.size
        let model = Transformer<Element>(model, sizes, fineTuning.adaptation)
        let (count, ranks) = (model.layout.trained.count, communicator.localSize)
        let element = MemoryLayout<Element>.stride
        // Ranks of one host share the weights, unless gradient averaging does not use shared memory.
        let isShared = averaging.preferred(nodes: communicator.nodes) != .allreduce
        var estimate = MemoryEstimate()
        let weights = model.layout.adaptation == nil ? count : model.layout.count + count
        estimate.add("weights", weights, bytesEach: element, times: isShared ? 1 : ranks)
        // In addition to the gradient of the step, subtree sums that wait for their sibling.
        let gradients = (0..<max(slots, 1)).map(\.nonzeroBitCount).max()! + 1
        estimate.add("gradients", count, bytesEach: element, times: gradients * ranks)
        let shard = count / communicator.size * ranks
        let masters = MasterWeights<Element>.areCopies ? 1 : 0
        let states = makeOptimizer(optimizer).stateNames.count + masters + (training.emaDecay > 0 ? 1 : 0)
        estimate.add("optimizer state", shard, bytesEach: MemoryLayout<Float>.stride, times: states)
        let sequences = batch.sequencesPerSlot
        estimate.addActivations(model, sequences: sequences, positions: positions, recomputation, ranks: ranks)
        estimate.add(
            "activations' gradients", sequences * positions,
            bytesEach: (3 * self.model.width + self.model.hiddenWidth) * MemoryLayout<Float>.stride, times: ranks)
        let rows = Double(model.outputRows(sequences: sequences, positions: positions)) * targetShare(sizes)
        estimate.add(
            "logits", Prediction.logitBytes(rows: Int(rows), outputs: model.head.outputWidth), bytesEach: 1,
            times: ranks)
        return estimate
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
        let recomputation: Recomputation
        switch training.recompute {
        case .none: recomputation = .none
        case .attention: recomputation = .attention
        case .block: recomputation = .block
        case .automatic:
            let available = MemoryEstimate.availableBytes(processes: communicator.localSize)
            let own = Recomputation.allCases.first {
                stepMemory(sizes, positions: positions, recomputation: $0, communicator).bytes <= Double(available)
            }
            // Ranks of one host may see other amounts of free memory.
            let common = try communicator.maximum(Int64((own ?? .block).rawValue))
            recomputation = Recomputation(rawValue: Int(common))!
        }
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
