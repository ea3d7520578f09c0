/// How what is trained on is changed at every reading, so that no epoch sees it twice: the section `augmentation`.
package struct Augmentation: Equatable, Sendable {
    /// The share of tokens of a source or a labelled text that is left out.
    package var tokenDropping = 0.0
    /// The share of its tokens that the mask token takes the place of.
    package var tokenMasking = 0.0
    /// The most pixels that an image is moved in each direction; what comes in is black.
    package var shift = 0
    /// Whether half of the images are mirrored.
    package var flip = false
    /// The smallest part of an image's edge that is cut out and enlarged; 1 cuts nothing.
    ///
    /// - Source: Szegedy et al. 2015, arXiv:1409.4842, section 6.
    package var crop = 1.0

    /// No change.
    package init() {}

    /// The changes of tokens alone.
    package var ofTokens: Augmentation {
        var part = Augmentation()
        (part.tokenDropping, part.tokenMasking) = (tokenDropping, tokenMasking)
        return part
    }

    /// The changes of images alone.
    package var ofImages: Augmentation {
        var part = Augmentation()
        (part.shift, part.flip, part.crop) = (shift, flip, crop)
        return part
    }
}
