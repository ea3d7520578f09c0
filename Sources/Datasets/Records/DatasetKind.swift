import Texts

/// What a dataset is made of.
package enum DatasetKind: String, Codable, CaseIterable, Sendable {
    /// One stream of tokens. Where it was made of documents, each ends with the token `eos`.
    case text
    /// Records of source and target tokens.
    case parallel
    /// Records of tokens and a label.
    case labelled
    /// Records of height × width × channels bytes and a class.
    case images

    /// The columns of tokens that its records have.
    package var columns: [RecordColumn] {
        switch self {
        case .text, .images: []
        case .parallel: [.source, .target]
        case .labelled: [.text]
        }
    }

    /// Whether its records have labels.
    package var hasLabels: Bool { self == .labelled || self == .images }
}

/// A column of tokens: each record has a row of at least one in it, without special tokens around.
package enum RecordColumn: String, Codable, CaseIterable, Sendable {
    /// What is translated.
    case source
    /// What it is translated to.
    case target
    /// What is labelled.
    case text
}

/// What the labels of a dataset mean.
package struct LabelDescription: Codable, Equatable, Sendable {
    /// The kinds of labels that there are.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// One class.
        case `class`
        /// Any number of classes.
        case multi
        /// A number.
        case number
    }

    /// What a label is.
    package var kind: Kind
    /// The name of each class, in the order of their numbers; empty for numbers.
    package var names: [String]

    /// The most classes that there may be.
    package static let classLimit = 1 << 16

    /// Labels of that kind.
    package init(kind: Kind, names: [String]) {
        self.kind = kind
        self.names = names
    }

    /// Names are equal where their bytes are.
    package static func == (left: LabelDescription, right: LabelDescription) -> Bool {
        left.kind == right.kind && left.names.map(\.exact) == right.names.map(\.exact)
    }

    /// Bytes that a label takes on the disk: a class or a number four, several classes a bit each.
    var labelBytes: Int { kind == .multi ? (names.count + 7) / 8 : 4 }

    /// The names as classes: in the order of their numbers where all are whole numbers, otherwise of their bytes.
    static func sorted(_ names: Set<ExactText>) -> [String] {
        let numbers = names.compactMap { name in Int(name.text).flatMap { String($0).exact == name ? $0 : nil } }
        if numbers.count == names.count { return numbers.sorted().map(String.init) }
        return names.sorted().map(\.text)
    }
}

/// The size that all images of a dataset have.
package struct ImageShape: Codable, Equatable, Sendable {
    package var height: Int
    package var width: Int
    /// 1 for gray, 3 for red, green and blue.
    package var channels: Int

    /// The largest height and width.
    package static let sideLimit = 1 << 14

    /// A shape.
    package init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// Bytes of an image: its rows from the top, each from the left, the channels of a pixel together.
    package var byteCount: Int { height * width * channels }

    /// Whether an image of that shape can be.
    var isPossible: Bool {
        let sides = 1...ImageShape.sideLimit
        return sides.contains(height) && sides.contains(width) && (channels == 1 || channels == 3)
    }
}
