import Datasets
import Failures
import Inference
import Interchange
import Models
import Settings

extension TrainingData {
    /// What a person is told of the data and of the model for them.
    var description: RunDescription {
        RunDescription(configuration: configuration, facts: dataset.facts, sizes: sizes)
    }

    /// The class that the model will be exported as, where the configuration names an export.
    ///
    /// - Throws: `usage` where no class can hold the model.
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
