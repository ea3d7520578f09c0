import Files
import Texts

/// A tensor's name, type, shape and the XXH3-128 of its bytes.
struct TensorFingerprint: Equatable, Sendable {
    let name: String
    let type: TensorType
    let shape: [Int]
    let digest: String
}

/// A safetensors file's size, hash and tensors.
struct FileFingerprint: Equatable, Sendable {
    /// Length in bytes.
    let size: Int
    /// The XXH3-128 of the whole file, as `xxhsum -H2` prints it.
    let digest: String
    let tensors: [TensorFingerprint]
}

/// The digest of a checkpoint: equal digests mean bit-identical training states.
///
/// It covers the names, types, shapes and bytes of all tensors, and the counters that determine how training continues.
/// It does not cover the layout of the tensors in files, nor measurements (validation losses, speeds).
///
/// - Complexity: O(tensors): their bytes are included by their own digests.
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
        // Zero is not included, so that digests of checkpoints from before this counter remain the same.
        if trend.spikesInARow > 0 { digest.update(trend.spikesInARow) }
    }
    return digest.hexadecimal()
}
