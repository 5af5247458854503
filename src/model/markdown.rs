//! The border in front of a Markdown file: text from outside stays text.
//!
//! Used by everything that writes Markdown for people (reports, exported reviews, comparisons). A file that is
//! pasted into a tracker must not grow headings, links, images, tables or HTML out of what a model said.

use std::borrow::Cow;

use super::{visible, visible_lines};

/// One line of text from outside, fit to stand inside a Markdown line or table cell; cut at `limit` characters.
///
/// It must not begin a line: what is special only there is escaped where it is special.
#[must_use]
pub fn markdown(text: &str, limit: usize) -> String {
    let shown = visible(text, limit);
    let mut out = String::with_capacity(shown.len() + 8);
    let mut before = ' ';
    let mut rest = shown.chars().peekable();
    while let Some(character) = rest.next() {
        let special = match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '!' => true,
            // A heading, a list or a line under a title at the beginning of what becomes a line.
            '#' | '+' | '-' | '=' => out.is_empty(),
            // `1.` and `1)` at the beginning.
            '.' | ')' => !out.is_empty() && out.chars().all(|one| one.is_ascii_digit()),
            // A link that is made of itself.
            ':' => rest.peek() == Some(&'/'),
            '@' => before.is_alphanumeric(),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(character);
        before = character;
    }
    out
}

/// Text of several lines as a fenced block that its own content cannot end; cut at `limit` characters.
#[must_use]
pub fn markdown_block(text: &str, limit: usize) -> String {
    let shown = visible_lines(text, limit);
    let longest = shown
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence: Cow<'static, str> = if longest < 3 {
        Cow::Borrowed("```")
    } else {
        Cow::Owned("`".repeat(longest + 1))
    };
    let end = if shown.is_empty() || shown.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{fence}text\n{shown}{end}{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_text() {
        for (case, text, written) in [
            ("plain", "provider page says so", "provider page says so"),
            ("link", "[a](http://x)", "\\[a\\](http\\://x)"),
            ("image", "![a](b)", "\\!\\[a\\](b)"),
            ("html", "<script>", "\\<script\\>"),
            ("entity", "&lt;", "\\&lt;"),
            ("cell", "a|b", "a\\|b"),
            ("code", "a `b`", "a \\`b\\`"),
            ("emphasis", "*a* _b_ ~~c~~", "\\*a\\* \\_b\\_ \\~\\~c\\~\\~"),
            ("heading", "# a # b", "\\# a # b"),
            ("list", "- a - b", "\\- a - b"),
            ("numbered", "12. a 3. b", "12\\. a 3. b"),
            ("lines become one", "a\n# b", "a\u{240a}# b"),
            ("escape sequence", "\u{1b}[31m", "\u{241b}\\[31m"),
            ("mention", "jo@ops1", "jo\\@ops1"),
            ("backslash", "\\", "\\\\"),
        ] {
            assert_eq!(markdown(text, 60), written, "{case}");
        }
        assert_eq!(markdown("abcdef", 4), "abc\\~");
    }

    #[test]
    fn a_block_is_longer_than_any_fence_inside() {
        assert_eq!(markdown_block("a", 9), "```text\na\n```");
        assert_eq!(
            markdown_block("```\n````\n", 60),
            "`````text\n```\n````\n`````"
        );
        assert_eq!(markdown_block("", 9), "```text\n```");
    }

    proptest! {
        /// Nothing that a Markdown reader obeys is left without a backslash before it.
        #[test]
        fn no_special_character_is_bare(text in "[a\\\\`*_<>|!~&\\[\\]#-]{0,40}") {
            let written = markdown(&text, 100);
            let mut escaped = false;
            for character in written.chars() {
                prop_assert!(escaped || !"`*_<>|!~&[]".contains(character), "{written}");
                escaped = !escaped && character == '\\';
            }
            prop_assert!(!escaped, "{written}");
        }

        /// No line inside a block closes it.
        #[test]
        fn a_block_has_one_end(text in "(`{0,6}|a|\n| ){0,30}") {
            let block = markdown_block(&text, 1000);
            let fence: String = block.chars().take_while(|one| *one == '`').collect();
            let ends = block.lines().skip(1).filter(|line| line.trim().starts_with(&fence)).count();
            prop_assert_eq!(ends, 1, "{}", block);
        }
    }
}
