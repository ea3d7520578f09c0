import Tensors

/// An image as characters of different brightness, put together from the patches that the model reads.
struct ImagePicture {
    /// The lines of the picture.
    let text: String

    /// The maximum number of characters per line; a pixel takes two.
    private static let columns = 64
    private static let shades = Array(" .:-=+*#%@")

    /// The picture of patches.
    ///
    /// - Parameter patches: [patches, K, P, P], from −1 to 1, as `ImageSamples` writes them.
    init(_ patches: [Float], _ image: ImageShape, patchSize P: Int) {
        let (H, W, K) = (image.height, image.width, image.channels)
        func brightness(_ y: Int, _ x: Int) -> Float {
            let patch = (y / P * (W / P) + x / P) * K * P * P
            return (0..<K).reduce(0) { $0 + patches[patch + $1 * P * P + y % P * P + x % P] } / Float(K)
        }
        let step = max(1, (2 * W + ImagePicture.columns - 1) / ImagePicture.columns)
        text = stride(from: 0, to: H, by: step).map { y in
            String(
                stride(from: 0, to: W, by: step).flatMap { x in
                    let value = (brightness(y, x) + 1) / 2 * Float(ImagePicture.shades.count)
                    let shade = ImagePicture.shades[min(max(0, Int(value)), ImagePicture.shades.count - 1)]
                    return [shade, shade]
                })
        }.joined(separator: "\n")
    }
}
