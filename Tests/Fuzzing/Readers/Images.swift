import Files
import TestSupport

@testable import Preparation

extension FuzzedReader {
    /// MNIST's two files: images and labels.
    static let idxFiles = FuzzedReader(name: "idx", refusals: [.badData]) {
        [
            joined([bigEndian(UInt32(0x801), 2) + [7, 0], bigEndian(UInt32(0x803), 2, 2, 3) + Array(0..<12)]),
            joined([bigEndian(UInt32(0x801), 1) + [255], bigEndian(UInt32(0x803), 1, 1, 1) + [9]]),
        ]
    } open: { directory in
        return { bytes in
            let files = parts(2, of: bytes)
            try readImages([directory.file("images", holding: files[1]), directory.file("labels", holding: files[0])])
        }
    }

    /// A PNG file in the folder of a class.
    static let pngFile = FuzzedReader(name: "png", refusals: [.badData]) {
        [
            png(height: 2, width: 3, channels: 1, Array(0..<6)), png(height: 3, width: 2, channels: 3, Array(0..<18)),
            png(height: 1, width: 1, channels: 1, [9]),
        ]
    } open: { directory in
        try FileSystem.makeDirectory(directory.file("set/class"))
        return { bytes in
            _ = try directory.file("set/class/image.png", holding: bytes)
            try readImages([directory.file("set")])
        }
    }

    private static func readImages(_ paths: [String]) throws {
        let images = try ImageSet(paths)
        for index in 0..<min(images.count, 16) {
            let (pixels, name, _) = try images.read(index, as: images.shape)
            try Defect.unless(pixels.count == images.shape.byteCount, "\(pixels.count) bytes of an image")
            try Defect.unless(images.classNames.contains(name), "\(name) is none of the classes")
        }
    }
}
