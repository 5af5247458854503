//! What a file brings in and out, and what is refused.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Judgement, Place, ProbeResult, Usage};

fn answer(text: &str) -> Answer {
    Answer {
        result: ProbeResult {
            route: "premium".into(),
            workload: "chat".into(),
            sample: "chat/one".into(),
            class: PayloadClass::Chat,
            asked: crate::model::Asked {
                base_url: "http://127.0.0.1:1".to_owned(),
                model: "model".to_owned(),
                sample: None,
            },
            at: crate::control::fixture::now(),
            stream: true,
            status: Some(200),
            headers: None,
            first_output: Some(Duration::from_millis(250)),
            total: Duration::from_millis(1500),
            usage: Usage {
                input: Some(10),
                output: Some(20),
            },
            cost: Some(crate::model::Cost {
                amount: 0.1 + 0.2,
                currency: "USD".to_owned(),
            }),
            finish: Some("stop".to_owned()),
            model: None,
            checks: Vec::new(),
            failure: None,
            output: String::new(),
        },
        text: text.to_owned(),
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

fn sample(name: &str, primary: &str, fallback: &str) -> ReviewedSample {
    ReviewedSample {
        sample: format!("chat/{name}").into(),
        class: PayloadClass::Chat,
        primary: answer(primary),
        fallback: answer(fallback),
        side_a: Place::Primary,
        judgement: None,
        note: String::new(),
    }
}

fn sheet() -> Sheet {
    let catalog = crate::control::fixture::catalog();
    let basis = Basis::now(&catalog, &catalog.workloads["chat"]).unwrap();
    let samples = vec![
        sample("one", "Good day.", "Good day."),
        sample("two", "You have 7 days.", "You have 14 days."),
    ];
    Sheet::of_comparison(
        "chat".into(),
        basis,
        crate::control::fixture::now(),
        samples,
    )
}

fn json(sheet: &Sheet) -> Vec<u8> {
    serde_json::to_vec(sheet).unwrap()
}

#[test]
fn a_sheet_comes_back_as_it_was_written() {
    let sheet = sheet();
    assert_eq!(Sheet::read(&json(&sheet)).unwrap(), sheet);
}

#[test]
fn changed_outputs_are_refused_and_figures_are_not_outputs() {
    let mut changed = sheet();
    changed.samples[1].fallback.text = "You have 7 days.".to_owned();
    assert!(matches!(
        Sheet::read(&json(&changed)),
        Err(SheetError::Changed { .. })
    ));
    let mut timed = sheet();
    timed.samples[1].fallback.result.total = Duration::from_secs(9);
    assert_eq!(Sheet::read(&json(&timed)).unwrap(), timed);
    let other = String::from_utf8(json(&sheet())).unwrap();
    let other = other.replace(Sheet::FORM, "backstop-comparison-9");
    assert!(matches!(
        Sheet::read(other.as_bytes()),
        Err(SheetError::OtherForm { .. })
    ));
    for nothing in ["", "[]", "{}", "{\"form\": 1}"] {
        assert!(
            matches!(
                Sheet::read(nothing.as_bytes()),
                Err(SheetError::Unreadable { .. })
            ),
            "{nothing}"
        );
    }
}

#[test]
fn what_others_wrote_into_a_sheet_is_fit_to_be_shown() {
    let mut hostile = sheet();
    hostile.samples[0].primary.text = "a\u{1b}]0;x\u{7}b\nc".to_owned();
    hostile.samples[0].note = "d\u{202e}e".to_owned();
    hostile.fingerprint = fingerprint(&hostile.workload, &hostile.samples);
    let read = Sheet::read(&json(&hostile)).unwrap();
    assert_eq!(read.samples[0].primary.text, "a\u{241b}]0;x\u{2407}b\nc");
    assert_eq!(read.samples[0].note, "d\u{fffd}e");
}

#[test]
fn verdicts_are_read_from_csv_and_json() {
    let sheet = sheet();
    let name = &sheet.fingerprint;
    for (case, file) in [
        (
            "csv",
            format!(
                "sample,judgement,note,fingerprint\nchat/one,same,,{name}\nchat/two,Primary-Better,\"7, not 14\",\n"
            ),
        ),
        (
            "csv of a spreadsheet",
            format!(
                "\u{feff}Sample, Judgement, Note, Fingerprint\r\nchat/one, same,, {name}\r\nchat/two, primary-better,\"7, not 14\", {name}\r\n\r\n"
            ),
        ),
        (
            "json",
            format!(
                r#"{{"fingerprint":"{name}","verdicts":[{{"sample":"chat/one","judgement":"same"}},{{"sample":"chat/two","judgement":"primary-better","note":"7, not 14"}}]}}"#
            ),
        ),
    ] {
        let verdicts = Verdicts::read(file.as_bytes()).unwrap();
        let made = sheet.clone().judged(&verdicts, String::new()).unwrap();
        assert_eq!(made.mode, ReviewMode::Imported, "{case}");
        assert_eq!(made.samples[0].judgement, Some(Judgement::Same), "{case}");
        assert_eq!(
            made.samples[1].judgement,
            Some(Judgement::PrimaryBetter),
            "{case}"
        );
        assert_eq!(made.samples[1].note, "7, not 14", "{case}");
    }
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_place() {
    let sheet = sheet();
    let name = &sheet.fingerprint;
    let row =
        |rest: &str| format!("sample,judgement,note,fingerprint\nchat/one,same,,{name}\n{rest}");
    for (case, file, error) in [
        (
            "no name",
            "sample,judgement\nchat/one,same\n".to_owned(),
            "do not say which outputs",
        ),
        (
            "other outputs",
            "sample,judgement,fingerprint\nchat/one,same,abc\n".to_owned(),
            "about other outputs (abc)",
        ),
        (
            "two names",
            row("chat/two,same,,abc"),
            "about other outputs (abc)",
        ),
        (
            "no such verdict",
            row("chat/two,great,,"),
            "line 3: `great` is no verdict; use one of primary-better",
        ),
        (
            "no such sample",
            row("chat/three,same,,"),
            "line 3: the comparison has no sample `chat/three`",
        ),
        (
            "twice",
            row("chat/one,same,,"),
            "line 3: there is a verdict on `chat/one` already",
        ),
        (
            "no titles",
            "chat/one,same\n".to_owned(),
            "the first line must name the columns",
        ),
        (
            "nothing judged",
            format!("sample,judgement,fingerprint\nchat/one,,{name}\n"),
            "there is no verdict",
        ),
        (
            "no json",
            "{\"verdicts\": 1}".to_owned(),
            "the verdicts cannot be read",
        ),
        (
            "hostile",
            row("chat/two,\u{1b}[2J,,"),
            "`\u{241b}[2J` is no verdict",
        ),
    ] {
        let made = Verdicts::read(file.as_bytes())
            .and_then(|verdicts| sheet.clone().judged(&verdicts, String::new()));
        let told = made.unwrap_err().to_string();
        assert!(told.contains(error), "{case}: {told}");
    }
}

#[test]
fn the_form_to_fill_in_is_taken_back() {
    let mut sheet = sheet();
    let empty = Verdicts::read(sheet.csv().as_bytes()).unwrap();
    assert_eq!(empty.given, []);
    assert_eq!(
        empty.fingerprint.as_deref(),
        Some(sheet.fingerprint.as_str())
    );
    sheet.samples[0].judgement = Some(Judgement::FallbackUnsafe);
    sheet.samples[0].note = "=cmd|' /C calc'!A0, \"quoted\"".to_owned();
    let csv = sheet.csv();
    assert!(csv.contains("\"'=cmd|"), "no spreadsheet runs it: {csv}");
    let verdicts = Verdicts::read(csv.as_bytes()).unwrap();
    assert_eq!(verdicts.given.len(), 1);
    assert_eq!(verdicts.given[0].note, sheet.samples[0].note);
    let own = sheet.verdicts();
    assert_eq!(own.given[0].judgement, Judgement::FallbackUnsafe);
}

#[test]
fn markdown_shows_both_answers_and_what_differs() {
    let mut sheet = sheet();
    sheet.samples[1].judgement = Some(Judgement::PrimaryBetter);
    sheet.samples[1].note = "the <b>deadline</b>".to_owned();
    sheet.samples[1].fallback.text = "```\n# You have | 14 days.".to_owned();
    let text = sheet.markdown();
    for line in [
        "# Comparison of chat\n",
        "| primary | premium: model model-of-premium at http\\://127.0.0.1\\:1 |",
        "## chat/two (chat)\n\n**primary better**: the \\<b\\>deadline\\</b\\> (side A was the primary)",
        "| total | 1.50 s | 1.50 s |",
        "Row by row: 1 the same.",
        "````text\n```\n# You have | 14 days.\n````",
    ] {
        let line = line.replace("127.0.0.1\\:1", "127.0.0.1:1");
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

proptest! {
    /// Whatever stands in a file of verdicts, it is taken or refused, and no text in it reaches a terminal.
    #[test]
    fn any_file_is_taken_or_refused(text in ".{0,200}") {
        if let Err(error) = Verdicts::read(text.as_bytes()) {
            prop_assert!(!error.to_string().contains(|one: char| one.is_control()), "{error}");
        }
    }
}
