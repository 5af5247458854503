//! Filters: which rows of a list are shown. Words are joined by "and".
//!
//! `text` keeps rows that contain it, `!text` those that do not, `~text` those that hold its letters in order,
//! `field:value` looks at one field only (a field may be shortened: `st:fail`), and `since:15m` keeps what is not
//! older, counted from when it was typed. Case never matters. Nothing that is typed is an error: what is not
//! understood is told in words while it is typed, and hides nothing that is not certain to be unwanted.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// A row, as a filter sees it: calls the visitor with each field and its value until it answers `true`.
pub trait Fields {
    /// The names that can be filtered by.
    const NAMES: &'static [&'static str];

    /// Of these, the ones that a word alone does not look at.
    const BY_NAME_ONLY: &'static [&'static str] = &[];

    /// Whether the visitor answered `true` for any field.
    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool;

    /// Everything that a field can be, where that is a short list of words.
    #[must_use]
    fn words(field: &str) -> Vec<&'static str> {
        let _ = field;
        Vec::new()
    }

    /// When it happened, for lists that can be filtered by `since`.
    fn at(&self) -> Option<Timestamp> {
        None
    }
}

/// The field that is a time.
pub const SINCE: &str = "since";

/// Short forms that are no beginnings.
const SHORT: [(&str, &str); 5] = [
    ("wl", "workload"),
    ("rt", "route"),
    ("gw", "gateway"),
    ("by", "who"),
    ("on", "target"),
];

/// What was typed, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Looks {
    /// Nothing happened before.
    Since(Timestamp),
    /// A text, in a field or in any.
    For {
        fuzzy: bool,
        field: Option<&'static str>,
        value: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    looks: Looks,
}

/// A word, taken apart.
struct Word<'a> {
    not: bool,
    /// As typed, in lower case, and what stands behind the colon.
    field: Option<(String, &'a str)>,
    whole: &'a str,
}

impl<'a> Word<'a> {
    fn of(word: &'a str) -> Self {
        let (not, whole) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let field = whole
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| (name.to_ascii_lowercase(), value));
        Self { not, field, whole }
    }
}

/// The field that a name means: itself, a short form, or the first that begins with it.
fn field(names: &[&'static str], typed: &str) -> Option<&'static str> {
    let typed = SHORT
        .iter()
        .find(|(short, long)| *short == typed && names.contains(long))
        .map_or(typed, |(_, long)| long);
    let exact = names.iter().find(|name| **name == typed);
    exact
        .or_else(|| names.iter().find(|name| name.starts_with(typed)))
        .copied()
}

/// `15m`, `2h`, `1h30m`, `3d` before now, or `14:30` UTC: today, or yesterday when that is still to come.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some((hours, minutes)) = text.split_once(':') {
        let time = jiff::civil::Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()?;
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let at = |date: jiff::civil::Date| {
            let moment = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC);
            moment.ok().map(|zoned| zoned.timestamp())
        };
        return match at(today)? {
            later if later > now => at(today.checked_sub(1.day()).ok()?),
            earlier => Some(earlier),
        };
    }
    let (mut total, mut number) = (0_i64, None::<i64>);
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            let before = number.unwrap_or(0);
            number = Some(before.checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    if number.is_some() || total == 0 {
        return None;
    }
    now.checked_sub(SignedDuration::from_secs(total)).ok()
}

impl Filter {
    /// Understands what was typed at this moment. Never fails: what is no field is text.
    #[must_use]
    pub fn parse<T: Fields>(text: &str, now: Timestamp) -> Self {
        Self {
            text: text.trim().to_owned(),
            terms: text
                .split_whitespace()
                .filter_map(|word| Term::parse(word, T::NAMES, now))
                .collect(),
        }
    }

    /// What of a text is not understood, in words; `None`: all of it is.
    #[must_use]
    pub fn mistake<T: Fields>(text: &str, now: Timestamp) -> Option<String> {
        text.split_whitespace()
            .find_map(|word| mistake(&Word::of(word), T::NAMES, &T::words, now))
    }

    /// As typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Since when, where that was asked for.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.terms.iter().find_map(|term| match term.looks {
            Looks::Since(at) => Some(at),
            Looks::For { .. } => None,
        })
    }

    /// Whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row passes.
    #[must_use]
    pub fn matches<T: Fields>(&self, row: &T) -> bool {
        self.terms.iter().all(|term| term.matches(row))
    }
}

fn mistake(
    word: &Word<'_>,
    names: &[&'static str],
    words: &dyn Fn(&str) -> Vec<&'static str>,
    now: Timestamp,
) -> Option<String> {
    let (typed, value) = word.field.as_ref()?;
    let Some(name) = field(names, typed) else {
        return Some(format!("no field `{typed}` here: taken as text"));
    };
    if value.is_empty() {
        return None;
    }
    if name == SINCE {
        return moment(value, now)
            .is_none()
            .then(|| format!("`{value}` is no time: write 15m, 2h, 1d, or 14:30 (UTC)"));
    }
    let known = words(name);
    let value = value.trim_start_matches('~').to_ascii_lowercase();
    let far = !known.is_empty() && !known.iter().any(|known| known.contains(value.as_str()));
    let fuzzy = word.whole.contains(":~");
    (far && !fuzzy).then(|| format!("no {name} is `{value}`; there are {}", known.join(", ")))
}

impl Term {
    fn parse(word: &str, names: &[&'static str], now: Timestamp) -> Option<Self> {
        let Word {
            not,
            field: typed,
            whole,
        } = Word::of(word);
        let known = typed.and_then(|(name, value)| Some((field(names, &name)?, value)));
        if let Some((SINCE, value)) = known {
            return moment(value, now).map(|at| Self {
                not,
                looks: Looks::Since(at),
            });
        }
        let (field, rest) = match known {
            Some((field, value)) => (Some(field), value),
            None => (None, whole),
        };
        let (fuzzy, value) = match rest.strip_prefix('~') {
            Some(value) => (true, value),
            None => (false, rest),
        };
        // A word that is still being typed (`!`, `class:`) hides nothing.
        (!value.is_empty()).then(|| Self {
            not,
            looks: Looks::For {
                fuzzy,
                field,
                value: value.to_ascii_lowercase(),
            },
        })
    }

    fn matches<T: Fields>(&self, row: &T) -> bool {
        let found = match &self.looks {
            Looks::Since(moment) => row.at().is_none_or(|at| at >= *moment),
            Looks::For {
                fuzzy,
                field,
                value: wanted,
            } => row.any(&mut |name, value| {
                let looked_at = match field {
                    Some(field) => *field == name,
                    None => !T::BY_NAME_ONLY.contains(&name),
                };
                looked_at
                    && if *fuzzy {
                        holds_in_order(value, wanted)
                    } else {
                        lower(value).contains(wanted.as_str())
                    }
            }),
        };
        found != self.not
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a text holds these letters in this order; the letters are in lower case.
pub(super) fn holds_in_order(text: &str, letters: &str) -> bool {
    let text = lower(text);
    let mut rest = text.chars();
    letters
        .chars()
        .all(|letter| rest.any(|character| character == letter))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Fields, Filter};

    struct Row(&'static str, &'static str);

    impl Fields for Row {
        const NAMES: &'static [&'static str] = &["workload", "state", "class", "since"];

        fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
            visitor("workload", self.0) || visitor("state", self.1)
        }

        fn words(field: &str) -> Vec<&'static str> {
            match field {
                "state" => vec!["failing", "ok"],
                _ => Vec::new(),
            }
        }

        fn at(&self) -> Option<Timestamp> {
            Some("2026-11-21T14:00:00Z".parse().unwrap())
        }
    }

    fn now() -> Timestamp {
        "2026-11-21T14:32:07Z".parse().unwrap()
    }

    #[test]
    fn the_grammar() {
        let row = Row("support-chat", "FAILING");
        for (case, text, passes) in [
            ("empty", "", true),
            ("substring", "port", true),
            ("case does not matter", "PORT fail", true),
            ("another", "batch", false),
            ("and", "support batch", false),
            ("not", "!batch", true),
            ("not, present", "!support", false),
            ("field", "workload:support", true),
            ("short form", "wl:support", true),
            ("wrong field", "state:support", false),
            ("short field", "st:fail", true),
            ("not in a field", "!state:fail", false),
            ("fuzzy", "~spch", true),
            ("fuzzy out of order", "~hcps", false),
            ("fuzzy in a field", "workload:~sct", true),
            ("no such field is text", "mode:x", false),
            ("still being typed", "workload: ! since:", true),
            ("long enough ago", "since:33m", true),
            ("too old", "since:30m", false),
            ("older than that", "!since:30m", true),
            ("in parts", "since:0h32m8s", true),
            ("time of day", "since:13:59", true),
            ("time of day, later", "since:14:01", false),
            ("still to come: yesterday", "since:14:33", true),
            ("no time hides nothing", "since:soon", true),
        ] {
            assert_eq!(
                Filter::parse::<Row>(text, now()).matches(&row),
                passes,
                "{case}"
            );
        }
    }

    #[test]
    fn mistakes_are_told_in_words() {
        for (text, told) in [
            ("support st:fail since:15m", None),
            ("!st:OK wl:~sup since: !", None),
            ("mod:x", Some("no field `mod` here: taken as text")),
            ("st:fial", Some("no state is `fial`; there are failing, ok")),
            (
                "since:5x",
                Some("`5x` is no time: write 15m, 2h, 1d, or 14:30 (UTC)"),
            ),
            (
                "since:25:00",
                Some("`25:00` is no time: write 15m, 2h, 1d, or 14:30 (UTC)"),
            ),
        ] {
            assert_eq!(
                Filter::mistake::<Row>(text, now()).as_deref(),
                told,
                "{text}"
            );
        }
    }
}
