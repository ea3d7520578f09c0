import Checkpoints
import Failures
import Files
import Reporting
import Settings
import Texts
import Tokenizers

/// Reads a tokenizer from a file, from a directory with one, or from a checkpoint or run.
///
/// - Throws: As `TokenizerSource.load` and `Checkpoint.find`.
func existingTokenizer(_ path: String, _ console: Console) throws(Failure) -> any Tokenizer {
    let isCheckpoint = ["state.json", "checkpoints"].contains { FileSystem.exists("\(path)/\($0)") }
    return isCheckpoint ? try checkpointTokenizer(path, console) : try TokenizerSource.load(path)
}

/// Reads the tokenizer of a checkpoint, or of a run's newest checkpoint.
func checkpointTokenizer(_ path: String, _ console: Console) throws(Failure) -> any Tokenizer {
    let found = try Checkpoint.find(path)
    for note in found.notes { console.warn(note) }
    return try CheckpointIdentity(found.checkpoint).makeTokenizer()
}
