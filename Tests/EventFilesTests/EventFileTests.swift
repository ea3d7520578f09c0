import Failures
import Files
import Foundation
import TestSupport
import Testing

@testable import EventFiles

struct EventFileTests {
    let directory = TemporaryDirectory()

    /// The events that `Golden/make_golden.py` writes with the Python package `tensorboard`.
    private static let golden: [Event] = {
        let histogram = Histogram(
            minimum: -1.5, maximum: 2, count: 4, sum: 0.5, sumOfSquares: 6.75, limits: [-1.5, 0, 2.5],
            counts: [1, 0, 3])
        let contents: [(Int, Event.Content)] = [
            (0, .version("brain.Event:2")), (3, .sessionStart), (2, .summaries([.code("configuration", "é: 1\n")])),
            (3, .summaries([Summary("training/loss", .scalar(0.1)), Summary("training/rate", .scalar(0))])),
            (1 << 40, .summaries([Summary("weights/embedding", .histogram(histogram))])),
        ]
        return contents.map { Event(wallTime: 1_700_000_000.25, step: $0, $1) }
    }()

    private static func goldenBytes() throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "events", withExtension: nil, subdirectory: "Golden"))
        return try FileSystem.contents(of: url.path)
    }

    /// The events of a file up to its end or the first incomplete record.
    private func events(_ path: String) throws -> [Event] {
        var reader = try EventReader(path)
        var events: [Event] = []
        while let event = try reader.next() { events.append(event) }
        return events
    }

    @Test func writesTheBytesOfTensorBoard() throws {
        // An indented last line is the only difference between the text of `code` and the golden one.
        let ours = EventFileTests.golden.flatMap { event -> [UInt8] in
            guard case .summaries(let summaries) = event.content, summaries[0].tag == "configuration" else {
                return EventLog.record(event)
            }
            var event = event
            event.content = .summaries([Summary("configuration", .text("    é: 1\n"))])
            return EventLog.record(event)
        }
        #expect(try ours == EventFileTests.goldenBytes())
    }

    @Test func readsTheEventsOfTensorBoard() throws {
        let path = try directory.file("events", holding: EventFileTests.goldenBytes())
        var expected = EventFileTests.golden
        expected[2].content = .summaries([Summary("configuration", .text("    é: 1\n"))])
        #expect(try events(path) == expected)
    }

    /// Every prefix of a file reads as the events that are complete in it.
    @Test func tornRecordsEndTheEvents() throws {
        let bytes = try EventFileTests.goldenBytes()
        var counts: [Int] = []
        for length in 0...bytes.count {
            let path = try directory.file("events", holding: Array(bytes[..<length]))
            counts.append(try events(path).count)
        }
        #expect(counts.first == 0 && counts.last == 5)
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $1 == $0 || $1 == $0 + 1 })
    }

    /// No changed byte goes unnoticed.
    @Test func changedBytesAreErrors() throws {
        let bytes = try EventFileTests.goldenBytes()
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x10
            let path = try directory.file("events", holding: changed)
            expectFailure(.badData, "events: damaged at byte ") { _ = try events(path) }
        }
    }

    private func start(_ step: Int) throws -> EventLog { try EventLog(directory.file("log"), startingAt: step) }

    private func log(_ log: EventLog, _ steps: ClosedRange<Int>, loss: Float = 1) throws {
        for step in steps { try log.append([Summary("training/loss", .scalar(loss / Float(step)))], step: step) }
    }

    private func steps() throws -> [[Int]] {
        try EventLog.files(in: directory.file("log")).map { path in
            try events(path).compactMap { event in
                if case .summaries = event.content { event.step } else { nil }
            }
        }
    }

    @Test func noStepAppearsTwiceAfterResume() throws {
        let path = directory.file("log")
        try EventLog.truncate(path, afterStep: 3)
        try log(start(1), 1...5)
        // A kill has torn the last record.
        let first = try EventLog.files(in: path)[0]
        let bytes = try FileSystem.contents(of: first)
        try FileSystem.replaceContents(of: first) { (file: borrowing File) throws(Failure) in
            try file.write(Array(bytes.dropLast(7)))
        }
        #expect(try steps() == [[1, 2, 3, 4]])
        try EventLog.truncate(path, afterStep: 3)
        let second = try start(4)
        try second.append([.code("configuration", "a: b")], step: 3)
        try second.append([Summary("validation/loss", .scalar(2))], step: 3)
        try log(second, 4...6)
        #expect(try steps() == [[1, 2, 3], [3, 3, 4, 5, 6]])
        try EventLog.truncate(path, afterStep: 3)
        #expect(try steps() == [[1, 2, 3], [3, 3]])
        try EventLog.truncate(path, afterStep: 2)
        // A file without numbers is removed.
        #expect(try steps() == [[1, 2]])
        try EventLog.truncate(path, afterStep: 0)
        #expect(try steps() == [])
    }

    /// The files of a run are read in the order of their names, also if two start in the same second.
    @Test func sessionsAreInOrder() throws {
        for step in 1...3 { try log(start(step), step...step) }
        #expect(try steps() == [[1], [2], [3]])
    }

    @Test func foreignFilesAreRefused() throws {
        let path = directory.file("log")
        try FileSystem.makeDirectory(path)
        let name = "\(path)/events.out.tfevents.1.host.dtrain"
        try FileSystem.replaceContents(of: name, with: "notes of somebody")
        expectFailure(.badData, name, "is not an event file", "Move the file elsewhere") {
            try EventLog.truncate(path, afterStep: 2)
        }
        try FileSystem.rename(name, to: "\(path)/theirs")
        try FileSystem.replaceContents(of: "\(path)/events.out.tfevents.1.host", with: "theirs")
        try EventLog.truncate(path, afterStep: 2)
        #expect(try FileSystem.list(path).count == 2)
    }

    @Test func linesBecomeScalars() {
        let step: JSON = [
            "step": 3, "loss": 0.5, "gradient_norm": nil, "tokens": 32, "skipped": "spike", "new_loss_level": true,
        ]
        #expect(
            Summary.scalars(of: step) == [
                Summary("training/loss", .scalar(0.5)), Summary("training/tokens", .scalar(32)),
            ])
        let evaluation: JSON = ["step": 3, "validation_loss": 0.25, "evaluations_without_improvement": 1]
        #expect(
            Summary.scalars(of: evaluation) == [
                Summary("validation/loss", .scalar(0.25)),
                Summary("validation/evaluations_without_improvement", .scalar(1)),
            ])
    }

    /// The check value of the algorithm, and of the mask.
    @Test func checksums() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.masked([]) == 0xA282_EAD8)
    }
}
