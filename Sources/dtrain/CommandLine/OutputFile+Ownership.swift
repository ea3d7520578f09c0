import Checkpoints
import Datasets
import Failures
import Files

extension OutputFile {
    /// Rejects any path in a dataset or a checkpoint, whose files are verified, and the path of a file that a run
    /// writes.
    ///
    /// - Parameter option: The command-line option that specified the path, for messages.
    /// - Throws: `usage`, with the owner of the file.
    func refuseFilesOfOurs(_ option: String) throws(Failure) {
        guard isRegular else { return }
        let place = resolvedPath()
        let directory = FileSystem.parent(of: place)
        let owner: String? =
            if try FileSystem.isPresent("\(directory)/\(DatasetManifest.fileName)") {
                "lies in the dataset \(directory)"
            } else if try Checkpoint.isMarked(directory) {
                "lies in the checkpoint \(directory)"
            } else if try RunDirectory(directory).owns(place) {
                "is a file of the run \(directory)"
            } else {
                nil
            }
        guard let owner else { return }
        throw Failure(.usage, "\(option): \(path): \(owner). Choose another name.")
    }
}
