import Checkpoints
import Conversations
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
    isCheckpoint(path) ? try checkpointTokenizer(path, console) : try TokenizerSource.load(path)
}

/// Reads the chat template that belongs to such a tokenizer; nil if there is none.
///
/// - Throws: As `ChatTemplate.ofTokenizer` and `Checkpoint.find`.
func existingChatTemplate(_ path: String) throws(Failure) -> ChatTemplate? {
    guard isCheckpoint(path) else { return try ChatTemplate.ofTokenizer(path) }
    let facts = try CheckpointIdentity(try Checkpoint.find(path).checkpoint).facts
    return try facts.chatTemplate.map { text throws(Failure) in try ChatTemplate(parsing: text, name: path) }
}

private func isCheckpoint(_ path: String) -> Bool {
    ["state.json", "checkpoints"].contains { FileSystem.exists("\(path)/\($0)") }
}

/// Reads the tokenizer of a checkpoint, or of a run's newest checkpoint.
func checkpointTokenizer(_ path: String, _ console: Console) throws(Failure) -> any Tokenizer {
    let found = try Checkpoint.find(path)
    for note in found.notes { console.warn(note) }
    return try CheckpointIdentity(found.checkpoint).makeTokenizer()
}
