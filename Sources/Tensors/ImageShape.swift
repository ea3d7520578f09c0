/// The shape of all images of a dataset.
package struct ImageShape: Codable, Equatable, Sendable {
    package var height: Int
    package var width: Int
    /// 1 for grayscale, 3 for RGB.
    package var channels: Int

    /// The maximum height and width.
    package static let sideLimit = 1 << 14

    /// A shape.
    package init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// The size of an image in bytes. Pixels are in row-major order from the top left, with interleaved channels.
    package var byteCount: Int { height * width * channels }

    /// Whether the shape is within the limits.
    package var isPossible: Bool {
        let sides = 1...ImageShape.sideLimit
        return sides.contains(height) && sides.contains(width) && (channels == 1 || channels == 3)
    }
}
