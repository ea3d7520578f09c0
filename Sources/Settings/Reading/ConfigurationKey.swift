/// A line of a section's table: all that is known of one key, for reading, writing and comparing it.
struct ConfigurationKey<Section>: Sendable {
    /// The section that the key stands in; empty for a key of its own.
    var section = ""
    let name: String
    /// What the key's value may be, for messages.
    let allowed: String
    /// Whether `--set` takes the value as it was typed, without reading it as YAML.
    let isText: Bool
    /// Whether such a value may be `null` or `~` for none.
    let mayBeNull: Bool
    /// Whether the value is one of a few words.
    let isChoice: Bool
    /// Whether another value makes other numbers.
    private(set) var affectsTrajectory = true
    /// Puts a node's value into a section.
    let read: @Sendable (YAMLNode, inout Section) throws(ConfigurationMismatch) -> Void
    /// Puts one section's value into another.
    let copy: @Sendable (Section, inout Section) -> Void
    /// The section's value as YAML, from which `read` makes the same value.
    let text: @Sendable (Section) -> String
    /// The section's value as a script wants it: text without quotes.
    let plain: @Sendable (Section) -> String

    /// Values that differ from each other in every way that a part of a run may tell apart, each as the change that sets it.
    let examples: [@Sendable (inout Section) -> Void]

    /// The name that messages, `--set` and comparisons use.
    var path: String { section.isEmpty ? name : "\(section).\(name)" }

    /// The key, but its value only moves or watches the numbers.
    var outsideTrajectory: Self {
        var key = self
        key.affectsTrajectory = false
        return key
    }

    /// A key whose value `property` has the form of `format`.
    init<Value>(
        _ name: String, _ property: WritableKeyPath<Section, Value> & Sendable, _ format: ConfigurationFormat<Value>
    ) where Value: Sendable {
        self.name = name
        allowed = format.allowed
        mayBeNull = Value.self == String?.self
        isText = mayBeNull || Value.self == String.self
        isChoice = format.isChoice
        examples = format.examples.map { value in { $0[keyPath: property] = value } }
        read = { (node, section) throws(ConfigurationMismatch) in section[keyPath: property] = try format.decode(node) }
        copy = { $1[keyPath: property] = $0[keyPath: property] }
        text = { format.encode($0[keyPath: property]) }
        plain = { $0[keyPath: property] as? String ?? format.encode($0[keyPath: property]) }
    }

    /// The key `key` of a section that `Section` holds as `property`.
    init<Inner>(
        _ key: ConfigurationKey<Inner>, of section: String, _ property: WritableKeyPath<Section, Inner> & Sendable
    ) {
        self.section = section
        name = key.name
        allowed = key.allowed
        (isText, mayBeNull) = (key.isText, key.mayBeNull)
        isChoice = key.isChoice
        examples = key.examples.map { example in { example(&$0[keyPath: property]) } }
        affectsTrajectory = key.affectsTrajectory
        read = { (node, outer) throws(ConfigurationMismatch) in try key.read(node, &outer[keyPath: property]) }
        copy = { key.copy($0[keyPath: property], &$1[keyPath: property]) }
        text = { key.text($0[keyPath: property]) }
        plain = { key.plain($0[keyPath: property]) }
    }
}

// The kinds of keys that a table is made of.
extension ConfigurationKey {
    /// The path of a file or directory.
    static func path(_ name: String, _ property: WritableKeyPath<Section, String> & Sendable) -> Self {
        Self(name, property, .path)
    }

    /// `true` or `false`.
    static func boolean(_ name: String, _ property: WritableKeyPath<Section, Bool> & Sendable) -> Self {
        Self(name, property, .boolean)
    }

    /// A whole number.
    static func integer(
        _ name: String, _ property: WritableKeyPath<Section, Int> & Sendable, in range: ClosedRange<Int>
    ) -> Self {
        Self(name, property, .integer(in: range))
    }

    /// A number.
    static func real(
        _ name: String, _ property: WritableKeyPath<Section, Double> & Sendable, in range: ClosedRange<Double>
    ) -> Self {
        Self(name, property, .real(RealRange(range)))
    }

    /// A number below the range's end.
    static func real(
        _ name: String, _ property: WritableKeyPath<Section, Double> & Sendable, in range: Range<Double>
    ) -> Self {
        Self(name, property, .real(RealRange(range)))
    }

    /// A list of `count` numbers below the range's end.
    static func reals(
        _ name: String, _ property: WritableKeyPath<Section, [Double]> & Sendable, count: Int, in range: Range<Double>
    ) -> Self {
        Self(name, property, .reals(count: count, RealRange(range)))
    }

    /// One of an enumeration's cases, by its raw value.
    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ property: WritableKeyPath<Section, Choice> & Sendable
    ) -> Self {
        Self(name, property, .choice())
    }
}
