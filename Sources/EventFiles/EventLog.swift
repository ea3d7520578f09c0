import Failures
import Files
import Glibc
import Texts

/// The events of a run: a directory with a file for each start of the run, which TensorBoard reads in the order of
/// their names.
///
/// Each file contains only complete records in the order of their steps, see `AppendOnlyFile`. A new file begins with
/// the step at which its session starts, so that a viewer that is open already forgets later steps.
package struct EventLog {
    /// The file of this process; events that could not be written wait in its memory.
    package let file: AppendOnlyFile

    /// Names begin with "events.out.tfevents.", by which viewers find event files, and the time in seconds.
    private static let prefix = "events.out.tfevents."
    /// The end of the names of the files that dtrain writes.
    private static let suffix = ".dtrain"

    /// Creates the file of a session whose first step is `step`. Creates the directory if it is missing.
    ///
    /// - Throws: `inputOutput` if the file cannot be created.
    package init(_ directory: String, startingAt step: Int) throws(Failure) {
        try FileSystem.makeDirectory(directory)
        // Later than all other files, even if the clock has been set back.
        let last = try EventLog.files(in: directory).compactMap(EventLog.seconds).max() ?? 0
        let host = hostName().exactParts(at: "/").joined(separator: "_")
        let number = "\(max(Int(EventLog.now()), last + 1))"
        let padded = String(repeating: "0", count: max(0, 10 - number.utf8.count)) + number
        file = try AppendOnlyFile("\(directory)/\(EventLog.prefix)\(padded).\(host)\(EventLog.suffix)")
        try append(Event(wallTime: EventLog.now(), step: 0, .version(Event.formatVersion)))
        try append(Event(wallTime: EventLog.now(), step: step, .sessionStart))
    }

    /// Appends values of `step`, after the events kept in memory. Does nothing if there are none.
    ///
    /// - Throws: `inputOutput` if the write fails; the event is kept in memory.
    package func append(_ summaries: [Summary], step: Int) throws(Failure) {
        if summaries.isEmpty { return }
        try append(Event(wallTime: EventLog.now(), step: step, .summaries(summaries)))
    }

    private func append(_ event: Event) throws(Failure) { try file.append(EventLog.record(event)) }

    /// An event as a record, see `EventReader`.
    static func record(_ event: Event) -> [UInt8] {
        let data = event.message
        var record: [UInt8] = []
        record.reserveCapacity(data.count + 16)
        appendLittleEndian(UInt64(data.count), to: &record)
        appendLittleEndian(CRC32C.masked(record), to: &record)
        record += data
        appendLittleEndian(CRC32C.masked(data), to: &record)
        return record
    }

    /// The paths of the event files of dtrain in `directory`, in the order of their sessions; none if there is no such
    /// directory.
    package static func files(in directory: String) throws(Failure) -> [String] {
        guard try FileSystem.isPresentDirectory(directory) else { return [] }
        return try FileSystem.list(directory)
            .filter { $0.hasExactPrefix(prefix) && $0.hasExactSuffix(suffix) }.map { "\(directory)/\($0)" }
    }

    private static func seconds(_ path: String) -> Int? {
        let name = path.exactParts(at: "/").last.flatMap { $0.withoutExactPrefix(prefix) }
        return name?.exactParts(at: ".").first.flatMap { Int($0) }
    }

    /// Removes all events with a step after `step`, which a resumed run will write again, and what follows a damaged or
    /// incomplete record. A file without numbers is removed.
    ///
    /// - Throws: `badData` for a symbolic link and for a file that is not an event file.
    package static func truncate(_ directory: String, afterStep step: Int) throws(Failure) {
        for path in try files(in: directory) {
            var reader = try EventReader(path)
            let (end, hasNumbers) = try endOfEvents(&reader, path, upTo: step)
            if !hasNumbers {
                try FileSystem.removeFile(path)
            } else {
                let file = try File(path, .update, followingLinks: false)
                if try file.size() > end { try file.truncate(to: end) }
                try file.close()
            }
        }
    }

    /// The length of the events up to `step` at the beginning of a file, and whether there are numbers among them.
    private static func endOfEvents(
        _ reader: inout EventReader, _ path: String, upTo step: Int
    ) throws(Failure) -> (bytes: Int, hasNumbers: Bool) {
        var (end, hasNumbers) = (0, false)
        while true {
            do throws(Failure) {
                guard let event = try reader.next() else { break }
                // An evaluation of the step before may follow the start of a session.
                if event.content != .sessionStart, event.step > step { break }
                if case .summaries(let summaries) = event.content, !summaries.allSatisfy(\.isText) { hasNumbers = true }
                end = reader.position
            } catch {
                guard error.exitCode == .badData else { throw error }
                if end > 0 { break }
                throw Failure(.badData, "\(path): is not an event file. Move the file elsewhere.")
            }
        }
        return (end, hasNumbers)
    }

    /// The time in seconds since 1970.
    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
