import Files
import Foundation
import Testing

/// The golden values written by `Golden/make_golden.py`.
enum GoldenFile {
    /// Returns the top-level member `name` of the file.
    static func part(_ name: String) throws -> JSON {
        let url = try #require(Bundle.module.url(forResource: "golden", withExtension: "json", subdirectory: "Golden"))
        let file = try JSON(parsing: FileSystem.contents(of: url.path), source: url.path)
        return try #require(file[name], "\(name)")
    }
}

extension JSON {
    /// The numbers in an array.
    var numbers: [Double] { arrayValue?.compactMap(\.doubleValue) ?? [] }
}
