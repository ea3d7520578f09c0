import Models
import Tensors
import Failures
import Files

extension ModelClass {
    /// ViT: an encoder of image patches, with a linear head on the class token.
    ///
    /// - Source: Dosovitskiy et al. 2021, arXiv:2010.11929.
    static let vit = imageClassifier("ViTForImageClassification", "vit", distills: false)

    /// DeiT: ViT with a second token, which learned from a teacher. This class does not use its prediction.
    ///
    /// - Source: Touvron et al. 2021, arXiv:2012.12877.
    static let deit = imageClassifier("DeiTForImageClassification", "deit", distills: true)

    private static func imageClassifier(_ name: String, _ modelType: String, distills: Bool) -> ModelClass {
        ModelClass(
            name: name, modelType: modelType, family: .imageClassifier, prefix: "\(modelType).",
            members: [
                .only("model.distillation_token", \.configuration.distillationToken, distills), .image,
            ] + ConfigurationLink.encoder(dropout: 0) + [
                .always("qkv_bias", true), .labels(.class),
                .only("model.normalization", \.configuration.normalization, .layer),
                .only("model.placement", \.configuration.placement, .pre),
                .only("model.positions", \.configuration.positions, .learned),
                .only("model.pooling", \.configuration.pooling, .first),
            ], tensors: { imageClassifierTensors(modelType, $0) })
    }

    private static func imageClassifierTensors(_ prefix: String, _ model: PortableModel) -> [TensorLink] {
        let (width, patch) = (model.configuration.width, model.configuration.patchSize)
        let embeddings = "\(prefix).embeddings"
        let blocks = (0..<model.configuration.layers).flatMap { index in
            let (ours, theirs) = ("blocks.\(index)", "\(prefix).encoder.layer.\(index)")
            return TensorLink.normalization("\(ours).attention_normalization", "\(theirs).layernorm_before")
                + TensorLink.stacked(
                    "\(ours).attention.query_key_value",
                    ["query", "key", "value"].map { ("\(theirs).attention.attention.\($0)", width) })
                + TensorLink.linear("\(ours).attention.projection", "\(theirs).attention.output.dense")
                + TensorLink.normalization("\(ours).feed_forward_normalization", "\(theirs).layernorm_after")
                + TensorLink.linear("\(ours).feed_forward.expansion", "\(theirs).intermediate.dense")
                + TensorLink.linear("\(ours).feed_forward.projection", "\(theirs).output.dense")
        }
        let distillation =
            model.configuration.distillationToken
            ? [TensorLink.same("distillation_token", "\(embeddings).distillation_token", shape: [1, 1, width])] : []
        return [
            // A convolution whose stride is its kernel size: both programs order the pixels of a patch in the same way.
            .same(
                "patch_embedding.weight", "\(embeddings).patch_embeddings.projection.weight",
                shape: [width, model.image?.channels ?? 0, patch, patch]),
            .same("patch_embedding.bias", "\(embeddings).patch_embeddings.projection.bias"),
            .same("class_token", "\(embeddings).cls_token", shape: [1, 1, width]),
            .same(
                "position_embedding.weight", "\(embeddings).position_embeddings",
                shape: [1, model.contextLength, width]),
        ] + distillation + blocks + TensorLink.normalization("final_normalization", "\(prefix).layernorm")
            + TensorLink.linear("head", "classifier")
    }
}

extension ConfigurationLink {
    /// The sizes of images and patches.
    fileprivate static let image = Self(
        write: { model in
            guard let image = model.image else { return [] }
            let isSquare = image.height == image.width
            return [
                JSON.Member(
                    "image_size",
                    isSquare ? .integer(image.height) : [.integer(image.height), .integer(image.width)]),
                JSON.Member("patch_size", .integer(model.configuration.patchSize)),
                JSON.Member("num_channels", .integer(image.channels)),
            ]
        },
        read: { (file, model) throws(Failure) in
            let sides = file["image_size"]?.arrayValue.map { $0.compactMap(\.integerValue) }
            let edge = try sides == nil ? file.integer("image_size", in: 1...1 << 14, default: 224) : 0
            let patch = try file.integer("patch_size", in: 1...1024, default: 16)
            let size = ImageShape(
                height: sides?.first ?? edge, width: sides?.last ?? edge,
                channels: try file.integer("num_channels", in: 1...3, default: 3))
            let range = patch...max(patch, 1 << 14)
            guard sides?.count ?? 2 == 2, range.contains(size.height), range.contains(size.width),
                size.height % patch == 0, size.width % patch == 0
            else { throw file.unexpected("image_size", "one or two multiples of patch_size (\(patch)) up to 16384") }
            guard size.channels != 2 else { throw file.unexpected("num_channels", "1 or 3") }
            model.image = size
            model.configuration.patchSize = patch
            model.contextLength = model.configuration.imageTokens + size.patchCount(patch)
        })
}
