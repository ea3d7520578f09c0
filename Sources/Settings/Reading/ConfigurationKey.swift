/// A row of a section's table: how one key is read, written and compared.
struct ConfigurationKey<Section>: Sendable {
    /// The name of the key's section; empty for a top-level key.
    var section = ""
    let name: String
    /// A description of the allowed values, for messages.
    let allowed: String
    /// Whether `--set` uses the argument verbatim instead of parsing it as YAML.
    let isText: Bool
    /// Whether a value that is used verbatim may be `null` or `~` for nil.
    let mayBeNull: Bool
    /// All allowed values, if they are words; otherwise empty.
    let words: [String]
    /// Whether the value affects the numerical results.
    private(set) var affectsTrajectory = true
    /// Parses a node and stores the value in a section.
    let read: @Sendable (YAMLNode, inout Section) throws(ConfigurationMismatch) -> Void
    /// Copies the value from one section to another.
    let copy: @Sendable (Section, inout Section) -> Void
    /// The value as YAML that `read` parses to the same value.
    let text: @Sendable (Section) -> String
    /// The value for use in scripts: text without quotes.
    let plain: @Sendable (Section) -> String

    /// Representative values, each as a function that sets it; together they cover every way in which the key may
    /// affect a run.
    let examples: [@Sendable (inout Section) -> Void]

    /// The full name as used in messages, `--set` and comparisons.
    var path: String { section.isEmpty ? name : "\(section).\(name)" }

    /// Whether the value is one of a few words.
    var isChoice: Bool { !words.isEmpty }

    /// The same key, marked as not affecting the numerical results.
    var outsideTrajectory: Self {
        var key = self
        key.affectsTrajectory = false
        return key
    }

    /// A key for `property` with values of `format`.
    init<Value>(
        _ name: String, _ property: WritableKeyPath<Section, Value> & Sendable, _ format: ConfigurationFormat<Value>
    ) where Value: Sendable {
        self.name = name
        allowed = format.allowed
        mayBeNull = Value.self == String?.self
        isText = mayBeNull || Value.self == String.self
        words = format.words
        examples = format.examples.map { value in { $0[keyPath: property] = value } }
        read = { (node, section) throws(ConfigurationMismatch) in section[keyPath: property] = try format.decode(node) }
        copy = { $1[keyPath: property] = $0[keyPath: property] }
        text = { format.encode($0[keyPath: property]) }
        plain = { $0[keyPath: property] as? String ?? format.encode($0[keyPath: property]) }
    }

    /// The key `key` of the section that `property` contains.
    init<Inner>(
        _ key: ConfigurationKey<Inner>, of section: String, _ property: WritableKeyPath<Section, Inner> & Sendable
    ) {
        self.section = section
        name = key.name
        allowed = key.allowed
        (isText, mayBeNull) = (key.isText, key.mayBeNull)
        words = key.words
        examples = key.examples.map { example in { example(&$0[keyPath: property]) } }
        affectsTrajectory = key.affectsTrajectory
        read = { (node, outer) throws(ConfigurationMismatch) in try key.read(node, &outer[keyPath: property]) }
        copy = { key.copy($0[keyPath: property], &$1[keyPath: property]) }
        text = { key.text($0[keyPath: property]) }
        plain = { key.plain($0[keyPath: property]) }
    }
}

// Shorthands for the rows of tables.
extension ConfigurationKey {
    /// The path of a file or directory.
    static func path(_ name: String, _ property: WritableKeyPath<Section, String> & Sendable) -> Self {
        Self(name, property, .path)
    }

    /// `true` or `false`.
    static func boolean(_ name: String, _ property: WritableKeyPath<Section, Bool> & Sendable) -> Self {
        Self(name, property, .boolean)
    }

    /// An integer.
    static func integer(
        _ name: String, _ property: WritableKeyPath<Section, Int> & Sendable, in range: ClosedRange<Int>
    ) -> Self {
        Self(name, property, .integer(in: range))
    }

    /// A real number.
    static func real(
        _ name: String, _ property: WritableKeyPath<Section, Double> & Sendable, in range: ClosedRange<Double>
    ) -> Self {
        Self(name, property, .real(RealRange(range)))
    }

    /// A real number below the upper bound of the range.
    static func real(
        _ name: String, _ property: WritableKeyPath<Section, Double> & Sendable, in range: Range<Double>
    ) -> Self {
        Self(name, property, .real(RealRange(range)))
    }

    /// A list of `count` real numbers below the upper bound of the range.
    static func reals(
        _ name: String, _ property: WritableKeyPath<Section, [Double]> & Sendable, count: Int, in range: Range<Double>
    ) -> Self {
        Self(name, property, .reals(count: count, RealRange(range)))
    }

    /// The raw value of one of an enumeration's cases.
    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ property: WritableKeyPath<Section, Choice> & Sendable
    ) -> Self {
        Self(name, property, .choice())
    }
}
