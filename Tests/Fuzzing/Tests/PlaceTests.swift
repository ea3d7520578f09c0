import Failures
import Files
import Glibc
import TestSupport
import Testing

@testable import Checkpoints
@testable import Datasets
@testable import Interchange
@testable import Settings
@testable import Preparation

/// A path may lead to anything: files that are not regular are rejected immediately.
struct PlaceTests {
    /// An operation that opens a path.
    struct Opener: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Opens a path; other files that it needs are written to the directory.
        let open: @Sendable (_ path: String, TemporaryDirectory) throws -> Void

        init(_ name: String, _ open: @escaping @Sendable (_ path: String, TemporaryDirectory) throws -> Void) {
            (testDescription, self.open) = (name, open)
        }

        static let all = [
            Opener("safetensors") { path, _ in _ = try SafetensorsFile(path) },
            Opener("contents") { path, _ in _ = try FileSystem.contents(of: path) },
            Opener("token shard") { path, _ in _ = try TokenShard(checking: path, allowingHeaderless: true) },
            Opener("lines") { path, _ in _ = try LineReader(path) },
            Opener("text") { path, _ in _ = try TextReader(path) },
            Opener("configuration") { path, _ in _ = try Configuration.load(file: path) },
            Opener("IDX") { path, _ in _ = try ImageSet([path, path]) },
            Opener("tokenizer") { path, directory in
                let text = try directory.file("text", holding: [0x61])
                _ = try DatasetPreparation(
                    .text([text]), output: directory.file("data"), tokenizer: .file(path)
                ).run()
            },
            Opener("PNG") { path, directory in
                try FileSystem.makeDirectory(directory.file("set/class"))
                _ = symlink(path, directory.file("set/class/image.png"))
                _ = try ImageSet([directory.file("set")])
            },
            Opener("manifest of a dataset") { path, directory in
                try FileSystem.makeDirectory(directory.file("data"))
                _ = symlink(path, directory.file("data/dataset.json"))
                _ = try Dataset.open(directory.file("data"))
            },
            Opener("bare shard") { path, directory in
                try FileSystem.makeDirectory(directory.file("data"))
                _ = symlink(path, directory.file("data/train.bin"))
                _ = try Dataset.open(directory.file("data"))
            },
            Opener("manifest of a checkpoint") { path, directory in
                _ = symlink(path, directory.file("manifest.json"))
                _ = try Checkpoint.open(directory.path)
            },
            Opener("model") { path, directory in
                _ = symlink(path, directory.file("config.json"))
                _ = try ModelReader(directory.path)
            },
            Opener("index of a model") { path, directory in
                _ = symlink(path, directory.file("model.safetensors.index.json"))
                _ = try WeightFiles(directory.path)
            },
        ]
    }

    @Test(arguments: Opener.all) func rejectsFilesThatAreNotRegular(opener: Opener) throws {
        let place = TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let (fifo, loop, dangling) = (place.file("fifo"), place.file("loop"), place.file("dangling"))
        try #require(mkfifo(fifo, 0o600) == 0)
        try #require(symlink(loop, loop) == 0)
        try #require(symlink(place.file("absent"), dangling) == 0)
        try FileSystem.makeDirectory(place.file("directory"))
        for path in [fifo, loop, dangling, place.file("directory"), "/dev/zero", "/dev/null", "/dev/tty", ""] {
            do {
                try opener.open(path, TemporaryDirectory())
                Issue.record("\(path.debugDescription) was opened")
            } catch let failure as Failure {
                let allowed: [ExitCode] = [.usage, .badData, .inputOutput]
                #expect(allowed.contains(failure.exitCode), "\(path): \(failure)")
            }
        }
    }
}
