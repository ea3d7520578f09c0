import Collectives
import Failures
import Synchronization
import TestSupport
import Testing

struct AgreementTests {
    @Test func successReturnsEachRanksResult() {
        let results = Mutex<[Int: String]>([:])
        LoopbackCommunicator.run(size: 3) { communicator in
            let own = try? communicator.together { () throws(Failure) in communicator.rank * 10 }
            let first = try? communicator.onFirstRank { () throws(Failure) in "größe \(communicator.rank)" }
            results.withLock { $0[communicator.rank] = "\(own ?? -1) \(first ?? "none")" }
        }
        #expect(results.withLock(\.self) == [0: "0 größe 0", 1: "10 größe 0", 2: "20 größe 0"])
    }

    /// A rank that has read other data is named on every rank.
    @Test func namesTheRankThatDiffers() {
        let failures = Mutex<[String]>([])
        LoopbackCommunicator.run(size: 3) { communicator in
            do {
                try communicator.requireSame("a") { Failure(.usage, "rank \($0) differs") }
                try communicator.requireSame(communicator.rank == 2 ? "b" : "a") {
                    Failure(.usage, "rank \($0) differs")
                }
            } catch {
                let message = (error as? AgreedFailure)?.failure.message ?? "\(error)"
                failures.withLock { $0.append(message) }
            }
        }
        #expect(failures.withLock(\.self) == ["rank 2 differs", "rank 2 differs", "rank 2 differs"])
    }

    /// Every rank throws the failure of the lowest failing rank.
    @Test(arguments: [([0], ""), ([2], "rank 2: "), ([1, 2], "rank 1: "), ([0, 3], "")])
    func everyRankThrowsTheSameFailure(failing: [Int], prefix: String) {
        let failures = Mutex<[Failure]>([])
        LoopbackCommunicator.run(size: 4) { communicator in
            do {
                try communicator.together { () throws(Failure) in
                    guard !failing.contains(communicator.rank) else {
                        throw Failure(.badData, "no data on \(communicator.rank)")
                    }
                }
            } catch {
                if let agreed = error as? AgreedFailure { failures.withLock { $0.append(agreed.failure) } }
            }
        }
        let found = failures.withLock(\.self)
        #expect(found.count == 4)
        for failure in found {
            #expect(failure.exitCode == .badData)
            #expect(failure.message == "\(prefix)no data on \(failing[0])")
        }
    }

    /// The failures of three ranks that were started with `words`.
    private func failures(of words: [[String]]) -> [Failure] {
        let failures = Mutex<[Failure]>([])
        LoopbackCommunicator.run(size: words.count) { communicator in
            do {
                try communicator.requireSameCommand(words[communicator.rank])
            } catch {
                if let agreed = error as? AgreedFailure { failures.withLock { $0.append(agreed.failure) } }
            }
        }
        return failures.withLock(\.self)
    }

    @Test func rejectsRanksWithDifferentCommands() {
        #expect(failures(of: Array(repeating: ["dtrain", "evaluate"], count: 3)).isEmpty)
        let found = failures(of: [
            ["dtrain", "train"], ["dtrain", "train"], ["dtrain", "generate", "--prompt", "a b"],
        ])
        #expect(found.count == 3)
        for failure in found {
            #expect(failure.exitCode == .usage)
            #expect(
                failure.message.hasPrefix(
                    "rank 2: was started as\n  dtrain generate --prompt 'a b'\nbut rank 0 as\n  dtrain train\n"))
        }
    }
}
