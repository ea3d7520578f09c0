// swift-tools-version: 6.2

import PackageDescription

// The floors of the house, lowest first. A target depends on targets of lower floors only.
//
//   0  COpenMPI CYAML CXXHash CZlib CZstd system libraries: a module map and nothing else
//   1  CMPI CProcess CProcessor CThreads C shims
//      CTiles CProducts CSentencePiece CPNG CUnicode
//   1  Texts Failures Files Tensors      texts and paths as bytes, errors, the file system, arenas and layouts,
//      Profiling Threads                 spans of time, compute threads
//   2  Numbers                           storage types as vectors, conversion, sums in a fixed order
//   2  Products                          matrix products
//   2  Kernels                           operations of layers, losses and optimizers, forward and backward
//   2  Collectives                       a communicator's operations, and what ranks agree on
//   2  TokenizerPipelines                tokenizers of other programs, read from their files
//   2  Tokenizers Metrics                texts to tokens and back; scores of predictions
//   3  Conversations                     chat templates
//   3  Datasets                          manifest, shards, samples, batches
//   3  MPI                               the communicator over Open MPI: the only target that imports CMPI
//   3  Layers Optimizers
//   3  EventFiles                        TensorBoard's files: records, events, histograms
//   3  Reporting                         console, formatting, progress line
//   3  Watching                          heartbeats, watchdog, stop requests, injected faults
//   4  Objectives
//   4  Averaging                         gradients of all ranks into one, weights back to all
//   4  Preparation                       texts, records and images into datasets
//   4  Resources                         threads and memory that a rank may use
//   5  Models                            families, each with the predictions that it can learn
//   5  Checkpoints
//   6  Interchange                       models of other programs (above Checkpoints: its files are safetensors)
//   6  Settings                          the configuration: reading, checks, what follows from it
//   7  GGUF                              models and tokenizers in one file, for llama.cpp
//   7  Inference                         forward pass, scores, evaluation, generation
//   8  Exchange                          checkpoints from and to models of other programs, merged, averaged
//   8  Training                          steps and runs
//   8  Interpretation                    attention maps, embeddings, explanations of predictions
//   8  DTrain                            the library's public surface: what was trained, in other programs; without MPI
//   9  Reports                           what the files of runs tell: pages, comparisons, views in a terminal
//   9  Measuring Inspection              benchmarks; reports on datasets and checkpoints
//  10  Planning                          memory, time and disk of a run, before it starts
//  11  dtrain                            the command line

/// The processor that kernels are built for: the host's own, or the one `DTRAIN_PROCESSOR` names
/// (`x86-64-v3`, `skylake-avx512`, …).
let processor = Context.environment["DTRAIN_PROCESSOR"] ?? "native"
#if arch(arm64)
    let processorFlag = "-mcpu=\(processor)"
#else
    let processorFlag = "-march=\(processor)"
#endif

/// The program is built with the flag that `@testable` imports need, so that one build serves users and tests.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .unsafeFlags(["-enable-testing"])]

/// Hot loops: unchecked arithmetic, and clang's target options, which drive Swift's code generator too. Roots that need
/// not set C's `errno` are taken sixteen at a time.
let hot: [SwiftSetting] =
    strict + [.unsafeFlags(["-Ounchecked", "-Xcc", processorFlag, "-Xcc", "-fno-math-errno"])]
/// Tests are compiled without optimization, which halves their build; what they compute with is optimized.
let testing: [SwiftSetting] = strict + [.unsafeFlags(["-Onone"])]
let hotC: [CSetting] = [.unsafeFlags([processorFlag, "-Werror", "-Wall"])]

/// The targets whose tests have a directory `Golden`.
let withGoldenFiles = [
    "Conversations", "EventFiles", "Interchange", "Metrics", "Models", "Optimizers", "TokenizerPipelines", "Tokenizers",
]

func test(_ target: String, _ others: String...) -> Target {
    .testTarget(
        name: "\(target)Tests",
        dependencies: ["TestSupport", .byName(name: target)] + others.map { .byName(name: $0) },
        resources: withGoldenFiles.contains(target) ? [.copy("Golden")] : [],
        // A vector goes from one module to the other in the registers of the processor that both are built for.
        swiftSettings: target == "Numbers" ? testing + [.unsafeFlags(["-Xcc", processorFlag])] : testing)
}

/// The targets with readers of bytes from outside.
let fuzzed: [Target.Dependency] = [
    "TestSupport", "Checkpoints", "Conversations", "Datasets", "EventFiles", "Exchange", "Failures", "Files",
    "Inference",
    "Interchange", "Interpretation", "Preparation", "Settings",
    "Tensors", "Texts", "TokenizerPipelines", "Tokenizers", "dtrain",
]

let package = Package(
    name: "dtrain",
    products: [
        .executable(name: "dtrain", targets: ["dtrain"]), .library(name: "DTrain", targets: ["DTrain"]),
    ],
    targets: [
        .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),

        .target(name: "CMPI", dependencies: ["COpenMPI"], cSettings: hotC),
        .target(name: "CProcess", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CProcessor", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CThreads", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CProducts", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CTiles", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(
            name: "CSentencePiece", cxxSettings: [.unsafeFlags(["-std=c++17", "-Werror", "-Wall"])],
            linkerSettings: [.linkedLibrary("sentencepiece"), .linkedLibrary("sentencepiece_train")]),
        .target(
            name: "CPNG", cSettings: [.unsafeFlags(["-Werror", "-Wall"])], linkerSettings: [.linkedLibrary("png")]),
        .target(name: "CUnicode", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "Texts", swiftSettings: strict),
        .target(name: "Failures", dependencies: ["Texts"], swiftSettings: strict),
        .target(name: "Files", dependencies: ["Failures", "Texts", "CXXHash"], swiftSettings: strict),
        .target(
            name: "Tensors", dependencies: ["CTiles", "Failures", "Files", "Texts"],
            swiftSettings: strict + [.unsafeFlags(["-Xcc", processorFlag])]),
        .target(name: "Threads", dependencies: ["CProcessor", "CThreads", "Failures"], swiftSettings: strict),
        .target(name: "Profiling", dependencies: ["Failures", "Files"], swiftSettings: strict),

        .target(name: "Numbers", dependencies: ["CProcessor", "CTiles", "Tensors", "Threads"], swiftSettings: hot),
        .target(
            name: "Products", dependencies: ["CProducts", "CTiles", "Failures", "Numbers", "Tensors", "Threads"],
            swiftSettings: hot),
        .target(
            name: "Kernels", dependencies: ["CTiles", "Failures", "Numbers", "Products", "Tensors", "Threads"],
            swiftSettings: hot),
        .target(name: "Collectives", dependencies: ["Failures", "Files", "Tensors"], swiftSettings: strict),
        .target(
            name: "MPI", dependencies: ["CMPI", "Collectives", "Failures", "Tensors", "Texts"], swiftSettings: strict),
        .target(
            name: "TokenizerPipelines", dependencies: ["CUnicode", "Failures", "Files", "Texts"], swiftSettings: strict),
        .target(
            name: "Tokenizers", dependencies: ["CSentencePiece", "Failures", "Files", "Texts", "TokenizerPipelines"],
            swiftSettings: strict),
        .target(
            name: "Conversations", dependencies: ["Failures", "Files", "Texts", "Tokenizers"], swiftSettings: strict),
        .target(
            name: "Datasets", dependencies: ["Failures", "Files", "Tensors", "Texts", "Threads", "Tokenizers"],
            swiftSettings: strict),
        .target(
            name: "Preparation",
            dependencies: [
                "CPNG", "CZlib", "CZstd", "Conversations", "Datasets", "Failures", "Files", "Tensors", "Texts",
                "Threads", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(name: "Metrics", swiftSettings: strict),

        .target(
            name: "Layers", dependencies: ["Kernels", "Numbers", "Products", "Profiling", "Tensors"],
            swiftSettings: strict),
        .target(
            name: "Optimizers", dependencies: ["Failures", "Kernels", "Numbers", "Tensors"], swiftSettings: strict),

        .target(name: "Objectives", dependencies: ["Kernels", "Layers", "Numbers"], swiftSettings: strict),
        .target(
            name: "Models",
            dependencies: [
                "Kernels", "Layers", "Numbers", "Objectives", "Products", "Profiling", "Tensors", "Threads",
            ],
            swiftSettings: strict),

        .target(
            name: "Checkpoints", dependencies: ["Failures", "Files", "Tensors", "Texts", "Threads"],
            swiftSettings: strict),

        .target(
            name: "Interchange",
            dependencies: [
                "Checkpoints", "Datasets", "Failures", "Files", "Kernels", "Models", "Numbers", "Tensors", "Texts",
                "TokenizerPipelines", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "GGUF",
            dependencies: [
                "Failures", "Files", "Interchange", "Models", "Numbers", "Tensors", "Texts", "TokenizerPipelines",
                "Tokenizers",
            ],
            swiftSettings: strict),

        .target(name: "EventFiles", dependencies: ["Failures", "Files", "Texts"], swiftSettings: strict),
        .target(
            name: "Reporting", dependencies: ["Collectives", "Failures", "Files", "Metrics", "Texts"],
            swiftSettings: strict),
        .target(
            name: "Watching",
            dependencies: [
                "CProcess", "Collectives", "Failures", "Files", "Profiling", "Tensors", "Texts", "Threads",
            ],
            swiftSettings: strict),
        .target(
            name: "Averaging",
            dependencies: ["Collectives", "Failures", "Files", "Numbers", "Profiling", "Tensors", "Threads"],
            swiftSettings: strict),
        .target(
            name: "Resources",
            dependencies: [
                "CProcessor", "Collectives", "Datasets", "Failures", "Files", "Numbers", "Products", "Profiling",
                "Reporting", "Tensors", "Texts", "Threads",
            ],
            swiftSettings: strict),
        .target(
            name: "Settings",
            dependencies: [
                "Averaging", "CYAML", "Checkpoints", "Datasets", "Failures", "Files", "Models", "Objectives",
                "Optimizers",
                "Reporting", "Resources", "Tensors", "Texts", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "Inference",
            dependencies: [
                "Checkpoints", "Collectives", "Conversations", "Datasets", "Failures", "Files", "Interchange",
                "Kernels", "Layers", "Metrics", "Models", "Numbers", "Objectives", "Profiling", "Reporting",
                "Resources", "Settings", "Tensors", "Texts", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "Exchange",
            dependencies: [
                "Checkpoints", "Conversations", "Datasets", "Failures", "Files", "GGUF", "Inference", "Interchange",
                "Models", "Resources", "Settings", "Tensors", "Texts", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "Interpretation",
            dependencies: [
                "Failures", "Files", "Inference", "Layers", "Models", "Objectives", "Reporting", "Resources",
                "Settings", "Tensors", "Texts", "Threads", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "DTrain",
            dependencies: [
                "Checkpoints", "Collectives", "Datasets", "Failures", "Inference", "Models", "Preparation", "Resources",
                "Settings",
                "Threads", "Tokenizers",
            ],
            swiftSettings: strict),
        .target(
            name: "Training",
            dependencies: [
                "Averaging", "Checkpoints", "Collectives", "Datasets", "EventFiles", "Failures", "Files", "Inference",
                "Interchange", "Kernels", "Layers", "Models", "Numbers", "Objectives", "Optimizers", "Products",
                "Profiling", "Reporting", "Resources", "Settings", "Tensors", "Texts", "Threads", "Watching",
            ],
            swiftSettings: strict),
        .target(
            name: "Measuring",
            dependencies: [
                "Averaging", "Collectives", "Datasets", "Failures", "Files", "Inference", "Kernels", "Layers", "Models",
                "Numbers", "Objectives", "Optimizers", "Products", "Profiling", "Reporting", "Resources", "Settings",
                "Tensors", "Threads", "Training",
            ],
            swiftSettings: strict),
        .target(
            name: "Inspection",
            dependencies: [
                "Checkpoints", "Datasets", "Failures", "Files", "Inference", "Kernels", "Models", "Optimizers",
                "Reporting", "Settings", "Tensors", "Texts", "Tokenizers", "Training",
            ],
            swiftSettings: strict),

        .target(
            name: "Planning",
            dependencies: [
                "Averaging", "Collectives", "Datasets", "Failures", "Files", "Inference", "Layers", "Measuring",
                "Models", "Optimizers", "Profiling", "Reporting", "Resources", "Settings", "Tensors", "Texts",
                "Threads", "Training",
            ],
            swiftSettings: strict),

        .target(
            name: "Reports",
            dependencies: [
                "Checkpoints", "Collectives", "EventFiles", "Failures", "Files", "Inference", "Interpretation",
                "Metrics",
                "Models", "Reporting", "Settings", "Texts",
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "dtrain",
            dependencies: [
                "CProcess", "Checkpoints", "Collectives", "Conversations", "Datasets", "Exchange", "Failures", "Files",
                "Inference", "Inspection", "Interchange", "Interpretation", "MPI", "Measuring", "Metrics", "Models",
                "Planning", "Preparation", "Products", "Reporting", "Reports", "Resources", "Settings", "Texts",
                "Threads", "Tokenizers", "Training", "Watching",
            ],
            swiftSettings: strict),

        .target(
            name: "TestSupport",
            dependencies: ["Collectives", "Failures", "Files", "Kernels", "Numbers", "Tensors", "Threads"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport", "Kernels"], swiftSettings: testing),
        test("Texts", "Files"),
        test("Files", "Failures", "Texts"),
        test("Tensors"),
        test("Threads", "Failures"),
        test("Profiling"),
        test("Numbers", "CProcessor", "Tensors", "Threads"),
        test("Products", "CProducts", "Numbers", "Tensors", "Threads"),
        test("Kernels", "CProcessor", "CProducts", "Numbers", "Products", "Tensors", "Threads"),
        test("Collectives", "Failures"),
        test("MPI", "CMPI", "Collectives"),
        test("TokenizerPipelines", "Failures", "Files"),
        test("Tokenizers", "Failures", "Files"),
        test("Conversations", "Failures", "Files", "Tokenizers"),
        test("Datasets", "CZlib", "CZstd", "Conversations", "Failures", "Files", "Preparation", "Tokenizers"),
        test("Metrics", "Files"),
        test("Layers", "Kernels", "Numbers", "Products", "Tensors"),
        test("Optimizers", "Failures", "Files", "Kernels", "Numbers", "Tensors"),
        test(
            "Models", "Checkpoints", "Failures", "Kernels", "Layers", "Numbers", "Objectives", "Optimizers", "Tensors"),
        test("Checkpoints"),
        test(
            "Interchange", "Checkpoints", "Datasets", "Failures", "Files", "GGUF", "Kernels", "Layers", "Models",
            "Objectives",
            "Optimizers", "Products", "Tensors", "Tokenizers"),
        test("EventFiles", "Failures", "Files"),
        test("Reporting", "Metrics"),
        test("Watching", "Collectives", "Profiling"),
        test("Averaging", "Collectives", "Models", "Numbers", "Tensors"),
        test("Resources", "Collectives", "Failures", "Files", "Tensors"),
        test(
            "Settings", "Averaging", "Collectives", "Datasets", "Failures", "Files", "Models", "Optimizers",
            "Resources",
            "Tensors", "Texts"),
        test(
            "Inference", "Checkpoints", "Collectives", "Datasets", "Exchange", "Failures", "Files", "Interchange",
            "Metrics",
            "Models", "Numbers", "Objectives", "Reporting", "Settings", "Tokenizers"),
        test(
            "Interpretation", "Checkpoints", "Collectives", "Datasets", "Failures", "Files", "Inference", "Layers",
            "Models", "Settings", "Tensors", "Texts", "Tokenizers"),
        test(
            "DTrain", "CProcessor", "Checkpoints", "Collectives", "Conversations", "Datasets", "Files", "Inference",
            "Layers", "Metrics", "Models",
            "Preparation", "Settings", "Tensors", "Tokenizers"),
        test(
            "Training", "Averaging", "Checkpoints", "Collectives", "Datasets", "EventFiles", "Failures", "Files",
            "Inference", "Inspection", "Kernels", "Layers", "Measuring", "Metrics", "Models", "Numbers", "Optimizers",
            "Planning", "Preparation", "Reporting", "Resources", "Settings", "Tensors", "Texts", "Tokenizers",
            "Watching"),
        test(
            "Reports", "Checkpoints", "EventFiles", "Failures", "Files", "Inference", "Interpretation", "Layers",
            "Metrics"),
        .testTarget(
            name: "dtrainTests", dependencies: ["TestSupport", "Failures", "Files", "Texts", "dtrain"],
            swiftSettings: testing),
        .testTarget(
            name: "MultiprocessTests",
            dependencies: ["TestSupport", "Checkpoints", "EventFiles", "Files", "Texts", "dtrain"],
            swiftSettings: testing),
        .testTarget(
            name: "FuzzingTests", dependencies: fuzzed, path: "Tests/Fuzzing",
            exclude: ["Command", "corpus", "dictionaries", "README.md", "Tests/make_files.py", "differential", "run"],
            swiftSettings: testing),
    ]
)

// What libFuzzer drives takes the place of the program and its tests: `Tests/Fuzzing/run` sets the variable.
if Context.environment["DTRAIN_FUZZING"] != nil, let program = package.targets.first(where: { $0.name == "dtrain" }) {
    package.products = []
    package.targets.removeAll { $0.isTest || ["dtrain", "TestSupport"].contains($0.name) }
    package.targets += [
        .target(name: "dtrain", dependencies: program.dependencies, exclude: ["Main.swift"], swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["Files", "Kernels", "Numbers"], path: "Tests/TestSupport",
            sources: ["PNG.swift", "TemporaryDirectory.swift"], swiftSettings: strict),
        .executableTarget(
            name: "Fuzzing", dependencies: fuzzed, path: "Tests/Fuzzing",
            exclude: ["Tests", "corpus", "dictionaries", "README.md", "differential", "run"],
            swiftSettings: strict),
    ]
}
