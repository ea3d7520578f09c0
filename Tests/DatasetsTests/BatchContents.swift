import Files
import TestSupport

@testable import Datasets
@testable import Preparation

/// A copy of the contents of batches for comparison, one sequence after another, at each batch's length.
struct BatchContents: Equatable {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    var lengths: [Int32] = []
    var sources: [Int32] = []
    var sourceLengths: [Int32] = []
    var prefixLengths: [Int32] = []
    var positionIDs: [Int32] = []
    var spanPositionIDs: [Int32] = []
    var documentStarts: [Int32] = []
    var patches: [Float] = []
    var values: [Float] = []
    var sampleIndices: [UInt64] = []
    var targetCount = 0

    init(_ batch: Batch) { self.init([batch]) }

    /// Copies the micro-batches of a step, concatenated.
    init(_ slots: [Batch]) {
        for batch in slots {
            let (shape, B) = (batch.shape, batch.sequenceCount)
            func add<Number>(
                _ field: UnsafeMutablePointer<Number>?, each count: Int,
                to numbers: WritableKeyPath<BatchContents, [Number]>
            ) {
                if let field { self[keyPath: numbers] += UnsafeBufferPointer(start: field, count: B * count) }
            }
            add(batch.fields.tokens, each: batch.positions, to: \.inputs)
            add(batch.fields.classTargets, each: shape.targets(positions: batch.positions), to: \.targets)
            add(batch.lengths, each: 1, to: \.lengths)
            add(batch.fields.sourceTokens, each: batch.sourcePositions, to: \.sources)
            add(batch.sourceLengths, each: 1, to: \.sourceLengths)
            add(batch.prefixLengths, each: 1, to: \.prefixLengths)
            add(batch.fields.positionIDs, each: batch.positions, to: \.positionIDs)
            add(batch.fields.spanPositionIDs, each: batch.positions, to: \.spanPositionIDs)
            add(batch.fields.documentStarts, each: batch.positions, to: \.documentStarts)
            add(batch.fields.patches, each: shape.patchNumbers, to: \.patches)
            add(batch.fields.valueTargets, each: shape.values, to: \.values)
            add(batch.sampleIndices, each: 1, to: \.sampleIndices)
            targetCount += batch.targetCount
        }
    }

    /// Concatenates the contents of `one` and `other`.
    static func + (one: Self, other: Self) -> Self {
        var both = one
        both.inputs += other.inputs
        both.targets += other.targets
        both.lengths += other.lengths
        both.sources += other.sources
        both.sourceLengths += other.sourceLengths
        both.prefixLengths += other.prefixLengths
        both.positionIDs += other.positionIDs
        both.spanPositionIDs += other.spanPositionIDs
        both.documentStarts += other.documentStarts
        both.patches += other.patches
        both.values += other.values
        both.sampleIndices += other.sampleIndices
        both.targetCount += other.targetCount
        return both
    }
}

extension EvaluationBatches {
    /// Loads all batches, in order.
    func contents() throws -> [BatchContents] {
        let batch = try makeBatch()
        return try (0..<count).map { index in
            try load(index, into: batch)
            return BatchContents(batch)
        }
    }
}

extension Samples {
    /// Loads one sample.
    func contents(_ sample: Int, _ draw: SampleDraw) throws -> BatchContents {
        let batch = try Batch(capacity: 1, shape)
        try batch.append(sample, of: self, draw)
        batch.close()
        return BatchContents(batch)
    }

    /// Loads one sample as in evaluation.
    func contents(_ sample: Int) throws -> BatchContents {
        try contents(sample, SampleDraw(index: UInt64(sample), isTraining: false, seed: 1))
    }
}

extension TemporaryDirectory {
    /// A path in the directory that does not exist yet.
    private func freshDirectory() -> String {
        var number = 0
        while FileSystem.exists(file("data-\(number)")) { number += 1 }
        return file("data-\(number)")
    }

    /// Prepares records with a byte tokenizer with special tokens, all of them as training data.
    ///
    /// - Parameter texts: The contents of each input file.
    func prepareRecords(_ form: RecordForm, _ texts: String...) throws -> Dataset {
        var paths: [String] = []
        for (index, text) in texts.enumerated() { paths.append(try write(text, to: "records-\(index)")) }
        var preparation = DatasetPreparation(.records(form, paths), output: freshDirectory())
        preparation.validationFraction = 0
        _ = try preparation.run()
        return try Dataset.open(preparation.output)
    }

    /// Prepares grayscale images of `height` × `width`, all of them as training data.
    func prepareImages(_ images: [[UInt8]], height: Int, width: Int, classes: [UInt8]) throws -> Dataset {
        let header = { (sizes: [Int]) -> [UInt8] in
            [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }
        }
        let pixels = try write(header([images.count, height, width]) + images.joined(), to: "images")
        let labels = try write(header([classes.count]) + classes, to: "labels")
        var preparation = DatasetPreparation(.images([pixels, labels]), output: freshDirectory())
        preparation.validationFraction = 0
        _ = try preparation.run()
        return try Dataset.open(preparation.output)
    }

    /// A token stream of the given tokens.
    func stream(_ tokens: [Int32], vocabularySize: Int = 65_536) throws -> TokenStream {
        let directory = freshDirectory()
        try FileSystem.makeDirectory(directory)
        var writer = try TokenShardWriter(directory + "/train.bin", format: .uint16)
        try writer.append(tokens[...])
        _ = try writer.finish()
        return try Dataset.open(directory, vocabularySize: vocabularySize).stream(.train)
    }
}
