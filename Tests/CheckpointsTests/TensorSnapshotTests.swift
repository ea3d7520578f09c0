import Failures
import Testing

@testable import Checkpoints

struct TensorSnapshotTests {
    let sample = SampleRun()

    private func bytes(_ files: [(name: String, tensors: [TensorSource])]) throws -> [[UInt8]] {
        try files.flatMap(\.tensors).map { tensor in
            var bytes: [UInt8] = []
            try tensor.forEachBlock { bytes += Array($0) }
            return bytes
        }
    }

    private func firstAddress(_ files: [(name: String, tensors: [TensorSource])]) throws -> UnsafeRawPointer? {
        var address: UnsafeRawPointer?
        try files[0].tensors[0].forEachBlock { address = $0.baseAddress }
        return address
    }

    @Test func copiesDoNotChangeWithOriginals() throws {
        let snapshot = TensorSnapshot()
        let before = try bytes(sample.files)
        let copies = try #require(try snapshot.copy(sample.files))
        sample.weights.buffer[0] ^= 1
        sample.large.buffer[sample.large.buffer.count - 1] ^= 1
        #expect(try bytes(copies) == before)
        #expect(copies.map(\.name) == sample.files.map(\.name))
        #expect(copies.flatMap(\.tensors).map(\.name) == sample.files.flatMap(\.tensors).map(\.name))
        #expect(copies.flatMap(\.tensors).map(\.shape) == sample.files.flatMap(\.tensors).map(\.shape))

        let next = try #require(try snapshot.copy(sample.files))
        #expect(try bytes(next) == bytes(sample.files))
        #expect(try firstAddress(next) == firstAddress(copies), "The memory is kept.")
    }

    @Test func commitOfCopiesIsIdentical() throws {
        let snapshot = TensorSnapshot()
        let copies = try #require(try snapshot.copy(sample.files))
        let original = try sample.commit()
        sample.state.step = 500
        let copied = try Checkpoint.commit(
            run: sample.run, state: sample.state, program: "dtrain 0.0.0", identity: sample.identity, files: copies)
        #expect(
            copied.manifest.files.filter { $0.name != "state.json" }
                == original.manifest.files.filter { $0.name != "state.json" })
    }

    @Test func withoutMemoryNoTensorIsRead() throws {
        var available = 100 << 20
        let snapshot = TensorSnapshot { available }
        let untouched = TensorSource(name: "a", type: .uint8, shape: [1]) { _ in Issue.record("It was read.") }
        #expect(try snapshot.copy([("a.safetensors", [untouched])]) == nil)
        // More memory than exists, even if the system reports that much.
        available = Int.max
        let huge = TensorSource(name: "a", type: .uint8, shape: [1 << 60]) { _ in Issue.record("It was read.") }
        #expect(try snapshot.copy([("a.safetensors", [huge])]) == nil)
        #expect(try snapshot.copy(sample.files) != nil)
        available = 0
        #expect(try snapshot.copy(sample.files) != nil, "What it has, it keeps.")
    }

    @Test func tensorFailureFailsTheCopy() throws {
        let failure = Failure(.internalError, "a rank is gone")
        let failing = TensorSource(name: "a", type: .uint8, shape: [1]) { _ throws(Failure) in throw failure }
        #expect(throws: failure) { _ = try TensorSnapshot().copy([("a.safetensors", [failing])]) }
    }
}
