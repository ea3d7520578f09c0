import Datasets
import Models
import Objectives

/// A kind of prediction: its data, its loss and metrics, and the words for it. `all` has one row for each kind.
package struct PredictionKind: Sendable {
    /// The value of `objective.kind`.
    package let kind: ObjectiveConfiguration.Kind
    /// The dataset for models that read tokens; models that read patches need images.
    private let tokenDataset: DatasetKind
    /// The kind of the dataset's labels; nil if the targets are tokens.
    package let labels: LabelDescription.Kind?
    /// The loss for a label smoothing ε.
    package let loss: @Sendable (_ smoothing: Double) -> Loss
    /// The metrics of an evaluation during training.
    package let metrics: [ValidationMetric]
    /// The plural noun for the targets; nil: that of the dataset's records.
    private let targets: String?
    /// The approximate number of targets per position, for targets that are tokens.
    let targetsPerPosition: @Sendable (ObjectiveConfiguration) -> Double
    /// The form of the samples for models that read tokens.
    let samples: @Sendable (Configuration) -> SampleForm
    /// The noun for the model's outputs and its plural ending; nil if the outputs are tokens.
    package let outputs: (name: String, plural: String)?
    /// A use of a trained model: what `dtrain generate` does with a prompt, and an example prompt.
    package let example: (action: String, prompt: String)

    /// The rows, in the order of `ObjectiveConfiguration.Kind`.
    private static let all = [
        PredictionKind(
            .causal, .text, metrics: [.loss, .accuracy], targets: "tokens",
            samples: {
                .causal(contextLength: $0.data.contextLength, separatesDocuments: $0.data.separateDocuments)
            }, example: ("generate from it", "The ")),
        PredictionKind(
            .chat, .chat, metrics: [.loss, .accuracy], targets: "answer tokens",
            samples: { .chat(contextLength: $0.data.contextLength, truncates: $0.data.truncate) },
            example: ("talk to it", "Hello")),
        PredictionKind(
            .masked, .text, metrics: [.loss, .accuracy], targets: "masked tokens",
            targetsPerPosition: { $0.maskShare },
            samples: { .masked(contextLength: $0.data.contextLength, share: $0.objective.maskShare) },
            example: ("fill a blank with it", "The [MASK] of")),
        PredictionKind(
            .infilling, .text, metrics: [.loss, .accuracy], targets: "infilled tokens",
            // Every span has its tokens and its end as targets.
            targetsPerPosition: { min(1, $0.maskShare * (1 + 1 / $0.spanLength)) },
            samples: {
                .infilling(
                    contextLength: $0.data.contextLength, share: $0.objective.maskShare,
                    meanLength: $0.objective.spanLength)
            }, example: ("fill a blank with it", "The [MASK] of")),
        PredictionKind(
            .sequenceToSequence, .parallel, metrics: [.loss, .accuracy], targets: "target tokens",
            samples: {
                .pairs(
                    contextLength: $0.data.contextLength, truncates: $0.data.truncate, $0.augmentation.ofTokens)
            }, example: ("generate from it", "A sentence.")),
        PredictionKind(
            .classification, .labelled, labels: .class, metrics: [.loss, .accuracy, .f1], samples: labelled,
            outputs: ("class", "es"), example: ("classify with it", "A sentence.")),
        PredictionKind(
            .multiLabel, .labelled, labels: .multi, loss: { _ in .binaryCrossEntropy },
            metrics: [.loss, .accuracy, .f1], targets: "labels", samples: labelled, outputs: ("label", "s"),
            example: ("label with it", "A sentence.")),
        PredictionKind(
            .regression, .labelled, labels: .number, loss: { _ in .squaredError }, metrics: [.loss, .correlation],
            samples: labelled, outputs: ("number", "s"), example: ("predict with it", "A sentence.")),
    ]

    private static let labelled: @Sendable (Configuration) -> SampleForm = {
        .labelled(contextLength: $0.data.contextLength, truncates: $0.data.truncate, $0.augmentation.ofTokens)
    }

    private init(
        _ kind: ObjectiveConfiguration.Kind, _ tokenDataset: DatasetKind, labels: LabelDescription.Kind? = nil,
        loss: @escaping @Sendable (Double) -> Loss = { .crossEntropy(smoothing: $0) }, metrics: [ValidationMetric],
        targets: String? = nil, targetsPerPosition: @escaping @Sendable (ObjectiveConfiguration) -> Double = { _ in 1 },
        samples: @escaping @Sendable (Configuration) -> SampleForm, outputs: (String, String)? = nil,
        example: (String, String)
    ) {
        (self.kind, self.tokenDataset, self.labels, self.loss) = (kind, tokenDataset, labels, loss)
        (self.metrics, self.targets, self.targetsPerPosition) = (metrics, targets, targetsPerPosition)
        (self.samples, self.outputs, self.example) = (samples, outputs, example)
    }

    /// The row of a kind other than `auto`.
    package init(_ kind: ObjectiveConfiguration.Kind) {
        self = PredictionKind.all.first { $0.kind == kind }!
    }

    /// The row for a kind of labels.
    package init(of labels: LabelDescription.Kind) {
        self = PredictionKind.all.first { $0.labels == labels }!
    }

    /// The dataset from which models of a family learn the prediction.
    package func dataset(_ architecture: Architecture) -> DatasetKind {
        switch architecture.input {
        case .tokens: tokenDataset
        case .patches: .images
        }
    }

    /// The plural noun for the targets of models of a family.
    func targetName(_ architecture: Architecture) -> String { targets ?? dataset(architecture).recordName }
}

extension Configuration {
    /// The prediction that the model learns.
    package var prediction: PredictionKind {
        PredictionKind(objective.kind == .auto ? model.family.architecture.predictions[0] : objective.kind)
    }

    /// The loss function of training.
    package var loss: Loss { prediction.loss(objective.labelSmoothing) }

    /// The plural noun for the targets that training counts.
    package var targetName: String { prediction.targetName(model.family.architecture) }

    /// The approximate number of targets per position of data of `sizes`.
    package func targetShare(_ sizes: ModelSizes) -> Double {
        switch model.family.architecture.output {
        case .tokens: prediction.targetsPerPosition(objective)
        // Each label of a sequence is a target.
        case .sequence: Double(prediction.labels == .multi ? sizes.outputs : 1) / Double(max(1, sizes.contextLength))
        }
    }
}

extension DatasetKind {
    /// The plural noun for the records.
    package var recordName: String {
        switch self {
        case .text: "documents"
        case .parallel: "pairs"
        case .labelled: "texts"
        case .chat: "conversations"
        case .images: "images"
        }
    }

    /// The command that prepares such a dataset, for messages.
    var preparation: String {
        switch self {
        case .text: "dtrain prepare --text FILE or --jsonl FILE."
        case .parallel: "dtrain prepare --parallel SOURCE TARGET."
        case .labelled: "dtrain prepare --labelled FILE."
        case .chat: "dtrain prepare --chat FILE."
        case .images: "dtrain prepare --images PATH."
        }
    }
}
