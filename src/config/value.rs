//! The small languages inside values: durations, sizes, names, and guesses at what was meant.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The longest name of a provider, route or workload.
const NAME_LIMIT: usize = 63;

/// Reads `500ms`, `10s`, `2m`, `12h` or `30d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (count, unit) = split_unit(text);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(not_a("duration", text, "500ms, 10s, 2m, 12h or 30d")),
    };
    // A hundred years: beyond it, adding it to a timestamp could overflow.
    whole(count)
        .and_then(|count| count.checked_mul(millis))
        .filter(|total| *total <= 36_500 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| not_a("duration", text, "500ms, 10s, 2m, 12h or 30d"))
}

/// Like [`duration`], but not zero.
pub(super) fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err("must be longer than zero".to_owned());
    }
    Ok(duration)
}

/// Reads `same-or-better 80 %`, in percent.
pub(super) fn share(text: &str) -> Result<u8, String> {
    let share = text
        .strip_prefix("same-or-better ")
        .and_then(|share| share.trim().strip_suffix('%'))
        .and_then(|share| share.trim_end().parse().ok());
    share.filter(|share| *share <= 100).ok_or_else(|| {
        not_a(
            "share",
            text,
            "\"same-or-better 80 %\", nor a number such as 80",
        )
    })
}

/// Reads `512KiB`, `32MiB` or `1GiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let (count, unit) = split_unit(text);
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(not_a("size", text, "512KiB, 32MiB or 1GiB")),
    };
    whole(count)
        .filter(|count| *count > 0)
        .and_then(|count| count.checked_mul(factor))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| not_a("size", text, "512KiB, 32MiB or 1GiB"))
}

fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or((text, ""))
}

fn whole(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

fn not_a(what: &str, text: &str, examples: &str) -> String {
    format!("\"{text}\" is not a {what} such as {examples}")
}

/// Reads `2027-01-31`, which is its first second in UTC, or `2027-01-31T18:00:00Z`.
///
/// # Errors
/// In words, when the text is neither.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let date = || {
        let date: Date = text.parse().ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    text.parse().ok().or_else(date).ok_or_else(|| {
        format!("\"{text}\" is not a date or moment such as 2027-01-31 or 2027-01-31T18:00:00Z")
    })
}

/// Whether a name is safe as a URL path segment, a header value, a metric label and a store key.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    let outer = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let bytes = text.as_bytes();
    bytes.len() <= NAME_LIMIT
        && bytes.iter().copied().all(inner)
        && outer(bytes.first())
        && outer(bytes.last())
}

/// Whether a text can be the name of an environment variable, and does not look like a pasted key.
pub(super) fn is_variable(text: &str) -> bool {
    let any = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    let pasted = text.len() >= 20 && any(u8::is_ascii_lowercase) && any(u8::is_ascii_digit);
    !text.is_empty()
        && !pasted
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = plain(word);
    let (distance, candidate) = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&wanted, &plain(known)), known))
        .min()?;
    let longer = wanted.chars().count().max(candidate.chars().count());
    (distance <= (longer / 3).max(1)).then_some(candidate)
}

/// `did you mean "x"?` when one of the known words is near; all of them when they are few.
pub(super) fn guess<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean \"{candidate}\"?")),
        None if (1..=16).contains(&known.len()) => Some(format!("{what}: {}", known.join(", "))),
        None => None,
    }
}
