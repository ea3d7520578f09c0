import Glibc
import Testing

/// The programs that the fault campaigns in `Tests/Faults` require.
private enum Campaign {
    static let areThere = ["python3", "cc"].allSatisfy { name in
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    /// Runs a short version of a campaign with the program under test.
    static func run(_ name: String, _ arguments: [String]) -> Job.Outcome {
        let directory = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let environment = ["DTRAIN_BINARY": Workshop.binary]
        return Job(["/\(directory)/Faults/\(name)"] + arguments, in: "/", environment: environment)
            .finish()
    }
}

extension MultiprocessTests {
    /// Short versions of the campaigns in `Tests/Faults`, with a few fault points each; the long versions test all.
    @Suite(.enabled(if: Campaign.areThere, "needs python3 and a C compiler")) struct CampaignTests {
        @Test(arguments: [
            ("saves", ["--every", "149", "--ranks", "1"]),
            ("saves", ["--every", "293", "--ranks", "2", "--kinds", "background"]),
            ("flips", ["--flips", "1"]),
            ("disks", ["--only", "one rank", "stop", "RLIMIT", "torn"]),
        ])
        func shortCampaignSucceeds(name: String, arguments: [String]) {
            let outcome = Campaign.run(name, arguments)
            #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.errors)")
            #expect(outcome.output.contains("\"failures\": 0"), "\(outcome.output)\(outcome.errors)")
            #expect(outcome.leftBehind.isEmpty)
        }
    }
}
