import Files
import TestSupport
import Testing

@testable import Inference

struct PromptFileTests {
    private let directory = TemporaryDirectory()

    /// A file with the line ends of old Macs is not one prompt.
    @Test(arguments: [("prompts.txt", "a\rb\r"), ("prompts.jsonl", "{\"text\":\"a\"}\r{\"text\":\"b\"}\r")])
    func linesOfOldMacsAreRefused(name: String, text: String) throws {
        try FileSystem.replaceContents(of: directory.file(name), with: text)
        expectFailure(.badData, "\(name): has CR (byte ", "tr '\\r' '\\n' < ") {
            _ = try PromptFile(reading: directory.file(name))
        }
    }
}
