import TestSupport
import Testing
import Tokenizers

@testable import Datasets
@testable import Preparation

/// Other segmentations of the words of training samples.
struct SubwordNoiseTests {
    private let directory = TemporaryDirectory()
    private let dataset: Dataset
    private let tokenizer: SentencePieceTokenizer
    private static let lines = (0..<60).map { "line \($0 % 7) of the copies \($0)" }

    init() throws {
        var paths: [String] = []
        for name in ["source", "target"] {
            paths.append(try directory.write(SubwordNoiseTests.lines.joined(separator: "\n"), to: name))
        }
        var preparation = DatasetPreparation(.records(.parallel, paths), output: directory.file("data"))
        preparation.validationFraction = 0
        preparation.tokenizer = .learned(.bpe, size: 300)
        _ = try preparation.run()
        dataset = try Dataset.open(preparation.output)
        tokenizer = try #require(try dataset.makeTokenizer() as? SentencePieceTokenizer)
    }

    private func samples(contextLength: Int) throws -> PairSamples {
        let special = dataset.specialTokens
        return try PairSamples(
            dataset.records(.train), contextLength: contextLength, begin: #require(special.bos),
            end: #require(special.eos), truncates: true, noise: TokenNoise(Augmentation(), mask: nil),
            subwords: SubwordNoise(SubwordSampler(tokenizer, .dropout(0.4))))
    }

    /// Both sides are divided anew for every index, each in its own way; the text stays, and evaluation is unchanged.
    @Test func segmentationsAreAFunctionOfTheIndex() throws {
        let samples = try samples(contextLength: 64)
        let plain = try samples.contents(2)
        var drawn: Set<[Int32]> = []
        var sidesDiffer = false
        for index in 0..<20 as Range<UInt64> {
            let draw = SampleDraw(index: index, isTraining: true, seed: 1)
            let read = try samples.contents(2, draw)
            #expect(try samples.contents(2, draw) == read)
            #expect(tokenizer.decode(read.sources) == tokenizer.decode(plain.sources))
            #expect(tokenizer.decode(read.targets.filter { $0 >= 0 }) == tokenizer.decode(plain.sources))
            let repeated = read.targetCount - 1
            #expect(read.inputs.dropFirst().prefix(repeated) == read.targets.prefix(repeated))
            sidesDiffer = sidesDiffer || read.sources.prefix(read.targetCount) != read.targets.prefix(read.targetCount)
            drawn.insert(read.sources)
        }
        #expect(drawn.count > 10 && sidesDiffer)
        #expect(plain.sources.first == (try tokenizer.encode(SubwordNoiseTests.lines[2]).first))
    }

    /// A segmentation that does not fit into the context is not used.
    @Test func longSegmentationsAreNotUsed() throws {
        let length = try tokenizer.encode(SubwordNoiseTests.lines[2]).count
        let samples = try samples(contextLength: length + 1)
        let plain = try samples.contents(2)
        for index in 0..<20 as Range<UInt64> {
            let read = try samples.contents(2, SampleDraw(index: index, isTraining: true, seed: 1))
            #expect(read.sourceLengths[0] <= Int32(length + 1))
            #expect(tokenizer.decode(read.sources) == tokenizer.decode(plain.sources))
        }
    }
}
