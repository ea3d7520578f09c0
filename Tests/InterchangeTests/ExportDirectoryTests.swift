import Files
import Interchange
import TestSupport
import Testing

/// An export directory contains the files of one export; files of the user are never touched.
struct ExportDirectoryTests {
    let directory = TemporaryDirectory()
    private var path: String { directory.file("model") }

    private func export(_ files: [String: String]) throws {
        let output = try ExportDirectory(claiming: path)
        for (name, text) in files { try FileSystem.replaceContents(of: "\(output.staging)/\(name)", with: text) }
        try output.complete()
    }

    private func visible() throws -> [String] { try FileSystem.list(path).filter { !$0.hasPrefix(".") } }

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.contents(of: "\(path)/\(name)"), as: UTF8.self)
    }

    @Test func nextExportReplacesFilesOfTheFirst() throws {
        try export(["config.json": "1", "vocab.json": "1"])
        try export(["config.json": "2", "model.safetensors": "2"])
        #expect(try visible() == ["config.json", "model.safetensors"])
        #expect(try text("config.json") == "2")
    }

    @Test(arguments: ["README.md", "vocab.json", "config.json"])
    func rejectsFilesOfTheUser(name: String) throws {
        try export(["config.json": "1", "vocab.json": "1"])
        try FileSystem.replaceContents(of: "\(path)/\(name)", with: "written by the user")
        let before = try FileSystem.list(path)
        expectFailure(.usage, name, "no export has written") { try export(["config.json": "2"]) }
        #expect(try FileSystem.list(path) == before)
        #expect(try text(name) == "written by the user")
        #expect(try name == "config.json" || text("config.json") == "1")
    }

    @Test func ignoresHiddenFiles() throws {
        try FileSystem.makeDirectory("\(path)/.git")
        try export(["config.json": "1"])
        #expect(FileSystem.isDirectory("\(path)/.git"))
    }

    @Test func failedExportKeepsEarlierOne() throws {
        try export(["config.json": "1"])
        let before = try FileSystem.list(path)
        let output = try ExportDirectory(claiming: path)
        try FileSystem.replaceContents(of: "\(output.staging)/config.json", with: "2")
        try output.discard()
        #expect(try FileSystem.list(path) == before)
        #expect(try text("config.json") == "1")
    }

    /// After a kill while files are moved, the directory is rejected as a model; repeating the export completes it.
    @Test func interruptedExportCanBeRepeated() throws {
        try export(["config.json": "1", "vocab.json": "1"])
        try FileSystem.remove("\(path)/.dtrain-export.json")
        try FileSystem.replaceContents(of: "\(path)/export.incomplete", with: "config.json\nvocab.json\n")
        expectFailure(.badData, "not complete") { _ = try ModelReader(path) }
        try export(["config.json": "2"])
        #expect(try visible() == ["config.json"])
    }
}
