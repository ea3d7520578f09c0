import Files
import Foundation
import Testing

/// A file of golden values, written by `Golden/make_golden.py`.
struct GoldenFile {
    private let contents: JSON

    init(_ name: String) throws {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Golden"))
        contents = try JSON(parsing: try FileSystem.contents(of: url.path), source: url.path)
    }

    /// The cases of a section, of which there must be at least one.
    func cases(_ section: String) throws -> [JSON] {
        let cases = try #require(contents[section]?.arrayValue)
        try #require(!cases.isEmpty)
        return cases
    }
}

extension JSON {
    /// The number in member `name`.
    func number(_ name: String) throws -> Double { try #require(self[name]?.doubleValue, "\(name)") }

    /// The integer in member `name`.
    func integer(_ name: String) throws -> Int { try #require(self[name]?.integerValue, "\(name)") }

    /// The array in member `name`.
    func elements(_ name: String) throws -> [JSON] { try #require(self[name]?.arrayValue, "\(name)") }

    /// The numbers in member `name`.
    func numbers(_ name: String) throws -> [Double] {
        try elements(name).map { try #require($0.doubleValue, "\(name)") }
    }

    /// The integers in member `name`.
    func integers(_ name: String) throws -> [Int] {
        try elements(name).map { try #require($0.integerValue, "\(name)") }
    }

    /// The strings in member `name`.
    func strings(_ name: String) throws -> [String] {
        try elements(name).map { try #require($0.stringValue, "\(name)") }
    }
}
