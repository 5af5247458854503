//! `[workloads.NAME]`: a policy with the place of every value.

use std::{cmp, collections::BTreeMap, ops::Range, time::Duration};

use super::sample::{self, Sample};
use crate::{
    config::{
        diagnostic::Findings,
        reader::{At, Table},
        reference::{BACKOFF, JUSTIFY, NOTICE, REVIEW, SAMPLE, TIMEOUTS},
        value,
    },
    model::{
        AllDown, Backoff, BoundaryKind, Capture, ErrorClass, ErrorClassSet, LogFailure, Mode,
        NoticeStyle, ReviewPolicy, Tier, Timeouts,
    },
};

/// The classes that cause a fallback when the file does not say.
const TRIGGERS: [ErrorClass; 5] = [
    ErrorClass::ServerError,
    ErrorClass::Overloaded,
    ErrorClass::Timeout,
    ErrorClass::Unreachable,
    ErrorClass::BrokenResponse,
];

/// The longest notice, in characters: it must fit into a header line.
const NOTICE_LIMIT: usize = 500;

/// `[workloads.NAME]`.
pub(in crate::config) struct Workload {
    pub(in crate::config) name: At<String>,
    pub(in crate::config) description: String,
    pub(in crate::config) owner: Option<String>,
    pub(in crate::config) primary: Option<At<String>>,
    pub(in crate::config) fallback: Option<At<String>>,
    pub(in crate::config) mode: At<Mode>,
    pub(in crate::config) tier: At<Tier>,
    pub(in crate::config) user_visible: bool,
    /// As written; absent: [`TRIGGERS`].
    pub(in crate::config) triggers: Option<Triggers>,
    pub(in crate::config) justify: BTreeMap<ErrorClass, At<String>>,
    pub(in crate::config) timeouts: Clocks,
    pub(in crate::config) backoff: Backoff,
    pub(in crate::config) max_attempts: At<u32>,
    pub(in crate::config) retry_share: f64,
    pub(in crate::config) notice: Option<Notice>,
    pub(in crate::config) may_cross: Vec<BoundaryKind>,
    pub(in crate::config) may_change_vectors: Option<At<String>>,
    pub(in crate::config) on_log_failure: LogFailure,
    pub(in crate::config) all_down: AllDown,
    pub(in crate::config) capture: At<Capture>,
    pub(in crate::config) review: At<ReviewPolicy>,
    pub(in crate::config) samples: Vec<Sample>,
}

/// A written list of triggers.
pub(in crate::config) struct Triggers {
    pub(in crate::config) place: Range<usize>,
    /// Those that are classes.
    pub(in crate::config) classes: Vec<At<ErrorClass>>,
    /// How many words stand in the list.
    pub(in crate::config) words: usize,
}

/// The clocks as written; absent ones follow from the others.
pub(in crate::config) struct Clocks {
    pub(in crate::config) headers: Option<At<Duration>>,
    pub(in crate::config) first_output: Option<At<Duration>>,
    pub(in crate::config) idle: Option<At<Duration>>,
    pub(in crate::config) total: At<Duration>,
}

/// A notice with its places.
pub(in crate::config) struct Notice {
    pub(in crate::config) text: Option<At<String>>,
    pub(in crate::config) style: At<NoticeStyle>,
    pub(in crate::config) enabled: At<bool>,
    pub(in crate::config) required: At<bool>,
}

impl Workload {
    /// The classes that may cause a fallback.
    pub(in crate::config) fn trigger_set(&self) -> ErrorClassSet {
        match &self.triggers {
            Some(written) => written
                .classes
                .iter()
                .map(|class| *class.get_ref())
                .collect(),
            None => TRIGGERS.into_iter().collect(),
        }
    }

    /// The place of a trigger that the file names.
    pub(in crate::config) fn trigger_place(&self, class: ErrorClass) -> Option<Range<usize>> {
        self.triggers
            .iter()
            .flat_map(|written| &written.classes)
            .find(|written| *written.get_ref() == class)
            .map(At::span)
    }
}

impl Clocks {
    /// Every clock. A default never contradicts a clock that is written.
    pub(in crate::config) fn all(&self) -> Timeouts {
        let total = *self.total.get_ref();
        let or = |written: &Option<At<Duration>>, standard: Duration| {
            written
                .as_ref()
                .map_or(cmp::min(standard, total), |written| *written.get_ref())
        };
        let headers = or(&self.headers, Duration::from_secs(10));
        Timeouts {
            headers,
            first_output: or(
                &self.first_output,
                cmp::max(Duration::from_secs(15), headers),
            ),
            idle: or(&self.idle, Duration::from_secs(20)),
            total,
        }
    }
}

/// Reads one workload.
pub(super) fn workload(table: &Table<'_>, findings: &Findings) -> Workload {
    let text = |key| table.parsed(key, |text| Ok(text.to_owned())).into_inner();
    let list = |key| table.words_of(key).unwrap_or_default();
    let user_visible = table.flag("user_visible").into_inner();
    Workload {
        name: table.name.clone(),
        description: text("description"),
        owner: table.filled("owner").map(At::into_inner),
        primary: table.filled("primary"),
        fallback: table.filled("fallback"),
        mode: table.word("mode"),
        tier: table.word("tier"),
        user_visible,
        triggers: table.words_of("triggers").map(|classes| Triggers {
            place: table.key_place("triggers").unwrap_or_else(|| table.place()),
            classes,
            words: table.length("triggers"),
        }),
        justify: justify(table),
        timeouts: clocks(&table.table_or_defaults("timeouts", &TIMEOUTS)),
        backoff: backoff(&table.table_or_defaults("backoff", &BACKOFF), findings),
        max_attempts: table.whole("max_attempts", 1..101),
        retry_share: table
            .number(
                "retry_share",
                |share| (0.0..=1.0).contains(&share),
                "from 0.0 to 1.0",
            )
            .into_inner(),
        notice: table
            .table("notice", &NOTICE)
            .map(|table| notice(&table, findings)),
        may_cross: list("may_cross").into_iter().map(At::into_inner).collect(),
        may_change_vectors: table.filled("may_change_vectors"),
        on_log_failure: table.word("on_log_failure").into_inner(),
        all_down: table.word("all_down").into_inner(),
        capture: table.word("capture"),
        review: review(&table.table_or_defaults("review", &REVIEW), user_visible),
        samples: table
            .tables("samples", &SAMPLE)
            .iter()
            .filter_map(|table| sample::sample(table, findings))
            .collect(),
    }
}

fn justify(table: &Table<'_>) -> BTreeMap<ErrorClass, At<String>> {
    let Some(table) = table.table("justify", &JUSTIFY) else {
        return BTreeMap::new();
    };
    [ErrorClass::Forbidden, ErrorClass::QuotaExhausted]
        .into_iter()
        .filter_map(|class| Some((class, table.filled(class.as_str())?)))
        .collect()
}

fn clocks(table: &Table<'_>) -> Clocks {
    let written = |key| table.parsed_if_there(key, value::positive);
    Clocks {
        headers: written("headers"),
        first_output: written("first_output"),
        idle: written("idle"),
        total: table.parsed("total", value::positive),
    }
}

/// The gate in front of arming and forcing; needed where people see the output.
fn review(table: &Table<'_>, user_visible: bool) -> At<ReviewPolicy> {
    let required = match table.key_place("required") {
        Some(_) => table.flag("required").into_inner(),
        None => user_visible,
    };
    let number = table.key_place("at_least").is_some() && table.text_place("at_least").is_none();
    let at_least = if number {
        let share = table.whole("at_least", 0..101).into_inner();
        u8::try_from(share).unwrap_or(100)
    } else {
        table.parsed("at_least", value::share).into_inner()
    };
    let min_samples = table.whole("min_samples", 1..1001).into_inner();
    let policy = ReviewPolicy {
        required,
        max_age: table.parsed("max_age", value::positive).into_inner(),
        min_samples: usize::try_from(min_samples).unwrap_or(usize::MAX),
        at_least,
    };
    At::new(table.place(), policy)
}

fn backoff(table: &Table<'_>, findings: &Findings) -> Backoff {
    let initial = table.parsed("initial", value::positive);
    let max_wait = table.parsed("max_wait", value::positive);
    if initial.get_ref() > max_wait.get_ref() {
        findings.error(
            "backoff-contradicts",
            initial.span(),
            "the first wait `initial` is longer than the longest wait `max_wait`",
            (),
        );
    }
    Backoff {
        retries: table.whole("retries", 0..11).into_inner(),
        initial: initial.into_inner(),
        max_wait: max_wait.into_inner(),
    }
}

fn notice(table: &Table<'_>, findings: &Findings) -> Notice {
    let text = table.filled("text");
    if let Some(text) = &text {
        check_notice(text, findings);
    }
    Notice {
        text,
        style: table.word("style"),
        enabled: table.flag("enabled"),
        required: table.flag("required"),
    }
}

/// A notice travels in a response header.
fn check_notice(text: &At<String>, findings: &Findings) {
    if text.get_ref().chars().any(char::is_control) {
        findings.error(
            "bad-notice",
            text.span(),
            "the notice has a line break or control character, which a header cannot carry",
            "write it on one line",
        );
    } else if text.get_ref().chars().count() > NOTICE_LIMIT {
        findings.error(
            "bad-notice",
            text.span(),
            format!("the notice is longer than {NOTICE_LIMIT} characters"),
            "some clients refuse long headers",
        );
    } else if !text.get_ref().is_ascii() {
        findings.warning(
            "notice-not-ascii",
            text.span(),
            "the notice has characters beyond ASCII, which some clients garble in a header",
            (),
        );
    }
}
