import Texts
import Datasets
import Failures
import Tensors
import Tokenizers

extension DatasetPreparation {
    /// Writes images with their classes.
    func writeImages(_ paths: [String], _ proceed: Checkpoint) throws(Failure) -> DatasetManifest {
        let images = try ImageSet(paths, pool)
        let labels = LabelDescription(kind: .class, names: images.classNames)
        let classes = Dictionary(uniqueKeysWithValues: images.classNames.enumerated().map { ($1.exact, $0) })
        let layout = RecordLayout(columns: [], labels: labels, image: images.shape)
        var train = RecordSplitWriter(
            directory: output, split: .train, layout: layout, format: .uint16, tokensPerShard: tokensPerShard)
        var heldOutWriter = RecordSplitWriter(
            directory: output, split: .validation, layout: layout, format: .uint16, tokensPerShard: tokensPerShard)
        let heldOut = HeldOut(fraction: validation.isEmpty ? validationFraction : 0)
        try forEachImage(of: images, as: images.shape, classes, proceed) { index, label, pixels throws(Failure) in
            if heldOut.contains(index) {
                try heldOutWriter.append(label: label, pixels: pixels)
            } else {
                try train.append(label: label, pixels: pixels)
            }
        }
        if !validation.isEmpty {
            let others = try ImageSet(validation, pool)
            try forEachImage(of: others, as: images.shape, classes, proceed) { _, label, pixels throws(Failure) in
                try heldOutWriter.append(label: label, pixels: pixels)
            }
        }
        let records = DatasetManifest.Splits(train: try train.finish(), validation: try heldOutWriter.finish())
        guard !records.train.isEmpty else { throw noTrainingRecord(paths) }
        // Pixels serve as tokens, with the 256 values of a byte.
        return DatasetManifest(
            kind: .images, tokenizer: TokenizerDescription(kind: .none), vocabularySize: 256, labels: labels,
            image: images.shape, splits: .none, records: records, sources: [])
    }
    /// Calls `body` with the number, the label and the pixels of each image.
    ///
    /// - Parameters:
    ///   - shape: The required shape.
    ///   - classes: The classes of the training images.
    private func forEachImage(
        of images: ImageSet, as shape: ImageShape, _ classes: [ExactText: Int], _ proceed: Checkpoint,
        _ body: (_ index: Int, RecordLabel, _ pixels: [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        // Small images are read several at a time.
        let batch = max(1, chunkBytes / shape.byteCount)
        var start = 0
        try pool.inOrder {
            () throws(Failure) -> Range<Int>? in
            if start == images.count { return nil }
            defer { start = min(start + batch, images.count) }
            return start..<min(start + batch, images.count)
        } process: { range throws(Failure) in
            var read: [(index: Int, label: RecordLabel, pixels: [UInt8])] = []
            for index in range {
                let (pixels, name, place) = try images.read(index, as: shape)
                guard let known = classes[name.exact] else {
                    throw Failure(
                        .badData,
                        "\(place): its class \(name) is not among the "
                            + "\(counted(classes.count, "class", "es")) of the training images."
                    )
                }
                read.append((index, .class(known), pixels))
            }
            return read
        } take: { read throws(Failure) in
            try proceed(0)
            for (index, label, pixels) in read { try body(index, label, pixels) }
        }
    }
}
