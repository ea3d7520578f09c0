import Failures

/// A directory that a command makes into something, such as a dataset: claimed before the work, complete after it.
///
/// A marker file stands in it from the start to the end. It says that files of the kind are leftovers of a command that was
/// interrupted, and its lock keeps a second command out.
package struct OutputDirectory: ~Copyable {
    /// What a directory becomes.
    package struct Kind {
        /// The marker's name.
        package let markerName: String
        /// The command that makes it, for messages.
        let command: String
        /// The file whose presence says that the work was done, only the marker not removed; nil where there is none.
        let completionName: String?
        /// Refuses a directory, given all names in it but the marker.
        let check: (_ names: [String]) throws(Failure) -> Void
        /// Whether an interrupted command may have left a file or directory of a name.
        let isLeftover: (_ name: String) -> Bool

        /// A kind of output; see the properties.
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

    /// Claims `path`, making it and its parents where they are missing, and removes what an interrupted command left in it.
    ///
    /// - Throws: What `kind` refuses; `usage` where another command is writing there; `inputOutput` where the directory cannot
    ///   be made.
    package init(claiming path: String, _ kind: Kind) throws(Failure) {
        guard !path.isEmpty else { throw Failure(.usage, "--output: is empty. Name a directory.") }
        try FileSystem.makeDirectory(path)
        let markerPath = "\(path)/\(kind.markerName)"
        while true {
            let wasInterrupted = FileSystem.exists(markerPath)
            if !wasInterrupted { try OutputDirectory.check(path, kind) }
            let marker = try File(markerPath, .append, followingLinks: false)
            guard try marker.tryLock() else {
                throw Failure(
                    .usage, "\(path): another \(kind.command) is writing there. Wait for it or choose another --output."
                )
            }
            // Whoever held the lock before may have finished, and removed it.
            if !marker.isStill(at: markerPath) { continue }
            let isComplete = kind.completionName.map { FileSystem.exists("\(path)/\($0)") } ?? false
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

    /// Notes, before they are written, names that are leftovers where the command is interrupted, besides those of the kind.
    package func willWrite(_ names: [String]) throws(Failure) {
        try marker.write(names.map { $0 + "\n" }.joined())
        try marker.synchronize()
    }

    /// Ends the work: the directory holds all that it should.
    package consuming func complete() throws(Failure) {
        try FileSystem.remove("\(path)/\(kind.markerName)")
        try FileSystem.synchronizeDirectory(path)
    }

    /// Removes what a failed command has written; the directory stays.
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
        // What tells that the directory is complete goes first: no directory has it without all the rest.
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
    /// Some names for a message: the first ones, and how many more there are.
    package static func enumerate(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}
