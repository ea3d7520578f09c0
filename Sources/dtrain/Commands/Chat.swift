import Conversations
import Failures
import Files
import Inference
import Watching

/// Answers the lines of standard input, or the option `--prompt`, one after another.
func chat(_ settings: GenerationSettings, _ arguments: Arguments, _ session: Session) throws -> ExitCode {
    let console = session.console
    _ = try session.communicator.onFirstRank { () throws(Failure) in
        let template = try arguments.value("template").map { name throws(Failure) in try ChatTemplate.named(name) }
        var conversation = try ChatSession(settings, template: template, system: try arguments.text("system"))
        if let line = conversation.importedSettings { console.warn(line) }
        let shouldStop = { StopRequest.isPending() || console.isClosed }
        func answer(_ text: String) throws(Failure) {
            let forgotten = try conversation.answer(
                to: text, write: { console.write(Array($0.utf8)) }, shouldStop: shouldStop)
            console.write(Array("\n".utf8))
            if forgotten > 0 {
                console.warn(
                    "the context is full: the oldest \(counted(forgotten, "message")) of the conversation are forgotten"
                )
            }
        }
        if let prompt = try arguments.text("prompt") {
            try answer(prompt)
            return ""
        }
        var lines = StandardInputLines()
        while true {
            if StandardInput.isTerminal { console.write(Array("> ".utf8)) }
            guard let line = try lines.next(shouldStop: shouldStop), !shouldStop() else { break }
            do throws(Failure) {
                if !line.isEmpty { try answer(line) }
            } catch {
                // A message that is too long does not end a conversation in a terminal.
                guard StandardInput.isTerminal, error.exitCode == .usage else { throw error }
                console.warn(error.message)
            }
        }
        if StandardInput.isTerminal { console.write(Array("\n".utf8)) }
        return ""
    }
    return StopRequest.isPending() ? .stopped : .finished
}

extension Arguments {
    /// Checks the options of a conversation.
    func checkChat() throws(Failure) {
        for option in ["system", "template"] where has(option) && !has("chat") {
            throw usage("--\(option) requires --chat.")
        }
        for option in ["input", "output", "crop", "all", "beam"] where has(option) && has("chat") {
            throw usage("--chat and --\(option) cannot be combined.")
        }
    }
}
