//! The mouse: it finds what is drawn, wherever that is, and decides nothing.

use backstop::{
    console::{
        action::Action,
        app::{Overlay, Screen},
        effect::Effect,
        msg::Msg,
        pointer::Pointer,
    },
    control::Mode as Door,
};
use crossterm::event::KeyCode;

use crate::console_stage::{Stage, force_command, force_plan};

/// A stage whose mouse is on.
fn stage(width: u16, height: u16) -> Stage {
    let mut stage = Stage::incident(width, height, Door::Write);
    stage.keys("M");
    assert!(stage.app.mouse);
    stage
}

/// Where a text is on the screen.
fn find(stage: &Stage, wanted: &str) -> (u16, u16) {
    let text = stage.text();
    let (row, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(wanted))
        .unwrap_or_else(|| panic!("no {wanted} on\n{text}"));
    let before = line.split(wanted).next().unwrap();
    let column = before.chars().count();
    (column.try_into().unwrap(), row.try_into().unwrap())
}

fn press(stage: &mut Stage, wanted: &str) -> Vec<Effect> {
    let place = find(stage, wanted);
    stage.send(Msg::Pointer(Pointer::Press, place))
}

#[test]
fn names_of_screens_and_keys_in_the_footer_do_what_their_keys_do() {
    for size in [(80, 24), (120, 40)] {
        let mut stage = stage(size.0, size.1);
        for (name, screen) in [
            ("2 routes", Screen::Routes),
            ("3 events", Screen::Events),
            ("5 audit", Screen::Audit),
            ("6 gateways", Screen::Gateways),
            ("1 workloads", Screen::Home),
        ] {
            press(&mut stage, name);
            assert_eq!(stage.app.screen, screen, "{name}");
        }
        press(&mut stage, "? help");
        assert!(matches!(stage.app.overlays[..], [Overlay::Help(_)]));
        press(&mut stage, "Esc back");
        assert!(stage.app.overlays.is_empty());
        let effects = press(&mut stage, "F force");
        let planned = |effect: &Effect| matches!(effect, Effect::Plan { command, .. } if *command == force_command());
        assert!(effects.iter().any(planned), "a plan is opened: {effects:?}");
    }
}

#[test]
fn rows_are_selected_by_a_press_and_opened_by_another() {
    for size in [(60, 15), (80, 24), (200, 50)] {
        let mut stage = stage(size.0, size.1);
        for tab in ["1", "2", "5"] {
            stage.keys(tab);
            let rows = backstop::console::view::areas(&stage.app).body;
            stage.send(Msg::Pointer(Pointer::Press, (4, rows.y + 1)));
            let (selected, row) = match stage.app.screen {
                Screen::Home => (stage.app.home.list.position(stage.app.home.names()), 1),
                Screen::Routes => (stage.app.routes.list.position(&stage.app.routes.keys), 1),
                _ => (
                    stage.app.audit.list.position(&stage.app.audit.keys),
                    stage.app.audit.keys.len().min(2) - 1,
                ),
            };
            assert_eq!(selected, Some(row), "{tab} at {size:?}");
        }
        stage.keys("3");
        let body = backstop::console::view::areas(&stage.app).body;
        let newest = stage.app.events.selected();
        stage.send(Msg::Pointer(Pointer::Press, (4, body.y)));
        assert_ne!(stage.app.events.selected(), newest);
        assert!(!stage.app.events.follows());
        stage.send(Msg::Pointer(Pointer::Press, (4, body.y)));
        assert!(
            matches!(stage.app.overlays[..], [Overlay::Event(..)]),
            "opened"
        );
        // The last row that can be seen may be below the last there is.
        stage.press(KeyCode::Esc);
        stage.keys("1");
        let before = stage.app.home.list.selected().cloned();
        stage.send(Msg::Pointer(Pointer::Press, (size.0 - 1, size.1 - 3)));
        stage.send(Msg::Pointer(Pointer::Press, (u16::MAX, u16::MAX)));
        assert!(stage.app.overlays.is_empty());
        assert!(before.is_some());
    }
}

#[test]
fn the_wheel_moves_whatever_is_on_top() {
    let mut stage = stage(80, 24);
    let at = (10, 5);
    let position = |stage: &Stage| stage.app.home.list.position(stage.app.home.names());
    stage.send(Msg::Pointer(Pointer::WheelDown, at));
    assert_eq!(position(&stage), Some(3));
    stage.send(Msg::Pointer(Pointer::WheelUp, at));
    assert_eq!(position(&stage), Some(0));
    stage.keys("?");
    stage.send(Msg::Pointer(Pointer::WheelDown, at));
    assert!(matches!(
        stage.app.overlays[..],
        [Overlay::Help(backstop::console::app::Helping {
            scroll: 3,
            ..
        })]
    ));
    assert_eq!(position(&stage), Some(0));
}

#[test]
fn menus_and_proposals_are_chosen_from() {
    let mut stage = stage(120, 40);
    stage.keys("x");
    press(&mut stage, "copy the row");
    let chosen = stage.app.overlays.last().and_then(|overlay| match overlay {
        Overlay::Actions(menu) => menu
            .offers
            .get(*menu.list.selected()?)
            .map(|offer| offer.action),
        _ => None,
    });
    assert_eq!(chosen, Some(Action::Copy));
    stage.press(KeyCode::Esc);
    stage.keys(":drain ");
    press(&mut stage, "drain stable");
    let proposal = stage.app.overlays.last().and_then(|overlay| match overlay {
        Overlay::Palette(palette) => palette.proposals.get(palette.chosen?).cloned(),
        _ => None,
    });
    assert!(proposal.is_some_and(|proposal| proposal.starts_with("drain stable")));
}

#[test]
fn it_decides_nothing_and_is_deaf_when_it_is_off() {
    let mut stage = stage(80, 24);
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
    let (width, height) = stage.app.size;
    for row in 0..height {
        for column in 0..width {
            let effects = stage.send(Msg::Pointer(Pointer::Press, (column, row)));
            assert!(
                !effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Apply { .. }))
            );
        }
    }
    assert!(stage.app.form().is_some(), "and it leaves nothing");
    stage.press(KeyCode::Esc);
    stage.keys("M");
    assert!(!stage.app.mouse);
    press(&mut stage, "2 routes");
    assert_eq!(stage.app.screen, Screen::Home);
}
