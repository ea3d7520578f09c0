/// Returns the path of a golden SentencePiece model, such as "lossless.model".
package func goldenTokenizerModel(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/TokenizersTests/Golden/" + name
}

/// Returns the path of a golden tokenizer of the library `tokenizers`, such as "gpt2.json".
package func goldenPipelineFile(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/TokenizerPipelinesTests/Golden/" + name
}
