import Tensors
import Datasets
import Failures
import Files
import Texts
import Threads

/// A set of images with classes, as input of a preparation.
///
/// Either a directory with one folder of PNG files per class, a directory with MNIST's `train-images-idx3-ubyte` and
/// `train-labels-idx1-ubyte`, or two paths of such IDX files.
///
/// - Source: the IDX format of LeCun, Cortes & Burges, "The MNIST database of handwritten digits".
struct ImageSet: Sendable {
    /// The shape of all images; PNG images have 3 channels if any of them has colour.
    let shape: ImageShape
    /// The names of the classes, sorted.
    let classNames: [String]
    /// The number of images, at least 1.
    var count: Int { folders?.images.count ?? digits?.count ?? 0 }

    private let folders: ImageFolders?
    private let digits: ImagesOfIDX?

    /// Opens the images, on the threads of `pool`.
    ///
    /// - Throws: `badData` if the paths contain no such images, or if an image differs in size from the first.
    init(_ paths: [String], _ pool: ThreadPool = .shared) throws(Failure) {
        let pair = ImageSet.pair(paths)
        if let pair {
            let digits = try ImagesOfIDX(images: pair.images, labels: pair.labels)
            (folders, self.digits) = (nil, digits)
            (shape, classNames) = (digits.shape, digits.classNames)
        } else {
            guard paths.count == 1 else {
                throw Failure(
                    .usage,
                    "--images: found \(paths.count) paths; allowed: one directory, or an IDX file of images and one of "
                        + "labels.")
            }
            let folders = try ImageFolders(paths[0], pool)
            (self.folders, digits) = (folders, nil)
            (shape, classNames) = (folders.shape, folders.classNames)
        }
    }

    /// Reads an image.
    ///
    /// - Parameter shape: The required shape.
    /// - Returns: The pixels, shape [height, width, channels], the name of the class, and the location for error
    ///   messages.
    func read(
        _ index: Int, as shape: ImageShape
    ) throws(Failure) -> (pixels: [UInt8], className: String, place: String) {
        if let folders { return try folders.read(index, as: shape) }
        guard let digits else { preconditionFailure("the image set has neither folders nor IDX files") }
        return try digits.read(index, as: shape)
    }

    private static func pair(_ paths: [String]) -> (images: String, labels: String)? {
        if paths.count == 2 { return (paths[0], paths[1]) }
        let names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
        guard paths.count == 1, FileSystem.exists("\(paths[0])/\(names.0)") else { return nil }
        return ("\(paths[0])/\(names.0)", "\(paths[0])/\(names.1)")
    }

    /// The error for an image whose shape differs from the required one.
    static func wrongShape(_ place: String, _ found: ImageShape, _ wanted: ImageShape) -> Failure {
        Failure(
            .badData,
            "\(place): has \(found.height) × \(found.width) pixels and \(counted(found.channels, "channel")), but the "
                + "first image has \(wanted.height) × \(wanted.width) and \(wanted.channels). All images of a dataset must "
                + "have the same size; scale or convert them first.")
    }
}

/// A directory with one folder of PNG files per class.
private struct ImageFolders: Sendable {
    let shape: ImageShape
    let classNames: [String]
    let images: [(path: String, classIndex: Int)]

    init(_ directory: String, _ pool: ThreadPool) throws(Failure) {
        guard try FileSystem.isPresentDirectory(directory) else {
            throw Failure(
                .badData,
                "\(directory): not a directory. --images takes a directory with one folder of PNG files per class, or "
                    + "an IDX file of images and one of labels.")
        }
        let names = try FileSystem.list(directory).filter { name in
            !name.hasExactPrefix(".") && FileSystem.isDirectory("\(directory)/\(name)")
        }
        guard !names.isEmpty, names.count <= LabelDescription.classLimit else {
            throw Failure(
                .badData,
                "\(directory): holds \(names.count) folders; allowed: 1 to \(LabelDescription.classLimit), one of "
                    + "PNG files per class. It holds no train-images-idx3-ubyte either.")
        }
        classNames = LabelDescription.sorted(Set(names.map(\.exact)))
        var images: [(path: String, classIndex: Int)] = []
        for (index, name) in classNames.enumerated() {
            let folder = "\(directory)/\(name)"
            let files = try FileSystem.list(folder).filter { !$0.hasExactPrefix(".") }
            guard !files.isEmpty else { throw Failure(.badData, "\(folder): holds no image; remove the folder.") }
            for file in files {
                guard file.lowercased().hasExactSuffix(".png") else {
                    throw Failure(
                        .badData,
                        "\(folder)/\(file): its name does not end in .png. Each folder holds the PNG images of one class and "
                            + "nothing else. Convert other images (ImageMagick: mogrify -format png FILE …), and move the "
                            + "originals elsewhere.")
                }
                images.append(("\(folder)/\(file)", index))
            }
        }
        self.images = images
        shape = try ImageFolders.commonShape(images.map(\.path), pool)
    }

    func read(
        _ index: Int, as shape: ImageShape
    ) throws(Failure) -> (pixels: [UInt8], className: String, place: String) {
        let (path, classIndex) = images[index]
        let image = try PNGImage(path)
        guard image.fits(shape) else { throw ImageSet.wrongShape(path, image.shape, shape) }
        return (try image.pixels(as: shape), classNames[classIndex], path)
    }

    /// The shape of all images; with 3 channels if any of them has colour.
    private static func commonShape(_ paths: [String], _ pool: ThreadPool) throws(Failure) -> ImageShape {
        var common: ImageShape?
        var rest = paths[...]
        try pool.inOrder {
            () throws(Failure) in
            rest.popFirst()
        } process: { path throws(Failure) in
            (path, shape: try PNGImage(path).shape)
        } take: { (path, found) throws(Failure) in
            guard found.height == common?.height ?? found.height, found.width == common?.width ?? found.width else {
                throw ImageSet.wrongShape(path, found, common ?? found)
            }
            common = ImageShape(
                height: found.height, width: found.width, channels: max(found.channels, common?.channels ?? 1))
        }
        guard let common else { preconditionFailure("there are no images") }
        return common
    }
}
