//! Names out of a text for a blind review: a model that says who it is would be judged by its name.
//!
//! Called by the review screen on both answers before anything of them is shown. Masked are the configured names
//! of routes, providers and models, and the names under which models and their makers are known ([`names`]).

mod names;

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use crate::model::{Answer, Route};

/// The most characters around a name that tell whether an answer speaks of itself.
const CONTEXT: usize = 40;

/// A text without names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Each name replaced by as many `_` as it has columns, so that nothing moves when it is revealed.
    pub text: String,
    /// What was masked, ascending.
    pub names: Vec<MaskedName>,
}

/// A masked name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedName {
    /// Where the mask stands, in bytes of the masked text.
    pub range: Range<usize>,
    /// What stood there.
    pub was: String,
}

/// The names by which these routes could be told: their own, their providers', their models'.
#[must_use]
pub fn names_of(routes: &[&Route]) -> Vec<String> {
    let mut names: Vec<String> = routes
        .iter()
        .flat_map(|route| {
            // `vendor/model`, as gateways to many vendors write it.
            let short = route.model.rsplit('/').next().unwrap_or_default();
            [
                route.name.as_str(),
                route.provider.as_str(),
                route.model.as_str(),
                short,
            ]
            .map(str::to_owned)
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Masks an answer: its text, what it says instead, the arguments of its tool calls, what failed. Says what was
/// masked, once each.
#[must_use]
pub fn mask_answer(answer: &Answer, names: &[String]) -> (Answer, Vec<String>) {
    let mut masked = answer.clone();
    let mut found = Vec::new();
    let mut hide = |text: &mut String| {
        let masked = mask(text, names);
        found.extend(masked.names.into_iter().map(|name| name.was));
        *text = masked.text;
    };
    hide(&mut masked.text);
    if let Some(refusal) = &mut masked.refusal {
        hide(refusal);
    }
    for tool in &mut masked.tools {
        hide(&mut tool.arguments);
    }
    if let Some(failure) = &mut masked.result.failure {
        hide(&mut failure.detail);
    }
    for check in &mut masked.result.checks {
        hide(&mut check.detail);
    }
    found.sort_unstable();
    found.dedup();
    (masked, found)
}

/// Masks a text. `names` are the configured ones.
#[must_use]
pub fn mask(text: &str, names: &[String]) -> Masked {
    let folded = Folded::of(text);
    let known = known(names);
    let mut masked = Masked {
        text: String::with_capacity(text.len()),
        names: Vec::new(),
    };
    let mut copied = 0;
    for range in folded.named(&known) {
        masked
            .text
            .push_str(text.get(copied..range.start).unwrap_or_default());
        let was = text.get(range.clone()).unwrap_or_default();
        let start = masked.text.len();
        masked.text.extend(std::iter::repeat_n('_', was.width()));
        masked.names.push(MaskedName {
            range: start..masked.text.len(),
            was: was.to_owned(),
        });
        copied = range.end;
    }
    masked.text.push_str(text.get(copied..).unwrap_or_default());
    masked
}

/// When a name is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Versioned,
    OfItself,
}

/// A name as it is looked for.
struct Known {
    pattern: Vec<char>,
    when: When,
}

/// Configured names and known ones, longest first.
fn known(configured: &[String]) -> Vec<Known> {
    let configured = configured.iter().filter_map(|name| {
        let pattern: String = Folded::of(name)
            .letters
            .iter()
            .map(|it| it.letter)
            .collect();
        let digit = pattern.contains(|letter: char| letter.is_ascii_digit());
        let when = if names::ORDINARY.contains(&pattern.as_str()) {
            When::OfItself
        } else {
            When::Always
        };
        // Shorter ones would blank out half of a text.
        (pattern.len() > 2 || digit && pattern.len() == 2).then_some((pattern, when))
    });
    let table =
        |of: &'static [&'static str], when| of.iter().map(move |it| ((*it).to_owned(), when));
    let mut known: Vec<Known> = configured
        .chain(table(names::ALWAYS, When::Always))
        .chain(table(names::VERSIONED, When::Versioned))
        .chain(table(names::SELF, When::OfItself))
        .map(|(pattern, when)| Known {
            pattern: pattern.chars().collect(),
            when,
        })
        .collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.pattern.len()));
    known
}

/// A letter as it is compared, and where it stands.
#[derive(Clone, Copy)]
struct Unit {
    letter: char,
    start: usize,
    end: usize,
    upper: bool,
    /// A separator that does not part words: a hyphen or an underscore.
    tight: bool,
}

/// A text as names are looked for in it: lower case, one kind of separator, nothing invisible.
struct Folded {
    letters: Vec<Unit>,
}

impl Folded {
    fn of(text: &str) -> Self {
        let letters = text.char_indices().filter_map(|(start, character)| {
            let letter = match character {
                // Invisible, or the mark that stands for it.
                '\u{ad}'
                | '\u{300}'..='\u{36f}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fffd}' => return None,
                ' '
                | '\t'
                | '_'
                | '\u{a0}'
                | '\u{2000}'..='\u{200a}'
                | '\u{2010}'..='\u{2015}'
                | '\u{202f}'
                | '\u{2212}'
                | '\u{3000}' => '-',
                '\u{2019}' => '\'',
                // Full width forms of ASCII.
                '\u{ff01}'..='\u{ff5e}' => {
                    char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
                }
                _ => character,
            };
            Some(Unit {
                letter: letter.to_lowercase().next().unwrap_or(letter),
                start,
                end: start + character.len_utf8(),
                upper: letter.is_uppercase(),
                tight: letter == '-' && !character.is_whitespace(),
            })
        });
        Self {
            letters: letters.collect(),
        }
    }

    fn at(&self, place: usize) -> Option<char> {
        self.letters.get(place).map(|it| it.letter)
    }

    /// Whether a word goes on from the letter before a place to the one at it.
    fn joined(&self, place: usize) -> bool {
        // Scripts without spaces between words do not join.
        let word = |letter: char| letter.is_alphanumeric() && letter < '\u{2e80}';
        let before = place.checked_sub(1).and_then(|before| self.at(before));
        before.is_some_and(word) && self.at(place).is_some_and(word)
    }

    /// The stretches of the text to mask, ascending, in bytes.
    fn named(&self, known: &[Known]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        // Where the name before ended, in letters.
        let mut last = None;
        let mut place = 0;
        while place < self.letters.len() {
            let Some((end, when)) = self.name_at(place, known) else {
                place += 1;
                continue;
            };
            let whole = self.tail(end);
            let beside = last.is_some_and(|last| last + 1 == place && self.at(last) == Some('-'))
                || (self.at(whole) == Some('-') && self.name_at(whole + 1, known).is_some());
            let masked = match when {
                When::Always => true,
                When::Versioned => whole > end || beside || self.of_itself(place, whole),
                When::OfItself => beside || self.of_itself(place, whole),
            };
            if masked {
                found.push(self.letters[place].start..self.letters[whole - 1].end);
                last = Some(whole);
            }
            place = whole;
        }
        found
    }

    /// The end of the longest name that begins at a place.
    fn name_at(&self, place: usize, known: &[Known]) -> Option<(usize, When)> {
        let first = self.at(place)?;
        if self.joined(place) {
            return None;
        }
        known
            .iter()
            .filter(|known| known.pattern.first() == Some(&first))
            .find_map(|known| {
                let end = self.after(place, &known.pattern)?;
                // `llama3` is a name with its version.
                let version = self.at(end).is_some_and(|next| next.is_ascii_digit());
                let ends = !self.joined(end) || (version && !self.joined(self.tail(end)));
                ends.then_some((end, known.when))
            })
    }

    /// The end of a pattern that stands at a place. A separator in it may be missing in the text.
    fn after(&self, mut place: usize, pattern: &[char]) -> Option<usize> {
        for letter in pattern {
            if *letter == '-' {
                place += usize::from(self.at(place) == Some('-'));
            } else if self.at(place) == Some(*letter) {
                place += 1;
            } else {
                return None;
            }
        }
        Some(place)
    }

    /// The end of a name with the version and the variants that follow it.
    fn tail(&self, end: usize) -> usize {
        let mut whole = end;
        loop {
            let separated = self.at(whole) == Some('-');
            let start = whole + usize::from(separated);
            let mut next = start;
            while let Some(letter) = self.at(next) {
                let dot = letter == '.'
                    && self
                        .at(next + 1)
                        .is_some_and(|after| after.is_ascii_digit());
                if !(letter.is_ascii_alphanumeric() || dot && next > start) {
                    break;
                }
                next += 1;
            }
            let word: String = self.letters[start.min(next)..next]
                .iter()
                .map(|it| it.letter)
                .collect();
            let bare = word.strip_prefix('v').unwrap_or(&word);
            let version = bare.starts_with(|first: char| first.is_ascii_digit());
            // `claude small` may be a sentence; `claude-small` and `Claude Small` are names.
            let written = self.letters.get(start).is_some_and(|it| it.upper)
                || start
                    .checked_sub(1)
                    .is_some_and(|at| self.letters[at].tight);
            let variant = separated && written && names::VARIANTS.contains(&word.as_str());
            if !version && !variant {
                return whole;
            }
            whole = next;
        }
    }

    /// Whether an answer speaks of itself where a name stands.
    fn of_itself(&self, start: usize, end: usize) -> bool {
        let before = plain(self.letters[..start].iter().rev().take(CONTEXT).rev());
        let before = before.trim_end_matches('-');
        let after = plain(self.letters[end..].iter().take(CONTEXT));
        let word = |text: &str, cue: &str| {
            let rest = text.strip_suffix(cue)?;
            (!cue.is_ascii() || rest.is_empty() || rest.ends_with(['-', '.'])).then_some(rest.len())
        };
        let article = names::ARTICLES.iter().find_map(|it| word(before, it));
        let without = article
            .and_then(|length| before.get(..length))
            .map_or(before, |rest| rest.trim_end_matches('-'));
        let cue = |text| names::BEFORE.iter().any(|it| word(text, it).is_some());
        let as_itself = word(before, "as").is_some() && self.at(end) == Some(',');
        cue(before)
            || cue(without)
            || as_itself
            || names::AFTER.iter().any(|it| after.starts_with(it))
    }
}

/// Letters with everything between words as one `-`, and ends of sentences as `.`.
fn plain<'l>(letters: impl Iterator<Item = &'l Unit>) -> String {
    let mut plain = String::new();
    for it in letters {
        match it.letter {
            '.' | '!' | '?' | ';' | '\n' => plain.push('.'),
            letter if letter.is_alphanumeric() || letter == '\'' => plain.push(letter),
            _ if plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::mask;

    fn names() -> Vec<String> {
        ["stable-baseline", "contoso", "co-stable-2", "local"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn names_are_masked_where_they_tell() {
        for (case, text, masked) in [
            (
                "family with version",
                "I am GPT-4, ready.",
                "I am _____, ready.",
            ),
            (
                "any writing",
                "gpt 4o, GPT\u{2011}4, ＧＰＴ-4",
                "______, _____, ________",
            ),
            (
                "no separator",
                "I run on llama3.1-8b.",
                "I run on ___________.",
            ),
            ("as", "As Claude, I cannot.", "As ______, I cannot."),
            (
                "maker",
                "I was developed by OpenAI.",
                "I was developed by ______.",
            ),
            (
                "maker in words",
                "a model trained by Google",
                "a model trained by ______",
            ),
            (
                "maker and model",
                "Google Gemini 1.5 Pro says",
                "______ ______________ says",
            ),
            (
                "variant",
                "Claude Sonnet 4 and claude-3-5-haiku",
                "_______________ and ________________",
            ),
            (
                "variant or sentence",
                "Ask Claude small things",
                "Ask ______ small things",
            ),
            (
                "other language",
                "Ich bin Gemini, ein Modell von Google.",
                "Ich bin ______, ein Modell von ______.",
            ),
            (
                "no spaces",
                "\u{6211}\u{662f}Claude\u{3002}",
                "\u{6211}\u{662f}______\u{3002}",
            ),
            ("emphasis", "I'm **Gemini**!", "I'm **______**!"),
            (
                "possessive",
                "Google's language model",
                "______'s language model",
            ),
            ("as itself", "As Gemini, I think", "As ______, I think"),
            (
                "search",
                "Look it up on Google or Amazon.",
                "Look it up on Google or Amazon.",
            ),
            (
                "star sign",
                "Gemini follows Taurus.",
                "Gemini follows Taurus.",
            ),
            (
                "poem",
                "A haiku has three lines; an opus is a work.",
                "A haiku has three lines; an opus is a work.",
            ),
            (
                "inside a word",
                "claudette eats gptimus",
                "claudette eats gptimus",
            ),
            ("soft hyphens inside", "I am Clau\u{ad}de.", "I am ______."),
            (
                "configured",
                "Contoso: co-stable-2, CO_STABLE 2",
                "_______: ___________, ___________",
            ),
            (
                "configured route",
                "the stable baseline",
                "the _______________",
            ),
            (
                "ordinary word",
                "The local shop. I am local.",
                "The local shop. I am _____.",
            ),
            ("nothing", "", ""),
        ] {
            assert_eq!(mask(text, &names()).text, masked, "{case}");
        }
    }

    #[test]
    fn what_was_masked_is_told_with_its_place() {
        let masked = mask("I am GPT-4 by OpenAI.", &[]);
        let told: Vec<(&str, &str)> = masked
            .names
            .iter()
            .map(|name| {
                (
                    masked.text.get(name.range.clone()).unwrap(),
                    name.was.as_str(),
                )
            })
            .collect();
        assert_eq!(told, [("_____", "GPT-4"), ("______", "OpenAI")]);
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_width_and_its_rest(
            pieces in prop::collection::vec(prop_oneof![
                prop::sample::select(vec!["GPT-4", "Claude", " ", "\n", "I am ", "Google", "by ", ".", "ä", "\u{200b}",
                    "contoso", "\u{4f60}", "-", "3", "o1", "'s model", "e\u{301}"]).prop_map(str::to_owned),
                any::<String>(),
            ], 0..20),
        ) {
            let text = pieces.concat();
            let masked = mask(&text, &names());
            let mut back = masked.text.clone();
            for name in masked.names.iter().rev() {
                prop_assert_eq!(masked.text.get(name.range.clone()).unwrap().width(), name.was.width());
                back.replace_range(name.range.clone(), &name.was);
            }
            prop_assert_eq!(back, text);
        }
    }
}
