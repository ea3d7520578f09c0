import Files
import Glibc

/// A process of this machine, as described by `/proc`.
struct RunningProcess: Equatable, Sendable {
    let identifier: Int
    /// The name of the program, truncated to 15 bytes by the kernel.
    let name: String
    /// Whether the process can use CPU time: it is neither stopped nor ended.
    let isActive: Bool
    /// The physical cores on which the process may run.
    let cores: Set<Int>

    /// Parses `/proc/PID/status`; nil if a line is missing.
    ///
    /// - Parameter physical: Maps a list of logical CPUs to physical cores.
    init?(status: String, physical: (Substring) -> [Int] = { UsableCores.processors($0) }) {
        func field(_ name: String) -> Substring? {
            status.split(separator: "\n").first { $0.hasPrefix("\(name):\t") }?.dropFirst(name.count + 2)
        }
        guard let name = field("Name"), let state = field("State")?.first,
            let identifier = field("Pid").flatMap({ Int($0) }),
            let processors = field("Cpus_allowed_list")
        else { return nil }
        self.identifier = identifier
        self.name = String(name)
        isActive = !"TtXZ".contains(state)
        cores = Set(physical(processors))
    }

    /// The visible processes of the machine that run the same program as this process, including itself.
    static func ofThisProgram() -> [RunningProcess] {
        func process(_ name: String) -> RunningProcess? {
            FileSystem.systemText("/proc/\(name)/status").flatMap {
                RunningProcess(status: $0, physical: { UsableCores.physicalCores($0) })
            }
        }
        guard let own = process("self"), let names = try? FileSystem.list("/proc") else { return [] }
        return names.filter { Int($0) != nil }.compactMap(process).filter { $0.name == own.name }
    }
}

/// Processes of another job that are bound to the cores of a rank.
///
/// `mpirun` binds the ranks of each job starting at the first core, without regard to the ranks of other jobs.
enum CoreNeighbours {
    /// Returns a process of another job that competes with the threads of rank `rank` for a core; nil if there is none,
    /// or if the rank is not bound.
    ///
    /// Only processes that are confined to the rank's cores count, each as one thread, so that there are no false
    /// warnings.
    ///
    /// - Parameters:
    ///   - threads: The number of compute threads per rank.
    ///   - processes: The processes of the machine that run the same program.
    static func first(of ranks: [UsableCores], rank: Int, threads: Int, _ processes: [RunningProcess])
        -> RunningProcess?
    {
        let own = ranks[rank]
        guard own.isBound else { return nil }
        let cores = Set(own.cores)
        let mates = ranks.filter { $0.machine == own.machine }
        let job = Set(mates.map(\.process))
        let others = processes.filter {
            $0.isActive && !job.contains($0.identifier) && !$0.cores.isEmpty && $0.cores.isSubset(of: cores)
        }
        let needed = threads * mates.filter { cores.isSuperset(of: $0.cores) }.count + others.count
        return needed > cores.count ? others.min { $0.identifier < $1.identifier } : nil
    }

    /// The warning that rank `rank` shares cores with `other`.
    static func warning(rank: Int, cores: [Int], host: String, _ other: RunningProcess) -> String {
        let shared = other.cores.intersection(cores).sorted()
        let list = shared.prefix(8).map(String.init).joined(separator: ", ") + (shared.count > 8 ? ", …" : "")
        return
            "rank \(rank) on \(host) is bound to core\(shared.count == 1 ? "" : "s") \(list), and so is process "
            + "\(other.identifier) of another dtrain job: they compete for it, and all ranks wait for the slowest. mpirun "
            + "binds the ranks of every job starting at the first core. Start one of the jobs with --bind-to none, or give each its own "
            + "cores, such as mpirun --cpu-set 4-7; with launch/local: OMPI_MCA_hwloc_base_binding_policy=none launch/local …"
    }
}
