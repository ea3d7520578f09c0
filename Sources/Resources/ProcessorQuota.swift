import Files
import Texts

/// The CPU limit of a control group, which all processes of the group share.
struct ProcessorQuota: Equatable, Sendable {
    /// The limit in whole cores, at least 1.
    let cores: Int
    /// Identifies the group on its machine: two containers of one machine have different groups.
    let group: String

    /// The smallest limit of this process's control group and the groups that contain it; nil if there is no limit.
    static func ofThisProcess() -> ProcessorQuota? {
        let membership = FileSystem.systemText("/proc/self/cgroup") ?? ""
        return smallest(membership: membership, version2: ["/sys/fs/cgroup"])
            ?? smallest(membership: membership, version1: ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"])
    }

    /// The smallest limit in the directories of control groups (version 2) that start at one of `roots`.
    ///
    /// - Parameter membership: The contents of `/proc/self/cgroup`.
    static func smallest(membership: String, version2 roots: [String]) -> ProcessorQuota? {
        smallest(groups(roots, path: path(in: membership, of: "0::"))) { directory in
            FileSystem.systemText("\(directory)/cpu.max").map { $0.split { $0.isWhitespace }.map(String.init) }
        }
    }

    /// The smallest limit in the directories of control groups (version 1) that start at one of `roots`.
    static func smallest(membership: String, version1 roots: [String]) -> ProcessorQuota? {
        let path = path(in: membership, of: ":cpu:") ?? path(in: membership, of: ":cpu,cpuacct:")
        return smallest(groups(roots, path: path)) { directory in
            ["cfs_quota_us", "cfs_period_us"].map {
                (FileSystem.systemText("\(directory)/cpu.\($0)") ?? "").filter { !$0.isWhitespace }
            }
        }
    }

    private static func smallest(_ groups: [String], _ words: (String) -> [String]?) -> ProcessorQuota? {
        groups.compactMap { directory -> ProcessorQuota? in
            guard let cores = words(directory).flatMap(wholeCores), let group = FileSystem.identity(of: directory)
            else { return nil }
            return ProcessorQuota(cores: cores, group: group)
        }.min { $0.cores < $1.cores }
    }

    /// The group at `path` below each root and the groups that contain it. Within a container its own group is the
    /// root, even if the path is that of the host; directories that are not visible have no limit.
    private static func groups(_ roots: [String], path: String?) -> [String] {
        let names = (path ?? "").exactParts(at: "/", omittingEmpty: true).prefix { $0 != ".." }
        return roots.flatMap { root in
            (0...names.count).map { ([root] + names.prefix($0)).joined(separator: "/") }
        }
    }

    /// The path after `mark` in the contents of `/proc/self/cgroup`.
    private static func path(in membership: String, of mark: String) -> String? {
        let line = membership.exactParts(at: "\n").first { $0.contains(mark) }
        return line.map { String($0.drop { $0 != "/" }) }
    }

    /// The whole cores of a quota and its period; nil if either is not a positive number, such as "max" or -1.
    static func wholeCores(_ words: [String]) -> Int? {
        guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0 else {
            return nil
        }
        return max(1, quota / period)
    }
}
