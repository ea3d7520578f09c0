import Failures

/// A directory that a command fills with its output, such as a dataset: claimed before the work and completed after it.
///
/// A marker file exists in it while the command runs. Its presence means that files of this kind were left by an
/// interrupted command, and its lock excludes a second command.
package struct OutputDirectory: ~Copyable {
    /// The kind of output that a directory is to contain.
    package struct Kind {
        /// The name of the marker file.
        package let markerName: String
        /// The command that creates the output, for messages.
        let command: String
        /// The file that exists only in a complete output, even if the marker was not yet removed; nil if there is
        /// none.
        let completionName: String?
        /// Throws if the directory cannot be used, given all names in it except the marker's.
        let check: (_ names: [String]) throws(Failure) -> Void
        /// Returns whether a file or directory of this name may have been left by an interrupted command.
        let isLeftover: (_ name: String) -> Bool

        /// A kind of output; for the parameters see the properties.
        package init(
            markerName: String, command: String, completionName: String? = nil,
            isLeftover: @escaping (_ name: String) -> Bool,
            check: @escaping (_ names: [String]) throws(Failure) -> Void
        ) {
            (self.markerName, self.command, self.completionName) = (markerName, command, completionName)
            (self.isLeftover, self.check) = (isLeftover, check)
        }
    }

    private let path: String
    private let kind: Kind
    private let marker: File

    /// Claims `path`, creating it and its parents if they are missing, and removes the leftovers of an interrupted
    /// command.
    ///
    /// - Throws: The failures of `kind.check`; `usage` if another command is writing to the directory; `inputOutput` if
    ///   it cannot be created.
    package init(claiming path: String, _ kind: Kind) throws(Failure) {
        guard !path.isEmpty else { throw Failure(.usage, "--output: is empty. Name a directory.") }
        try FileSystem.makeDirectory(path)
        let markerPath = "\(path)/\(kind.markerName)"
        while true {
            let wasInterrupted = try FileSystem.isPresent(markerPath)
            if !wasInterrupted { try OutputDirectory.check(path, kind) }
            let marker = try File(markerPath, .append, followingLinks: false)
            guard try marker.tryLock() else {
                throw Failure(
                    .usage, "\(path): another \(kind.command) is writing there. Wait for it or choose another --output."
                )
            }
            // The previous holder of the lock may have finished and removed the marker.
            if !marker.isStill(at: markerPath) { continue }
            var isComplete = false
            if let name = kind.completionName { isComplete = try FileSystem.isPresent("\(path)/\(name)") }
            if wasInterrupted, !isComplete { try OutputDirectory.removeLeftovers(in: path, kind) }
            do throws(Failure) {
                try OutputDirectory.check(path, kind)
            } catch {
                try FileSystem.remove(markerPath)
                throw error
            }
            for name in try FileSystem.list(path).filter(FileSystem.isTemporary) {
                try FileSystem.remove("\(path)/\(name)")
            }
            try marker.truncate(to: 0)
            try marker.synchronize()
            try FileSystem.synchronizeDirectory(path)
            (self.path, self.kind) = (path, kind)
            self.marker = marker
            return
        }
    }

    /// Records names, before they are written, that are leftovers if the command is interrupted, in addition to
    /// `kind.isLeftover`.
    package func willWrite(_ names: [String]) throws(Failure) {
        try marker.write(names.map { $0 + "\n" }.joined())
        try marker.synchronize()
    }

    /// Marks the output as complete by removing the marker.
    package consuming func complete() throws(Failure) {
        try FileSystem.remove("\(path)/\(kind.markerName)")
        try FileSystem.synchronizeDirectory(path)
    }

    /// Removes the output of a failed command but not the directory.
    package consuming func discard() throws(Failure) {
        try OutputDirectory.removeLeftovers(in: path, kind)
        try FileSystem.remove("\(path)/\(kind.markerName)")
    }

    private static func check(_ path: String, _ kind: Kind) throws(Failure) {
        try kind.check(try FileSystem.list(path).filter { $0 != kind.markerName && !FileSystem.isTemporary($0) })
    }

    private static func removeLeftovers(in path: String, _ kind: Kind) throws(Failure) {
        let marker = "\(path)/\(kind.markerName)"
        let noted = try FileSystem.contents(of: marker, limitBytes: 1 << 20, followingLinks: false)
            .split(separator: UInt8(ascii: "\n"))
        // The completion file is removed first, so that it never exists in an incomplete directory.
        let names = try FileSystem.list(path).filter { $0 != kind.markerName }
        for name in names where name == kind.completionName { try FileSystem.remove("\(path)/\(name)") }
        for name in names
        where FileSystem.isTemporary(name) || kind.isLeftover(name)
            || noted.contains(where: { $0.elementsEqual(name.utf8) })
        {
            try FileSystem.remove("\(path)/\(name)")
        }
    }
}

extension OutputDirectory {
    /// Formats names for a message: the first three and the number of the others.
    package static func enumerate(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}
