import Failures
import Files
import TestSupport

@testable import Datasets
@testable import Preparation

extension FuzzedReader {
    /// `dataset.json`, preceded by a byte that selects one of four datasets: unchanged, and with a valid checksum
    /// added. A dataset that opens is also read.
    static let datasetManifest = FuzzedReader(name: "dataset-manifest", refusals: [.badData]) {
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        return try prepareSamples(in: directory).enumerated().map { index, path in
            // Without its checksum, which is appended to every input.
            let sealed = try FileSystem.contents(of: "\(path)/\(DatasetManifest.fileName)")
            return [UInt8(index)] + sealed.dropLast(DatasetManifest.seal([]).utf8.count)
        }
    } open: { directory in
        let paths = try prepareSamples(in: directory)
        return { bytes in
            let path = paths[Int(bytes.first ?? 0) % paths.count]
            let manifest = "\(path)/\(DatasetManifest.fileName)"
            let body = Array(bytes.dropFirst())
            func open(_ bytes: [UInt8]) throws(Failure) -> Dataset {
                try File(manifest, .create).write(bytes)
                let dataset = try Dataset.open(path)
                try dataset.verifyShards()
                return dataset
            }
            let dataset: Dataset
            do {
                dataset = try open(body)
            } catch {
                dataset = try open(body + Array(DatasetManifest.seal(body).utf8))
            }
            _ = DatasetFacts(dataset.facts.json)
            for split in Split.allCases {
                if dataset.tokenCount(split) > 0 {
                    var tokens = [Int32](repeating: -1, count: dataset.tokenCount(split))
                    try dataset.stream(split).read(at: 0, count: tokens.count, into: &tokens)
                }
                _ = try dataset.records(split)
            }
            _ = try dataset.makeTokenizer()
        }
    }

    /// Prepares a text, labelled texts, pairs and images, each in its own directory.
    private static func prepareSamples(in directory: TemporaryDirectory) throws -> [String] {
        let text = try directory.file("text", holding: Array("To be, or not to be: that is the question.\n".utf8))
        let labelled = try directory.file("labelled", holding: Array("x\tone\ny\ttwo\nx\tthree\n".utf8))
        let other = try directory.file("other", holding: Array("un\ndeux\ntrois\n".utf8))
        let images = try directory.file("images", holding: bigEndian(UInt32(0x803), 2, 2, 2) + Array(0..<8))
        let labels = try directory.file("labels", holding: bigEndian(UInt32(0x801), 2) + [0, 1])
        let sources: [DatasetPreparation.Source] = [
            .text([text]), .records(.labelled(nil), [labelled]), .records(.parallel, [other, other]),
            .images([images, labels]),
        ]
        return try sources.enumerated().map { index, source in
            let output = directory.file("data-\(index)")
            var preparation = DatasetPreparation(source, output: output)
            preparation.validationFraction = 0.3
            _ = try preparation.run()
            return output
        }
    }
}
