//! Durations and moments as operators type them and read them.

use std::time::Duration;

use jiff::Timestamp;

use crate::control::UNTIL_CHANGED;

/// The word for "no end".
pub(super) const UNTIL_CHANGED_WORD: &str = "until-changed";

/// A moment as typed: so long ago, or absolute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl Since {
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(length) => jiff::SignedDuration::try_from(length)
                .ok()
                .and_then(|length| now.checked_sub(length).ok())
                .unwrap_or(Timestamp::MIN),
        }
    }
}

/// Parses `--since`.
pub(super) fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Since::At(at));
    }
    duration(text).map(Since::Ago).map_err(|_| {
        format!(
            "`{text}` is neither a duration such as 15m nor a time such as 2026-11-21T14:00:00Z"
        )
    })
}

/// Parses `--for`.
pub(super) fn lasting(text: &str) -> Result<Duration, String> {
    if text == UNTIL_CHANGED_WORD {
        return Ok(UNTIL_CHANGED);
    }
    let length = duration(text)?;
    if length.is_zero() {
        return Err("a change that lasts no time changes nothing".to_owned());
    }
    Ok(length)
}

/// Parses a time limit.
pub(super) fn some(text: &str) -> Result<Duration, String> {
    let length = duration(text)?;
    if length.is_zero() {
        return Err("a limit of no time lets nothing happen".to_owned());
    }
    Ok(length)
}

/// Parses `90s`, `30m`, `2h`, `1h30m`, `1d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write for instance 90s, 30m, 2h or 1h30m");
    let mut total = Duration::ZERO;
    let mut digits = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        total = number
            .checked_mul(unit)
            .and_then(|seconds| total.checked_add(Duration::from_secs(seconds)))
            .ok_or_else(wrong)?;
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(wrong());
    }
    Ok(total)
}

/// `2026-11-21 14:32:05Z`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `14:32Z`, with the date when it is another day.
pub(super) fn short(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) {
        at.strftime("%H:%MZ").to_string()
    } else {
        at.strftime("%Y-%m-%d %H:%MZ").to_string()
    }
}

/// `41s`, `12m`, `3h`, `2d`: how long ago, in one unit.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("2h", Some(7200)),
            ("1h30m", Some(5400)),
            ("1d", Some(86_400)),
            ("0m", Some(0)),
            ("", None),
            ("30", None),
            ("m", None),
            ("30 m", None),
            ("-5m", None),
            ("30x", None),
            ("99999999999999999999s", None),
            ("9999999999999999999d", None),
            ("\u{665}m", None),
        ] {
            assert_eq!(
                duration(text).ok(),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
        assert_eq!(lasting("until-changed"), Ok(UNTIL_CHANGED));
        assert!(lasting("0s").is_err());
    }

    #[test]
    fn since_is_a_duration_or_a_moment() {
        let now: Timestamp = "2026-11-21T14:00:00Z".parse().unwrap();
        for (text, at) in [
            ("15m", "2026-11-21T13:45:00Z"),
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("2026-11-21T15:00:00+02:00", "2026-11-21T13:00:00Z"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(since(text).unwrap().at(now), at, "{text}");
        }
        assert!(since("yesterday").is_err());
        assert_eq!(
            Since::Ago(Duration::from_secs(u64::MAX)).at(now),
            Timestamp::MIN
        );
    }
}
