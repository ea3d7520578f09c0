import Checkpoints
import Failures
import Models
import Settings
import Tensors
import Texts

extension BaseReference {
    /// Opens the base of the adapter in `adapter`, without reading its tensors.
    ///
    /// - Parameter place: The directory of the base; nil: the recorded one.
    /// - Throws: `usage` if `place` is another checkpoint; `badData` if the recorded directory has no checkpoint or
    ///   another one.
    package func open(for adapter: String, at place: String? = nil) throws(Failure) -> Checkpoint {
        let remedy =
            "Merge the adapter with its base where that is now: "
            + "dtrain merge --checkpoint \(shellPath(adapter)) --base DIR --output RUN"
        let found: Checkpoint
        do throws(Failure) {
            found = try Checkpoint.find(place ?? directory).checkpoint
        } catch {
            guard place == nil else { throw error }
            throw Failure(
                .badData,
                "\(adapter) adapts the checkpoint \(directory), which cannot be read: \(error.message) \(remedy)")
        }
        guard found.digest.exact == digest.exact else {
            throw Failure(
                place == nil ? .badData : .usage,
                "\(adapter) adapts the checkpoint with digest \(digest), but \(found.directory) has digest "
                    + "\(found.digest). \(remedy)")
        }
        return found
    }
}

extension CheckpointIdentity {
    /// The layout of the model, with its adapters if it has any.
    package var layout: ParameterLayout { configuration.model.layout(sizes, configuration.fineTuning.adaptation) }
}
