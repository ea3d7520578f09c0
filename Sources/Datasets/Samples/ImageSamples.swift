import Failures
import Tensors

// H height, W width, K channels; patches of P × P pixels.

/// Image samples: the patches in row-major order, and the label.
///
/// Pixel values 0 ... 255 are mapped to −1 ... 1. A patch stores its channels one after another, each in row-major
/// order.
///
/// - Source: Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1.
package final class ImageSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    private let records: Records
    private let labels: LabelDescription
    private let image: ImageShape
    private let patchSize: Int
    private let augmentation: Augmentation
    private let bytes: UnsafeMutablePointer<UInt8>

    /// The samples of `records`.
    ///
    /// - Parameters:
    ///   - patchSize: P; must divide H and W.
    ///   - tokens: The number of positions before the patches.
    package init(
        _ records: Records, _ labels: LabelDescription, _ image: ImageShape, patchSize: Int, tokens: Int = 1,
        augmentation: Augmentation
    ) {
        self.records = records
        self.labels = labels
        self.image = image
        self.patchSize = patchSize
        self.augmentation = augmentation
        count = records.count
        var shape = BatchShape(positions: tokens + (image.height / patchSize) * (image.width / patchSize))
        shape.patchNumbers = image.byteCount
        shape.hasTargetPerPosition = false
        shape.values = labels.kind == .class ? 0 : labels.outputs
        self.shape = shape
        bytes = .allocate(capacity: image.byteCount)
    }

    deinit { bytes.deallocate() }

    package func length(of sample: Int) -> Int { shape.positions }

    /// Writes the patches of a whole image, as a sample outside training has them.
    ///
    /// - Parameters:
    ///   - pixels: [H, W, K].
    ///   - patches: The destination, [patches, K, P, P].
    package static func writePatches(
        of pixels: [UInt8], _ image: ImageShape, patchSize: Int, into patches: UnsafeMutablePointer<Float>
    ) {
        precondition(pixels.count == image.byteCount, "pixels of another shape")
        ImageView().writePatches(pixels, image, patchSize: patchSize, into: patches)
    }

    /// - Complexity: O(H · W · K); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        try records.pixels(of: sample, into: bytes)
        ImageView(draw, augmentation, image).writePatches(bytes, image, patchSize: patchSize, into: row.fields.patches!)
        records.loadLabel(of: sample, labels, into: &row)
    }
}
