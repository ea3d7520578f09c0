import CSentencePiece
import Failures

/// A loaded SentencePiece model.
///
/// `@unchecked Sendable`: the model is immutable after loading, and SentencePiece's encoding is thread-safe.
final class SentencePieceHandle: @unchecked Sendable {
    let model: OpaquePointer

    init(_ bytes: [UInt8], _ source: String) throws(Failure) {
        try SentencePieceFile.check(bytes, source: source)
        var error = csentencepiece_error()
        let loaded = bytes.withUnsafeBytes { csentencepiece_load($0.baseAddress, $0.count, &error) }
        guard let loaded, csentencepiece_count(loaded) > 0 else {
            if let loaded { csentencepiece_unload(loaded) }
            if error.is_out_of_memory { throw SentencePieceHandle.outOfMemory(source) }
            throw Failure(
                .badData,
                "\(source): not a SentencePiece model: it has no pieces, an empty or a repeated piece, no piece for unknown "
                    + "text, or pieces for some bytes but not for all. Give a .model file that SentencePiece wrote, "
                    + " or train one: --tokenizer bpe:SIZE.")
        }
        model = loaded
    }

    /// The failure of a call for which there was no memory.
    static func outOfMemory(_ subject: String) -> Failure {
        Failure(
            .inputOutput,
            "\(subject): memory is exhausted. Free some memory, or raise the limit of the address space (ulimit -v).")
    }

    deinit { csentencepiece_unload(model) }

    func find(_ piece: String) -> Int32? {
        let id = csentencepiece_find(model, piece)
        return id < 0 ? nil : id
    }

    func text(of id: Int32) -> [UInt8] {
        var count = 0
        let start = csentencepiece_piece(model, id, &count)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The pieces without spaces behind other characters, with their numbers and scores and with spaces for U+2581, and
    /// the tokens of the 256 bytes; nil if not every byte has a token.
    func wordPieces() -> (pieces: [(text: [UInt8], number: Int32, score: Float)], byteTokens: [Int32])? {
        var pieces: [(text: [UInt8], number: Int32, score: Float)] = []
        var byteTokens = [Int32](repeating: -1, count: 256)
        for token in 0..<csentencepiece_count(model) {
            let text = text(of: token)
            switch csentencepiece_kind_of(model, token) {
            case csentencepiece_byte:
                if let byte = SentencePieceTokenizer.byte(ofPiece: text) { byteTokens[Int(byte)] = token }
            case csentencepiece_text where !text.contains(space):
                pieces.append(
                    (SentencePieceTokenizer.replacingSpaceSymbols(text), token, csentencepiece_score(model, token)))
            default: break
            }
        }
        return byteTokens.contains(-1) ? nil : (pieces, byteTokens)
    }

    /// Whether `TokenizerAlgorithm` trained the model, judged by its characteristic first pieces.
    var isLearnedHere: Bool {
        let pieces = ["<pad>", "<unk>", "<s>", "</s>", "<cls>", "<sep>", "<mask>", "\n", "<0x00>"]
        guard csentencepiece_count(model) >= TokenizerAlgorithm.fixedPieces else { return false }
        return pieces.enumerated().allSatisfy { text(of: Int32($0.offset)) == Array($0.element.utf8) }
    }

    /// The special tokens of the model, found by role or by usual names.
    func specialTokens() -> SpecialTokens {
        let count = csentencepiece_count(model)
        func role(_ id: Int32) -> Int32? { id >= 0 && id < count ? id : nil }
        func named(_ names: String...) -> Int32? {
            for name in names { if let id = find(name) { return id } }
            return nil
        }
        return SpecialTokens(
            pad: role(csentencepiece_pad(model)), unknown: role(csentencepiece_unk(model)),
            bos: role(csentencepiece_bos(model)), eos: role(csentencepiece_eos(model)),
            mask: named("<mask>", "[MASK]"), sep: named("<sep>", "[SEP]"), cls: named("<cls>", "[CLS]"))
    }

    func encode(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> [Int32] {
        if bytes.isEmpty { return [] }
        var error = csentencepiece_error()
        var count = 0
        let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard let ids = csentencepiece_encode(model, start, bytes.count, &count, &error) else {
            if error.is_out_of_memory { throw SentencePieceHandle.outOfMemory("The tokenizer") }
            throw Failure(
                .badData,
                "The tokenizer cannot encode a text: its SentencePiece model is damaged. Copy the model, or train it again."
            )
        }
        defer { csentencepiece_release(ids) }
        return Array(UnsafeBufferPointer(start: ids, count: count))
    }
}
