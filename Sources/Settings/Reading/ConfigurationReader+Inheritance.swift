import Texts
import Checkpoints
import Failures
import Files

extension ConfigurationReader {
    /// Sets the keys that describe the model, unless they were given, to the values of the checkpoint that
    /// `fine_tuning.from` names.
    ///
    /// If the checkpoint's value is not allowed for this model, for instance because the families differ, the key keeps
    /// its default.
    ///
    /// - Throws: `badData` if there is no such checkpoint.
    mutating func inheritModel() throws(Failure) {
        guard let path = configuration.fineTuning.from else { return }
        let keys = Configuration.keys.filter { Configuration.describesModel($0) && places[$0.path.exact] == nil }
        guard !keys.isEmpty else { return }
        let source = try inherited(from: path)
        for key in keys { key.copy(source, &configuration) }
        var inherited = Set(keys.map(\.path.exact))
        while let check = ConfigurationCheck.all.first(where: {
            inherited.contains($0.key.exact) && $0.allowed(configuration) != nil
        }) {
            inherited.remove(check.key.exact)
            for key in keys where key.path == check.key { key.copy(Configuration(), &configuration) }
        }
        for key in configuration.unreadKeys where inherited.contains(key.path.exact) {
            key.copy(Configuration(), &configuration)
        }
    }

    /// The configuration of the checkpoint. A resumed run does not need the checkpoint anymore: if it was deleted, the
    /// run's own configuration has the inherited values.
    private func inherited(from path: String) throws(Failure) -> Configuration {
        let own = RunDirectory(configuration.run.directory).configuration
        if try !FileSystem.isPresent(path), try FileSystem.isPresent(own) {
            let bytes = try FileSystem.contents(of: own, limitBytes: YAMLReader.limitBytes)
            if let run = try? Configuration.parse(bytes, name: own, isRecorded: true), run.fineTuning.from == path {
                return run
            }
        }
        return try CheckpointIdentity(Checkpoint.find(path, verifying: false).checkpoint).configuration
    }
}

extension Configuration {
    /// Whether fine-tuning inherits the key: the section `model`, and the context length, which determines the rows of
    /// learned position embeddings.
    static func describesModel(_ key: ConfigurationKey<Configuration>) -> Bool {
        key.section == "model" || key.path == "data.context_length"
    }

    /// The differences between this model's computation and that of `other`, without keys that only affect
    /// initialization or training.
    package func modelDifferences(from other: Configuration) -> [Difference] {
        let training = [
            "model.dropout", "model.embedding_dropout", "model.attention_dropout", "model.initializer",
            "model.initializer_std", "model.scale_residual", "model.vocabulary_size",
        ]
        let isImage = model.family.architecture.input == .patches
        return differences(from: other).filter { difference in
            guard !training.contains(difference.key) else { return false }
            return difference.key.hasExactPrefix("model.") || (difference.key == "data.context_length" && !isImage)
        }
    }
}
