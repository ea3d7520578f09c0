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
    /// The directories that were created by the claim: the directory itself and its parents, if they did not exist.
    private let made: [String]

    /// Claims `path`, creating it and its parents if they are missing, and removes the leftovers of an interrupted
    /// command.
    ///
    /// - Throws: The failures of `kind.check`; `usage` if another command is writing to the directory; `inputOutput` if
    ///   it cannot be created.
    package init(claiming path: String, _ kind: Kind) throws(Failure) {
        guard !path.isEmpty else { throw Failure(.usage, "--output: is empty. Name a directory.") }
        let made = try FileSystem.makeDirectory(path)
        let marker: File
        do throws(Failure) {
            marker = try OutputDirectory.lockedMarker(in: path, kind)
        } catch {
            FileSystem.removeEmptyDirectories(made)
            throw error
        }
        (self.path, self.kind, self.made) = (path, kind, made)
        self.marker = marker
    }

    /// Creates and locks the marker in the directory.
    private static func lockedMarker(in path: String, _ kind: Kind) throws(Failure) -> File {
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
            return marker
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

    /// Removes the output of a failed command, and the directories that were created for it.
    package consuming func discard() throws(Failure) {
        try OutputDirectory.removeLeftovers(in: path, kind)
        try abandon()
    }

    /// Ends the work without a result: the files in the directory remain, and the directory is removed only if it was
    /// created for the command and is empty.
    package consuming func abandon() throws(Failure) {
        try FileSystem.remove("\(path)/\(kind.markerName)")
        FileSystem.removeEmptyDirectories(made)
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
    /// Rejects a directory with files that the command did not write. Hidden files, such as those of git, are allowed.
    ///
    /// - Parameters:
    ///   - names: The files that the command did not write.
    ///   - command: The command's name, such as "export".
    ///   - orElse: Another possible reason, after a comma.
    package static func refuse(
        _ names: [String], in path: String, _ command: String, orElse: String = ""
    ) throws(Failure) {
        let foreign = names.filter { $0.utf8.first != UInt8(ascii: ".") }
        guard !foreign.isEmpty else { return }
        throw Failure(
            .usage,
            "\(command): --output: \(path) holds \(enumerate(foreign)), which no \(command) has written\(orElse). Choose a new "
                + "directory, or move the files elsewhere.")
    }

    /// Formats names for a message: the first three and the number of the others.
    static func enumerate(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}
