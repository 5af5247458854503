//! The border in front of everything that a person reads: a corpus of attacks through every function that stands
//! there, mixed with anything else.

use std::sync::LazyLock;

use backstop::model::{hostile, markdown, markdown_block, visible, visible_lines};
use proptest::prelude::*;
use serde::Deserialize;

/// One of the corpus.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All of them.
pub(crate) static ATTACKS: LazyLock<Vec<Attack>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Corpus {
        attack: Vec<Attack>,
    }
    let corpus: Corpus = toml::from_str(include_str!("fixtures/attacks.toml")).unwrap();
    corpus.attack
});

/// Whether a terminal could obey a character, or its reader be fooled. Written out here once more: a mistake in the
/// program's own list must not hide itself.
pub(crate) fn harms(character: char) -> bool {
    matches!(u32::from(character),
        0..=0x1f | 0x7f..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// The first harmful character that is not one of these.
pub(crate) fn harm(text: &str, allowed: &str) -> Option<char> {
    text.chars()
        .find(|character| harms(*character) && !allowed.contains(*character))
}

/// Anything, with pieces of attacks in it.
fn mixed() -> impl Strategy<Value = String> {
    let texts: Vec<String> = ATTACKS.iter().map(|attack| attack.text.clone()).collect();
    let piece = prop_oneof![
        3 => prop::sample::select(texts),
        1 => any::<String>(),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn the_corpus_does_what_it_says() {
    assert!(ATTACKS.len() >= 40);
    for attack in &*ATTACKS {
        let obeyed = harm(&attack.text, "").is_some();
        let exported = attack.text.contains(['=', '+', '@', '-', '<', '[', '`']);
        assert!(obeyed || exported, "{} attacks nothing", attack.name);
    }
}

#[test]
fn every_attack_is_shown_and_none_is_obeyed() {
    for Attack { name, text } in &*ATTACKS {
        let shown = visible(text, 4000);
        assert_eq!(harm(&shown, ""), None, "{name}: {shown:?}");
        // Nothing is swallowed: there is a mark for everything.
        assert_eq!(shown.chars().count(), text.chars().count(), "{name}");
        let lines = visible_lines(text, 4000);
        assert_eq!(harm(&lines, "\n"), None, "{name}: {lines:?}");
        let written = markdown(text, 4000);
        assert_eq!(harm(&written, ""), None, "{name}: {written:?}");
        let block = markdown_block(text, 4000);
        assert_eq!(harm(&block, "\n"), None, "{name}: {block:?}");
    }
}

/// Whether a character of Markdown stands behind a backslash.
fn escaped(text: &str, place: usize) -> bool {
    let before = text.split_at(place).0.bytes().rev();
    before.take_while(|byte| *byte == b'\\').count() % 2 == 1
}

proptest! {
    #[test]
    fn nothing_is_obeyed_whatever_stands_around_it(text in mixed(), limit in 0_usize..400) {
        for (shown, allowed) in [
            (visible(&text, limit).into_owned(), ""),
            (visible_lines(&text, limit), "\n"),
            (markdown(&text, limit), ""),
            (markdown_block(&text, limit), "\n"),
        ] {
            prop_assert_eq!(harm(&shown, allowed), None, "{:?}", shown);
        }
        prop_assert!(visible(&text, limit).chars().count() <= limit);
        for character in text.chars() {
            prop_assert_eq!(hostile(character), harms(character), "{:?}", character);
        }
    }

    #[test]
    fn what_is_written_as_markdown_stays_in_its_cell(text in mixed()) {
        let cell = markdown(&text, 4000);
        for (place, _) in cell.match_indices(['|', '<', '[', '`']) {
            prop_assert!(escaped(&cell, place), "{:?} at {}", cell, place);
        }
        let block = markdown_block(&text, 4000);
        let fence: String = block.chars().take_while(|letter| *letter == '`').collect();
        prop_assert_eq!(block.matches(fence.as_str()).count(), 2, "{:?}", block);
    }
}
