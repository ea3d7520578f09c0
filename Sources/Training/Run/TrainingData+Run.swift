import Failures
import Inference
import Interchange

extension TrainingData {
    /// The description of the run for messages.
    var description: RunDescription {
        RunDescription(configuration: configuration, facts: dataset.facts, sizes: sizes)
    }

    /// The class to which the model will be exported, if the configuration names an export format.
    ///
    /// - Throws: `usage` if no class can represent the model.
    func exportedClass() throws(Failure) -> String? {
        switch configuration.run.export {
        case .none: return nil
        case .huggingface:
            let model = PortableModel(
                configuration.model, sizes, labels: dataset.facts.labels, special: dataset.specialTokens)
            do throws(Failure) {
                return try ModelClass.holding(model).name
            } catch {
                throw Failure(
                    .usage,
                    "run.export: found huggingface. \(error.message) Change that, or train without run.export.")
            }
        }
    }
}
