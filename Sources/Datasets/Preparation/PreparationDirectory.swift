import Failures
import Files

/// The directory that a dataset is being prepared in.
///
/// A marker file stands in it from the start to the end. It says that shards without a manifest are leftovers, and
/// its lock keeps a second preparation out.
struct PreparationDirectory: ~Copyable {
    /// The marker's name.
    static let markerName = "dataset.incomplete"

    private let path: String
    private let marker: File

    /// Claims `path`, making it where it is missing and removing what an interrupted preparation left in it.
    ///
    /// - Throws: `usage` where it holds a dataset already or is being prepared.
    init(claiming path: String) throws(Failure) {
        try FileSystem.makeDirectory(path)
        let markerPath = "\(path)/\(PreparationDirectory.markerName)"
        let wasInterrupted = FileSystem.exists(markerPath)
        if !wasInterrupted { try PreparationDirectory.refuseDataset(in: path) }
        let marker = try File(markerPath, .append)
        guard try marker.tryLock() else {
            throw Failure(
                .usage, "\(path): another dtrain prepare is writing there. Wait for it or choose another --output.")
        }
        // Whoever held the lock before may have finished.
        guard !FileSystem.exists("\(path)/\(DatasetManifest.fileName)") else {
            try FileSystem.remove(markerPath)
            throw PreparationDirectory.holdsDataset(path)
        }
        try marker.synchronize()
        try FileSystem.synchronizeDirectory(path)
        if wasInterrupted { try PreparationDirectory.removeLeftovers(in: path) }
        self.path = path
        self.marker = marker
    }

    /// Ends a preparation whose manifest is written.
    consuming func complete() throws(Failure) {
        try FileSystem.remove(marker.path)
    }

    /// Removes what a failed preparation has written.
    consuming func discard() throws(Failure) {
        try PreparationDirectory.removeLeftovers(in: path)
        try FileSystem.remove(marker.path)
    }

    private static func removeLeftovers(in path: String) throws(Failure) {
        // A manifest first: no directory has one without all of its shards.
        let manifests = [DatasetManifest.fileName, DatasetManifest.fileName + ".new"]
        for name in try manifests + FileSystem.list(path).filter(FileName.isOfPreparation) {
            try FileSystem.remove("\(path)/\(name)")
        }
    }

    private static func refuseDataset(in path: String) throws(Failure) {
        let names = try FileSystem.list(path)
        if names.contains(DatasetManifest.fileName) { throw holdsDataset(path) }
        if let shard = names.first(where: { $0.hasSuffix(FileName.tokens) || FileName.isOfPreparation($0) }) {
            throw Failure(
                .usage,
                "\(path): holds \(shard), which is not of an unfinished dtrain prepare. Choose another --output"
                    + (shard.hasSuffix(FileName.tokens) ? ", or train on these shards as they are." : "."))
        }
    }

    private static func holdsDataset(_ path: String) -> Failure {
        Failure(
            .usage,
            "\(path): holds a dataset already (\(DatasetManifest.fileName)). Choose another --output, "
                + "or remove the directory first.")
    }
}
