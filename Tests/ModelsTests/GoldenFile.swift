import Checkpoints
import Foundation
import Testing

/// A file of golden values, written by `Golden/make_golden.py`.
final class GoldenFile {
    private let file: SafetensorsFile

    init(_ name: String) throws {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Golden"))
        file = try SafetensorsFile(url.path)
    }

    /// The names that start with `prefix`, without it.
    func names(below prefix: String) -> [String] {
        file.tensors.map(\.name).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// The shape of a tensor.
    func shape(_ name: String) throws -> [Int] { try #require(file[name]).shape }

    /// Reads a Float32 tensor.
    func numbers(_ name: String) throws -> [Double] { try read(name, .float32, Float.self).map(Double.init) }

    /// Reads an Int32 tensor.
    func integers(_ name: String) throws -> [Int] { try read(name, .int32, Int32.self).map(Int.init) }

    private func read<Element: Numeric>(_ name: String, _ type: TensorType, _: Element.Type) throws -> [Element] {
        let tensor = try #require(file[name], "\(name)")
        #expect(tensor.type == type)
        var elements = [Element](repeating: 0, count: tensor.shape.reduce(1, *))
        try elements.withUnsafeMutableBytes { try file.read(name, into: $0) }
        return elements
    }
}
