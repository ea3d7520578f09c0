import Datasets
import Failures
import Files
import TestSupport
import Tokenizers

@testable import Checkpoints
@testable import EventFiles
@testable import Settings

extension FuzzedReader {
    /// `manifest.json` of a checkpoint: unchanged, and with a valid checksum added.
    static let checkpointManifest = FuzzedReader(name: "checkpoint-manifest", refusals: [.badData]) {
        let digest = String(repeating: "0", count: 32)
        let names = ["state.json", "model.safetensors", "optimizer-adamw.safetensors", "tokenizer.model"]
        let manifest = CheckpointManifest(
            program: "dtrain 1.0.0", step: 400, digest: digest,
            files: names.enumerated().map { .init(name: $1, size: $0 * 1000, digest: digest) },
            identity: [
                "configuration": "model:\n  family: classifier\n", "layout": "0123", "dataset": "4567",
                "vocabulary_size": 262, "data": DatasetFacts.sample.json,
            ])
        // Without its checksum, which is appended to every input.
        let text = manifest.text
        let seal = text.firstRange(of: ",\n  \"manifest_xxh3_128\"")!.lowerBound
        return [Array(text.utf8), Array(text[..<seal].utf8)]
    } open: { directory in
        let run = directory.path
        return { bytes in
            let manifest: CheckpointManifest
            do {
                _ = try directory.file("manifest.json", holding: bytes)
                manifest = try CheckpointManifest.read(in: run)
            } catch {
                let seal = ",\n  \"manifest_xxh3_128\": \"\(Digest.of(bytes))\"\n}\n"
                _ = try directory.file("manifest.json", holding: bytes + Array(seal.utf8))
                manifest = try CheckpointManifest.read(in: run)
            }
            let isInside = manifest.files.allSatisfy { file in
                file.size >= 0 && !file.name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 }
                    && file.name != ".."
            }
            try Defect.unless(isInside, "a file outside the checkpoint: \(manifest.files)")
            try readIdentity(manifest, run)
            _ = try directory.file("manifest.json", holding: Array(manifest.text.utf8))
            try Defect.unless(
                try CheckpointManifest.read(in: run) == manifest, "the manifest written again says something else")
        }
    }

    /// Interprets a manifest as before tensors are read: configuration, model sizes, tokenizer.
    private static func readIdentity(_ manifest: CheckpointManifest, _ directory: String) throws {
        let state = CheckpointState(step: manifest.step, consumedSamples: 0)
        let checkpoint = Checkpoint(directory: directory, manifest: manifest, state: state)
        do {
            let identity = try CheckpointIdentity(checkpoint)
            let tokenizer = try identity.makeTokenizer()
            let vocabulary = identity.sizes.vocabularySize
            try Defect.unless(
                tokenizer.specialTokens.all.allSatisfy { 0 <= $0 && Int($0) < vocabulary },
                "a special token outside a vocabulary of \(vocabulary)")
            try Defect.unless(vocabulary <= 1 << 22, "a vocabulary of \(vocabulary)")
        } catch let failure as Failure {
            try Defect.unless(failure.exitCode == .badData, "refused with \(failure.exitCode): \(failure)")
        }
    }

    /// `state.json` of a checkpoint.
    static let checkpointState = FuzzedReader(name: "checkpoint-state", refusals: [.badData]) {
        let states = [
            CheckpointState(step: 0, consumedSamples: 0),
            CheckpointState(
                step: 400, consumedSamples: 6400, tokens: 1_638_400, skippedSteps: 2,
                lossScaler: .init(scale: 65536, cleanSteps: 17, hysteresisLeft: 2), validationLoss: 1.25,
                watched: .init(
                    name: "validation_loss", value: 1.25, best: -1e-9, reference: 1.5, evaluationsWithoutImprovement: 3),
                lossTrend: .init(count: 60, mean: 2.5, variance: 0.25, spikesInARow: 1), spikeSkips: 1, skipsInARow: 1,
                returns: 3),
        ]
        return states.map { Array($0.text.utf8) }
    } open: { _ in
        return { bytes in
            let state = try CheckpointState(parsing: bytes, source: "state.json")
            // A run continues counting from these values.
            let watched = state.watched?.evaluationsWithoutImprovement ?? 0
            let scaler = state.lossScaler.map { max($0.cleanSteps, $0.hysteresisLeft) } ?? 0
            let counts = [
                state.step, state.consumedSamples, state.tokens, state.skippedSteps, state.returns, watched, scaler,
            ]
            try Defect.unless(counts.allSatisfy { 0..<1 << 62 ~= $0 }, "a count that cannot go on: \(counts)")
            let again = try CheckpointState(parsing: Array(state.text.utf8), source: "state.json")
            try Defect.unless(again == state, "the state written again says something else")
            _ = checkpointDigest(files: [:], state: state)
        }
    }

    /// `metrics.jsonl` of a run that resumes after step 5.
    static let metricsLog = FuzzedReader(name: "metrics-log", refusals: [.badData]) {
        let lines = (1...8).map {
            JSON.object([.init("step", .integer($0)), .init("loss", .number(1 / Double($0)))]).line
        }
        return [Array((lines.joined(separator: "\n") + "\n").utf8), Array(lines.joined(separator: "\n").utf8)]
    } open: { directory in
        return { bytes in
            let path = try directory.file("metrics.jsonl", holding: bytes)
            try MetricsLog.truncate(path, afterStep: 5)
            let kept = try FileSystem.contents(of: path)
            try Defect.unless(kept.isEmpty || kept.last == UInt8(ascii: "\n"), "a line that was torn is kept")
            try Defect.unless(kept.count <= bytes.count, "the log has grown")
            try MetricsLog.truncate(path, afterStep: 5)
            try Defect.unless(try FileSystem.contents(of: path) == kept, "what was kept once is dropped now")
        }
    }
}

extension FuzzedReader {
    /// An event file of a run that resumes after step 5.
    static let eventFile = FuzzedReader(name: "event-file", refusals: [.badData]) {
        let histogram = Histogram(
            minimum: -1, maximum: 2, count: 3, sum: 1, sumOfSquares: 5, limits: [0, 2], counts: [1, 2])
        let summaries: [[Summary]] =
            (1...8).map { [Summary("training/loss", .scalar(1 / Float($0)))] }
            + [[.code("configuration", "a: b")], [Summary("weights/a", .histogram(histogram))]]
        let directory = TemporaryDirectory()
        let log = try EventLog(directory.path, startingAt: 1)
        for (index, values) in summaries.enumerated() { try log.append(values, step: index + 1) }
        return [try FileSystem.contents(of: EventLog.files(in: directory.path)[0])]
    } open: { directory in
        return { bytes in
            // Mutations seldom have valid checksums.
            _ = try? Event(parsing: bytes[...])
            let log = directory.file("log")
            try FileSystem.remove(log)
            try FileSystem.makeDirectory(log)
            let path = try directory.file("log/events.out.tfevents.1.host.dtrain", holding: bytes)
            try EventLog.truncate(log, afterStep: 5)
            guard FileSystem.exists(path) else { return }
            let kept = try FileSystem.contents(of: path)
            try Defect.unless(bytes.starts(with: kept), "the events were changed")
            var reader = try EventReader(path)
            while let event = try reader.next() {
                try Defect.unless(event.step <= 5 || event.content == .sessionStart, "a later step is kept")
            }
            try Defect.unless(reader.position == kept.count, "a record that was torn is kept")
        }
    }
}

extension DatasetFacts {
    /// The description of a dataset of labelled texts.
    static let sample: DatasetFacts = {
        var facts = DatasetFacts(textWith: ByteTokenizer(withSpecialTokens: true).description)
        facts.kind = .labelled
        facts.labels = LabelDescription(kind: .class, names: ["no", "yes"])
        return facts
    }()
}
