/// A tiny model of one family, its prediction task and its data. Together the cases cover every kind of dataset and
/// prediction, and the options that change the computation of a step.
package struct FamilyCase: Sendable, CustomStringConvertible {
    /// The name of the case.
    package let name: String
    /// The input files of its dataset.
    package let data: DataForm
    /// The configuration keys that differ from `commonSets`.
    package let sets: [String]

    package var description: String { name }

    /// The kinds of input files of datasets.
    package enum DataForm: Sendable, Equatable {
        /// JSON Lines documents.
        case documents
        /// Parallel text files.
        case parallel
        /// Texts with labels of the given kind.
        case labelled(String)
        /// Conversations in JSON Lines.
        case chat
        /// IDX files of images and of their classes.
        case images
    }

    /// All cases.
    package static let all = [
        FamilyCase(
            name: "decoder", data: .documents,
            sets: [
                "model.family=decoder", "data.separate_documents=true", "model.normalization=rms",
                "model.positions=rotary", "model.activation=swiglu", "model.kv_heads=1", "model.bias=false",
            ]),
        FamilyCase(
            name: "encoder", data: .documents,
            sets: [
                "model.family=encoder", "model.placement=post", "model.normalize_embeddings=true",
                "model.head=transform",
                "model.activation=gelu_exact", "objective.mask_share=0.2",
            ]),
        FamilyCase(
            name: "encoder-decoder", data: .parallel,
            sets: [
                "model.family=encoder_decoder", "model.decoder_layers=1", "model.placement=post",
                "model.positions=sinusoidal", "model.activation=relu", "model.scale_embeddings=true",
                "objective.label_smoothing=0.1", "data.length_pool=3", "data.truncate=true",
                "augmentation.token_dropping=0.1",
            ]),
        FamilyCase(
            name: "prefix decoder", data: .documents,
            sets: ["model.family=prefix_decoder", "objective.mask_share=0.3", "model.tie_embeddings=false"]),
        FamilyCase(
            name: "classes", data: .labelled("class"),
            sets: [
                "model.family=classifier", "model.pooling=dense", "data.length_pool=2",
                "augmentation.token_masking=0.1",
            ]),
        FamilyCase(
            name: "labels", data: .labelled("multi"),
            sets: [
                "model.family=classifier", "objective.kind=multi_label", "model.pooling=mean",
                "model.placement=sandwich", "model.positions=alibi",
            ]),
        FamilyCase(
            name: "numbers", data: .labelled("number"),
            sets: ["model.family=classifier", "objective.kind=regression", "model.initializer=xavier"]),
        FamilyCase(
            name: "images", data: .images,
            sets: [
                "model.family=image_classifier", "model.patch_size=2", "data.context_length=128",
                "augmentation.shift=1", "augmentation.flip=true",
                "augmentation.crop=0.7",
            ]),
        FamilyCase(
            name: "words", data: .documents,
            sets: [
                "model.family=word_vectors", "objective.kind=cbow", "objective.window=3", "objective.subsample=0.03",
                "model.layers=4", "model.heads=4", "model.dropout=0",
            ]),
    ]

    /// A decoder that learns to answer. It is not among `all`: apart from its samples it is the first of them.
    package static let chat = FamilyCase(
        name: "chat", data: .chat,
        sets: ["model.family=decoder", "objective.kind=chat", "data.context_length=160", "data.truncate=true"])

    /// The configuration keys that all cases share.
    package static let commonSets = [
        "run.seed=\(7 + seedOffset)", "data.context_length=32", "model.layers=2", "model.heads=2", "model.width=32",
        "model.dropout=0.1",
        "batch.sequences=16", "batch.slots=8", "schedule.warmup_steps=2", "schedule.peak=2e-3",
        "averaging.bucket_bytes=4096",
    ]

    /// The names and the contents of the input files of its dataset.
    package var files: [(name: String, bytes: [UInt8])] {
        var words = Words()
        switch data {
        case .documents:
            let lines = (0..<160).map { _ in #"{"text": "\#(words.line(of: 2...9))"}"# }
            return [("text.jsonl", FamilyCase.bytes(lines))]
        case .parallel:
            // The longest lines exceed the context length and are truncated.
            let lines = (0..<150).map { _ in (words.line(of: 1...6), words.line(of: 1...6)) }
            return [("source.txt", FamilyCase.bytes(lines.map(\.0))), ("target.txt", FamilyCase.bytes(lines.map(\.1)))]
        case .labelled(let kind):
            let lines = (0..<150).map { _ in
                let line = words.line(of: 1...4)
                return "\(FamilyCase.label(line, kind))\t\(line)"
            }
            return [("labelled.tsv", FamilyCase.bytes(lines))]
        case .chat:
            let lines = (0..<60).map { _ in
                #"{"prompt": "\#(words.line(of: 1...6))", "completion": "\#(words.line(of: 1...9))"}"#
            }
            return [("chat.jsonl", FamilyCase.bytes(lines))]
        case .images:
            // One third of each image is bright.
            let classes = (0..<150).map { _ in words.next(3) }
            var pixels: [UInt8] = []
            for label in classes {
                for place in 0..<36 { pixels.append(UInt8(words.next(100) + (place / 12 == label ? 120 : 0))) }
            }
            func header(_ sizes: [UInt8]) -> [UInt8] {
                [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap { [0, 0, 0, $0] as [UInt8] }
            }
            return [
                ("images", header([150, 6, 6]) + pixels), ("labels", header([150]) + classes.map { UInt8($0) }),
            ]
        }
    }

    /// The options of `dtrain prepare` for these files.
    package var preparation: [String] {
        switch data {
        case .documents: ["--jsonl", "text.jsonl", "--tokenizer", "byte"]
        case .parallel: ["--parallel", "source.txt", "target.txt", "--tokenizer", "byte"]
        case .labelled(let kind): ["--labelled", "labelled.tsv", "--labels", kind, "--tokenizer", "byte"]
        case .chat: ["--chat", "chat.jsonl", "--tokenizer", "byte"]
        case .images: ["--images", "images", "labels"]
        }
    }

    private static func bytes(_ lines: [String]) -> [UInt8] { Array((lines.joined(separator: "\n") + "\n").utf8) }

    /// Returns the label of a line, a function of the words in it, which can be learned.
    private static func label(_ line: String, _ kind: String) -> String {
        let found = ["alpha", "beta", "of"].filter(line.contains)
        switch kind {
        case "class": return found.first ?? "none"
        case "multi": return found.joined(separator: ",")
        default: return "\(Double(found.count) / 2 - 0.5)"
        }
    }

    /// A deterministic generator of pseudorandom words.
    private struct Words {
        private static let all = ["alpha", "beta", "of", "the", "größe", "naïve", "→", "𝛼", "and", "delta"]
        private var state: UInt32 = 1

        mutating func next(_ limit: Int) -> Int {
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int(state >> 16) % limit
        }

        mutating func line(of counts: ClosedRange<Int>) -> String {
            let count = counts.lowerBound + next(counts.count)
            return (0..<count).map { _ in Words.all[next(Words.all.count)] }.joined(separator: " ")
        }
    }
}
