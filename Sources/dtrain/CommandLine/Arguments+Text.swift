import Failures
import Texts

extension Arguments {
    /// The value of an option that is text, not a path.
    ///
    /// - Throws: `usage` if it is not UTF-8.
    func text(_ name: String) throws(Failure) -> String? { try texts(name).first }

    /// All values of an option that are text, not paths.
    ///
    /// - Throws: `usage` if one of them is not UTF-8.
    func texts(_ name: String) throws(Failure) -> [String] {
        var texts: [String] = []
        for value in list(name) {
            guard let text = String(validating: PathText.bytes(of: value), as: UTF8.self) else {
                throw usage(
                    "--\(name): found \(value), which is not UTF-8; allowed: UTF-8 text. Convert it first, as iconv does."
                )
            }
            texts.append(text)
        }
        return texts
    }
}
