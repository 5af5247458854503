//! Changes from the command line on a real store: plan, apply, audit, undo, and everything that refuses.

use serde_json::{Value, json};

use crate::{
    cli_project::{Run, command, run},
    control_project::{CONFIG, Project},
};

/// `{"mode": "force"}` or null.
fn mode_in_force(project: &Project) -> Value {
    let audit = run(project, "audit --target support-chat --json")
        .exits(0)
        .lines();
    audit
        .last()
        .map_or(Value::Null, |record| record["after"].clone())
}

fn plan_id(run: &Run) -> String {
    run.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn plan_apply_audit_undo() {
    let project = Project::new();
    let planned = run(&project, "force support-chat --plan --json").exits(0);
    let plan = planned.json();
    for key in [
        "id",
        "made",
        "valid_until",
        "actor",
        "verb",
        "key",
        "expected",
        "revision",
        "before",
        "after",
        "expires",
        "fingerprint",
        "now_line",
        "after_line",
        "effects",
        "checks",
        "tier",
        "undoes",
    ] {
        assert!(plan.get(key).is_some(), "{key}: {plan}");
    }
    assert_eq!(plan["tier"], "typed");
    assert_eq!(plan["key"], "mode/support-chat");
    assert_eq!(
        mode_in_force(&project),
        Value::Null,
        "a plan changes nothing"
    );

    let id = plan_id(&planned);
    let shown = run(&project, &format!("plan {id} --json")).exits(0).json();
    assert_eq!(shown, plan);

    let applied = run(
        &project,
        &format!(
            "force support-chat --apply {id} --reason 5xx --ticket INC-7 --as Josephine --json"
        ),
    )
    // No gateway is there to confirm it.
    .exits(1)
    .json();
    let audit = &applied["audit"];
    assert_eq!(audit["actor"]["user"], "jo");
    assert_eq!(audit["actor"]["declared"], "Josephine");
    assert_eq!(audit["actor"]["via"], "cli");
    assert_eq!(audit["reason"], "5xx");
    assert_eq!(audit["ticket"], "INC-7");
    assert_eq!(audit["plan"], id);
    assert_eq!(audit["expires"], plan["expires"]);
    assert_eq!(audit["after"], json!({"mode": "force"}));
    assert_eq!(
        applied["progress"],
        json!({"applied": 0, "gateways": 0, "confirmed": false, "each": [], "elapsed_ms": applied["progress"]["elapsed_ms"]})
    );

    let listed = run(&project, "audit --json").exits(0).lines();
    assert_eq!(listed, std::slice::from_ref(audit));
    let status = run(&project, "status support-chat --json").exits(0).json();
    assert_eq!(status["mode"], "force");
    assert_eq!(status["mode_by"], "Josephine");

    let again = run(
        &project,
        &format!("force support-chat --apply {id} --reason 5xx"),
    )
    .exits(4);
    assert!(again.err.contains("applied before"), "{}", again.err);

    // The declared name is part of who one is.
    run(&project, "undo --confirm support-chat").exits(1);
    assert_eq!(mode_in_force(&project), json!({"mode": "force"}));
    let undone = run(
        &project,
        "undo --confirm support-chat --as Josephine --no-wait --json",
    )
    .exits(0)
    .json();
    assert_eq!(undone["progress"], Value::Null);
    assert_eq!(undone["audit"]["undoes"], 1);
    assert_eq!(undone["audit"]["verb"], "undo");
    assert_eq!(mode_in_force(&project), Value::Null);

    let table = run(&project, "audit").exits(0).out;
    assert!(table.lines().next().unwrap().starts_with("SEQ"), "{table}");
    assert!(table.contains("Josephine (jo)@"), "{table}");
    assert!(table.contains("undo 1"), "{table}");
}

#[test]
fn every_verb_changes_what_it_says() {
    let project = Project::new();
    let apply = |line: &str, code: i32| {
        run(&project, &format!("{line} --reason drill --no-wait --json"))
            .exits(code)
            .json()["audit"]
            .clone()
    };
    for (line, key, after) in [
        (
            "hold support-chat --confirm sup",
            "mode/support-chat",
            json!({"mode": "hold"}),
        ),
        (
            "auto support-chat --confirm sup",
            "mode/support-chat",
            Value::Null,
        ),
        (
            "notice off support-chat --confirm sup",
            "notice/support-chat",
            json!({"notice": false}),
        ),
        (
            "notice on support-chat --confirm sup",
            "notice/support-chat",
            Value::Null,
        ),
        // Nothing is known of its health, which is worth a warning and no more.
        (
            "force batch-extraction --confirm bat --for 2h",
            "mode/batch-extraction",
            json!({"mode": "force"}),
        ),
        (
            "force batch-extraction --confirm bat --for 1h",
            "mode/batch-extraction",
            json!({"mode": "force"}),
        ),
        (
            "undrain cheap-chat --confirm che",
            "drain/cheap-chat",
            Value::Null,
        ),
    ] {
        if line.starts_with("undrain") {
            let drained = apply("drain cheap-chat --confirm che", 0);
            assert_eq!(drained["after"], "drain");
        }
        let audit = apply(line, 0);
        assert_eq!(
            (&audit["key"], &audit["after"]),
            (&json!(key), &after),
            "{line}"
        );
    }
    let already = run(&project, "auto support-chat --confirm sup").exits(1);
    assert!(already.err.contains("nothing to change"), "{}", already.err);
}

#[test]
fn nothing_is_changed_without_a_confirmation() {
    let project = Project::new();
    let shown = run(&project, "force support-chat").exits(3);
    assert!(shown.out.starts_with("PLAN "), "{}", shown.out);
    assert!(!shown.out.contains('\x1b'), "no colour into a pipe");
    assert!(shown.err.contains("--apply "), "{}", shown.err);
    let shown = run(&project, "force support-chat --json").exits(3);
    assert_eq!(shown.json()["verb"], "force");
    for line in [
        "force support-chat --confirm sup",
        "force support-chat --confirm su --reason 5xx",
        "force support-chat --confirm batch-extraction --reason 5xx",
        "force support-chat --confirm sup --reason other",
        "force support-chat --confirm sup --reason 5xx --for 25h",
        "force support-chat --confirm support-chat --for until-changed --break-glass --note short",
    ] {
        let refused = run(&project, line).exits(3);
        assert!(
            refused.err.contains("not confirmed"),
            "{line}: {}",
            refused.err
        );
        assert_eq!(refused.out, "", "{line}");
    }
    assert_eq!(run(&project, "audit --json").exits(0).out, "");
}

#[test]
fn what_the_policy_refuses_has_its_own_code_and_its_reason() {
    let project = Project::new();
    for line in [
        "force lonely",
        "force lonely --plan",
        "force lonely --confirm lonely --reason 5xx",
        "force lonely --confirm lonely --break-glass",
    ] {
        let refused = run(&project, line).exits(3);
        assert!(
            refused.err.contains("no fallback route by policy"),
            "{line}: {}",
            refused.err
        );
    }
    let unknown = run(&project, "force suport-chat").exits(2);
    assert!(
        unknown.err.contains("did you mean `support-chat`?"),
        "{}",
        unknown.err
    );
    let unknown = run(&project, "drain stable").exits(2);
    assert!(
        unknown.err.contains("did you mean `stable-chat`?"),
        "{}",
        unknown.err
    );
}

#[test]
fn breaking_glass_is_possible_in_one_line_and_marked() {
    let project = Project::new();
    let words = [
        "force",
        "support-chat",
        "--for",
        "until-changed",
        "--confirm",
        "support-chat",
        "--break-glass",
        "--note",
        "the provider is gone for good",
        "--no-wait",
        "--json",
    ];
    let record = Run::of(command(&project, words).output().unwrap())
        .exits(0)
        .json()["audit"]
        .clone();
    assert_eq!(record["break_glass"], true);
    assert_eq!(record["expires"], Value::Null);
    assert_eq!(record["note"], "the provider is gone for good");
    let table = run(&project, "audit").exits(0).out;
    assert!(table.contains("force !break-glass"), "{table}");
}

#[test]
fn an_unreviewed_fallback_is_refused_with_what_is_missing_and_forced_only_past_the_gate() {
    let reviewed = CONFIG.replace(
        "[workloads.batch-extraction]",
        "[workloads.batch-extraction]\nreview = { required = true }",
    );
    let project = Project::with(&reviewed);
    let missing = "review: stable-chat: nobody has reviewed its output";
    let refused = run(
        &project,
        "force batch-extraction --confirm bat --reason 5xx",
    )
    .exits(3);
    assert!(refused.err.contains(missing), "{}", refused.err);
    let status = |what: &str| {
        let status = run(&project, "status --json").exits(0).json();
        let all = status["workloads"].as_array().unwrap().clone();
        let of_it = all.iter().find(|it| it["workload"] == "batch-extraction");
        of_it.unwrap()[what].clone()
    };
    assert_eq!(status("review"), json!({"is": "missing"}));
    assert_eq!(status("debt"), Value::Null);
    assert_eq!(status("alarms")[0]["is"], "unreviewed");

    let words = [
        "force",
        "batch-extraction",
        "--confirm",
        "batch-extraction",
        "--break-glass",
        "--note",
        "the bookkeeping waits",
        "--no-wait",
    ];
    Run::of(command(&project, words).output().unwrap()).exits(0);
    assert_eq!(status("break_glass"), true);
    assert_eq!(status("debt")["note"], "the bookkeeping waits");
    assert_eq!(status("debt")["by"]["user"], "jo");
    let text = run(&project, "status").exits(0).out;
    assert!(text.contains("break-glass review-owed"), "{text}");
    let text = run(&project, "status batch-extraction").exits(0).out;
    assert!(
        text.contains("jo went past the gate: the bookkeeping waits"),
        "{text}"
    );
    // Undone without a review, and owed all the same.
    run(&project, "undo --confirm batch-extraction --no-wait").exits(0);
    assert_eq!(status("break_glass"), false);
    assert_eq!(status("debt")["note"], "the bookkeeping waits");
}

#[test]
fn a_plan_is_applied_only_by_its_own_command() {
    let project = Project::new();
    let id = plan_id(&run(&project, "force support-chat --plan --json").exits(0));
    for line in [
        format!("hold support-chat --apply {id} --reason 5xx"),
        format!("force batch-extraction --apply {id} --reason 5xx"),
        format!("undo --apply {id}"),
    ] {
        let wrong = run(&project, &line).exits(2);
        assert!(
            wrong.err.contains("is to force support-chat"),
            "{line}: {}",
            wrong.err
        );
    }
    let unknown = run(&project, "force support-chat --apply 000000 --reason 5xx").exits(4);
    assert!(unknown.err.contains("there is no plan"), "{}", unknown.err);
    let hash = run(
        &project,
        &format!("force support-chat --yes #{id} --reason 5xx --no-wait"),
    );
    hash.exits(0);
}

#[test]
fn a_stale_plan_is_refused_and_says_who_was_faster() {
    let project = Project::new();
    let id = plan_id(&run(&project, "force support-chat --plan --json").exits(0));
    run(
        &project,
        "hold support-chat --confirm sup --reason quality --as mira --no-wait",
    )
    .exits(0);
    let stale = run(
        &project,
        &format!("force support-chat --apply {id} --reason 5xx"),
    )
    .exits(4);
    assert!(
        stale
            .err
            .contains("stale: mira changed `mode/support-chat` at "),
        "{}",
        stale.err
    );
    assert!(stale.err.contains("reason quality"), "{}", stale.err);
    assert_eq!(mode_in_force(&project), json!({"mode": "hold"}));

    let id = plan_id(&run(&project, "auto support-chat --plan --json").exits(0));
    let config = std::fs::read_to_string(project.config()).unwrap();
    std::fs::write(
        project.config(),
        config.replace("\"premium-1\"", "\"premium-2\""),
    )
    .unwrap();
    let stale = run(&project, &format!("auto support-chat --apply {id}")).exits(4);
    assert!(
        stale
            .err
            .contains("configuration of `support-chat` has changed"),
        "{}",
        stale.err
    );
}

#[test]
fn observe_refuses_every_change() {
    let project = Project::new();
    let id = plan_id(&run(&project, "force support-chat --plan --json").exits(0));
    let refused = run(
        &project,
        &format!("force support-chat --observe --apply {id} --reason 5xx"),
    )
    .exits(3);
    assert!(refused.err.contains("OBSERVE"), "{}", refused.err);
    let refused = run(
        &project,
        "drain cheap-chat --observe --confirm che --reason drill",
    )
    .exits(3);
    assert!(refused.err.contains("OBSERVE"), "{}", refused.err);
    // Looking stays possible.
    run(&project, "force support-chat --observe --plan --json").exits(0);
    assert_eq!(run(&project, "audit --json").exits(0).out, "");
}

#[test]
fn of_ten_racing_operators_one_wins_and_the_others_are_told_who() {
    let project = Project::new();
    let ids: Vec<String> = (0..10)
        .map(|_| plan_id(&run(&project, "force support-chat --plan --json").exits(0)))
        .collect();
    let racers: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let line = format!(
                "force support-chat --apply {id} --reason drill --as racer-{number} --no-wait --json"
            );
            command(&project, line.split_whitespace()).spawn().unwrap()
        })
        .collect();
    let runs: Vec<Run> = racers
        .into_iter()
        .map(|racer| Run::of(racer.wait_with_output().unwrap()))
        .collect();
    let winners: Vec<&Run> = runs.iter().filter(|run| run.code == Some(0)).collect();
    assert_eq!(winners.len(), 1, "{runs:?}");
    let record = winners[0].json()["audit"].clone();
    let winner = record["actor"]["declared"].as_str().unwrap();
    for loser in runs.iter().filter(|run| run.code != Some(0)) {
        assert_eq!(loser.code, Some(4), "{loser:?}");
        assert!(loser.err.contains(winner), "{winner}: {}", loser.err);
        assert!(loser.err.contains("reason drill"), "{}", loser.err);
    }
    let audit = run(&project, "audit --json").exits(0).lines();
    assert_eq!(audit, [record]);
}
