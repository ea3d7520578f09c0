import Failures

/// A file to which complete units are appended: lines of text or records.
///
/// If a write fails, a partly written unit is removed and the unit is kept in memory until the next write: the file
/// contains only complete units in order, and no unit is lost while the process lives.
///
/// Only one thread may use it, except that any thread may call `synchronize`.
package final class AppendOnlyFile {
    private let file: File
    /// The length of the complete units in the file, in bytes.
    private var length: Int
    /// Whether an incomplete unit may follow them.
    private var isTorn = false
    private var waiting: [UInt8] = []
    /// The number of units that are not yet in the file.
    package private(set) var waitingCount = 0

    /// The maximum size of units kept in memory, in bytes.
    package static let waitingLimitBytes = 64 << 20

    /// Opens the file for appending, or creates it. A symbolic link is not followed.
    package init(_ path: String) throws(Failure) {
        file = try File(path, .append, followingLinks: false)
        length = try file.size()
    }

    /// Appends a unit after those kept in memory.
    ///
    /// - Throws: `inputOutput` if the write fails; the unit is kept in memory.
    package func append(_ unit: [UInt8]) throws(Failure) {
        waiting += unit
        waitingCount += 1
        try flush()
    }

    /// Writes the units kept in memory.
    ///
    /// - Throws: `inputOutput` if the write fails; the units are kept.
    package func flush() throws(Failure) {
        if isTorn { try undo() }
        if waiting.isEmpty { return }
        isTorn = true
        do throws(Failure) {
            try file.write(waiting)
        } catch {
            try? undo()
            throw error
        }
        isTorn = false
        length += waiting.count
        waiting.removeAll(keepingCapacity: true)
        waitingCount = 0
    }

    /// Whether the units in memory exceed the limit.
    package var hasTooManyWaiting: Bool { waiting.count > AppendOnlyFile.waitingLimitBytes }

    /// Syncs the file to disk.
    package func synchronize() throws(Failure) { try file.synchronize() }

    /// Removes an incomplete unit from the file.
    private func undo() throws(Failure) {
        try file.truncate(to: length)
        isTorn = false
    }
}
