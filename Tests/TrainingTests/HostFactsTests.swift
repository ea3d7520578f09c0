import Failures
import TestSupport
import Testing

@testable import Training

struct HostFactsTests {
    private func facts(
        _ host: String, _ seconds: Double = 1e9, _ lines: [String] = ["the program is 1", "the model is x"]
    )
        -> HostFacts
    { HostFacts(host: host, seconds: seconds, lines: lines) }

    @Test func textKeepsAllFacts() {
        let one = facts("größe", 1_796_000_000.25)
        #expect(HostFacts(text: one.text) == one)
        #expect(HostFacts(text: "") == HostFacts(host: "", seconds: 0, lines: []))
    }

    @Test func differencesNameRankAndHost() throws {
        try HostFacts.requireEqual([facts("a"), facts("a"), facts("b")])
        let other = ["the program is 1", "the model is y"]
        expectFailure(
            .usage, "rank 2 on host b differs from rank 0 on host a: the model is y, rank 0's the model is x.",
            "Give every host the same dtrain"
        ) { try HostFacts.requireEqual([facts("a"), facts("a"), facts("b", 1e9, other), facts("b", 1e9, other)]) }
        expectFailure(.usage, "rank 1 differs from rank 0: the model is y") {
            try HostFacts.requireEqual([facts("a"), facts("a", 1e9, other)])
        }
    }

    @Test func clocksThatDifferAreReported() {
        #expect(HostFacts.clockWarning([facts("a"), facts("b", 1e9 + 5)]) == nil)
        let ahead = HostFacts.clockWarning([facts("a"), facts("a"), facts("b", 1e9 + 3600)])
        #expect(ahead?.hasPrefix("the clock of host b is \(grouped(3600)) s ahead of that of host a") == true)
        let behind = HostFacts.clockWarning([facts("a"), facts("b", 1e9 - 60)])
        #expect(behind?.contains("60 s behind") == true)
    }

    /// The ranks of one host run one file; on several hosts it is compared.
    @Test func programIsHashedOnlyIfAsked() {
        #expect(HostFacts.own(["x"], hashesProgram: false).lines == ["x"])
        #expect(HostFacts.own(["x"], hashesProgram: true).lines.count == 2)
    }
}
