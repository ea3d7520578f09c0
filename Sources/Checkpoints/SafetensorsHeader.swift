import Failures
import Files
import Texts

/// The header of a safetensors file: an 8-byte length, then JSON, padded to a multiple of 8 bytes.
///
/// - Source: the format description of huggingface/safetensors. It forbids duplicate names, gaps, overlaps and bytes
///   after the last tensor; this parser rejects them.
struct SafetensorsHeader {
    /// A tensor and the range of its data.
    struct Entry: Equatable {
        let name: String
        let type: TensorType
        let shape: [Int]
        /// Byte offsets relative to the start of the data.
        let range: Range<Int>
    }

    /// In the order of the data, without gaps.
    let entries: [Entry]
    let metadata: [ExactText: String]

    /// The size of the length field.
    static let lengthBytes = 8
    /// The maximum size of the JSON that parsers accept.
    static let maximumBytes = 100_000_000

    private static let metadataName = "__metadata__"
}

extension SafetensorsHeader {
    /// The header of `tensors`, with their data in the given order.
    ///
    /// Duplicate names are a programmer error.
    init(of tensors: [TensorSource], metadata: [ExactText: String]) {
        precondition(tensors.map(\.name).firstRepeated() == nil, "A safetensors file holds each name once.")
        precondition(!tensors.contains { $0.name == Self.metadataName }, "\(Self.metadataName) is not a tensor's name.")
        var end = 0
        entries = tensors.map { tensor in
            defer { end += tensor.byteCount }
            return Entry(
                name: tensor.name, type: tensor.type, shape: tensor.shape, range: end..<end + tensor.byteCount)
        }
        self.metadata = metadata
    }

    /// The header's JSON, padded with spaces to a multiple of 8 bytes.
    var text: String {
        var members: [JSON.Member] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { JSON.Member($0.key.text, .string($0.value)) }
            members.append(JSON.Member(Self.metadataName, .object(texts)))
        }
        for entry in entries {
            let value: JSON = [
                "dtype": .string(entry.type.rawValue),
                "shape": .array(entry.shape.map { .integer($0) }),
                "data_offsets": [.integer(entry.range.lowerBound), .integer(entry.range.upperBound)],
            ]
            members.append(JSON.Member(entry.name, value))
        }
        let text = JSON.object(members).line
        let excess = text.utf8.count % 8
        return excess == 0 ? text : text + String(repeating: " ", count: 8 - excess)
    }
}

extension SafetensorsHeader {
    /// Parses and checks a header.
    ///
    /// - Parameters:
    ///   - bytes: The JSON with its padding.
    ///   - dataBytes: The number of data bytes that follow in the file.
    ///   - path: The file, for error messages.
    /// - Throws: `badData` if the header violates the format.
    init(parsing bytes: [UInt8], dataBytes: Int, path: String) throws(Failure) {
        guard bytes.first == UInt8(ascii: "{") else {
            throw Failure(.badData, "\(path): its header does not start with '{': it is not a safetensors file.")
        }
        // A valid header nests three levels: header, tensor, shape.
        let header = try JSON(parsing: bytes, source: "\(path): safetensors header", depthLimit: 3)
        var entries: [Entry] = []
        var metadata: [ExactText: String] = [:]
        for member in header.objectValue ?? [] {
            if member.name == Self.metadataName {
                metadata = try Self.parseMetadata(member.value, path: path)
            } else {
                entries.append(try Self.parseEntry(member, path: path))
            }
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.name.exact)
                < ($1.range.lowerBound, $1.range.upperBound, $1.name.exact)
        }
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else {
                let finding =
                    entry.range.lowerBound < end
                    ? "overlaps the previous tensor" : "leaves a gap after the previous tensor"
                throw Failure(
                    .badData,
                    "\(path): tensor \(entry.name): starts at byte \(entry.range.lowerBound) of the data and \(finding), "
                        + "which ends at \(end).")
            }
            end = entry.range.upperBound
        }
        guard end == dataBytes else {
            throw Failure(
                .badData,
                "\(path): the header describes \(end) bytes of data, but \(dataBytes) follow it: "
                    + (end > dataBytes ? "the file is truncated." : "the file has extra bytes at its end."))
        }
        self.entries = entries
        self.metadata = metadata
    }

    private static func parseMetadata(_ value: JSON, path: String) throws(Failure) -> [ExactText: String] {
        guard let members = value.objectValue else {
            throw Failure(.badData, "\(path): \(metadataName) is not an object of strings.")
        }
        var metadata: [ExactText: String] = [:]
        for member in members {
            guard let text = member.value.stringValue else {
                throw Failure(.badData, "\(path): \(metadataName): \(member.name) is not a string.")
            }
            metadata[member.name.exact] = text
        }
        return metadata
    }

    private static func parseEntry(_ member: JSON.Member, path: String) throws(Failure) -> Entry {
        let place = "\(path): tensor \(member.name)"
        guard let members = member.value.objectValue, members.count == 3,
            let typeName = member.value["dtype"]?.stringValue,
            let shape = integers(member.value["shape"]),
            let offsets = integers(member.value["data_offsets"]), offsets.count == 2
        else { throw Failure(.badData, "\(place): expected exactly dtype, shape and two data_offsets.") }
        guard let type = TensorType(rawValue: typeName) else {
            let known = TensorType.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.badData, "\(place): unknown dtype \(typeName); allowed: \(known).")
        }
        guard offsets[0] >= 0, offsets[0] <= offsets[1] else {
            throw Failure(.badData, "\(place): data_offsets \(offsets) are not a range.")
        }
        guard let byteCount = type.byteCount(shape: shape), byteCount == offsets[1] - offsets[0] else {
            throw Failure(
                .badData, "\(place): shape \(shape) of \(typeName) does not fill its \(offsets[1] - offsets[0]) bytes.")
        }
        return Entry(name: member.name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// Returns the elements if `value` is an array of integers, otherwise nil.
    private static func integers(_ value: JSON?) -> [Int]? {
        guard let elements = value?.arrayValue else { return nil }
        let integers = elements.compactMap(\.integerValue)
        return integers.count == elements.count ? integers : nil
    }
}
