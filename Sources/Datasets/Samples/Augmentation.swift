/// Data augmentation, redrawn every epoch: the section `augmentation` of a configuration.
package struct Augmentation: Equatable, Sendable {
    /// The probability of deleting a token of a source or labelled text.
    package var tokenDropping = 0.0
    /// The probability of replacing a token of a source or labelled text by the mask token.
    package var tokenMasking = 0.0
    /// BPE-dropout: the probability with which a merge of the tokenizer is left out, in each text of a record; 0: none
    /// is.
    package var bpeDropout = 0.0
    /// Random segmentations of a unigram tokenizer: the power of their probabilities; 0: the most probable one.
    package var unigramPower = 0.0
    /// The maximum random shift of an image in each direction, in pixels; the border is filled with black.
    package var shift = 0
    /// Whether images are mirrored horizontally, each with probability ½.
    package var flip = false
    /// Random resized crop: the smallest side of the crop, as a fraction of the image's side; 1: no cropping.
    ///
    /// - Source: Szegedy et al. 2015, arXiv:1409.4842, section 6.
    package var crop = 1.0

    /// No augmentation.
    package init() {}

    /// The augmentation of tokens only.
    package var ofTokens: Augmentation {
        var part = Augmentation()
        (part.tokenDropping, part.tokenMasking) = (tokenDropping, tokenMasking)
        (part.bpeDropout, part.unigramPower) = (bpeDropout, unigramPower)
        return part
    }

    /// The augmentation of images only.
    package var ofImages: Augmentation {
        var part = Augmentation()
        (part.shift, part.flip, part.crop) = (shift, flip, crop)
        return part
    }
}
