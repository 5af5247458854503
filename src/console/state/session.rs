//! What a console leaves behind for the next one of the same operator and environment: where they were, and how the
//! lists stood. Never what was half typed, a plan, a payload, a verdict, or what the console may change.
//!
//! Pure: `update::session` fills and follows it, `session_file` reads and writes it. Whatever a file says is
//! compared with what there is: a name that is not there any more, or never was, is nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::visible;

/// The version of the form.
pub const SCHEMA: u32 = 1;

/// Longer texts are left out.
const LONGEST: usize = 200;
/// The most marks that are kept of a list.
const MARKS: usize = 500;

/// What is left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The environment it belongs to.
    pub environment: String,
    /// When it was left.
    pub left: Option<Timestamp>,
    /// The screen: a name of the list screens, or `detail`.
    pub screen: String,
    /// The workload of the detail.
    pub workload: Option<String>,
    /// The theme that was chosen.
    pub theme: Option<String>,
    /// The lists, by the names of their screens.
    pub lists: BTreeMap<String, Rows>,
}

/// How a list stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rows {
    /// Its filter, as typed.
    pub filter: String,
    /// Its order.
    pub sort: String,
    /// The order is turned round.
    pub reversed: bool,
    /// Its wide columns are shown.
    pub wide: bool,
    /// The row under the cursor, when the operator had moved it.
    pub selected: Option<String>,
    /// The marked rows.
    pub marks: Vec<String>,
}

impl Session {
    /// What is kept of it: texts that nobody could have typed, and more marks than anybody sets, are left out.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let fits = |text: &String| text.len() <= LONGEST && visible(text, LONGEST) == text.as_str();
        self.workload = self.workload.filter(&fits);
        self.theme = self.theme.filter(&fits);
        for rows in self.lists.values_mut() {
            if !fits(&rows.filter) {
                rows.filter.clear();
            }
            rows.selected = rows.selected.take().filter(&fits);
            rows.marks.retain(&fits);
            rows.marks.truncate(MARKS);
        }
        self
    }
}

/// What the console knows of sessions.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The theme stands in the environment or on the command line: none is restored over it.
    pub theme_given: bool,
    /// What the last one left, until it is followed.
    pub waiting: Option<Box<Session>>,
    /// The theme that the last one left.
    pub theme: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Rows, Session};

    #[test]
    fn what_nobody_could_have_typed_is_left_out() {
        let rows = |filter: &str, marks: usize| Rows {
            filter: filter.to_owned(),
            selected: Some(filter.to_owned()),
            marks: (0..marks).map(|number| format!("row-{number}")).collect(),
            ..Rows::default()
        };
        let session = Session {
            theme: Some("nord\x1b[2J".to_owned()),
            workload: Some("a".repeat(1_000)),
            lists: [
                ("workloads".to_owned(), rows("st:fail \u{202e}", 10_000)),
                ("routes".to_owned(), rows("stable", 2)),
            ]
            .into(),
            ..Session::default()
        };
        let kept = session.bounded();
        assert_eq!((kept.theme, kept.workload), (None, None));
        let workloads = &kept.lists["workloads"];
        assert_eq!(
            (workloads.filter.as_str(), &workloads.selected),
            ("", &None)
        );
        assert_eq!(workloads.marks.len(), 500);
        assert_eq!(kept.lists["routes"], rows("stable", 2));
    }
}
