import Checkpoints
import Collectives
import Failures
import Inference
import Models
import Resources
import Settings
import Synchronization
import Threads

/// A trained model from a checkpoint.
///
/// ```swift
/// import DTrain
///
/// let model = try Model(at: "runs/mine/best")
/// var options = GenerationOptions()
/// options.temperature = 0.7
/// print(try model.generate("Dear ", options))
/// ```
///
/// What a model can do depends on its ``family``. Every call throws a ``DTrainError`` for problems with its arguments,
/// the checkpoint or the machine; no call prints, writes files or ends the process. A call throws before allocating if
/// its estimated memory is not available. If an allocation nevertheless fails, the process ends with a message.
///
/// Results are those of the program, bit for bit: a text from ``generate(_:_:onText:)`` is what `dtrain generate`
/// prints after the prompt. They depend neither on the number of threads nor on the batch.
///
/// Calls block until they are done. A model can be used by several threads at once: calls then share the compute
/// threads (``useThreads(_:)``), so that together they take about as long as one after another. If the task of a call
/// is cancelled, the call throws an error of kind `cancelled` before the next token or batch.
public final class Model: Sendable {
    /// The families of models.
    public enum Family: String, CaseIterable, Sendable {
        /// A causal decoder (GPT, Llama): continues texts.
        case decoder
        /// A bidirectional encoder (BERT): fills blanks.
        case encoder
        /// An encoder and a decoder (Vaswani et al., Marian): translates.
        case encoderDecoder = "encoder_decoder"
        /// A decoder with a bidirectional prefix (GLM): fills blanks.
        case prefixDecoder = "prefix_decoder"
        /// An encoder that predicts labels or a number for a text.
        case classifier
        /// An encoder that predicts the class of an image (ViT).
        case imageClassifier = "image_classifier"
        /// Word vectors (word2vec): only embeds texts.
        case wordVectors = "word_vectors"
    }

    /// The sets of weights of a checkpoint.
    public enum Weights: Sendable {
        /// The weights after the last step.
        case last
        /// The moving average of the weights, which a run with `training.ema_decay` has.
        case average
    }

    /// The directory of the checkpoint.
    public let directory: String
    /// The number of steps that the model was trained.
    public let step: Int
    /// The family of the model.
    public let family: Family
    /// The names of the classes in the order of their indices; empty for models that predict tokens or a number.
    public let labels: [String]
    /// The maximum length of a sequence in tokens.
    public let contextLength: Int
    /// The number of tokens of the tokenizer; 0 for images.
    public let vocabularySize: Int
    /// C, the number of elements of a hidden state and of the vectors of ``embed(_:pooling:crop:batch:)``.
    public let width: Int
    /// One line for each newer checkpoint of the run that was skipped because it is damaged.
    public let notes: [String]

    let content: Content
    let weights: WeightChoice?

    /// A loaded model. Sendable, because weights and tokenizer never change: every call has its own working memory.
    enum Content: @unchecked Sendable {
        case texts(TrainedModel)
        case images(ImageClassification)
    }

    /// Opens a checkpoint, after all of its bytes have been compared with their hashes.
    ///
    /// - Parameters:
    ///   - path: The directory of a checkpoint, a run directory (its newest valid checkpoint), or `RUN/best`.
    ///   - weights: The weights to use; nil: the moving average if there is one.
    /// - Throws: `badData` if there is no such checkpoint or if it is damaged; `usage` if it lacks the requested moving
    ///   average or does not fit into memory, or if dtrain was built for another processor; `inputOutput` if reading
    ///   fails.
    public convenience init(at path: String, weights: Weights? = nil) throws(DTrainError) {
        self.init(
            try computing { () throws(Failure) in
                try ProcessorCheck.run()
                try Model.startThreads()
                return try Opened(path, weights)
            })
    }

    private init(_ opened: Opened) {
        let (identity, sizes): (CheckpointIdentity, ModelSizes) =
            switch opened.content {
            case .texts(let trained): (trained.identity, trained.model.sizes)
            case .images(let trained): (trained.identity, trained.model.sizes)
            }
        directory = opened.found.checkpoint.directory
        step = opened.found.checkpoint.step
        notes = opened.found.notes
        family = Family(identity.configuration.model.family)
        labels = identity.facts.labels?.names ?? []
        contextLength = sizes.contextLength
        vocabularySize = sizes.tokenCount
        width = identity.configuration.model.width
        (content, weights) = (opened.content, opened.weights)
    }

    /// The contents of a checkpoint that a model needs.
    private struct Opened {
        let found: ValidCheckpoint
        let weights: WeightChoice?
        let content: Content

        init(_ path: String, _ weights: Weights?) throws(Failure) {
            let choice: WeightChoice? =
                switch weights {
                case .last: .last
                case .average: .average
                case nil: nil
                }
            let found = try Checkpoint.find(path)
            let directory = found.checkpoint.directory
            let reads = try CheckpointIdentity(found.checkpoint).configuration.model.family.architecture.input
            content = try SoloCommunicator.run { alone in
                switch reads {
                case .tokens: .texts(try TrainedModel(checkpoint: directory, choice, alone))
                case .patches: .images(try ImageClassification(checkpoint: directory, choice, alone))
                }
            }
            (self.found, self.weights) = (found, choice)
        }
    }

    // MARK: Threads

    /// Whether the number of compute threads was set, by a call or by the first model.
    static let threadsAreChosen = Mutex(false)

    /// Sets the number of compute threads of this process, which all models share. Without this call, the first model
    /// that is opened sets one per physical core that the process may use.
    ///
    /// The number changes no result. Calls in progress continue with the new number.
    ///
    /// - Parameter count: From 1 to 1024; nil: one per core.
    /// - Throws: `usage` if the number is not allowed, or if the system grants fewer threads.
    public static func useThreads(_ count: Int?) throws(DTrainError) {
        try wrapping { () throws(Failure) in
            guard let wanted = count.map({ ThreadCount("\($0)") }) ?? .automatic else {
                throw Failure(.usage, "threads: found \(count ?? 0); allowed: \(ThreadCount.allowed).")
            }
            try threadsAreChosen.withLock { isChosen throws(Failure) in
                isChosen = true
                try ComputeThreads.startAlone(wanted)
            }
        }
    }

    /// The number of compute threads of this process.
    public static var threadCount: Int { ThreadPool.shared.count }

    private static func startThreads() throws(Failure) {
        try threadsAreChosen.withLock { isChosen throws(Failure) in
            guard !isChosen else { return }
            isChosen = true
            try ComputeThreads.startAlone(.automatic)
        }
    }
}

extension Model.Family {
    init(_ family: ModelConfiguration.Family) {
        self =
            switch family {
            case .decoder: .decoder
            case .encoder: .encoder
            case .encoderDecoder: .encoderDecoder
            case .prefixDecoder: .prefixDecoder
            case .classifier: .classifier
            case .imageClassifier: .imageClassifier
            case .wordVectors: .wordVectors
            }
    }
}
