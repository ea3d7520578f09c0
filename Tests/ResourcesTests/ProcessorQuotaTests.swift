import Files
import TestSupport
import Testing

@testable import Resources

@Suite struct ProcessorQuotaTests {
    @Test func parsesQuotaAndPeriod() {
        #expect(ProcessorQuota.wholeCores(["max", "100000"]) == nil)
        #expect(ProcessorQuota.wholeCores(["-1", "100000"]) == nil)
        #expect(ProcessorQuota.wholeCores(["250000", "100000"]) == 2)
        #expect(ProcessorQuota.wholeCores(["50000", "100000"]) == 1)
        #expect(ProcessorQuota.wholeCores(["", ""]) == nil)
    }

    /// Writes `files` into a directory of control groups.
    private func tree(_ files: [String: String]) throws -> TemporaryDirectory {
        let root = TemporaryDirectory()
        for (path, text) in files {
            _ = try FileSystem.makeDirectory(FileSystem.parent(of: root.file(path)))
            try FileSystem.replaceContents(of: root.file(path), with: text)
        }
        return root
    }

    /// Within a container the group is the root, although the path may be that of the host. The groups of two
    /// containers are different, and those of two processes of one container are the same.
    @Test func distinguishesContainers() throws {
        let pods = try [tree(["cpu.max": "400000 100000\n"]), tree(["cpu.max": "400000 100000\n"])]
        let quotas = pods.map { ProcessorQuota.smallest(membership: "0::/kubepods/pod7\n", version2: [$0.path]) }
        #expect(quotas.map { $0?.cores } == [4, 4])
        #expect(quotas[0]?.group != quotas[1]?.group)
        #expect(ProcessorQuota.smallest(membership: "0::/\n", version2: [pods[0].path]) == quotas[0])
    }

    /// Outside a container the limit may be that of any group above.
    @Test func takesTheSmallestLimitOfAllGroupsAbove() throws {
        let root = try tree([
            "job/cpu.max": "300000 100000", "job/step/cpu.max": "max 100000", "job/step/task/cpu.max": "500000 100000",
            "other/cpu.max": "100000 100000",
        ])
        let quota = ProcessorQuota.smallest(membership: "1:name=systemd:/\n0::/job/step/task\n", version2: [root.path])
        #expect(quota?.cores == 3 && quota?.group == FileSystem.identity(of: root.file("job")))
        // A group outside the visible ones.
        #expect(ProcessorQuota.smallest(membership: "0::/../other\n", version2: [root.file("job/step")]) == nil)
        #expect(ProcessorQuota.smallest(membership: "", version2: [root.path]) == nil)
    }

    @Test func readsVersion1() throws {
        let root = try tree([
            "a/cpu.cfs_quota_us": "250000\n", "a/cpu.cfs_period_us": "100000\n", "cpu.cfs_quota_us": "-1\n",
            "cpu.cfs_period_us": "100000\n",
        ])
        for line in ["4:cpu,cpuacct:/a\n", "4:cpu:/a\n"] {
            #expect(ProcessorQuota.smallest(membership: line, version1: [root.path])?.cores == 2)
        }
        #expect(ProcessorQuota.smallest(membership: "4:cpu:/\n", version1: [root.path]) == nil)
    }
}
