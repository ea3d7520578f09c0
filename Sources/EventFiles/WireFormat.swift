/// A message of Protocol Buffers that is being written (encoding: protobuf.dev/programming-guides/encoding).
///
/// Integers and doubles that are 0 are omitted, as for fields without presence.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    /// Appends a field of type `int64`, `uint64` or an enumeration.
    mutating func integer(_ field: Int, _ value: Int) {
        if value == 0 { return }
        varint(UInt64(field << 3))
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// Appends a field of type `double`.
    mutating func double(_ field: Int, _ value: Double) {
        if value.bitPattern == 0 { return }
        varint(UInt64(field << 3 | 1))
        appendLittleEndian(value.bitPattern, to: &bytes)
    }

    /// Appends a field of type `float`.
    mutating func float(_ field: Int, _ value: Float) {
        varint(UInt64(field << 3 | 5))
        appendLittleEndian(value.bitPattern, to: &bytes)
    }

    /// Appends a field of type `string`, `bytes` or a message.
    mutating func bytes(_ field: Int, _ value: [UInt8]) {
        varint(UInt64(field << 3 | 2))
        varint(UInt64(value.count))
        bytes += value
    }

    /// Appends a field of type `string`.
    mutating func text(_ field: Int, _ value: String) { bytes(field, Array(value.utf8)) }

    /// Appends a message, which `write` writes.
    mutating func message(_ field: Int, _ write: (inout MessageWriter) -> Void) {
        var message = MessageWriter()
        write(&message)
        bytes(field, message.bytes)
    }

    /// Appends a packed field of type `repeated double`.
    mutating func doubles(_ field: Int, _ values: [Double]) {
        var packed: [UInt8] = []
        packed.reserveCapacity(8 * values.count)
        for value in values { appendLittleEndian(value.bitPattern, to: &packed) }
        bytes(field, packed)
    }

    /// Appends an unsigned number, seven bits per byte, the lowest first.
    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Appends the bytes of `number`, the lowest first.
func appendLittleEndian(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
}

/// The number whose bytes are `bytes`, the lowest first.
func littleEndian<Number: FixedWidthInteger & UnsignedInteger>(_ bytes: ArraySlice<UInt8>) -> Number {
    bytes.reversed().reduce(0) { $0 << 8 | Number($1) }
}

/// The fields of a message of Protocol Buffers.
struct MessageFields {
    /// A field and its value.
    struct Field {
        let number: Int
        let value: Value
    }

    /// The value of a field, by its wire type.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    /// The error for bytes that are not a message.
    struct Malformed: Error {}

    /// Parses all fields of a message.
    ///
    /// - Throws: `Malformed` for a field that is not complete, or of a type that is no longer in use (groups).
    static func parse(_ message: ArraySlice<UInt8>) throws(Malformed) -> [Field] {
        var (rest, fields): (ArraySlice<UInt8>, [Field]) = (message, [])
        while !rest.isEmpty {
            let key = try varint(&rest)
            guard let number = Int(exactly: key >> 3), number > 0 else { throw Malformed() }
            let value: Value =
                switch key & 7 {
                case 0: .varint(try varint(&rest))
                case 1: .fixed64(littleEndian(try take(8, &rest)))
                case 5: .fixed32(littleEndian(try take(4, &rest)))
                case 2: .bytes(try take(try varint(&rest), &rest))
                default: throw Malformed()
                }
            fields.append(Field(number: number, value: value))
        }
        return fields
    }

    /// The numbers of a packed field of type `repeated double`.
    static func doubles(_ packed: ArraySlice<UInt8>) throws(Malformed) -> [Double] {
        guard packed.count % 8 == 0 else { throw Malformed() }
        return stride(from: packed.startIndex, to: packed.endIndex, by: 8).map {
            Double(bitPattern: littleEndian(packed[$0..<$0 + 8]))
        }
    }

    private static func take(_ count: UInt64, _ rest: inout ArraySlice<UInt8>) throws(Malformed) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw Malformed() }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed() }
            // The tenth byte has one bit.
            guard shift < 63 || byte < 2 else { throw Malformed() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }
}
