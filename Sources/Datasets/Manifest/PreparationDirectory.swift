import Texts
import Failures
import Files

/// The output directory during a preparation.
package enum PreparationDirectory {
    /// The marker of an incomplete preparation: shards in the same directory are leftovers.
    static let markerName = "dataset.incomplete"

    /// Claims `path`: creates it if it is missing, and removes the files of an interrupted preparation.
    ///
    /// - Throws: `usage` if it contains a dataset or other files, or is being prepared.
    package static func claim(_ path: String) throws(Failure) -> OutputDirectory {
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
                "\(path): already holds a dataset (\(DatasetManifest.fileName)). Choose another --output, "
                    + "or remove the directory first.")
        }
        if let shard = names.first(where: { $0.hasExactSuffix(FileName.tokens) }) {
            throw Failure(
                .usage,
                "\(path): contains \(shard), which is not left over from an interrupted dtrain prepare. Choose another "
                    + "--output, or train directly on these shards.")
        }
        try OutputDirectory.refuse(names, in: path, "prepare")
    }
}
