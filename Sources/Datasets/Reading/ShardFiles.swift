import Failures
import Files

/// The files of a split, opened when they are first read. For one thread at a time.
///
/// A large corpus has thousands of shards, so that only some are kept open: fewer than the process may have (`ulimit -n`).
/// A file that is not the one that was checked before the first step is refused.
final class ShardFiles {
    /// A file as it was when the dataset was opened.
    struct Entry: Sendable {
        let path: String
        let stamp: FileStamp
        /// The XXH3-128 that the manifest records; nil where there is no manifest.
        let digest: String?
    }

    /// An open file in a box, since a file is not copyable and an array's elements are.
    final class Opened {
        let file: File
        fileprivate init(_ file: consuming File) { self.file = file }
    }

    private let entries: [Entry]
    private var files: [Opened?]
    private var openOrder: [Int] = []

    /// The files that one split or column keeps open. A process reads up to six of them at once: two columns and the images of
    /// two splits; a few files are left for checkpoints and logs.
    private static let limit = min(128, max(1, (OpenFileLimit.availableCount() - 16) / 8))

    init(_ entries: [Entry]) {
        self.entries = entries
        files = entries.map { _ in nil }
    }

    /// Returns the file of that index, opened where it is not. Another one is closed where too many are open.
    ///
    /// - Throws: `badData` where the file is gone or was replaced, `inputOutput` where it cannot be opened.
    func file(_ index: Int) throws(Failure) -> Opened {
        if let file = files[index] { return file }
        while openOrder.count >= ShardFiles.limit { closeOldest() }
        let file = Opened(try open(entries[index]))
        files[index] = file
        openOrder.append(index)
        return file
    }

    private func closeOldest() { files[openOrder.removeFirst()] = nil }

    private func open(_ entry: Entry) throws(Failure) -> File {
        while true {
            do throws(Failure) {
                let file = try File(entry.path, .read)
                if try file.stamp() != entry.stamp { try requireSameContent(of: entry) }
                return file
            } catch {
                // Other parts of the process may have taken the last descriptor.
                guard !openOrder.isEmpty else { throw error }
                closeOldest()
            }
        }
    }

    /// Accepts a file that was replaced by an equal one, and no other.
    private func requireSameContent(of entry: Entry) throws(Failure) {
        if let digest = entry.digest, try TokenShard.digest(ofFile: entry.path) == digest { return }
        throw Failure(
            .badData,
            "\(entry.path): was replaced or written to after it was checked. Copy or prepare the dataset again, and leave it "
                + "as it is while it is read.")
    }
}
