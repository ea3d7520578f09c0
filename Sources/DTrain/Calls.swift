import Collectives
import Failures
import Inference
import Threads

/// Runs `body` and converts its failure to the public error.
func wrapping<Result>(_ body: () throws(Failure) -> Result) throws(DTrainError) -> Result {
    do throws(Failure) { return try body() } catch { throw DTrainError(error) }
}

/// Runs `body` with the floating-point mode of kernels, and afterwards restores that of the caller's thread.
///
/// - Throws: `cancelled` if the current task was cancelled, so that the result may be incomplete.
func computing<Result>(_ body: () throws(Failure) -> Result) throws(DTrainError) -> Result {
    try wrapping { () throws(Failure) in
        let result = try ComputeThread.prepared(body)
        guard !Task.isCancelled else { throw Failure(.stopped, "the task that made the call was cancelled.") }
        return result
    }
}

extension Model {
    /// Returns the loaded model if its family supports a call.
    ///
    /// - Parameters:
    ///   - action: The action of the call, as in "cannot ACTION".
    ///   - families: The families that support the call.
    /// - Throws: `usage` for any other family.
    func texts(_ action: String, _ families: [Family]) throws(Failure) -> TrainedModel {
        guard families.contains(family), case .texts(let trained) = content else {
            throw cannot(action, families)
        }
        return trained
    }

    /// The error for a call that the family cannot do.
    func cannot(_ action: String, _ families: [Family]) -> Failure {
        let able = families.map(\.rawValue).joined(separator: ", ")
        return Failure(
            .usage,
            "\(directory) is a model of family \(family.rawValue), which cannot \(action). Families that can: \(able).")
    }

    /// Returns a `Generation` with the loaded model and `options`, without other ranks.
    func generation(_ trained: TrainedModel, _ options: GenerationOptions) throws(Failure) -> Generation {
        Generation(try options.settings(directory, weights), trained, SoloCommunicator())
    }

    /// Checks that every text has a character.
    ///
    /// - Throws: `usage` with the name of an empty text.
    func requireCharacters(_ texts: [String], _ noun: String) throws(Failure) {
        guard let place = texts.firstIndex(where: \.isEmpty) else { return }
        throw refusal(place, noun, of: texts, "is empty. Give at least one character.")
    }

    /// The error for one of `texts`.
    func refusal(_ place: Int, _ noun: String, of texts: [String], _ reason: String) -> Failure {
        Failure(.usage, (texts.count == 1 ? "the \(noun) " : "\(noun) \(place + 1) of \(texts.count) ") + reason)
    }
}
