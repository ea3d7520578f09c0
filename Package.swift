// swift-tools-version: 6.2

import PackageDescription

// The floors of the house, lowest first. An arrow (a dependency) goes down only.
//
//   0  COpenMPI COneDNN CYAML CXXHash    system libraries: a module map and nothing else
//   1  CMPI CProcess CProcessor CThreads C shims
//      CTiles CSentencePiece CPNG
//   1  Texts Failures Files Tensors      texts and paths as bytes, errors, the file system, the arena and the layout,
//      Profiling Threads                 spans of time, threads
//   2  Kernels Collectives Datasets      numbers, ranks, tokens
//   2  Metrics                           scores of predictions, from counts that ranks can add
//   3  Layers Optimizers
//   4  Models Objectives
//   5  Checkpoints
//   5  Interchange                       models of other programs (above Checkpoints: its files are safetensors)
//   6  Training
//   7  dtrain                            the command line

/// The processor that kernels are built for: the host's own, or the one `DTRAIN_PROCESSOR` names
/// (`x86-64-v3`, `skylake-avx512`, …).
let processor = Context.environment["DTRAIN_PROCESSOR"] ?? "native"
#if arch(arm64)
    let processorFlag = "-mcpu=\(processor)"
#else
    let processorFlag = "-march=\(processor)"
#endif

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// Hot loops: unchecked arithmetic, and clang's target options, which drive Swift's code generator too. Roots that need
/// not set C's `errno` are taken sixteen at a time.
let hot: [SwiftSetting] =
    strict + [.unsafeFlags(["-Ounchecked", "-Xcc", processorFlag, "-Xcc", "-fno-math-errno"])]
/// Tests are compiled without optimization, which halves their build; what they compute with is optimized.
let testing: [SwiftSetting] = strict + [.unsafeFlags(["-Onone"])]
let hotC: [CSetting] = [.unsafeFlags([processorFlag, "-Werror", "-Wall"])]

func test(_ target: String, _ others: String...) -> Target {
    .testTarget(
        name: "\(target)Tests",
        dependencies: ["TestSupport", .byName(name: target)] + others.map { .byName(name: $0) },
        resources: ["Datasets", "Interchange", "Metrics", "Models", "Optimizers"].contains(target)
            ? [.copy("Golden")] : [],
        // A vector goes from one module to the other in the registers of the processor that both are built for.
        swiftSettings: target == "Kernels" ? testing + [.unsafeFlags(["-Xcc", processorFlag])] : testing)
}

/// The targets with readers of bytes from outside.
let fuzzed: [Target.Dependency] = [
    "TestSupport", "Checkpoints", "Datasets", "Failures", "Files", "Interchange", "Tensors", "Texts", "Training",
    "dtrain",
]

let package = Package(
    name: "dtrain",
    products: [.executable(name: "dtrain", targets: ["dtrain"])],
    targets: [
        .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),

        .target(name: "CMPI", dependencies: ["COpenMPI"], cSettings: hotC),
        .target(name: "CProcess", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CProcessor", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CThreads", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(name: "CTiles", cSettings: [.unsafeFlags(["-Werror", "-Wall"])]),
        .target(
            name: "CSentencePiece", cxxSettings: [.unsafeFlags(["-std=c++17", "-Werror", "-Wall"])],
            linkerSettings: [.linkedLibrary("sentencepiece"), .linkedLibrary("sentencepiece_train")]),
        .target(
            name: "CPNG", cSettings: [.unsafeFlags(["-Werror", "-Wall"])], linkerSettings: [.linkedLibrary("png")]),
        .target(name: "Texts", swiftSettings: strict),
        .target(name: "Failures", dependencies: ["Texts"], swiftSettings: strict),
        .target(name: "Files", dependencies: ["Failures", "Texts", "CXXHash"], swiftSettings: strict),
        .target(name: "Tensors", dependencies: ["Failures", "Files", "Texts"], swiftSettings: hot),
        .target(name: "Threads", dependencies: ["CThreads", "Failures"], swiftSettings: strict),
        .target(name: "Profiling", dependencies: ["Failures", "Files"], swiftSettings: strict),

        .target(
            name: "Kernels", dependencies: ["COneDNN", "CProcessor", "CThreads", "CTiles", "Tensors"],
            swiftSettings: hot),
        .target(name: "Collectives", dependencies: ["CMPI", "Failures", "Tensors", "Texts"], swiftSettings: strict),
        .target(
            name: "Datasets",
            dependencies: ["CPNG", "CSentencePiece", "Failures", "Files", "Tensors", "Texts", "Threads"],
            swiftSettings: strict),
        .target(name: "Metrics", swiftSettings: strict),

        .target(name: "Layers", dependencies: ["Kernels", "Profiling", "Tensors"], swiftSettings: strict),
        .target(name: "Optimizers", dependencies: ["Failures", "Kernels", "Tensors"], swiftSettings: strict),

        .target(name: "Models", dependencies: ["Kernels", "Layers", "Profiling", "Tensors"], swiftSettings: strict),
        .target(name: "Objectives", dependencies: ["Kernels", "Layers"], swiftSettings: strict),

        .target(
            name: "Checkpoints", dependencies: ["Failures", "Files", "Tensors", "Texts", "Threads"],
            swiftSettings: strict),

        .target(
            name: "Interchange",
            dependencies: ["Checkpoints", "Datasets", "Failures", "Files", "Kernels", "Models", "Tensors", "Texts"],
            swiftSettings: strict),

        .target(
            name: "Training",
            dependencies: [
                "CProcess", "CYAML", "Checkpoints", "Collectives", "Datasets", "Failures", "Files", "Interchange",
                "Kernels", "Layers", "Metrics", "Models", "Objectives", "Optimizers", "Profiling", "Tensors", "Texts",
                "Threads",
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "dtrain",
            dependencies: [
                "CProcess", "CProcessor", "Checkpoints", "Collectives", "Datasets", "Failures", "Files", "Kernels",
                "Metrics", "Texts", "Training",
            ],
            swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["Failures", "Files", "Kernels", "Tensors"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport", "Kernels"], swiftSettings: testing),
        test("Texts", "Files"),
        test("Files", "Failures", "Texts"),
        test("Tensors"),
        test("Threads"),
        test("Profiling"),
        test("Kernels", "CProcessor", "Tensors"),
        test("Collectives", "CMPI"),
        test("Datasets"),
        test("Metrics", "Files"),
        test("Layers", "Kernels", "Tensors"),
        test("Optimizers", "Failures", "Files", "Kernels", "Tensors"),
        test("Models", "Checkpoints", "Failures", "Kernels", "Layers", "Objectives", "Optimizers", "Tensors"),
        test("Checkpoints"),
        test("Interchange", "Checkpoints", "Datasets", "Failures", "Files", "Kernels", "Layers", "Models", "Tensors"),
        test("Training", "Metrics"),
        .testTarget(
            name: "dtrainTests", dependencies: ["TestSupport", "Failures", "Files", "Texts", "dtrain"],
            swiftSettings: testing),
        .testTarget(
            name: "MultiprocessTests", dependencies: ["TestSupport", "Checkpoints", "Files", "Texts", "dtrain"],
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
            name: "TestSupport", dependencies: ["Files"], path: "Tests/TestSupport",
            sources: ["PNG.swift", "TemporaryDirectory.swift"], swiftSettings: strict),
        .executableTarget(
            name: "Fuzzing", dependencies: fuzzed, path: "Tests/Fuzzing",
            exclude: ["Tests", "corpus", "dictionaries", "README.md", "differential", "run"],
            swiftSettings: strict),
    ]
}
