import CYAML
import Failures
import Texts

/// Parses the part of YAML that configurations need. Anchors, aliases, tags, duplicate keys, keys that are not text,
/// several documents, and excessive depth or length are errors.
///
/// JSON is parsed too, except pairs of `\u` surrogates, which libyaml rejects.
struct YAMLReader: ~Copyable {
    /// The maximum size of a text, in bytes.
    package static let limitBytes = 1 << 20
    /// The maximum nesting depth of lists and mappings.
    static let depthLimit = 32

    private enum Event {
        case streamStart, streamEnd, documentStart, documentEnd
        case scalar(String, isPlain: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    }

    /// Allocated separately, because libyaml keeps its address.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private let source: YAMLSource

    /// Parses `bytes`, which must contain exactly one document.
    ///
    /// - Throws: `usage` with the position and the reason.
    static func document(_ bytes: [UInt8], from source: YAMLSource) throws(Failure) -> YAMLNode {
        guard bytes.count <= limitBytes else {
            throw Failure(
                .usage, "\(source.place(of: YAMLMark())): \(bytes.count) bytes; allowed: at most \(limitBytes)")
        }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
            let reader = try YAMLReader(buffer, from: source)
            return try reader.document()
        }
    }

    /// Creates a parser of `bytes`, which must outlive it.
    private init(_ bytes: UnsafeBufferPointer<UInt8>, from source: YAMLSource) throws(Failure) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw Failure(
                .inputOutput,
                "\(source.place(of: YAMLMark())): not enough memory to read it; end other programs, and start again.")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        self.parser = parser
        self.bytes = bytes
        self.source = source
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private func document() throws(Failure) -> YAMLNode {
        _ = try next()
        let (start, mark) = try next()
        guard case .documentStart = start else {
            throw failure(mark, "found nothing; allowed: a mapping of sections, such as model: {layers: 4}")
        }
        let (first, rootMark) = try next()
        let root = try node(first, at: rootMark, depth: 1)
        _ = try next()
        let (end, secondMark) = try next()
        guard case .streamEnd = end else {
            throw failure(secondMark, "found a second document; allowed: one document per file")
        }
        return root
    }

    /// Parses the node that starts with `event`.
    private func node(_ event: Event, at mark: YAMLMark, depth: Int) throws(Failure) -> YAMLNode {
        if case .scalar(let text, let isPlain) = event {
            return YAMLNode(content: .scalar(text, isPlain: isPlain), mark: mark)
        }
        guard depth <= Self.depthLimit else {
            throw failure(mark, "found lists and mappings nested deeper than \(Self.depthLimit); allowed: fewer")
        }
        if case .sequenceStart = event { return try sequence(at: mark, depth: depth) }
        return try mapping(at: mark, depth: depth)
    }

    private func sequence(at mark: YAMLMark, depth: Int) throws(Failure) -> YAMLNode {
        var elements: [YAMLNode] = []
        while true {
            let (event, elementMark) = try next()
            if case .sequenceEnd = event { return YAMLNode(content: .sequence(elements), mark: mark) }
            elements.append(try node(event, at: elementMark, depth: depth + 1))
        }
    }

    private func mapping(at mark: YAMLMark, depth: Int) throws(Failure) -> YAMLNode {
        var entries: [YAMLNode.Entry] = []
        var lines: [ExactText: Int] = [:]
        while true {
            let (event, keyMark) = try next()
            if case .mappingEnd = event { return YAMLNode(content: .mapping(entries), mark: mark) }
            guard case .scalar(let key, _) = event else {
                throw failure(keyMark, "found a list or a mapping as a key; allowed: text")
            }
            if let line = lines.updateValue(keyMark.line, forKey: key.exact) {
                throw failure(keyMark, "found the key \(printable(key)) again (first on line \(line)); allowed: once")
            }
            let (first, valueMark) = try next()
            let value = try node(first, at: valueMark, depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, mark: keyMark, value: value))
        }
    }

    /// The next event and the position at which it starts.
    private func next() throws(Failure) -> (Event, YAMLMark) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxFailure() }
        defer { yaml_event_delete(&event) }
        let mark = YAMLMark(event.start_mark)
        switch event.type {
        case YAML_STREAM_START_EVENT: return (.streamStart, mark)
        case YAML_DOCUMENT_START_EVENT:
            let tags = event.data.document_start.tag_directives
            guard tags.start == tags.end else { throw refusal(mark, "a tag directive") }
            return (.documentStart, mark)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, mark)
        case YAML_ALIAS_EVENT: throw refusal(mark, "an alias")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuse(anchor: scalar.anchor, tag: scalar.tag, at: mark)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return (.scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), mark)
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, at: mark)
            return (.sequenceStart, mark)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, mark)
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, at: mark)
            return (.mappingStart, mark)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, mark)
        default: return (.streamEnd, mark)
        }
    }

    private func refuse(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, at mark: YAMLMark
    ) throws(Failure) {
        if anchor != nil { throw refusal(mark, "an anchor") }
        if tag != nil { throw refusal(mark, "a tag") }
    }

    private func refusal(_ mark: YAMLMark, _ what: String) -> Failure {
        failure(mark, "found \(what); allowed: values written out, without anchors, aliases and tags")
    }

    private func failure(_ mark: YAMLMark, _ text: String) -> Failure {
        Failure(.usage, "\(source.place(of: mark)): \(text)")
    }

    /// The error for a text that libyaml rejects.
    private func syntaxFailure() -> Failure {
        let state = parser.pointee
        guard state.error != YAML_MEMORY_ERROR else {
            return failure(YAMLMark(), "not enough memory to read it; end other programs, and start again")
        }
        let problem = state.problem.map { String(cString: $0) } ?? ""
        let isEarly = state.error == YAML_READER_ERROR
        // In this phase libyaml reports a byte offset, not a line.
        let mark = isEarly ? mark(ofByte: state.problem_offset) : YAMLMark(state.problem_mark)
        let line = state.context == nil || isEarly ? nil : YAMLMark(state.context_mark).line
        return failure(mark, "not valid YAML: \(YAMLProblem.words(problem, from: line, at: byte(at: mark)))")
    }

    /// The byte at a mark whose columns count characters.
    private func byte(at mark: YAMLMark) -> UInt8? {
        var rest = bytes[...]
        for _ in 1..<mark.line {
            guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            rest = rest[(end + 1)...]
        }
        return String(decoding: rest.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self).unicodeScalars
            .dropFirst(mark.column - 1).first.flatMap { UInt8(exactly: $0.value) }
    }

    /// The mark of the byte at `offset`, for errors before libyaml counts lines.
    private func mark(ofByte offset: Int) -> YAMLMark {
        let before = bytes.prefix(offset)
        let line = before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).last ?? before
        // Every byte except UTF-8 continuation bytes starts a character.
        return YAMLMark(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: line.count { $0 & 0xC0 != 0x80 } + 1)
    }
}

extension YAMLMark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}
