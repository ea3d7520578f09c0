import Tensors
import Files
import Tokenizers

/// The description of the training data that a checkpoint stores, because using the model requires it.
package struct DatasetFacts: Equatable, Sendable {
    /// The kind of the dataset.
    package var kind: DatasetKind
    /// The tokenizer, with its special tokens.
    package var tokenizer: TokenizerDescription
    /// The kind and names of the labels; nil without labels.
    package var labels: LabelDescription?
    /// The size of the images; nil without images.
    package var imageShape: ImageShape?
    /// The chat template of the conversations, or of the tokenizer; nil if there is none.
    package var chatTemplate: String?

    /// The description as JSON.
    package var json: JSON {
        var members = [
            JSON.Member("kind", .string(kind.rawValue)),
            JSON.Member("tokenizer", tokenizer.json),
        ]
        if let labels {
            members.append(
                JSON.Member(
                    "labels",
                    [
                        "kind": .string(labels.kind.rawValue), "names": .array(labels.names.map(JSON.string)),
                    ]))
        }
        if let image = imageShape {
            members.append(
                JSON.Member(
                    "image",
                    [
                        "height": .integer(image.height), "width": .integer(image.width),
                        "channels": .integer(image.channels),
                    ]))
        }
        if let chatTemplate { members.append(JSON.Member("chat_template", .string(chatTemplate))) }
        return .object(members)
    }

    /// Parses a description; nil if `json` is invalid.
    package init?(_ json: JSON) {
        guard let kind = json["kind"]?.stringValue.flatMap(DatasetKind.init(rawValue:)),
            let tokenizer = json["tokenizer"].flatMap(TokenizerDescription.init)
        else { return nil }
        (self.kind, self.tokenizer) = (kind, tokenizer)
        if let labels = json["labels"] {
            guard let kind = labels["kind"]?.stringValue.flatMap(LabelDescription.Kind.init(rawValue:)),
                let names = labels["names"]?.arrayValue, names.count <= LabelDescription.classLimit
            else { return nil }
            let texts = names.compactMap(\.stringValue)
            guard texts.count == names.count, (kind == .number) == texts.isEmpty else { return nil }
            self.labels = LabelDescription(kind: kind, names: texts)
        }
        if let image = json["image"] {
            guard let height = image["height"]?.integerValue, let width = image["width"]?.integerValue,
                let channels = image["channels"]?.integerValue
            else { return nil }
            let shape = ImageShape(height: height, width: width, channels: channels)
            guard shape.isPossible else { return nil }
            imageShape = shape
        }
        if let template = json["chat_template"] {
            guard let text = template.stringValue, text.utf8.count <= DatasetManifest.chatTemplateBytesLimit else {
                return nil
            }
            chatTemplate = text
        }
        guard (self.labels != nil) == kind.hasLabels, (imageShape != nil) == (kind == .images) else { return nil }
    }

    /// The description of a plain text dataset.
    package init(textWith tokenizer: TokenizerDescription) {
        (kind, self.tokenizer) = (.text, tokenizer)
    }
}

extension Dataset {
    /// The description that checkpoints store.
    package var facts: DatasetFacts {
        var facts = DatasetFacts(textWith: tokenizer)
        facts.kind = kind
        facts.labels = labels
        facts.imageShape = imageShape
        facts.chatTemplate = chatTemplate
        return facts
    }
}
