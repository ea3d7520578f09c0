import Files
import TestSupport
import Testing

@testable import Inference

struct PromptFileTests {
    private let directory = TemporaryDirectory()

    /// A file with old Mac line ends is rejected, not read as one prompt.
    @Test(arguments: [("prompts.txt", "a\rb\r"), ("prompts.jsonl", "{\"text\":\"a\"}\r{\"text\":\"b\"}\r")])
    func rejectsOldMacLineEnds(name: String, text: String) throws {
        try FileSystem.replaceContents(of: directory.file(name), with: text)
        expectFailure(.badData, "\(name): has CR (first at byte ", "tr '\\r' '\\n' < ") {
            _ = try PromptFile(reading: directory.file(name))
        }
    }
}
