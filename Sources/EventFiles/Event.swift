/// An entry of an event file: TensorFlow's message `Event` (tensorflow/core/util/event.proto).
package struct Event: Equatable, Sendable {
    /// The time in seconds since 1970.
    package var wallTime: Double
    package var step: Int
    package var content: Content

    /// What an event says.
    package enum Content: Equatable, Sendable {
        /// The first event of a file: the version of the format.
        case version(String)
        /// Values of the step.
        case summaries([Summary])
        /// A process starts here to write events; those of this step and later ones, written before, are void.
        case sessionStart
        /// Something that dtrain does not write.
        case other
    }

    package init(wallTime: Double, step: Int, _ content: Content) {
        (self.wallTime, self.step, self.content) = (wallTime, step, content)
    }
}

/// A named value of an event.
package struct Summary: Equatable, Sendable {
    /// The name; a viewer groups values by the part before the first slash.
    package var tag: String
    package var value: Value

    /// The kinds of values.
    package enum Value: Equatable, Sendable {
        case scalar(Float)
        /// Text, which the viewer shows as Markdown.
        case text(String)
        case histogram(Histogram)
        /// Something that dtrain does not write.
        case other
    }

    package init(_ tag: String, _ value: Value) {
        (self.tag, self.value) = (tag, value)
    }

    /// Whether the value is text.
    var isText: Bool { if case .text = value { true } else { false } }
}

extension Event {
    /// The version that the first event of a file names.
    static let formatVersion = "brain.Event:2"

    /// The event as a message.
    var message: [UInt8] {
        var event = MessageWriter()
        event.double(1, wallTime)
        event.integer(2, step)
        switch content {
        case .version(let version): event.text(3, version)
        case .summaries(let summaries):
            event.message(5) { message in
                for summary in summaries { message.message(1) { summary.write(into: &$0) } }
            }
        case .sessionStart: event.message(7) { $0.integer(1, 1) }
        case .other: break
        }
        return event.bytes
    }

    /// Parses a message; of a repeated field the last one counts.
    init(parsing message: ArraySlice<UInt8>) throws(MessageFields.Malformed) {
        self.init(wallTime: 0, step: 0, .other)
        for field in try MessageFields.parse(message) {
            switch (field.number, field.value) {
            case (1, .fixed64(let bits)): wallTime = Double(bitPattern: bits)
            case (2, .varint(let bits)): step = Int(Int64(bitPattern: bits))
            case (3, .bytes(let text)): content = .version(String(decoding: text, as: UTF8.self))
            case (5, .bytes(let message)):
                var summaries: [Summary] = []
                for field in try MessageFields.parse(message) {
                    if case (1, .bytes(let value)) = (field.number, field.value) {
                        summaries.append(try Summary(parsing: value))
                    }
                }
                content = .summaries(summaries)
            case (7, .bytes(let message)):
                for field in try MessageFields.parse(message) {
                    if case (1, .varint(1)) = (field.number, field.value) { content = .sessionStart }
                }
            default: break
            }
        }
    }
}

extension Summary {
    /// `DT_STRING` of TensorFlow's data types.
    private static let stringType = 7
    /// `DATA_CLASS_TENSOR` of the metadata of a summary.
    private static let tensorClass = 2

    fileprivate func write(into message: inout MessageWriter) {
        message.text(1, tag)
        switch value {
        case .scalar(let number): message.float(2, number)
        case .histogram(let histogram): message.message(5) { histogram.write(into: &$0) }
        case .text(let text):
            message.message(8) { tensor in
                tensor.integer(1, Summary.stringType)
                // The shape of a single text: no dimensions.
                tensor.bytes(2, [])
                tensor.text(8, text)
            }
            message.message(9) { metadata in
                metadata.message(1) { $0.text(1, "text") }
                metadata.integer(4, Summary.tensorClass)
            }
        case .other: break
        }
    }

    fileprivate init(parsing message: ArraySlice<UInt8>) throws(MessageFields.Malformed) {
        self.init("", .other)
        for field in try MessageFields.parse(message) {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): tag = String(decoding: text, as: UTF8.self)
            case (2, .fixed32(let bits)): value = .scalar(Float(bitPattern: bits))
            case (5, .bytes(let histogram)): value = .histogram(try Histogram(parsing: histogram))
            case (8, .bytes(let tensor)):
                for field in try MessageFields.parse(tensor) {
                    if case (8, .bytes(let text)) = (field.number, field.value) {
                        value = .text(String(decoding: text, as: UTF8.self))
                    }
                }
            default: break
            }
        }
    }
}

extension Histogram {
    fileprivate func write(into message: inout MessageWriter) {
        for (index, number) in [minimum, maximum, count, sum, sumOfSquares].enumerated() {
            message.double(index + 1, number)
        }
        message.doubles(6, limits)
        message.doubles(7, counts)
    }

    fileprivate init(parsing message: ArraySlice<UInt8>) throws(MessageFields.Malformed) {
        var (numbers, limits, counts): ([Double], [Double], [Double]) = ([0, 0, 0, 0, 0], [], [])
        for field in try MessageFields.parse(message) {
            switch (field.number, field.value) {
            case (1...5, .fixed64(let bits)): numbers[field.number - 1] = Double(bitPattern: bits)
            case (6, .bytes(let packed)): limits = try MessageFields.doubles(packed)
            case (7, .bytes(let packed)): counts = try MessageFields.doubles(packed)
            default: break
            }
        }
        guard limits.count == counts.count else { throw MessageFields.Malformed() }
        self.init(
            minimum: numbers[0], maximum: numbers[1], count: numbers[2], sum: numbers[3], sumOfSquares: numbers[4],
            limits: limits, counts: counts)
    }
}
