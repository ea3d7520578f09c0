import Files
import Testing

@testable import Settings

/// docs/configuration.md agrees with the table of keys.
@Suite struct ConfigurationPageTests {
    /// Each key has a row, which lists its choices and has an asterisk if the key does not affect results.
    @Test func rowsListChoicesAndMarkKeysWithoutEffectOnResults() throws {
        let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
            .joined(separator: "/")
        let page = String(
            decoding: try FileSystem.contents(of: repository + "/docs/configuration.md"), as: UTF8.self)
        let lines = page.split(separator: "\n")
        for key in Configuration.keys {
            let row = try #require(lines.first { $0.hasPrefix("| `\(key.path)` ") }, "\(key.path)")
            #expect(row.hasPrefix("| `\(key.path)` \\* |") == !key.affectsTrajectory, "\(key.path)")
            guard key.isChoice else { continue }
            let choices = key.allowed.split(separator: ", ").flatMap { $0.split(separator: " or ") }
            #expect(choices.count > 1)
            for choice in choices { #expect(row.contains(choice), "\(key.path): \(choice)") }
        }
    }
}
