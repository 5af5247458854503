//! The line mode on a terminal: an incident from sight to undo, ctrl-c and ctrl-d at every prompt, and not one byte
//! that steers the terminal.

use crate::{cli_project::wait_for, support::pty::Pty};

/// Wide enough that no line is wrapped.
const SIZE: (u16, u16) = (400, 100);

/// A line mode on a terminal, read from where it was read last.
struct Talk {
    pty: Pty,
    read: usize,
}

impl Talk {
    fn start(arguments: &[&str]) -> Self {
        Self {
            pty: Pty::backstop(arguments, SIZE),
            read: 0,
        }
    }

    /// Waits for a text behind what was read; answers everything up to it.
    #[track_caller]
    fn hears(&mut self, text: &str) -> String {
        let read = self.read;
        let heard = wait_for(text, || {
            let bytes = self.pty.bytes();
            let new = String::from_utf8_lossy(&bytes[read..]).into_owned();
            let end = new.find(text)? + text.len();
            new.get(..end).map(str::to_owned)
        });
        self.read += heard.len();
        heard
    }

    fn says(&mut self, line: &str) {
        self.pty.press(&format!("{line}\r"));
    }

    /// A terminal is sent text, and what ends lines.
    #[track_caller]
    fn only_lines(&self) {
        let bytes = self.pty.bytes();
        let steers = |byte: &u8| byte.is_ascii_control() && !b"\r\n".contains(byte);
        let place = bytes.iter().position(steers);
        assert_eq!(place, None, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what was on the terminal, for whoever reads why a test failed"
)]
impl Drop for Talk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let bytes = self.pty.bytes();
            let (read, rest) = bytes.split_at(self.read.min(bytes.len()));
            eprintln!("{}", String::from_utf8_lossy(read));
            eprintln!("--- not asked for yet:\n{}", String::from_utf8_lossy(rest));
        }
    }
}

const PROMPT: &str = "backstop demo> ";

#[test]
fn a_whole_incident_in_the_demo() {
    let mut talk = Talk::start(&["demo", "--plain", "--seed", "7"]);
    talk.hears(PROMPT);
    talk.says("watch");
    talk.hears("support-chat: ");
    talk.hears("it was + OK");
    talk.says("");
    talk.hears(PROMPT);
    talk.says("show support-chat");
    let shown = talk.hears(PROMPT);
    assert!(shown.contains("fallback: stable-chat"), "{shown}");
    talk.says("explain support-chat");
    talk.hears(PROMPT);
    talk.says("compare support-chat --sample support-return --timeout 5s");
    let compared = talk.hears(PROMPT);
    assert!(
        compared.contains("support-chat/support-return"),
        "{compared}"
    );
    talk.says("events --follow");
    talk.hears("Enter ends it");
    talk.hears("support-chat");
    talk.says("");
    talk.hears(PROMPT);
    talk.says("force support-chat");
    talk.hears("Nothing has changed yet");
    talk.hears("reason? ");
    talk.says("1");
    talk.hears("to force: ");
    talk.says("sup");
    talk.hears("support-chat is forced to its fallback until ");
    talk.hears("applied on 1/1 gateways");
    talk.hears(PROMPT);
    talk.says("undo");
    talk.hears("apply it? [y/N] ");
    talk.says("y");
    talk.hears("support-chat is as configured");
    talk.hears(PROMPT);
    talk.says("audit");
    let audit = talk.hears(PROMPT);
    assert!(audit.contains("did force, target support-chat"), "{audit}");
    assert!(audit.contains("did undo "), "{audit}");
    talk.says("report");
    let report = talk.hears(PROMPT);
    assert!(report.contains("support-chat"), "{report}");
    talk.only_lines();
    talk.pty.press("\x04");
    talk.pty.exits(0);
    talk.only_lines();
}

#[test]
fn ctrl_c_cancels_a_prompt_ctrl_d_ends_and_neither_changes_anything() {
    let mut talk = Talk::start(&["demo", "--plain", "--no-faults", "--no-traffic"]);
    talk.hears(PROMPT);
    for (answers, prompt) in [
        (&[][..], "reason? "),
        (&["1"], "to force: "),
        (&["6"], "which reason? "),
        (&["6", "because"], "to force: "),
    ] {
        talk.says("force support-chat");
        talk.hears("reason? ");
        for answer in answers {
            talk.says(answer);
        }
        if !answers.is_empty() {
            talk.hears(prompt);
        }
        talk.pty.press("sup\x03");
        talk.hears("broken off");
        talk.hears(PROMPT);
    }
    // What was typed before the plan could be read is no answer to it.
    talk.says("force support-chat\r1\rsup");
    talk.hears("what was typed before this was shown does not count");
    talk.hears("reason? ");
    talk.pty.press("\x03");
    talk.hears(PROMPT);
    talk.pty.press("half a line\x03");
    talk.hears(PROMPT);
    talk.says("watch");
    talk.hears("Enter ends it");
    talk.pty.press("\x03");
    talk.hears(PROMPT);
    talk.says("audit --json");
    let audit = talk.hears(PROMPT);
    assert_eq!(audit.matches("\"sequence\"").count(), 1, "{audit}");
    talk.says("force support-chat");
    talk.hears("reason? ");
    talk.pty.press("\x04");
    talk.hears("not confirmed; nothing was changed");
    talk.pty.exits(0);
    talk.only_lines();
}

#[test]
fn a_signal_ends_it_with_its_number() {
    for (name, code) in [("TERM", 143), ("HUP", 129)] {
        let mut talk = Talk::start(&["demo", "--plain", "--no-faults", "--no-traffic"]);
        talk.hears(PROMPT);
        talk.pty.signal(name);
        assert_eq!(talk.pty.ended().exit_code(), code, "{name}");
        talk.only_lines();
    }
}

#[test]
fn a_review_is_judged_blind_by_questions_and_recorded_when_that_is_wanted() {
    let mut talk = Talk::start(&["demo", "--plain", "--no-faults", "--no-traffic"]);
    talk.hears(PROMPT);
    talk.says("judge support-chat --sample support-return --sample support-german");
    let page = talk.hears("verdict? ");
    assert!(page.contains("sample 1 of 2: support-chat/"), "{page}");
    assert!(page.contains("\nasked: "), "{page}");
    assert!(page.contains("\nA:") && page.contains("\nB:"), "{page}");
    for told in ["premium-chat", "stable-chat", "tokens", " s,"] {
        let behind = page.split("asked: ").nth(1).unwrap();
        assert!(!behind.contains(told), "{told}: {page}");
    }
    talk.says("nonsense");
    talk.hears("verdict? ");
    talk.says("#");
    talk.hears("note: ");
    talk.says("both say the same");
    talk.hears("verdict? ");
    talk.says("=");
    let judged = talk.hears("sample 2 of 2");
    assert!(judged.contains("noted: same. A was the "), "{judged}");
    talk.hears("verdict? ");
    talk.says("!");
    talk.hears("which must never reach a user? ");
    talk.says("");
    talk.hears("verdict? ");
    talk.says("-");
    talk.hears("same or better in 1 of 2");
    talk.hears("a note on the whole, or Enter: ");
    talk.says("by ear");
    talk.hears("record it? [y/N] ");
    talk.says("y");
    talk.hears("recorded as ");
    talk.hears(PROMPT);
    talk.says("review list --workload support-chat --limit 1 --json");
    let listed = talk.hears(PROMPT);
    for told in ["\"mode\":\"blind\"", "\"judged\":2", "\"note\":\"by ear\""] {
        assert!(listed.contains(told), "{told}: {listed}");
    }
    // Left in the middle, nothing is recorded; openly judged, names are told.
    talk.says("review judge support-chat --sample support-return --open");
    let page = talk.hears("verdict? ");
    assert!(page.contains(", the primary, done in "), "{page}");
    talk.pty.press("\x03");
    talk.hears("broken off");
    talk.hears(PROMPT);
    talk.says("review support-chat --sample support-return");
    talk.hears("verdict? ");
    talk.says("a");
    talk.hears("a note on the whole");
    talk.says("");
    talk.hears("record it? ");
    talk.says("n");
    talk.hears("not recorded");
    talk.hears(PROMPT);
    talk.says("review list --workload support-chat --json");
    let listed = talk.hears(PROMPT);
    assert_eq!(listed.matches("by ear").count(), 1, "{listed}");
    talk.only_lines();
    talk.says("quit");
    talk.pty.exits(0);
}

#[test]
fn a_screen_too_small_for_a_plan_asks_in_lines_and_comes_back() {
    let mut pty = Pty::backstop(&["demo", "--seed", "7", "--no-tour"], (58, 12));
    pty.wait_for("FL support-chat");
    pty.press("F");
    pty.wait_for("Enter asks in");
    pty.press("\r");
    let late = "the plan took a while: look at it, then Enter";
    pty.wait_until("the question", |text| {
        text.contains("reason? 1 5xx") || text.contains(late)
    });
    // On a busy machine Enter came too long before the plan to be meant for it.
    if pty.text().contains(late) {
        pty.press("\r");
        pty.wait_for("reason? 1 5xx");
    }
    pty.assert_restored_screen();
    pty.press("\x03");
    pty.wait_for("Enter asks in");
    pty.wait_for("not confirmed; nothing was changed");
    pty.press("\r");
    // What stands on the screen below is that of the first time.
    wait_for("the question again", || {
        let bytes = pty.bytes();
        let sent = String::from_utf8_lossy(&bytes);
        (sent.matches("reason? 1 5xx").count() == 2).then_some(())
    });
    pty.press("1\r");
    pty.wait_for("to force: ");
    pty.press("sup\r");
    pty.wait_for("enlarge to");
    pty.resize(80, 24);
    pty.wait_for("! FO  support-chat");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}
