import Failures
import Files

extension Communicator {
    /// Returns the reason why the ranks of a node cannot share `bytes` of memory, the same text on every rank; nil if
    /// all nodes can.
    ///
    /// Shared windows are backed by files. If the file system is full, a rank is killed when it first touches a page
    /// that does not fit. If the path denotes different file systems for ranks of one node, MPI waits forever. Both are
    /// therefore checked first.
    package func obstacleToWindows(bytes: Int) throws -> String? {
        if size == 1 { return nil }
        do {
            // All ranks use the answer of rank 0, so that they take the same path.
            let directory = try onFirstRank { windowDirectory ?? "" }
            if directory.isEmpty { return nil }
            let word = try onFirstRank { "dtrain-\(UInt64.random(in: 0 ... .max))" }
            // Each node has its own: nodes may be on one host, and hosts may share the directory.
            let probe = "\(directory)/\(word)-\(nodeIndex)"
            defer { if localRank == 0 { try? FileSystem.remove(probe) } }
            try together { () throws(Failure) in
                guard localRank == 0 else { return }
                let free = try FileSystem.freeBytes(in: directory)
                guard bytes <= free else {
                    throw namingHost(
                        Failure(
                            .inputOutput,
                            "\(directory) has \(free >> 20) MB free; the shared-memory window needs "
                                + "\((bytes >> 20) + 1) MB. Enlarge the directory's file system "
                                + "(mount -o remount,size=…; in a container --shm-size), or set the environment "
                                + "variable OMPI_MCA_osc_sm_backing_directory to another directory."))
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
