//! Journeys of the real binary in a real terminal. A handful: what needs no process is tested without one.

use crate::support::pty::Pty;

/// The exit code for a configuration that cannot be used.
const USAGE: u32 = 2;

/// SIGTERM and SIGHUP as exit codes of a shell.
const ENDED_BY_TERM: u32 = 128 + 15;
const ENDED_BY_HUP: u32 = 128 + 1;

/// The words of the home screen while the scripted incident runs.
const HOME: &str = "Workloads 7/7";

#[test]
fn six_keys_force_the_failing_workload_and_z_undoes_it() {
    let mut pty = Pty::backstop(&["demo", "--seed", "7"], (120, 40));
    pty.wait_for("? help");
    pty.wait_for("> x FL");
    pty.press("F");
    pty.wait_for("To confirm, type support-chat");
    pty.press("1sup\r");
    pty.wait_for("applied on 1/1 gateways");
    pty.wait_for("! FO");
    pty.wait_for("(forced by mira)");
    pty.press("z");
    pty.wait_for("undo support-chat");
    pty.wait_for("y apply");
    pty.press_until_gone("y", "y apply");
    pty.wait_gone("(by you)");
    pty.press("5");
    pty.wait_for("undo");
    pty.wait_for("5xx");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn six_keys_in_one_read_apply_on_the_smallest_full_screen_before_anything_is_proven() {
    let mut pty = Pty::backstop(&["demo", "--seed", "7"], (80, 24));
    pty.wait_for("? help");
    pty.wait_for("> x FL");
    pty.press("F1sup\r");
    pty.wait_for("applied on 1/1 gateways");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn a_route_and_a_workload_are_probed_live_and_esc_goes_back() {
    let mut pty = Pty::backstop(&["demo", "--no-faults"], (120, 40));
    pty.wait_for(HOME);
    pty.press("2");
    pty.wait_for("Routes 14/14");
    // Its plain chat works; what it does not do is see.
    pty.press("/baseline-vision\r");
    pty.wait_for("x vision");
    pty.wait_for("image-understanding (fallback)");
    pty.press("r");
    pty.wait_for("PROBE baseline-vision");
    pty.wait_for("1 failed");
    pty.wait_for("I do not see a picture");
    pty.press("\x1b");
    pty.wait_gone("PROBE ");
    pty.press("1");
    pty.wait_for(HOME);
    pty.press("/support\r");
    pty.wait_for("Workloads 1/7");
    pty.press_until_gone("r", "SERVING NOW");
    pty.wait_for("16/16  16 passed");
    pty.wait_for("16 recorded");
    pty.press("\x1b");
    pty.wait_gone("PROBE ");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn every_size_is_drawn_and_sigterm_gives_the_terminal_back() {
    let mut pty = Pty::backstop(&["demo"], (80, 24));
    pty.wait_for(HOME);
    for (columns, rows) in [(120, 40), (60, 15), (200, 50), (80, 24)] {
        pty.resize(columns, rows);
        pty.wait_for("support-chat");
        pty.wait_for("? help");
    }
    // Too quick for every size to be seen: the last may be the first again.
    for _ in 0..10 {
        for (columns, rows) in [(20, 3), (1, 1), (80, 24)] {
            pty.resize(columns, rows);
        }
        pty.wait_for(HOME);
        pty.wait_for("? help");
    }
    pty.signal("TERM");
    pty.exits(ENDED_BY_TERM);
    pty.assert_restored();
}

#[test]
fn sighup_gives_the_terminal_back_and_a_hangup_ends_the_program() {
    let mut pty = Pty::backstop(&["demo"], (80, 24));
    pty.wait_for(HOME);
    pty.signal("HUP");
    pty.exits(ENDED_BY_HUP);
    pty.assert_restored();

    let mut pty = Pty::backstop(&["demo"], (80, 24));
    pty.wait_for(HOME);
    pty.hang_up();
    assert!(!pty.ended().success());
}

#[test]
fn what_keeps_the_door_shut_is_told_on_the_terminal_that_is_given_back() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut pty = Pty::backstop(&["console", "--config", fixture], (80, 24));
    pty.exits(USAGE);
    pty.assert_restored();
    let text = pty.text();
    assert!(text.contains("cannot be used"), "{text}");
}

#[test]
fn control_z_gives_the_terminal_to_the_shell_and_fg_brings_the_screen_back() {
    let mut pty = Pty::start("/bin/sh", &["-i"], (80, 24));
    pty.wait_for("shell>");
    pty.press(concat!(env!("CARGO_BIN_EXE_backstop"), " demo\r"));
    pty.wait_for(HOME);
    pty.press("\x1a");
    pty.wait_for("topped");
    pty.assert_restored_screen();
    pty.press("fg\r");
    pty.wait_for(HOME);
    pty.press("q");
    pty.wait_gone(HOME);
    pty.press("exit 0\r");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn no_colour_is_sent_under_no_color_and_no_question_is_ever_asked() {
    for (case, variables) in [("no colour", "NO_COLOR=1"), ("colours", "NO_COLOR=")] {
        let binary = env!("CARGO_BIN_EXE_backstop");
        let arguments = [variables, binary, "demo", "--theme", "catppuccin-mocha"];
        let mut pty = Pty::start("env", &arguments, (80, 24));
        pty.wait_for("> x FL");
        pty.press("q");
        pty.exits(0);
        pty.assert_restored();
        let bytes = String::from_utf8(pty.bytes()).unwrap();
        let sequences: Vec<&str> = bytes.split('\x1b').skip(1).collect();
        let coloured = sequences.iter().any(|sequence| colours(sequence));
        assert_eq!(coloured, case == "colours", "{case}");
        for sequence in sequences {
            let asks = [
                "[c", "[6n", "[5n", "[>", "[?u", "]10;?", "]11;?", "P+q", "[18t",
            ];
            assert!(
                !asks.iter().any(|ask| sequence.starts_with(ask)),
                "{sequence:?}"
            );
        }
    }
}

#[test]
fn the_selected_row_can_be_told_without_colours() {
    for variable in ["NO_COLOR=1", "COLORTERM="] {
        let binary = env!("CARGO_BIN_EXE_backstop");
        let arguments = [variable, binary, "demo", "--color", "never"];
        let mut pty = Pty::start("env", &arguments, (80, 24));
        pty.wait_for("> x FL");
        let text = pty.text();
        let row = text.lines().position(|line| line.starts_with(" > x FL"));
        let row = u16::try_from(row.unwrap()).unwrap();
        assert!(pty.is_marked(row, 10), "the row under the cursor");
        assert!(!pty.is_marked(row + 1, 10), "and no other");
        pty.press("\x03");
        pty.exits(0);
    }
}

#[test]
fn what_is_asked_for_goes_before_no_color() {
    let binary = env!("CARGO_BIN_EXE_backstop");
    let arguments = ["NO_COLOR=1", binary, "demo", "--no-faults", "--color", "16"];
    let mut pty = Pty::start("env", &arguments, (80, 24));
    pty.wait_for(HOME);
    pty.press("\x03");
    pty.exits(0);
    let bytes = String::from_utf8(pty.bytes()).unwrap();
    assert!(bytes.split('\x1b').skip(1).any(colours));
}

#[test]
fn answers_of_a_terminal_that_nobody_asked_for_are_no_keys() {
    let mut pty = Pty::backstop(&["demo", "--no-faults", "--no-traffic"], (80, 24));
    pty.wait_for(HOME);
    // Colours, kind, version, position, state, theme, clipboard; each in one piece, and cut.
    let answers = [
        "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
        "\x1b]10;rgb:ffff/ffff/ffff\x07",
        "\x1b[?62;22;52c",
        "\x1b[>41;330;0c",
        "\x1bP>|tmux 3.3a\x1b\\",
        "\x1bP1+r524742=38\x1b\\",
        "\x1b[24;80R",
        "\x1b[?2026;2$y",
        "\x1b[?997;1n",
        "\x1b]52;c;RjFzdXA=\x07",
        "\x1b_Gi=31;OK\x1b\\",
    ];
    for answer in answers {
        pty.press(answer);
        let (first, second) = answer.split_at(answer.len() / 2);
        pty.press(first);
        pty.press(second);
    }
    pty.press("3");
    pty.wait_for("Events 0");
    pty.press("1");
    pty.wait_for(HOME);
    let text = pty.text();
    assert!(!text.contains("means nothing here"), "{text}");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn a_copied_row_is_sent_once_saved_and_told_without_a_promise() {
    for (case, variables, told) in [
        ("bare", "TMUX=", "sent to terminal, and saved to"),
        ("tmux", "TMUX=/tmp/tmux,1,0", "set-clipboard on"),
        ("screen", "STY=1.pts-0", "screen does not pass it on"),
    ] {
        let binary = env!("CARGO_BIN_EXE_backstop");
        let arguments = [variables, binary, "demo", "--no-faults", "--no-traffic"];
        let mut pty = Pty::start("env", &arguments, (120, 40));
        pty.wait_for(HOME);
        pty.press("y");
        pty.wait_for(told);
        pty.press("\x03");
        pty.exits(0);
        let bytes = String::from_utf8(pty.bytes()).unwrap();
        assert_eq!(bytes.matches("\x1b]52;c;").count(), 1, "{case}");
    }
}

/// Whether a sequence sets a colour.
fn colours(sequence: &str) -> bool {
    let Some((numbers, _)) = sequence
        .strip_prefix('[')
        .and_then(|rest| rest.split_once('m'))
    else {
        return false;
    };
    numbers
        .split(';')
        .filter_map(|number| number.parse::<u16>().ok())
        .any(|number| matches!(number, 30..=49 | 90..=107))
}
