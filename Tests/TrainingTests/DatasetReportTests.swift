import Datasets
import Failures
import Files
import Preparation
import TestSupport
import Testing
import Texts

@testable import Inspection

/// What `dtrain inspect` says about datasets.
struct DatasetReportTests {
    private let directory = TemporaryDirectory()

    /// Prepares the lines of a file.
    private func prepare(
        _ lines: [String], validation: [String], _ make: (String) -> DatasetPreparation.Source
    ) throws -> String {
        let paths = [directory.file("train"), directory.file("validation")]
        for (path, lines) in zip(paths, [lines, validation]) {
            try FileSystem.replaceContents(of: path, with: lines.joined(separator: "\n") + "\n")
        }
        var preparation = DatasetPreparation(make(paths[0]), output: directory.file("data"))
        preparation.validation = [paths[1]]
        _ = try preparation.run()
        return directory.file("data")
    }

    /// Lengths, cuts, padding, duplicates, classes and labels of a dataset whose numbers are known.
    @Test func countsWhatIsThere() throws {
        let data = try prepare(
            ["a\tone", "b\tthree", "a\tone", "a\tseventeen letters"], validation: ["a\tone", "b\ttwo"]
        ) { .records(.labelled(.class), [$0]) }
        let report = try DatasetReport(
            data, configuration: nil, sets: ["data.context_length=8", "batch.sequences=4"], samples: 4)
        let (train, validation) = (report.splits[0].statistics, report.splits[1].statistics)
        #expect(train.records == 4 && validation.records == 2)
        #expect(train.tokens?.total == 3 + 5 + 3 + 17)
        // One of eight positions is the class token.
        #expect(train.longerRecords == 1 && train.cutTokens == 10 && train.paddedPositions == 4 + 2 + 4)
        #expect(train.labels?.counts == [3, 1] && train.labels?.baseline == 0.75)
        #expect(
            report.duplicates
                == Duplicates(
                    withinTraining: 0.25, withinValidation: 0, validationInTraining: 0.5, sampling: 1))
        let text = report.text
        for words in ["kind labelled", "longest 17", "data.truncate: true", "label: b", "<cls>three", "75.00 %"] {
            #expect(text.contains(words), "\(text)")
        }
        #expect(report.json["splits"]?["train"]?["lengths"]?["text"]?["longest"]?.integerValue == 17)
    }

    /// Every kind of dataset has a report with samples, also with control characters in its text, which the terminal
    /// must not receive.
    @Test(arguments: FamilyCase.all) func everyKindHasSamples(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        let report = try DatasetReport(
            workshop.directory.file("data"), configuration: nil, sets: FamilyCase.commonSets + family.sets, samples: 2)
        let preview = try report.preview.get()
        #expect(preview.samples.count == 2)
        #expect(preview.samples.allSatisfy { !$0.lines.isEmpty && $0.lines.allSatisfy { !$0.text.isEmpty } })
        #expect(report.json["samples"]?.arrayValue?.count == 2)
        #expect(!report.text.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
    }

    @Test func showsHostileTextEscaped() throws {
        let data = try prepare(["\u{1B}[2J\u{202E}x\tone\u{7}\u{1B}]0;title"], validation: ["\u{1B}[2J\u{202E}x\tz"]) {
            .records(.labelled(.class), [$0])
        }
        let text = try DatasetReport(data, configuration: nil, sets: [], samples: 1).text
        #expect(!text.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
        #expect(text.contains("one\\u{7}\\u{1B}]0;title"))
    }

    /// Passages of a text are found again wherever they stand.
    @Test func findsPassagesOfTheOtherSplit() throws {
        let passage = " It was the best of times, it was the worst of times, it was the age of wisdom"
        let data = try prepare(
            ["Some words before." + passage], validation: ["Others:" + passage]
        ) { .text([$0]) }
        let report = try DatasetReport(
            data, configuration: nil, sets: ["data.context_length=16"], samples: 1)
        let positions = Double(passage.utf8.count + 1 - PassageHashes.length + 1)
        let all = Double(report.splits[1].statistics.tokens!.total - PassageHashes.length + 1)
        #expect(report.duplicates.validationInTraining == positions / all)
    }

    /// Training that is impossible is reported with the rest; a configuration for other data is an error.
    @Test func reportsWhyTrainingFails() throws {
        let data = try prepare(["short text"], validation: ["another"]) { .text([$0]) }
        #expect(try DatasetReport(data, configuration: nil, sets: [], samples: 1).text.contains("training on it fails"))
        expectFailure(.usage, "kind text", "needs one of kind parallel") {
            _ = try DatasetReport(data, configuration: nil, sets: ["model.family=encoder_decoder"], samples: 1)
        }
    }

    @Test func histogramCountsEveryLength() {
        var lengths = LengthCounts()
        for length in 1...1000 { lengths.add(length) }
        #expect(lengths.quantile(0.5) == 500 && lengths.longest == 1000 && lengths.mean == 500.5)
        let rows = lengths.histogram(limit: 12)
        #expect(rows.count <= 13 && rows.reduce(0) { $0 + $1.count } == 1000)
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.range.upperBound + 1 == $1.range.lowerBound })
        lengths.add(1 << 40)
        #expect(lengths.quantile(1) == 1 << 40 && lengths.histogram(limit: 12).reduce(0) { $0 + $1.count } == 1001)
    }

    /// A full table keeps a sample, whose shares are near those of all contents.
    @Test func sketchEstimatesWithinItsCapacity() {
        var sketch = DuplicateSketch(capacity: 4096)
        for number in 0..<100_000 {
            let hash = ContentHash.mixed(UInt64(number) + 1)
            sketch.add(hash, in: .train)
            if number.isMultiple(of: 4) { sketch.add(hash, in: .train) }
            if number.isMultiple(of: 10) { sketch.add(hash, in: .validation) }
        }
        for number in 200_000..<210_000 { sketch.add(ContentHash.mixed(UInt64(number)), in: .validation) }
        let result = sketch.result
        #expect(result.sampling >= 32)
        // A sample of about 3000 contents: three standard deviations are below 0.04.
        #expect(abs(result.withinTraining - 0.2) < 0.03 && abs(result.validationInTraining - 0.5) < 0.1)
    }
}
