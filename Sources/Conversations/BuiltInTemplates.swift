extension ChatTemplate {
    /// The templates that are known by name.
    package enum BuiltIn: String, CaseIterable, Sendable {
        /// `<|im_start|>` and `<|im_end|>` around each message.
        case chatml
        /// `[INST]` and `[/INST]` around each message of the user; the system's is in the first.
        case llama2
        /// A header before each message, and `<|eot_id|>` behind it.
        case llama3
        /// As Llama 2, but the system's message stands before the first one of the user.
        case mistral
        /// `<|user|>` and other names before the messages, and the end token behind them.
        case zephyr

        /// The template.
        package var text: String {
            switch self {
            case .chatml: Self.chatmlText
            case .llama2:
                Self.bracketed(
                    beginning: "bos_token", system: "'<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n'",
                    answerEnd: "' ' + eos_token")
            case .llama3: Self.llama3Text
            case .mistral:
                Self.bracketed(
                    beginning: "bos_token if loop.first else ''", system: "system + '\\n\\n'", answerEnd: "eos_token")
            case .zephyr: Self.zephyrText
            }
        }

        private static let chatmlText = """
            {%- for message in messages %}
                {{- '<|im_start|>' + message.role + '\\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}
                {%- else %}
                    {{- message.content + '<|im_end|>' }}
                {%- endif %}
                {{- '\\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|im_start|>assistant\\n' }}
            {%- endif %}

            """

        private static let llama3Text = """
            {{- bos_token }}
            {%- for message in messages %}
                {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{ message.content | trim + '<|eot_id|>' }}{% endgeneration %}
                {%- else %}
                    {{- message.content | trim + '<|eot_id|>' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
            {%- endif %}

            """

        private static let zephyrText = """
            {%- for message in messages %}
                {{- '<|' + message.role + '|>\\n' }}
                {%- if message.role == 'assistant' %}
                    {%- generation %}{{ message.content + eos_token }}{% endgeneration %}
                {%- else %}
                    {{- message.content + eos_token }}
                {%- endif %}
                {{- '\\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|assistant|>\\n' }}
            {%- endif %}

            """

        /// A template with `[INST]`, which requires that user and assistant take turns.
        ///
        /// - Parameters:
        ///   - beginning: The expression that begins a turn of the user.
        ///   - system: The expression that writes the system's message.
        ///   - answerEnd: The expression that ends an answer.
        private static func bracketed(beginning: String, system: String, answerEnd: String) -> String {
            """
            {%- set system = '' %}
            {%- set turns = messages %}
            {%- if messages[0].role == 'system' %}
                {%- set system = messages[0].content | trim %}
                {%- set turns = messages[1:] %}
            {%- endif %}
            {%- for message in turns %}
                {%- if (message.role == 'user') != (loop.index0 % 2 == 0) or message.role == 'system' %}
                    {{- raise_exception('after the message of the system, user and assistant must take turns') }}
                {%- endif %}
                {%- if message.role == 'user' %}
                    {{- (\(beginning)) + '[INST] ' }}
                    {%- if loop.first and system %}{{ \(system) }}{% endif %}
                    {{- message.content | trim + ' [/INST]' }}
                {%- else %}
                    {%- generation %}{{ ' ' + message.content | trim + \(answerEnd) }}{% endgeneration %}
                {%- endif %}
            {%- endfor %}

            """
        }
    }
}
