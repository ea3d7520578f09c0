import CPNG
import Failures
import Files
import Tensors
import Texts

/// A PNG file, whose pixels are not decoded yet.
package struct PNGImage {
    /// The file's path.
    package let path: String
    /// The shape of the image; 3 channels if it has colour.
    package let shape: ImageShape
    private let bytes: [UInt8]

    /// The maximum size in bytes, both of a file and of a decoded image: the header of a small file may declare any
    /// size.
    private static let bytesLimit = 64 << 20

    /// Reads the file at `path` and the shape in its header.
    ///
    /// - Throws: `badData` if it is not a PNG file, or too large.
    package init(_ path: String) throws(Failure) {
        self.path = path
        bytes = try PNGImage.contents(of: path)
        shape = try PNGImage.shape(of: bytes, path)
    }

    /// Whether `pixels(as:)` can decode the image to `shape`: it has the same size, and no colour that `shape` lacks.
    package func fits(_ shape: ImageShape) -> Bool {
        (self.shape.height, self.shape.width) == (shape.height, shape.width) && self.shape.channels <= shape.channels
    }

    /// Decodes the image.
    ///
    /// - Parameter shape: A shape that the image fits.
    /// - Returns: The pixels, [height, width, channels].
    /// - Throws: `badData` if the file is damaged.
    package func pixels(as shape: ImageShape) throws(Failure) -> [UInt8] {
        precondition(fits(shape), "an image of another shape")
        var pixels = [UInt8](repeating: 0, count: shape.byteCount)
        let isDecoded = cpng_decode(
            bytes, bytes.count, UInt32(shape.height), UInt32(shape.width), Int32(shape.channels), &pixels)
        guard isDecoded != 0 else { throw PNGImage.damaged(path, bytes) }
        return pixels
    }

    /// Reads the part of a file that libpng needs.
    private static func contents(of path: String) throws(Failure) -> [UInt8] {
        try PNGChunks.ofPixels(in: FileSystem.contents(of: path, limitBytes: bytesLimit), path)
    }

    private static func shape(of bytes: [UInt8], _ path: String) throws(Failure) -> ImageShape {
        var found = cpng_shape()
        guard cpng_inspect(bytes, bytes.count, &found) != 0 else { throw damaged(path, bytes) }
        let shape = ImageShape(
            height: Int(found.height), width: Int(found.width), channels: found.has_colour != 0 ? 3 : 1)
        guard shape.isPossible else {
            throw Failure(
                .badData,
                "\(path): has \(shape.height) × \(shape.width) pixels; allowed: at most \(ImageShape.sideLimit) per side. "
                    + "Scale it first.")
        }
        guard shape.byteCount <= bytesLimit else {
            throw Failure(
                .badData,
                "\(path): \(shape.height) × \(shape.width) pixels with \(counted(shape.channels, "channel")) are "
                    + "\(shape.byteCount) bytes; allowed: at most \(bytesLimit). Scale it first.")
        }
        return shape
    }

    private static func damaged(_ path: String, _ bytes: [UInt8]) -> Failure {
        if let format = PNGChunks.otherFormat(of: bytes) {
            return Failure(
                .badData,
                "\(path): is a \(format) image, although its name ends in .png. Convert it (ImageMagick): "
                    + "mogrify -format png \(shellPath(path))")
        }
        return Failure(
            .badData, "\(path): not a whole PNG image: \(PNGChunks.flaw(in: bytes)). Copy it again, or remove it.")
    }
}
