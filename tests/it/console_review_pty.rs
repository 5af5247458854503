//! A comparison and a blind review, in the real program in a real terminal, over the demo's providers, by keys only.

use std::process::Command;

use serde_json::Value;

use crate::{demo_headless::Running, support::pty::Pty};

/// The demo without incident, and a console over it.
fn console(size: (u16, u16)) -> (Running, String, Pty) {
    let demo = Running::start(&["demo", "--headless", "--no-faults", "--no-traffic"]);
    let config = demo.line["config"].as_str().unwrap().to_owned();
    let pty = Pty::backstop(&["console", "--write", "--config", &config], size);
    pty.wait_for("Workloads 7/7");
    (demo, config, pty)
}

#[test]
fn comparing_the_samples_of_batch_extraction_finds_the_field_that_the_fallback_drops() {
    let (_demo, _, mut pty) = console((80, 24));
    pty.press("/bat\r");
    pty.wait_for("Workloads 1/7");
    pty.press("c");
    pty.wait_for("A low-cost-extraction primary  done");
    pty.wait_for("FIELD");
    pty.press("*");
    pty.wait_gone("answered");
    pty.press("]]]]]");
    pty.wait_for("6 of 6 extraction-energy");
    pty.wait_for("< vat_id");
    pty.wait_for("missing in B");
    // In one text, and back; then the payload, edited and left.
    pty.press("vv");
    pty.wait_for("(missing in B)");
    pty.press("e");
    pty.wait_for("PAYLOAD batch-extraction/extraction-energy");
    pty.wait_for("+ fits the family");
    pty.press("\x1b[B\x1b[B");
    pty.press("\x1b[200~\"note\": \"pasted: F1sup, a, b, y\",\x1b[201~");
    pty.wait_for("EDITED");
    pty.wait_for("pasted: F1sup, a, b, y");
    pty.press("\x1b");
    pty.wait_for("r sends it");
    pty.wait_for("edited and not asked yet");
    pty.press("r");
    pty.wait_for("B baseline-extraction fallback  done");
    pty.press_until("a", "is no sample");
    pty.press("q");
    pty.wait_for("Workloads 1/7");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn support_chat_is_reviewed_blind_by_keys_only_and_the_review_is_found_by_others() {
    let (_demo, config, mut pty) = console((120, 40));
    pty.press(":review supp\r");
    pty.wait_for("BLIND");
    pty.wait_gone("answered");
    for judged in 1..=8 {
        // A reader takes longer than this; a burst of keys would be refused.
        pty.wait_for("verdict: not judged yet");
        pty.press_until(
            if judged % 3 == 0 { "=" } else { "a" },
            &format!("judged {judged}/8"),
        );
    }
    let hidden = pty.text();
    for name in ["premium-chat", "stable-chat", "USD"] {
        assert!(!hidden.contains(name), "{name}: {hidden}");
    }
    pty.wait_for("All are judged");
    pty.press("\r");
    pty.wait_for("8 of 8 judged");
    pty.wait_for("95 % interval");
    pty.press("y");
    pty.wait_for("saved: review of support-chat");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();

    let listed = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args([
            "review",
            "list",
            "--workload",
            "support-chat",
            "--json",
            "--config",
            &config,
        ])
        .output()
        .unwrap();
    let lines = String::from_utf8(listed.stdout).unwrap();
    let said = String::from_utf8_lossy(&listed.stderr);
    let newest: Value = serde_json::from_str(lines.lines().next().expect(&said)).unwrap();
    assert_eq!(newest["mode"], "blind");
    assert_eq!(newest["tally"]["judged"], 8);
    assert_eq!(newest["workload"], "support-chat");
}

#[test]
fn the_operators_own_editor_has_the_terminal_and_gives_text_and_terminal_back() {
    let demo = Running::start(&["demo", "--headless", "--no-faults", "--no-traffic"]);
    let config = demo.line["config"].as_str().unwrap().to_owned();
    let editor = "VISUAL=sh -c 'printf \"the editor has it\\n\"; read line; sed -i s/gestern/heute/ \"$1\"' sh";
    let binary = env!("CARGO_BIN_EXE_backstop");
    let mut pty = Pty::start(
        "env",
        &[editor, binary, "console", "--config", &config],
        (80, 24),
    );
    pty.wait_for("Workloads 7/7");
    pty.press("/sup\r");
    pty.wait_for("Workloads 1/7");
    pty.press("c");
    pty.wait_for("A premium-chat primary  done");
    pty.press("]]]]]]]");
    pty.wait_for("8 of 8 support-german");
    pty.press("e");
    pty.wait_for("PAYLOAD support-chat/support-german");
    pty.press("\x0f");
    pty.wait_for("the editor has it");
    pty.assert_restored_screen();
    pty.press("go\r");
    pty.wait_for("EDITED");
    pty.press("\x1b");
    pty.wait_for("r sends it");
    pty.press("q");
    pty.wait_gone("support-german");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}
