import Failures
import Files
import Texts

/// The directory that a dataset is being prepared in.
enum PreparationDirectory {
    /// The marker's name: shards beside it are leftovers.
    static let markerName = "dataset.incomplete"

    /// Claims `path`, making it where it is missing and removing what an interrupted preparation left in it.
    ///
    /// - Throws: `usage` where it holds a dataset already or is being prepared.
    static func claim(_ path: String) throws(Failure) -> OutputDirectory {
        try OutputDirectory(
            claiming: path,
            .init(
                markerName: markerName, command: "dtrain prepare", completionName: DatasetManifest.fileName,
                isLeftover: { FileName.isOfPreparation($0) || $0 == DatasetManifest.fileName + ".new" },
                check: { names throws(Failure) in try refuseDataset(path, names) }))
    }

    private static func refuseDataset(_ path: String, _ names: [String]) throws(Failure) {
        if names.contains(DatasetManifest.fileName) {
            throw Failure(
                .usage,
                "\(path): holds a dataset already (\(DatasetManifest.fileName)). Choose another --output, "
                    + "or remove the directory first.")
        }
        if let shard = names.first(where: { $0.hasExactSuffix(FileName.tokens) || FileName.isOfPreparation($0) }) {
            throw Failure(
                .usage,
                "\(path): holds \(shard), which is not of an unfinished dtrain prepare. Choose another --output"
                    + (shard.hasExactSuffix(FileName.tokens) ? ", or train on these shards as they are." : "."))
        }
    }
}
