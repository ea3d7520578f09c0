import Failures
import Files
import Texts

/// The contents of `metrics.jsonl`: the numbers of all steps and evaluations, by name.
///
/// It can be read while a run appends to it: `readOn` reads what has been added. A last line that is not complete is
/// being written, or was left by a run that was killed; it is ignored.
package struct MetricsHistory: Sendable {
    /// The values of a field, in the order of their steps.
    package struct Series: Equatable, Sendable {
        /// The field's name, such as `loss`.
        package let name: String
        package var steps: [Int] = []
        package var values: [Double] = []
    }

    /// A step without an update.
    package struct Skip: Equatable, Sendable {
        package let step: Int
        /// `overflow`, `not_finite` or `spike`.
        package let reason: String
    }

    /// The numbers of all fields, in the order of their first appearance; values that are null are left out.
    package private(set) var series: [Series] = []
    private var places: [ExactText: Int] = [:]
    /// The steps without an update.
    package private(set) var skips: [Skip] = []
    /// The largest step.
    package private(set) var lastStep = 0
    private let path: String
    /// The position behind the last complete line, in bytes, and the number of lines before it.
    private var offset = 0
    private var lineCount = 0
    private var stamp: FileStamp?

    /// Reads a file.
    ///
    /// - Throws: `badData` for a line that is not a line of a log, with its number, and if there is no such file.
    package init(_ path: String) throws(Failure) {
        self.path = path
        try readOn()
    }

    /// The values of the field `name`; nil if there are none.
    package subscript(name: String) -> Series? { places[name.exact].map { series[$0] } }

    /// Reads what was added to the file since; all of it again if a resumed run has replaced the file.
    ///
    /// - Throws: As `init`.
    package mutating func readOn() throws(Failure) {
        let file = try File(path, .read)
        let found = try file.stamp()
        if let stamp, !found.continues(stamp) { self = MetricsHistory(empty: path) }
        stamp = found
        var (offset, lineCount) = (offset, lineCount)
        var parsed: [JSON] = []
        let path = path
        try MetricsLog.forEachLine(of: file, from: offset) { (line, isComplete) throws(Failure) in
            guard isComplete else { return }
            offset += line.count + 1
            lineCount += 1
            let object = try JSON(parsing: line, source: "\(path):\(lineCount)")
            guard let step = object["step"]?.integerValue, step >= 0 else {
                throw Failure(
                    .badData,
                    "\(path):\(lineCount): has no step: not a line of a metrics log. Remove the line, or name another run."
                )
            }
            parsed.append(object)
        }
        (self.offset, self.lineCount) = (offset, lineCount)
        for object in parsed { add(object) }
    }

    private init(empty path: String) { self.path = path }

    private mutating func add(_ line: JSON) {
        guard let step = line["step"]?.integerValue else { return }
        lastStep = max(lastStep, step)
        for member in line.objectValue ?? [] where member.name.exact != "step".exact {
            if let reason = member.value.stringValue, member.name.exact == "skipped".exact {
                skips.append(Skip(step: step, reason: reason))
            }
            guard let value = member.value.doubleValue else { continue }
            if places[member.name.exact] == nil {
                places[member.name.exact] = series.count
                series.append(Series(name: member.name))
            }
            series[places[member.name.exact]!].steps.append(step)
            series[places[member.name.exact]!].values.append(value)
        }
    }
}
