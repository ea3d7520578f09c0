import Files
import Tensors
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation
@testable import Tokenizers

struct WordSamplesTests {
    /// A dataset of bytes; `a` to `h` are the words.
    private func stream(_ text: String) throws -> (directory: TemporaryDirectory, stream: TokenStream) {
        let directory = TemporaryDirectory()
        try FileSystem.replaceContents(of: directory.file("text"), with: text + text)
        var preparation = DatasetPreparation(.text([directory.file("text")]), output: directory.file("data"))
        preparation.validationFraction = 0.5
        _ = try preparation.run()
        let dataset = try Dataset.open(directory.file("data"))
        return (directory, dataset.stream(.train))
    }

    private struct Rows: Equatable {
        var tokens: [Int32] = []
        var targets: [Int32] = []
        var noise: [Int32] = []
    }

    private func rows(
        _ text: String, _ windows: WordWindows, context: Int, samples: [Int] = [0], index: UInt64 = 5
    ) throws -> [Rows] {
        let (directory, stream) = try stream(text)
        let words = try WordSamples(
            stream, contextLength: context, windows,
            WordFrequencies(stream, excluding: [Int32(UInt8(ascii: "."))], subsample: windows.subsample))
        let batch = try Batch(capacity: samples.count, words.shape)
        batch.removeAll()
        for sample in samples {
            try batch.append(sample, of: words, SampleDraw(index: index, isTraining: true, seed: 3))
        }
        batch.close()
        return withExtendedLifetime(directory) {
            samples.indices.map { b in
                let (first, count) = (b * batch.positions, Int(batch.lengths[b]))
                func part(_ field: UnsafeMutablePointer<Int32>, _ each: Int = 1) -> [Int32] {
                    Array(UnsafeBufferPointer(start: field + first * each, count: count * each))
                }
                return Rows(
                    tokens: part(batch.fields.tokens!), targets: part(batch.fields.classTargets!),
                    noise: part(batch.fields.noise!, windows.negatives))
            }
        }
    }

    /// Every pair is of two words at most `window` apart, and those at distance 1 are always there; a dot is no word.
    @Test func skipGramPairsAreNeighbours() throws {
        let found = try rows(
            "abcdefgh.bcdefgha", WordWindows(window: 3, negatives: 4, subsample: 0, predictsCentre: false), context: 48)[
                0]
        let pairs = zip(found.tokens, found.targets).map { [Int($0), Int($1)] }
        #expect(pairs.allSatisfy { abs($0[0] - $0[1]) <= 3 && $0[0] != $0[1] && !$0.contains(46) })
        for word in 97..<104 { #expect(pairs.contains([word, word + 1]) && pairs.contains([word + 1, word])) }
        #expect(pairs.contains { abs($0[0] - $0[1]) == 3 } && pairs.count < 8 * 6)
    }

    /// The words before a target and its own row are those around it.
    @Test func cbowGroupsSurroundTheirTarget() throws {
        let found = try rows(
            "abcdefgh", WordWindows(window: 2, negatives: 2, subsample: 0, predictsCentre: true), context: 32)[0]
        var (group, seen): ([Int32], [Int32]) = ([], [])
        for (token, target) in zip(found.tokens, found.targets) {
            group.append(token)
            if target == joinedTarget { continue }
            #expect(
                !group.contains(target) && group.allSatisfy { abs($0 - target) <= 2 } && Set(group).count == group.count
            )
            let neighbours = [target - 1, target + 1].filter { (97...104).contains($0) }
            #expect(neighbours.allSatisfy(group.contains), "\(target): \(group)")
            seen.append(target)
            group = []
        }
        #expect(seen == Array(97...104) && group.isEmpty)
    }

    /// Noise follows the counts to the power ¾, is never a token without a count, and the target itself is ignored.
    @Test func noiseFollowsTheFrequencies() throws {
        let (directory, stream) = try stream(String(repeating: "aaaaaaaaaaaaaaaab", count: 40))
        let words = try WordFrequencies(stream, excluding: [], subsample: 0.25)
        let random = RandomStream(seed: 1, purpose: .wordWindows)
        let count = 40_000
        let windows = WordWindows(window: 1, negatives: 1, subsample: 0, predictsCentre: false)
        var noise = [Int32](repeating: 0, count: count)
        Array(0..<count).withUnsafeBufferPointer { places in
            let counters = places.map { random.words(UInt64($0)) }
            words.drawNoise(places, besides: [Int32](repeating: -2, count: count), into: &noise, windows, counters)
        }
        let found = Dictionary(noise.map { ($0, 1) }, uniquingKeysWith: +)
        // 16 ** 0.75 : 1 = 8 : 1, and the deviation of a share is 0.0016.
        #expect(found.keys.sorted() == [97, 98])
        #expect(abs(Double(found[97]!) / Double(count) - 8.0 / 9) < 0.01)
        // The share of a is 16/17: it is kept with √(0.25 · 17/16) = 0.515; b, with a share of 1/17, always.
        #expect(words.keeps(97, 0.51) && !words.keeps(97, 0.52) && words.keeps(98, 0.999) && !words.keeps(99, 0))
        withExtendedLifetime(directory) {}
        let sample = try rows(
            "ababababab", WordWindows(window: 1, negatives: 3, subsample: 0, predictsCentre: false), context: 20)[0]
        for (row, target) in sample.targets.enumerated() {
            #expect(!sample.noise[row * 3..<row * 3 + 3].contains(target))
        }
        #expect(sample.noise.contains(ignoredTarget))
    }

    /// A sample depends on its index only, not on those before it in the batch.
    @Test func samplesAreFunctionsOfTheIndex() throws {
        let windows = WordWindows(window: 2, negatives: 2, subsample: 0.1, predictsCentre: false)
        let text = "abcdefghabcdefgabcdefabcde"
        let alone = try rows(text, windows, context: 32, samples: [1])
        #expect(try rows(text, windows, context: 32, samples: [0, 1])[1] == alone[0])
        #expect(try rows(text, windows, context: 32, samples: [1], index: 6) != alone)
    }

    @Test func refusals() throws {
        let (directory, stream) = try stream("....")
        expectFailure(.badData, "has no word") {
            _ = try WordFrequencies(stream, excluding: [46], subsample: 0)
        }
        withExtendedLifetime(directory) {}
    }
}
