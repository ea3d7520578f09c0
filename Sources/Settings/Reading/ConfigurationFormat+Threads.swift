import Resources

extension ConfigurationFormat<ThreadCount> {
    /// `auto` or a number of threads.
    static var threadCount: Self {
        Self(allowed: ThreadCount.allowed, examples: [.automatic, .fixed(1)]) { (node) throws(ConfigurationMismatch) in
            guard case .scalar(let text, isPlain: true) = node.content, let count = ThreadCount(text) else {
                throw ConfigurationMismatch(node: node)
            }
            return count
        } encode: {
            $0.text
        }
    }
}
