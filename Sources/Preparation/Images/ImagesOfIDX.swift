import Tensors
import Failures
import Files

/// Images and labels in two IDX files, as in MNIST.
///
/// A file starts with the bytes 0, 0, 8 (element type: byte) and the number of dimensions, then has each dimension as a
/// big-endian `UInt32`, then the data.
final class ImagesOfIDX: Sendable {
    let shape: ImageShape
    /// The number of images, at least 1.
    let count: Int
    /// The integers from 0 to the largest label, as strings.
    let classNames: [String]
    private let images: File
    private let labels: [UInt8]

    init(images imagesPath: String, labels labelsPath: String) throws(Failure) {
        let images = try File(imagesPath, .read)
        let labels = try File(labelsPath, .read)
        let sizes = try ImagesOfIDX.dimensions(of: images, 3, "images")
        let labelCount = try ImagesOfIDX.dimensions(of: labels, 1, "labels")[0]
        guard labelCount == sizes[0] else {
            throw Failure(
                .badData,
                "\(labelsPath): holds \(counted(labelCount, "label")), but \(imagesPath) holds \(counted(sizes[0], "image")). "
                    + "Both must belong to the same set."
            )
        }
        shape = ImageShape(height: sizes[1], width: sizes[2], channels: 1)
        guard shape.isPossible else {
            throw Failure(
                .badData,
                "\(imagesPath): declares images of \(sizes[1]) × \(sizes[2]) pixels; allowed: 1 to \(ImageShape.sideLimit) "
                    + "per side.")
        }
        count = sizes[0]
        var bytes = [UInt8](repeating: 0, count: count)
        try labels.fill(&bytes, at: ImagesOfIDX.headerBytes(1))
        classNames = (0...Int(bytes.max() ?? 0)).map(String.init)
        self.labels = bytes
        self.images = images
    }

    func read(
        _ index: Int, as shape: ImageShape
    ) throws(Failure) -> (pixels: [UInt8], className: String, place: String) {
        let place = "\(images.path): image \(index)"
        guard self.shape == shape else { throw ImageSet.wrongShape(place, self.shape, shape) }
        var pixels = [UInt8](repeating: 0, count: shape.byteCount)
        try images.fill(&pixels, at: ImagesOfIDX.headerBytes(3) + index * shape.byteCount)
        return (pixels, String(labels[index]), place)
    }

    private static func headerBytes(_ dimensions: Int) -> Int { 4 + 4 * dimensions }

    /// Parses the dimensions in a file's header; their product must be the number of data bytes.
    private static func dimensions(
        of file: borrowing File, _ wanted: Int, _ what: String
    ) throws(Failure) -> [Int] {
        let size = try file.size()
        let headerBytes = headerBytes(wanted)
        guard size > headerBytes else {
            throw Failure(.badData, "\(file.path): holds \(size) bytes; an IDX file of \(what) has more.")
        }
        var header = [UInt8](repeating: 0, count: headerBytes)
        try file.fill(&header, at: 0)
        guard header[..<4].elementsEqual([0, 0, 8, UInt8(wanted)]) else {
            throw Failure(
                .badData,
                "\(file.path): starts with the bytes \(header[..<4].map { String($0) }.joined(separator: " ")); an IDX "
                    + "file of \(what) starts with 0 0 8 \(wanted). Files that end in .gz must be unpacked first.")
        }
        var dimensions: [Int] = []
        var total = 1
        for index in 1...wanted {
            let dimension = header[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
            let (product, overflows) = total.multipliedReportingOverflow(by: dimension)
            guard !overflows else { throw Failure(.badData, "\(file.path): declares an implausibly large size.") }
            dimensions.append(dimension)
            total = product
        }
        guard size - headerBytes == total else {
            throw Failure(
                .badData,
                "\(file.path): holds \(size) bytes, but its header of \(headerBytes) bytes declares \(total) bytes of data. "
                    + "Copy it again.")
        }
        return dimensions
    }
}

extension File {
    /// Reads bytes from `offset` on until `bytes` is full.
    fileprivate func fill(_ bytes: inout [UInt8], at offset: Int) throws(Failure) {
        let result: Result<Void, Failure> = bytes.withUnsafeMutableBytes { buffer in
            do throws(Failure) { return .success(try read(into: buffer, at: offset)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
