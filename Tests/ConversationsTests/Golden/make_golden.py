"""Writes chat.json, a tokenizer with the special tokens of chat templates, and golden.json: what transformers makes of conversations and of small templates.

    python make_golden.py

Needs transformers 5 and Jinja 3.1. The templates chatml, llama2, llama3, mistral and zephyr are those of
`Sources/Conversations/BuiltInTemplates.swift`, which a test compares with the files here. The other tokenizers are those
of `Tests/TokenizerPipelinesTests/Golden`.
"""

import json
import pathlib

import transformers
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template

here = pathlib.Path(__file__).parent
tokenizers = here.parents[1] / "TokenizerPipelinesTests" / "Golden"

CONVERSATIONS = {
    "pair": [("user", "A man in a blue shirt."), ("assistant", "Un homme en chemise bleue.")],
    "turns": [
        ("system", "You translate."), ("user", "  two dogs \n"), ("assistant", " deux chiens "),
        ("user", "and\n\nthis?"), ("assistant", "\nça, 漢字 🙂 aussi"),
    ],
    "markup": [("user", "{{ 7 }} {% if %} <b>&amp;</b> it's \"quoted\" \\n"), ("assistant", "x")],
    "open": [("user", "one"), ("assistant", "1"), ("user", "two")],
}

# Template, tokenizer, the roles of its special tokens.
CASES = [
    ("chatml", "chat", {"eos_token": "<|im_end|>"}),
    ("chatml", "gpt2", {"eos_token": "<|endoftext|>"}),
    ("llama2", "llama2", {"bos_token": "<s>", "eos_token": "</s>"}),
    ("llama3", "chat", {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    ("mistral", "mistral", {"bos_token": "<s>", "eos_token": "</s>"}),
    ("zephyr", "llama2", {"bos_token": "<s>", "eos_token": "</s>"}),
    ("own", "chat", {"eos_token": "<|im_end|>"}),
]

MARKS = ["<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]

# Small templates; `messages` is the conversation `turns`.
TEMPLATES = [
    "{{ messages[0].content }}|{{ messages[-1]['role'] }}|{{ messages[9] }}|{{ nothing }}|{{ messages|length }}",
    "{% for m in messages[1:] %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ m.role }} {% endfor %}",
    "  {% if messages %}\n  a\n  {% endif %}\n b  {%- if true -%}  c  {%- endif %}\n\nd\n",
    "a\n   {# a comment #}\nb {# another -#}   \n  c\n{%+ if true %} d{% endif +%}\ne",
    "{% set n = namespace(found=false, i=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set n.found = true %}"
    "{% set n.i = n.i + loop.index %}{% endif %}{% endfor %}{{ n.found }} {{ n.i }}",
    "{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{{ 1 + 2 * 3 - 4 // 3 % 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 ~ 'a' ~ true ~ none }} {{ 'a' 'b' if false else 'c' }}",
    "{{ 'x' if 1 > 2 }}|{{ 'x' if 'a' < 'b' and not false or z }}|{{ 'ab' in 'cabd' }}|{{ 'q' not in ['a', 'q'] }}|{{ 'k' in {'k': 1} }}",
    "{{ '  a b '|trim }}|{{ ' a '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|",
    "{{ 'a,b,c'.split(',')[-1] }}|{{ 'a,b,c'.split(',', 1)[1] }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith('bc') }}",
    "{{ messages[1:3]|tojson }} {{ {'a': [1, true, none, 'é\"\\n']}|tojson(indent=2) }}",
    "{{ x is defined }}{{ messages is defined }}{{ none is none }}{{ 'a' is string }}{{ messages is iterable }}{{ {} is mapping }}{{ 3 is odd }}{{ x is not defined }}",
    "{{ 'aXbX'.replace('X', '--') }}{{ 'éa'|upper }}{{ 'ÀB'.lower() }}{{ [1, 2]|first }}{{ [1, 2]|last }}{{ q|default('d') }}{{ ''|default('e', true) }}",
    "{% for m in [] %}a{% else %}none{% endfor %}{% if false %}a{% elif 1 == 1 %}b{% else %}c{% endif %}",
    "{% for m in messages[::-1] %}{{ m.role[0:1] if false else loop.revindex }}{% endfor %}",
    "{{ (true == 1) ~ (messages[0] == messages[0]) ~ ('a' == 1) ~ (none == false) ~ (loop is defined) }}",
    "{%- for m in messages -%}\n  {{- m.content -}}\n{%- endfor -%}\n",
    "{{ messages[0].get('role') }}{{ messages[0].get('x', 'y') }}{{ messages[0].x }}{{ not messages[0].tool_calls }}",
]


def messages(name):
    return [{"role": role, "content": content} for role, content in CONVERSATIONS[name]]


def load(name, roles):
    path = here / "chat.json" if name == "chat" else tokenizers / f"{name}.json"
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), **roles)


def main():
    chat = Tokenizer.from_file(str(tokenizers / "qwen3.json"))
    chat.add_special_tokens(MARKS)
    chat.save(str(here / "chat.json"), pretty=False)
    cases = []
    for template, name, roles in CASES:
        tokenizer = load(name, roles)
        text = (here / f"{template}.jinja").read_text()
        for conversation in CONVERSATIONS:
            parts = {"conversation": messages(conversation), "chat_template": text}
            try:
                whole = tokenizer.apply_chat_template(tokenize=False, **parts)
                encoded = tokenizer.apply_chat_template(
                    tokenize=True, return_dict=True, return_assistant_tokens_mask=True, **parts)
                prompt = tokenizer.apply_chat_template(tokenize=False, add_generation_prompt=True, **parts)
            except Exception as refusal:
                cases.append({"template": template, "tokenizer": name, "roles": roles, "conversation": conversation,
                              "refusal": str(refusal)})
                continue
            cases.append({
                "template": template, "tokenizer": name, "roles": roles, "conversation": conversation, "text": whole,
                "prompt": prompt, "tokens": encoded["input_ids"], "answers": encoded["assistant_masks"]})
    small = [[text, _compile_jinja_template(text).render(messages=messages("turns"))] for text in TEMPLATES]
    golden = {"conversations": {name: messages(name) for name in CONVERSATIONS}, "cases": cases, "templates": small}
    lines = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).replace('},{"template"', '},\n{"template"')
    (here / "golden.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
