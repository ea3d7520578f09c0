import Failures
import Files

extension Communicator {
    /// Why the ranks of each node cannot share `bytes` of memory there, the same text on every rank; nil where they can.
    ///
    /// Windows have files. Where the file system is full, a rank dies at the first touch of a page that it has no room
    /// for; where ranks of one node see different file systems under one name, MPI waits for ever. So both are asked before.
    package func obstacleToWindows(bytes: Int) throws -> String? {
        if size == 1 { return nil }
        do {
            // Every rank knows whether rank 0 knows, and takes its answer.
            let directory = try onFirstRank { windowDirectory ?? "" }
            if directory.isEmpty { return nil }
            let word = try onFirstRank { "dtrain-\(UInt64.random(in: 0 ... .max))" }
            let probe = "\(directory)/\(word)"
            defer { if localRank == 0 { try? FileSystem.remove(probe) } }
            try together { () throws(Failure) in
                guard localRank == 0 else { return }
                let free = try FileSystem.freeBytes(in: directory)
                guard bytes <= free else {
                    throw Failure(
                        .inputOutput,
                        "\(directory) has \(free >> 20) MB free, but needs \((bytes >> 20) + 1) MB. Enlarge it "
                            + "(mount -o remount,size=…; in a container --shm-size), or set the environment "
                            + "variable OMPI_MCA_osc_sm_backing_directory to another directory.")
                }
                try File(probe, .create, followingLinks: false).write(word)
            }
            try together { () throws(Failure) in
                let text = try? FileSystem.contents(of: probe, limitBytes: 4096, followingLinks: false)
                guard text == Array(word.utf8) else {
                    throw Failure(
                        .inputOutput,
                        "\(directory) is not the same directory for all ranks: they run in different containers or namespaces. "
                            + "Start them in the same one.")
                }
            }
            return nil
        } catch let agreed as AgreedFailure {
            return agreed.failure.message
        }
    }
}
