import Testing
import Texts

struct MarkupTests {
    @Test(arguments: [
        ("a < b & c", "a &lt; b &amp; c"), ("\"x\" 'y'", "&quot;x&quot; &#39;y&#39;"),
        ("</script><script>alert(1)</script>", "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("line\nnext\t.", "line\nnext\t."), ("\u{0}\u{1B}[0m\u{7F}\u{9F}", "\u{FFFD}\u{FFFD}[0m\u{FFFD}\u{FFFD}"),
        ("a\u{202E}b\u{2066}", "aU+202EbU+2066"), ("\u{FFFE}", "\u{FFFD}"), ("é 中 🙂", "é 中 🙂"), ("", ""),
        // A combining mark joins the character before it, which must be found all the same.
        ("<\u{301}&\u{301}", "&lt;\u{301}&amp;\u{301}"),
    ])
    func escapes(text: String, expected: String) {
        #expect(text.escapedForHTML.exact == expected.exact)
    }
}
