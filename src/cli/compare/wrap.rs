//! Text of any kind in lines of a width: by words where it can be, and never wider.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The lines of a text; at least one. Line feeds stay, other white space at a break goes.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut current = String::new();
        for word in line.split_inclusive(' ') {
            let bare = word.trim_end_matches(' ');
            if current.width() + bare.width() > width && !current.trim().is_empty() {
                lines.push(std::mem::take(&mut current).trim_end().to_owned());
            }
            for letter in word.chars() {
                let needed = letter.width().unwrap_or(0);
                if current.width() + needed > width {
                    if letter == ' ' {
                        continue;
                    }
                    lines.push(std::mem::take(&mut current));
                }
                current.push(letter);
            }
        }
        lines.push(current.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::wrap;

    #[test]
    fn words_stay_whole_where_they_fit() {
        for (text, width, lines) in [
            ("one two three", 8, vec!["one two", "three"]),
            ("one\ntwo", 8, vec!["one", "two"]),
            ("abcdefghij", 4, vec!["abcd", "efgh", "ij"]),
            ("  let x = 1;", 20, vec!["  let x = 1;"]),
            ("", 4, vec![""]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_wider_and_no_letter_is_lost(text in "[ a-z\n\u{e9}\u{301}\u{4f60}\u{1f469}]{0,200}", width in 2_usize..40) {
            let lines = wrap(&text, width);
            for line in &lines {
                prop_assert!(line.width() <= width, "{line:?}");
            }
            let bare = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
