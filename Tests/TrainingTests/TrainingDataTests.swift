import Collectives
import Files
import Synchronization
import TestSupport
import Testing

@testable import Training

struct TrainingDataTests {
    /// Each loopback rank acts as a host: the host with the damaged copy is named, and both ranks fail.
    @Test(arguments: [0, 1])
    func everyHostVerifiesItsOwnCopy(damaged: Int) throws {
        let texts = try #require(FamilyCase.all.first { $0.data == .documents })
        let hosts = try (0..<2).map { _ in try FamilyWorkshop(texts) }
        let path = hosts[damaged].directory.file("data/train-00000.bin")
        var bytes = try FileSystem.contents(of: path)
        bytes[bytes.count / 2] ^= 1
        try File(path, .create).write(bytes)
        let messages = Mutex<[String]>([])
        LoopbackCommunicator.run(size: 2) { communicator in
            do {
                let data = try hosts[communicator.rank].data([], communicator)
                try data.verify(communicator, splits: [.validation])
                try data.verify(communicator)
                Issue.record("nothing was thrown")
            } catch let agreed as AgreedFailure {
                #expect(agreed.failure.exitCode == .badData)
                messages.withLock { $0.append(agreed.failure.message) }
            } catch {
                Issue.record(error)
            }
        }
        let found = messages.withLock { $0 }
        #expect(found.count == 2 && Set(found).count == 1, "\(found)")
        #expect(found[0].contains("host ") && found[0].contains("\(path): its hash changed"), "\(found)")
        #expect(found[0].hasPrefix(damaged == 0 ? "host " : "rank 1: host "), "\(found)")
    }
}
