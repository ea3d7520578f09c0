import Texts
import Datasets
import Failures
import Tokenizers

extension DatasetPreparation {
    /// Writes images with their classes.
    func writeImages(_ paths: [String], _ proceed: Checkpoint) throws(Failure) -> DatasetManifest {
        let images = try ImageSet(paths)
        let labels = LabelDescription(kind: .class, names: images.classNames)
        let classes = Dictionary(uniqueKeysWithValues: images.classNames.enumerated().map { ($1.exact, $0) })
        let layout = RecordLayout(columns: [], labels: labels, image: images.shape)
        var train = RecordSplitWriter(
            directory: output, split: .train, layout: layout, format: .uint16, tokensPerShard: tokensPerShard)
        var heldOutWriter = RecordSplitWriter(
            directory: output, split: .validation, layout: layout, format: .uint16, tokensPerShard: tokensPerShard)
        let heldOut = HeldOut(fraction: validation.isEmpty ? validationFraction : 0)
        for index in 0..<images.count {
            try proceed(0)
            let (pixels, name, _) = try images.read(index, as: images.shape)
            let label = classes[name.exact].map(RecordLabel.class)
            if heldOut.contains(index) {
                try heldOutWriter.append(label: label, pixels: pixels)
            } else {
                try train.append(label: label, pixels: pixels)
            }
        }
        if !validation.isEmpty {
            let others = try ImageSet(validation)
            for index in 0..<others.count {
                try proceed(0)
                let (pixels, name, place) = try others.read(index, as: images.shape)
                guard let known = classes[name.exact] else {
                    throw Failure(
                        .badData,
                        "\(place): its class \(name) is not among the "
                            + "\(counted(classes.count, "class", "es")) of the training images."
                    )
                }
                try heldOutWriter.append(label: .class(known), pixels: pixels)
            }
        }
        let records = DatasetManifest.Splits(train: try train.finish(), validation: try heldOutWriter.finish())
        guard !records.train.isEmpty else { throw noTrainingRecord(paths) }
        // Pixels serve as tokens, with the 256 values of a byte.
        return DatasetManifest(
            kind: .images, tokenizer: TokenizerDescription(kind: .none), vocabularySize: 256, labels: labels,
            image: images.shape, splits: .none, records: records, sources: [])
    }
}
