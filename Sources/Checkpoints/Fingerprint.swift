import Files
import Texts

/// A tensor without its bytes: what it is and the XXH3-128 of what it holds.
struct TensorFingerprint: Equatable, Sendable {
    let name: String
    let type: TensorType
    let shape: [Int]
    let digest: String
}

/// A safetensors file without its bytes.
struct FileFingerprint: Equatable, Sendable {
    /// Length in bytes.
    let size: Int
    /// The XXH3-128 of the whole file, as `xxhsum -H2` prints it.
    let digest: String
    let tensors: [TensorFingerprint]
}

/// The digest of a checkpoint: two runs with the same digest are the same run.
///
/// It covers the names, types, shapes and bytes of all tensors and the counters that define how the training goes on;
/// it does not cover how the tensors lie in their files, nor what was only measured (losses, speeds).
///
/// - Complexity: O(tensors): the bytes enter through their own digests.
func checkpointDigest(files: [ExactText: [TensorFingerprint]], state: CheckpointState) -> String {
    var digest = Digest()
    digest.update("dtrain checkpoint 2")
    for (_, tensors) in files.sorted(by: { $0.key < $1.key }) {
        for tensor in tensors.sorted(by: { $0.name.exact < $1.name.exact }) {
            digest.update(tensor.name)
            digest.update(tensor.type.rawValue)
            digest.update(tensor.shape.count)
            for extent in tensor.shape { digest.update(extent) }
            digest.update(tensor.digest)
        }
    }
    digest.update("counters")
    digest.update(state.step)
    digest.update(state.consumedSamples)
    digest.update(state.skippedSteps)
    if let scaler = state.lossScaler {
        digest.update(Int(bitPattern: UInt(scaler.scale.bitPattern)))
        digest.update(scaler.cleanSteps)
        digest.update(scaler.hysteresisLeft)
    }
    if let trend = state.lossTrend {
        digest.update(trend.count)
        for value in [trend.mean, trend.variance] { digest.update(Int(bitPattern: UInt(value.bitPattern))) }
        // None is what all older checkpoints have.
        if trend.spikesInARow > 0 { digest.update(trend.spikesInARow) }
    }
    return digest.hexadecimal()
}
