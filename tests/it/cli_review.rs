//! `review` on real processes: recorded reviews listed, shown and exported; verdicts imported, and refused.

use backstop::{
    clock::Clock,
    control::Sheet,
    model::{Basis, Judgement, Review, Revision, Tally},
    store::{Access, Store},
};
use serde_json::Value;

use crate::{
    cli_project::run,
    control_project::{CONFIG, Project},
    store_reviews,
    store_samples::{FORCE, change, mode_key},
};

async fn with_review() -> (Project, Review) {
    let project = Project::new();
    let url = project.catalog().store;
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let mut review = store_reviews::review("support-chat", Clock::system().now(), 1);
    review.samples[0].note = String::from("one \u{1b}[2J greets");
    store.put_review(review.clone(), true).await.unwrap();
    (project, review)
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_reviews_are_listed_shown_and_exported() {
    let (project, review) = with_review().await;
    let id = &review.head.id;
    let listed = run(&project, "review list").exits(0).out;
    assert!(listed.contains(&id.0), "{listed}");
    assert!(listed.contains("1 of 1"), "{listed}");
    let json = run(&project, "review list --json --workload support-chat").exits(0);
    assert_eq!(json.lines()[0]["tally"]["same_or_better"], 1);
    assert_eq!(json.lines()[0].get("samples"), None);
    let none = run(&project, "review list --workload lonely").exits(0);
    assert_eq!(
        (none.out.as_str(), none.err.as_str()),
        ("", "nothing was reviewed yet\n")
    );
    run(&project, "review list --workload lonesome").exits(2);

    // A workload stands for its newest; ids are taken in small letters, too.
    for name in ["support-chat".to_owned(), id.0.to_ascii_lowercase()] {
        let shown = run(&project, &format!("review show {name}")).exits(0).out;
        assert!(
            shown.contains("chat/hello  chat   same     fallback"),
            "{shown}"
        );
        assert!(shown.contains("one \u{241b}[2J greets"), "{shown}");
        assert!(!shown.contains("Good morning"), "{shown}");
    }
    let shown = run(&project, "review show support-chat --answers")
        .exits(0)
        .out;
    assert!(
        shown.contains("chat/hello PRIMARY\nGood morning, how can I help?"),
        "{shown}"
    );
    let markdown = run(&project, "review export support-chat --markdown")
        .exits(0)
        .out;
    assert!(
        markdown.starts_with("# Review of support-chat\n"),
        "{markdown}"
    );
    assert!(
        markdown.contains("```text\nGood morning, how can I help?\n```"),
        "{markdown}"
    );
    assert_eq!(
        run(&project, "review show support-chat --markdown")
            .exits(0)
            .out,
        markdown
    );
    let sheet = run(&project, "review export support-chat").exits(0).json();
    assert_eq!(sheet["form"], Sheet::FORM);
    assert_eq!(sheet["review"]["mode"], "blind");
    assert_eq!(sheet["samples"][0]["judgement"], "same");
    let csv = run(&project, "review export support-chat --csv")
        .exits(0)
        .out;
    let fingerprint = sheet["fingerprint"].as_str().unwrap();
    assert!(csv.ends_with(&format!(",{fingerprint}\n")), "{csv}");

    let never = run(&project, "review show lonely").exits(1);
    assert!(
        never.err.contains("lonely was never reviewed"),
        "{}",
        never.err
    );
    let unknown = run(&project, "review show 01J0000000000000000000000").exits(2);
    assert!(unknown.err.contains("no review"), "{}", unknown.err);
}

/// An exported comparison in the project, and the form to fill in for it.
fn exported(project: &Project, review: &Review) -> (Sheet, String) {
    let sheet = Sheet::of_comparison(
        review.head.workload.clone(),
        review.head.basis.clone(),
        review.head.at,
        review.samples.clone(),
    );
    keep(
        project,
        "comparison.json",
        &serde_json::to_string(&sheet).unwrap(),
    );
    let form = run(project, "review form comparison.json").exits(0).out;
    (sheet, form)
}

fn keep(project: &Project, name: &str, text: &str) {
    std::fs::write(project.path().join(name), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_imported_for_exactly_these_answers() {
    let (project, review) = with_review().await;
    let (sheet, form) = exported(&project, &review);
    assert_eq!(
        form,
        format!(
            "sample,judgement,note,fingerprint\nchat/hello,,,{}\n",
            sheet.fingerprint
        )
    );

    keep(
        &project,
        "verdicts.csv",
        &form.replace(",,,", ",fallback-unsafe,\"it lies, twice\","),
    );
    let import = "review import verdicts.csv --comparison comparison.json";
    let done = run(&project, &format!("--as mira {import}")).exits(0).out;
    assert!(
        done.contains("0 of 1, 1 VETO for support-chat, imported"),
        "{done}"
    );
    let newest = run(&project, "review list --json --limit 1")
        .exits(0)
        .lines();
    assert_eq!(newest[0]["mode"], "imported");
    assert_eq!(newest[0]["actor"]["declared"], "mira");
    assert_eq!(newest[0]["tally"]["vetoes"], 1);

    // On the answers of a recorded review; and out of a comparison that was filled in.
    let again = run(
        &project,
        "review import verdicts.csv --review support-chat --json",
    )
    .exits(0);
    assert_eq!(again.json()["tally"]["vetoes"], 1);
    let mut filled = sheet;
    filled.samples[0].judgement = Some(Judgement::FallbackBetter);
    keep(
        &project,
        "filled.json",
        &serde_json::to_string(&filled).unwrap(),
    );
    let done = run(&project, "review import filled.json --json")
        .exits(0)
        .json();
    assert_eq!(done["tally"]["same_or_better"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_that_do_not_fit_are_refused() {
    let (project, review) = with_review().await;
    let (mut filled, form) = exported(&project, &review);
    let import = "review import verdicts.csv --comparison comparison.json";
    let before = run(&project, "review list --json").exits(0).lines().len();
    for (case, verdicts, line, code, said) in [
        (
            "other answers",
            "sample,judgement,fingerprint\nchat/hello,same,0000\n",
            import,
            3,
            "about other outputs (0000)",
        ),
        (
            "no name",
            "sample,judgement\nchat/hello,same\n",
            import,
            3,
            "do not say which outputs",
        ),
        (
            "no such verdict",
            "sample,judgement\nchat/hello,fine\n",
            import,
            2,
            "line 2: `fine` is no verdict",
        ),
        (
            "of nothing",
            "sample,judgement\nchat/hello,same\n",
            "review import verdicts.csv",
            2,
            "--comparison PATH or --review ID",
        ),
        (
            "observing",
            &form.replace(",,,", ",same,,"),
            "review import verdicts.csv --comparison comparison.json --observe",
            3,
            "OBSERVE",
        ),
        (
            "no file",
            "",
            "review import nothing.csv --comparison comparison.json",
            2,
            "cannot read nothing.csv",
        ),
    ] {
        keep(&project, "verdicts.csv", verdicts);
        let refused = run(&project, line).exits(code);
        assert!(refused.err.contains(said), "{case}: {}", refused.err);
        assert_eq!(refused.out, "", "{case}");
    }
    filled.samples[0].judgement = Some(Judgement::FallbackBetter);
    let mut forged: Value = serde_json::to_value(&filled).unwrap();
    forged["samples"][0]["fallback"]["text"] = "Better words".into();
    keep(&project, "filled.json", &forged.to_string());
    let refused = run(&project, "review import filled.json").exits(3);
    assert!(
        refused.err.contains("not those that its fingerprint names"),
        "{}",
        refused.err
    );
    let after = run(&project, "review list --json").exits(0).lines().len();
    assert_eq!(after, before, "nothing of these was recorded");
}

/// Bound to what is configured, so that it counts.
fn of_now(project: &Project, same_or_better: usize) -> Review {
    let catalog = project.catalog();
    let workload = &catalog.workloads["support-chat"];
    let mut review = store_reviews::review("support-chat", Clock::system().now(), 7);
    review.head.basis = Basis::now(&catalog, workload).unwrap();
    review.head.tally = Tally {
        compared: 8,
        judged: 8,
        same_or_better,
        vetoes: 0,
    };
    review
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_fail_when_a_fallback_is_below_its_bar() {
    let required = CONFIG.replace(
        "[workloads.support-chat]",
        "[workloads.support-chat]\nuser_visible = true",
    );
    let project = Project::with(&required);
    let url = project.catalog().store;
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let missing = run(&project, "review check").exits(1).out;
    assert!(
        missing.contains("x  support-chat  missing  nobody has reviewed its output"),
        "{missing}"
    );
    assert!(!missing.contains("batch-extraction"), "{missing}");
    let json = run(&project, "review check support-chat --json")
        .exits(1)
        .json();
    assert_eq!(json["open"], false);
    assert_eq!(json["workloads"][0]["standing"]["is"], "missing");
    run(&project, "review check batch-extraction").exits(0);
    run(&project, "review check support").exits(2);
    let queue = run(&project, "review queue").exits(0).out;
    assert!(
        queue.contains("!  support-chat  stable-chat  armed"),
        "{queue}"
    );

    let mut failing = of_now(&project, 4);
    store.put_review(failing.clone(), false).await.unwrap();
    let json = run(&project, "review check --json").exits(1).json();
    assert_eq!(json["workloads"][0]["standing"]["is"], "failing");
    let why = json["workloads"][0]["missing"][0].as_str().unwrap();
    assert!(
        why.contains("same or better on 50 % of 8 samples, needs 80 %"),
        "{why}"
    );

    failing.head.id.0.replace_range(25..26, "Z");
    failing.head.tally.same_or_better = 7;
    store.put_review(failing, true).await.unwrap();
    let open = run(&project, "review check").exits(0).out;
    assert!(
        open.contains("+  support-chat  passing  holds for 29 d"),
        "{open}"
    );
    assert_eq!(
        run(&project, "review queue").exits(0).err,
        "no review is due\n"
    );
    let all = run(&project, "review queue --all --json").exits(0).json();
    assert_eq!(all[0]["urgency"], "holds");
    assert_eq!(all[1]["urgency"], "not-required");

    // Another model: the review is not about it.
    let changed = required.replace("model = \"stable-1\"", "model = \"stable-2\"");
    std::fs::write(project.config(), changed).unwrap();
    let stale = run(&project, "review check").exits(1).out;
    assert!(stale.contains("x  support-chat  stale"), "{stale}");
    assert!(stale.contains("stable-2"), "{stale}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workload_owes_that_is_no_longer_configured_is_orphaned() {
    let (project, _) = with_review().await;
    let url = project.catalog().store;
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let key = mode_key("support-chat");
    let now = Clock::system().now();
    let mut request = change(&key, Revision(0), FORCE, "ana", now, None);
    request.owes = vec!["gone".into(), "support-chat".into()];
    store.change(request).await.unwrap();
    let queue = run(&project, "review queue").exits(0);
    assert!(queue.out.contains("support-chat"), "{}", queue.out);
    assert!(!queue.out.contains("gone"), "{}", queue.out);
    assert!(
        queue.err.starts_with("orphaned: a review of gone"),
        "{}",
        queue.err
    );
    let report = run(&project, "report --since 1h --json").exits(0).json();
    let owed = |list: &str| report[list].as_array().unwrap().clone();
    assert_eq!(owed("debts").len(), 1);
    assert_eq!(owed("orphaned")[0]["workload"], "gone");
    let open = report["open"].to_string();
    assert!(
        open.contains("review support-chat") && !open.contains("gone"),
        "{open}"
    );
    let written = run(&project, "report --since 1h").exits(0).out;
    assert!(written.contains("- orphaned, owed since"), "{written}");
}
