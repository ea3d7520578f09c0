import Files

/// What a checkpoint remembers of the model of another program that it was imported from, or fine-tuned from.
package struct ModelOrigin: Equatable, Sendable {
    /// The class of transformers.
    package let className: String
    /// The members of its `generation_config.json` for which dtrain has no key of its own.
    package var generation: [JSON.Member]

    /// An origin.
    package init(className: String, generation: [JSON.Member] = []) {
        (self.className, self.generation) = (className, generation)
    }

    /// Reads the description in a manifest; nil if there is none.
    init?(_ json: JSON?) {
        guard let name = json?["class"]?.stringValue else { return nil }
        self.init(className: name, generation: json?["generation"]?.objectValue ?? [])
    }

    /// The description for a manifest.
    var json: JSON { ["class": .string(className), "generation": .object(generation)] }
}
