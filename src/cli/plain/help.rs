//! The verbs, each in a line; made from what parses them.

use super::verb::grammar;
use crate::model::visible;

/// In the order in which an incident needs them; what is in none of these stands at the end.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "look",
        &[
            "workloads",
            "show",
            "watch",
            "routes",
            "events",
            "explain",
            "reviews",
            "audit",
            "gateways",
            "messages",
        ],
    ),
    ("prove", &["probe", "compare", "judge", "review", "drill"]),
    (
        "change: a plan is shown and confirmed first",
        &[
            "force", "hold", "auto", "notice", "drain", "undrain", "undo", "claim",
        ],
    ),
    ("afterwards", &["report", "plan", "doctor", "backup"]),
];

/// The verbs, or one of them.
pub(super) fn words(verb: &[String]) -> Result<String, String> {
    let mut grammar = grammar();
    if !verb.is_empty() {
        let mut command = &mut grammar;
        for word in verb {
            command = command.find_subcommand_mut(word).ok_or_else(|| {
                format!(
                    "there is no verb `{}`; `help` lists them",
                    visible(&verb.join(" "), 60)
                )
            })?;
        }
        let command = std::mem::take(command).after_help("").after_long_help("");
        let mut command = command
            .color(clap::ColorChoice::Never)
            .bin_name(verb.join(" "));
        return Ok(command.render_long_help().to_string().trim_end().to_owned());
    }
    let mut lines = Vec::new();
    let mut left: Vec<(String, String)> = grammar
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            (command.get_name().to_owned(), about.unwrap_or_default())
        })
        .collect();
    for (name, about) in [
        (
            "reviews",
            "Whose fallback needs a review first: the same as `review queue`",
        ),
        (
            "judge",
            "Judge both answers of a workload, blind: the same as `review judge`",
        ),
    ] {
        left.push((name.to_owned(), about.to_owned()));
    }
    let mut group = |title: &str, rows: Vec<(String, String)>| {
        lines.push(format!("{title}:"));
        lines.extend(
            rows.iter()
                .map(|(name, about)| format!("  {name:<10} {about}")),
        );
    };
    for (title, names) in GROUPS {
        let mut rows = Vec::new();
        for name in names {
            if let Some(place) = left.iter().position(|(known, _)| known == name) {
                rows.push(left.remove(place));
            }
        }
        group(title, rows);
    }
    group("and", left);
    lines.push(
        "`help VERB` says more; a workload's name alone shows it; Enter alone says what is new."
            .to_owned(),
    );
    Ok(lines.join("\n"))
}
