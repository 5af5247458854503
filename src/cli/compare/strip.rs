//! How a route answered, in words: status, times, tokens, cost, checks, and how the two differ in these.

use std::time::Duration;

use crate::{
    cli::probe_text::amount_text,
    model::{Answer, ProbeResult, Verdict, visible},
};

/// What takes less than this longer is as fast.
const NOTICED: f64 = 0.05;

/// What became of a request.
pub(in crate::cli) fn status(answer: &Answer) -> String {
    let result = &answer.result;
    let total = time(result.total);
    match &result.failure {
        Some(failure) => {
            let detail = visible(&failure.detail, ProbeResult::DETAIL_LIMIT);
            format!("no answer after {total}: {}: {detail}", failure.class)
        }
        None if answer.refusal.is_some() => format!("refused after {total}"),
        None if result.is_cut() => format!("cut: max tokens, after {total}"),
        None => format!("done in {total}"),
    }
}

/// How a route answered.
pub(in crate::cli) fn strip(answer: &Answer) -> Vec<String> {
    let result = &answer.result;
    let mut words = vec![status(answer)];
    if result.failure.is_some() {
        return words;
    }
    if let (true, Some(first)) = (result.stream, result.first_output) {
        words.push(format!("first output {}", time(first)));
    }
    if let (Some(input), Some(output)) = (result.usage.input, result.usage.output) {
        words.push(format!("{input}+{output} tokens"));
    }
    if let Some(speed) = result.tokens_per_second() {
        words.push(format!("{speed:.0} tokens/s"));
    }
    if let Some(cost) = &result.cost {
        words.push(format!("{} {}", amount_text(cost.amount), cost.currency));
    }
    if let Some(finish) = &result.finish {
        words.push(format!("ended: {finish}"));
    }
    if !result.checks.is_empty() {
        let checks = &result.checks;
        let passed = checks.iter().filter(|it| it.verdict == Verdict::Passed);
        words.push(format!("checks {}/{}", passed.count(), checks.len()));
    }
    words
}

/// How the fallback's figures stand to the primary's; empty where one of them has no answer.
pub(in crate::cli) fn deltas(primary: &Answer, fallback: &Answer) -> Vec<String> {
    let (one, other) = (&primary.result, &fallback.result);
    if one.failure.is_some() || other.failure.is_some() {
        return Vec::new();
    }
    let mut words = vec![longer(one.total, other.total, "")];
    if let (true, Some(one), Some(other)) = (
        one.stream && other.stream,
        one.first_output,
        other.first_output,
    ) {
        words.push(longer(one, other, " to the first output"));
    }
    if let (Some(one), Some(other)) = (one.usage.output, other.usage.output) {
        words.push(match other.checked_sub(one) {
            Some(0) => "as many tokens".to_owned(),
            Some(more) => format!("{more} tokens more"),
            None => format!("{} tokens fewer", one - other),
        });
    }
    if let (Some(one), Some(other)) = (&one.cost, &other.cost)
        && one.currency == other.currency
    {
        let more = other.amount - one.amount;
        let word = if more > 0.0 { "dearer" } else { "cheaper" };
        let amount = amount_text(more.abs());
        words.push(format!("{amount} {} {word}", one.currency));
    }
    words
}

fn longer(one: Duration, other: Duration, what: &str) -> String {
    let more = other.as_secs_f64() - one.as_secs_f64();
    if more.abs() < NOTICED {
        return format!("as fast{what}");
    }
    let word = if more > 0.0 { "slower" } else { "faster" };
    format!("{:.1} s {word}{what}", more.abs())
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::longer;

    #[test]
    fn what_nobody_notices_is_as_fast() {
        for (one, other, words) in [
            (1_000, 1_040, "as fast"),
            (1_000, 1_900, "0.9 s slower"),
            (1_900, 1_000, "0.9 s faster"),
        ] {
            let millis = Duration::from_millis;
            assert_eq!(longer(millis(one), millis(other), ""), words);
        }
    }
}
