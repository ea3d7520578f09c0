import Tensors

/// A crop of an image, possibly shifted and mirrored: maps each output pixel to a position in the image.
struct ImageView {
    /// The row and column of the first output pixel; may be outside the image.
    private let top: Double
    private let left: Double
    /// The distance of adjacent output pixels, in pixels of the image.
    private let step: Double
    private let isMirrored: Bool

    /// The whole image.
    init() { self.init(top: 0, left: 0, step: 1, isMirrored: false) }

    /// The view for the random numbers of `draw`; outside training, the whole image.
    init(_ draw: SampleDraw, _ augmentation: Augmentation, _ image: ImageShape) {
        guard draw.isTraining else {
            self.init()
            return
        }
        let random = draw.stream(.augmentation)
        let step = augmentation.crop + (1 - augmentation.crop) * random.uniform(1)
        /// The first row or column: a random position such that the crop is inside the image, plus a random shift in
        /// whole pixels.
        func start(_ edge: Int, _ counter: UInt64) -> Double {
            let steps = Double(2 * augmentation.shift + 1)
            let moved = (random.uniform(counter + 1) * steps).rounded(.down) - Double(augmentation.shift)
            return (1 - step) * Double(edge - 1) * random.uniform(counter) + moved
        }
        self.init(
            top: start(image.height, 2), left: start(image.width, 4), step: step,
            isMirrored: augmentation.flip && random.uniform(0) < 0.5)
    }

    private init(top: Double, left: Double, step: Double, isMirrored: Bool) {
        (self.top, self.left, self.step, self.isMirrored) = (top, left, step, isMirrored)
    }

    /// Writes the view as patches with values from −1 to 1.
    ///
    /// - Parameters:
    ///   - bytes: The image, [H, W, K].
    ///   - patches: The destination, [patches, K, P, P].
    func writePatches(
        _ bytes: UnsafePointer<UInt8>, _ image: ImageShape, patchSize P: Int,
        into patches: UnsafeMutablePointer<Float>
    ) {
        let (H, W, K) = (image.height, image.width, image.channels)
        for y in 0..<H {
            let row = top + step * Double(y)
            for x in 0..<W {
                let column = left + step * Double(isMirrored ? W - 1 - x : x)
                let patch = (y / P * (W / P) + x / P) * K * P * P
                for channel in 0..<K {
                    let value = pixel(bytes, image, row, column, channel)
                    patches[patch + channel * P * P + y % P * P + x % P] = value / 127.5 - 1
                }
            }
        }
    }

    /// The value at a position, by bilinear interpolation; 0 outside the image.
    private func pixel(
        _ bytes: UnsafePointer<UInt8>, _ image: ImageShape, _ row: Double, _ column: Double, _ channel: Int
    ) -> Float {
        func byte(_ y: Int, _ x: Int) -> Float {
            guard y >= 0, y < image.height, x >= 0, x < image.width else { return 0 }
            return Float(bytes[(y * image.width + x) * image.channels + channel])
        }
        let (y, x) = (Int(row.rounded(.down)), Int(column.rounded(.down)))
        let (dy, dx) = (Float(row - Double(y)), Float(column - Double(x)))
        if dy == 0, dx == 0 { return byte(y, x) }
        let upper = byte(y, x) * (1 - dx) + byte(y, x + 1) * dx
        let lower = byte(y + 1, x) * (1 - dx) + byte(y + 1, x + 1) * dx
        return upper * (1 - dy) + lower * dy
    }
}
