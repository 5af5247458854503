//! A fixed corpus of answer pairs (`tests/fixtures/review/*.toml`) with the rows and word marks that a careful
//! reader expects. Written by hand: a change of the algorithm must not get worse here.
//!
//! `rows` has a line for each section (its kind) and for each row: `=` same, `~` changed, `t` type changed, `<`
//! only A, `>` only B. `marks` are `[row, A, B]` with marked words in `[]` and marked sentences in `{}`.

use std::{collections::BTreeSet, fs, path::Path};

use backstop::{
    model::{Answer, CalledTool, CheckResult, PayloadClass, Verdict},
    review::{
        Comparison, FieldRow, FieldValue, Mark, Nuance, ProseRow, Section, Side, Span, SpanKind,
        compare,
    },
};
use serde::Deserialize;

use crate::support::review::answer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pair: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    class: PayloadClass,
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
    #[serde(default)]
    calls_a: Vec<(String, String)>,
    #[serde(default)]
    calls_b: Vec<(String, String)>,
    #[serde(default)]
    vectors_a: Vec<usize>,
    #[serde(default)]
    vectors_b: Vec<usize>,
    refusal_b: Option<String>,
    schema_a: Option<Verdict>,
    schema_b: Option<Verdict>,
    rows: String,
    #[serde(default)]
    marks: Vec<(usize, String, String)>,
    #[serde(default)]
    remarks: Vec<String>,
}

impl Pair {
    fn answers(&self) -> (Answer, Answer) {
        let make =
            |text: &str, calls: &[(String, String)], vectors: &[usize], schema: Option<Verdict>| {
                let mut answer = answer(text);
                answer.tools = calls
                    .iter()
                    .map(|(name, arguments)| CalledTool {
                        name: name.clone(),
                        arguments: arguments.clone(),
                    })
                    .collect();
                answer.vectors = vectors.to_vec();
                answer.result.checks = schema
                    .into_iter()
                    .map(|verdict| CheckResult {
                        check: "json schema invoice.json".to_owned(),
                        verdict,
                        detail: String::new(),
                    })
                    .collect();
                answer
            };
        let a = make(&self.a, &self.calls_a, &self.vectors_a, self.schema_a);
        let mut b = make(&self.b, &self.calls_b, &self.vectors_b, self.schema_b);
        b.refusal.clone_from(&self.refusal_b);
        (a, b)
    }
}

fn pairs() -> Vec<Pair> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/review");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let file: File =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            file.pair
        })
        .collect()
}

fn sign(mark: Mark) -> char {
    match mark {
        Mark::Same => '=',
        Mark::Changed => '~',
        Mark::TypeChanged => 't',
        Mark::OnlyA => '<',
        Mark::OnlyB => '>',
    }
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn nuance(nuance: Option<Nuance>) -> String {
    nuance
        .map(|nuance| format!(" {}", nuance.as_str()))
        .unwrap_or_default()
}

fn prose(rows: &[ProseRow]) -> Vec<String> {
    let (mut in_a, mut in_b) = (0, 0);
    let mut told = vec!["prose".to_owned()];
    for row in rows {
        in_a += usize::from(row.a.is_some());
        in_b += usize::from(row.b.is_some());
        let moved = row
            .moved
            .map(|row| format!(" moved {row}"))
            .unwrap_or_default();
        told.push(format!(
            "{} {} {}{moved}{}",
            sign(row.mark),
            or_none(row.a.as_ref().map(|_| in_a)),
            or_none(row.b.as_ref().map(|_| in_b)),
            nuance(row.nuance),
        ));
    }
    told
}

fn field(row: &FieldRow) -> String {
    let other = row
        .path_in_b
        .as_ref()
        .map(|path| format!(" -> {path}"))
        .unwrap_or_default();
    let short = |value: &Option<FieldValue>| or_none(value.as_ref().map(|value| &value.short));
    let nuance = row
        .nuance
        .map(|nuance| format!(" ({})", nuance.as_str()))
        .unwrap_or_default();
    format!(
        "{} {}{other} {} | {}{nuance}",
        sign(row.mark),
        row.path,
        short(&row.a),
        short(&row.b)
    )
}

fn told(comparison: &Comparison, a: &Answer, b: &Answer) -> String {
    let mut told = Vec::new();
    for section in &comparison.sections {
        match section {
            Section::Prose(rows) => told.extend(prose(rows)),
            Section::Fields(fields) => {
                told.push(match (&fields.schema_a, &fields.schema_b) {
                    (Some(a), Some(b)) => format!("fields schema: {} | {}", a.verdict, b.verdict),
                    _ => "fields".to_owned(),
                });
                told.extend(fields.rows.iter().map(field));
            }
            Section::Code(code) => {
                told.push("code".to_owned());
                told.extend(code.lines.iter().map(|row| {
                    format!(
                        "{} {} {}{}",
                        sign(row.mark),
                        or_none(row.a.as_ref().map(|line| line.number)),
                        or_none(row.b.as_ref().map(|line| line.number)),
                        nuance(row.nuance)
                    )
                }));
                if !code.around.is_empty() {
                    told.extend(prose(&code.around));
                }
            }
            Section::Calls(rows) => {
                told.push("calls".to_owned());
                for row in rows {
                    told.push(format!(
                        "{} {} {}{}",
                        sign(row.mark),
                        or_none(row.a.map(|call| &a.tools[call].name)),
                        or_none(row.b.map(|call| &b.tools[call].name)),
                        nuance(row.nuance)
                    ));
                    let differ = row.arguments.iter().filter(|row| row.mark != Mark::Same);
                    told.extend(differ.map(|row| format!("  {}", field(row))));
                }
            }
            Section::Label {
                mark,
                nuance: trifle,
            } => {
                told.push("label".to_owned());
                told.push(format!("{}{}", sign(*mark), nuance(*trifle)));
            }
            Section::Vectors(rows) => {
                told.push("vectors".to_owned());
                told.extend(rows.iter().map(|row| {
                    format!(
                        "{} {:?} {} {}",
                        sign(row.mark),
                        row.vectors,
                        or_none(row.a),
                        or_none(row.b)
                    )
                }));
            }
        }
    }
    told.join("\n")
}

/// A text with its marks in brackets.
fn marked(text: Option<&str>, spans: &[Span]) -> String {
    let mut marked = text.unwrap_or("-").to_owned();
    for span in spans.iter().rev() {
        let (open, close) = match span.kind {
            SpanKind::Words => ("[", "]"),
            SpanKind::Sentence => ("{", "}"),
        };
        marked.insert_str(span.range.end, close);
        marked.insert_str(span.range.start, open);
    }
    marked
}

#[test]
fn pairs_are_compared_as_a_careful_reader_would() {
    let mut wrong = Vec::new();
    for pair in pairs() {
        let (a, b) = pair.answers();
        let comparison = compare(pair.class, &a, &b);
        let found = told(&comparison, &a, &b);
        if found != pair.rows.trim() {
            wrong.push(format!(
                "{}\n--- found\n{found}\n--- expected\n{}",
                pair.name,
                pair.rows.trim()
            ));
        }
        for (row, in_a, in_b) in &pair.marks {
            let words = comparison.words(*row, &a, &b);
            let found_a = marked(comparison.text(*row, Side::A, &a), &words.a);
            let found_b = marked(comparison.text(*row, Side::B, &b), &words.b);
            if (&found_a, &found_b) != (in_a, in_b) {
                wrong.push(format!(
                    "{}, row {row}\nA: {found_a}\nB: {found_b}",
                    pair.name
                ));
            }
        }
        if comparison.remarks != pair.remarks {
            wrong.push(format!("{}: remarks {:#?}", pair.name, comparison.remarks));
        }
        assert!(!comparison.coarse, "{}", pair.name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn the_corpus_has_all_classes_and_is_large_enough() {
    let pairs = pairs();
    assert!(pairs.len() >= 40, "{}", pairs.len());
    let names: BTreeSet<&str> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names.len(), pairs.len(), "a name stands twice");
    for class in PayloadClass::ALL {
        assert!(pairs.iter().any(|pair| pair.class == class), "{class}");
    }
}
