import Files
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointManifestTests {
    let directory = TemporaryDirectory()

    private func read(_ text: String) throws -> CheckpointManifest {
        try FileSystem.replaceContents(of: directory.file("manifest.json"), with: text)
        return try CheckpointManifest.read(in: directory.path)
    }

    private func manifest(naming names: [String]) -> CheckpointManifest {
        CheckpointManifest(
            program: "p", step: 1, digest: "d", files: names.map { .init(name: $0, size: 1, digest: "d") },
            identity: ["a": [0.1, nil]])
    }

    @Test func writtenManifestReadsBack() throws {
        let manifest = manifest(naming: ["model.safetensors", "state.json"])
        #expect(try read(manifest.text) == manifest)
    }

    @Test(arguments: [
        "../model.safetensors", "/etc/model.safetensors", "a/b.safetensors", "..", ".safetensors", ".x.safetensors", "",
        "model.bin", "manifest.json", "a\0.safetensors", "é.safetensors", "a\\b.safetensors",
    ])
    func rejectsPathsOutsideDirectory(name: String) {
        let sealed = manifest(naming: ["state.json", name]).text
        expectFailure(.badData, "manifest.json", "names a file") { _ = try read(sealed) }
    }

    @Test(arguments: [["model.safetensors"], ["state.json", "a.safetensors", "a.safetensors"], []])
    func rejectsIncompleteOrDuplicateFileLists(names: [String]) {
        expectFailure(.badData, "manifest.json", "must list state.json") { _ = try read(manifest(naming: names).text) }
    }

    @Test func rejectsOverflowingSizes() throws {
        let names = ["model.safetensors", "optimizer.safetensors", "state.json"]
        for (sizes, isSound) in [([.max, 0, 0], true), ([.max, 1, 0], false), ([.max, .max, .max], false)] {
            let manifest = CheckpointManifest(
                program: "p", step: 1, digest: "d",
                files: zip(names, sizes).map { .init(name: $0, size: $1, digest: "d") }, identity: ["a": 1])
            if isSound {
                #expect(try read(manifest.text) == manifest)
            } else {
                expectFailure(.badData, "manifest.json", "implausibly large") { _ = try read(manifest.text) }
            }
        }
    }

    @Test func reportsUnsupportedVersion() {
        let text = #"{"format": "dtrain checkpoint", "version": 2}"#
        expectFailure(.badData, "version 2", "version 1") { _ = try read(text) }
        expectFailure(.badData, #"a "zip" of version 1"#) { _ = try read(#"{"format": "zip", "version": 1}"#) }
    }

    @Test(arguments: [
        "", "[]", "{}", "null", #"{"format":1,"version":1}"#, #"{"format":"dtrain checkpoint","version":1}"#,
    ])
    func rejectsInvalidManifest(text: String) {
        expectFailure(.badData, "manifest.json") { _ = try read(text) }
    }

    @Test func rejectsAlteredText() {
        let text = manifest(naming: ["state.json"]).text
        for (found, replacement) in [("\"p\"", "\"q\""), (": 1", ":  1"), ("0.1", "0.2"), ("}\n", "} \n")] {
            let start = text.range(of: found)!
            let altered = text.replacingCharacters(in: start, with: replacement)
            expectFailure(.badData, "manifest.json", "its own XXH3-128 does not match") { _ = try read(altered) }
        }
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? { ranges(of: text).first }

    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
