import Failures
import Files

/// The output directory of an export; it contains the files of one export and no others.
///
/// Files are written to a hidden subdirectory and moved to their final names at the end, so a failed export leaves the
/// previous state. A record file lists what an export wrote: the next export replaces or removes these files if they
/// are unchanged, and touches no others.
package struct ExportDirectory: ~Copyable {
    /// The marker that exists while files are moved: the directory may contain files of two exports.
    static let markerName = "export.incomplete"
    private static let recordName = ".dtrain-export.json"

    private let path: String
    private let claimed: OutputDirectory
    /// The files of an earlier export.
    private let earlier: [String]
    /// The directory in which the files are written.
    package let staging: String

    /// Claims `path` for an export, and creates it if it is missing.
    ///
    /// - Throws: `usage` if it contains files that no export has written, `inputOutput` if it is not writable.
    package init(claiming path: String) throws(Failure) {
        let claimed = try OutputDirectory(
            claiming: path,
            .init(
                markerName: ExportDirectory.markerName, command: "dtrain export",
                completionName: ExportDirectory.recordName, isLeftover: { _ in false },
                check: { names throws(Failure) in try ExportDirectory.refuseForeign(path, names) }))
        let staging = FileSystem.temporaryPath(in: path)
        let earlier: [String]
        do throws(Failure) {
            earlier = try ExportDirectory.record(path).map(\.file)
            try FileSystem.makeNewDirectory(staging)
        } catch {
            try? claimed.abandon()
            throw error
        }
        (self.path, self.earlier, self.staging) = (path, earlier, staging)
        self.claimed = claimed
    }

    /// Moves the files to their final names, and removes files of an earlier export that this export does not have.
    package consuming func complete() throws(Failure) {
        // Loaders recognize a model directory by this file, so it is moved last.
        let last = "config.json"
        let listed = try FileSystem.list(staging)
        let names = listed.filter { $0 != last } + listed.filter { $0 == last }
        try claimed.willWrite(names + earlier)
        try FileSystem.remove("\(path)/\(ExportDirectory.recordName)")
        for name in names { try FileSystem.move("\(staging)/\(name)", replacing: "\(path)/\(name)") }
        for name in earlier where !names.contains(name) { try FileSystem.remove("\(path)/\(name)") }
        try FileSystem.remove(staging)
        let written = try names.map { name throws(Failure) in
            let file = "\(path)/\(name)"
            return RecordedFile(file: name, bytes: try File(file, .read).size(), digest: try Digest.ofFile(file))
        }
        let lines = written.map { record -> JSON in
            ["file": .string(record.file), "bytes": .integer(record.bytes), "xxh3_128": .string(record.digest)]
        }
        let text = JSON.object([.init("files", .array(lines))]).page
        try FileSystem.replaceContents(of: "\(path)/\(ExportDirectory.recordName)", with: text)
        try claimed.complete()
    }

    /// Removes the files of a failed export; an earlier export remains.
    package consuming func discard() throws(Failure) {
        try FileSystem.remove(staging)
        try claimed.abandon()
    }

    /// Rejects a directory whose export was interrupted while files were moved.
    ///
    /// - Throws: `badData`, with the remedy.
    static func refuseIncomplete(_ directory: String) throws(Failure) {
        guard try FileSystem.isPresent("\(directory)/\(markerName)") else { return }
        throw Failure(
            .badData, "\(directory): the export into it is not complete (\(markerName)). Start the same export again.")
    }

    // MARK: The record

    private struct RecordedFile {
        let file: String
        let bytes: Int
        let digest: String
    }

    /// Reads the record of the files that an export wrote in `directory`; empty if there is no valid record.
    private static func record(_ directory: String) throws(Failure) -> [RecordedFile] {
        let path = "\(directory)/\(recordName)"
        guard try FileSystem.isPresent(path) else { return [] }
        let bytes = try FileSystem.contents(of: path, limitBytes: 1 << 20, followingLinks: false)
        return (try JSON(parsing: bytes, source: path)["files"]?.arrayValue ?? []).compactMap { line in
            guard let file = line["file"]?.stringValue, let bytes = line["bytes"]?.integerValue,
                let digest = line["xxh3_128"]?.stringValue, !file.utf8.contains(UInt8(ascii: "/"))
            else { return nil }
            return RecordedFile(file: file, bytes: bytes, digest: digest)
        }
    }

    private static func refuseForeign(_ directory: String, _ names: [String]) throws(Failure) {
        let recorded = try record(directory)
        var foreign: [String] = []
        for name in names {
            let path = "\(directory)/\(name)"
            let own = recorded.first { Array($0.file.utf8) == Array(name.utf8) }
            if let own, !FileSystem.isLink(path), !FileSystem.isDirectory(path),
                try File(path, .read).size() == own.bytes,
                try Digest.ofFile(path) == own.digest
            {
                continue
            }
            foreign.append(name)
        }
        try OutputDirectory.refuse(foreign, in: directory, "export", orElse: ", or which was changed since")
    }
}
