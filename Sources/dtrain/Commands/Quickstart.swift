import Datasets
import Failures
import Files
import Metrics
import Preparation
import Settings
import Watching

/// The data of the built-in quickstart: the licence texts that are part of every Debian and Ubuntu system.
enum Quickstart {
    /// The data directory of the built-in configuration.
    static let dataDirectory = Configuration().data.directory
    private static let texts = "/usr/share/common-licenses"

    /// Prepares the data if `configuration` uses them and they are missing. Collective: rank 0 prepares, the others
    /// wait.
    static func prepareData(for configuration: Configuration, _ session: Session) throws {
        _ = try session.communicator.onFirstRank { () throws(Failure) in
            guard configuration.data.directory == dataDirectory, configuration.data.mixture.isEmpty else { return "" }
            if try FileSystem.isPresent("\(dataDirectory)/\(DatasetManifest.fileName)") { return "" }
            let names = FileSystem.isDirectory(texts) ? try FileSystem.list(texts) : []
            // The name of the newest version of a licence is often a link.
            let files = names.map { "\(texts)/\($0)" }.filter { !FileSystem.isLink($0) && !FileSystem.isDirectory($0) }
            guard !files.isEmpty else {
                throw Failure(
                    .badData,
                    "the quickstart trains on the licence texts in \(texts), but there are none. Use a text of your "
                        + "own: dtrain prepare --text FILE --tokenizer byte --output \(dataDirectory)")
            }
            session.console.say("preparing \(counted(files.count, "text")) of \(texts) in \(dataDirectory)")
            _ = try DatasetPreparation(texts: files, output: dataDirectory).run(shouldStop: StopRequest.isPending)
            return ""
        }
    }
}
