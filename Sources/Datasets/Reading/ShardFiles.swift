import Failures
import Files

/// The shard files of a split, opened on first use. For use by one thread at a time.
///
/// A large corpus has thousands of shards, so only some are kept open: fewer than the process limit (`ulimit -n`). A
/// file that differs from the one that was checked when the dataset was opened is rejected.
final class ShardFiles {
    /// A file with its state when the dataset was opened.
    struct Entry: Sendable {
        let path: String
        let stamp: FileStamp
        /// The XXH3-128 in the manifest; nil without a manifest.
        let digest: String?
    }

    /// A class around the file, which is not copyable, for use in arrays.
    final class Opened {
        let file: File
        fileprivate init(_ file: consuming File) { self.file = file }
    }

    private let entries: [Entry]
    private var files: [Opened?]
    private var openOrder: [Int] = []

    /// The number of files to keep open per split or column. A process has up to six such sets of files: two columns
    /// and the images of two splits. Some descriptors are reserved for checkpoints and logs.
    private static let limit = min(128, max(1, (OpenFileLimit.availableCount() - 16) / 8))

    init(_ entries: [Entry]) {
        self.entries = entries
        files = entries.map { _ in nil }
    }

    /// Returns file number `index`, and opens it if necessary; if too many are open, the one opened first is closed.
    ///
    /// - Throws: `badData` if the file is missing or was replaced, `inputOutput` if it cannot be opened.
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
                // The rest of the process may have used up the descriptors.
                guard !openOrder.isEmpty else { throw error }
                closeOldest()
            }
        }
    }

    /// Throws unless the replaced file has the same content.
    private func requireSameContent(of entry: Entry) throws(Failure) {
        if let digest = entry.digest, try TokenShard.digest(ofFile: entry.path) == digest { return }
        throw Failure(
            .badData,
            "\(entry.path): was replaced or written to after it was checked. Copy or prepare the dataset again, and do not "
                + "change it while it is read.")
    }
}
