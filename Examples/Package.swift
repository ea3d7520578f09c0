// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "examples",
    // In a package of your own: the path of a clone of dtrain.
    dependencies: [.package(name: "dtrain", path: "..")],
    targets: [
        .executableTarget(name: "autocomplete", dependencies: [.product(name: "DTrain", package: "dtrain")])
    ]
)
