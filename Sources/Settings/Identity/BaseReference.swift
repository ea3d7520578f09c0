import Files

/// The checkpoint whose frozen weights an adapter adapts.
package struct BaseReference: Equatable, Sendable {
    /// The directory in which it was found.
    package let directory: String
    /// Its digest, by which it is recognized.
    package let digest: String

    /// A reference to the checkpoint in `directory`.
    package init(directory: String, digest: String) { (self.directory, self.digest) = (directory, digest) }

    /// Parses the output of `json`; nil if it is invalid.
    init?(_ json: JSON) {
        guard let directory = json["directory"]?.stringValue, let digest = json["digest"]?.stringValue,
            !directory.isEmpty
        else { return nil }
        self.init(directory: directory, digest: digest)
    }

    /// The reference as it is stored in a checkpoint's manifest.
    var json: JSON { ["directory": .string(directory), "digest": .string(digest)] }
}
