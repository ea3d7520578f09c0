extension Option {
    /// Of commands that read a configuration.
    static let settings = Option(
        name: "set", arity: .assignments, placeholder: "KEY.PATH=VALUE",
        help: "keys of the configuration, over the file's values")
}
