//! Bytes of a terminal, as keys and pastes.
//!
//! Used by `input`. It takes bytes in whatever pieces a slow line delivers them, gives the same events for every
//! way of cutting them, and lets nothing of an answer that nobody asked for (colours, versions, positions)
//! become a key.

use std::collections::VecDeque;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

const ESCAPE: u8 = 0x1b;
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// A longer sequence is no key.
const LONGEST: usize = 256;

/// A longer paste is given in parts.
const LONGEST_PASTE: usize = 1 << 20;

/// What is not decided yet.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    waiting: Vec<u8>,
    /// Inside of a bracketed paste: its bytes so far.
    paste: Option<Vec<u8>>,
}

/// What the bytes at the front are.
enum Front {
    /// So many bytes of an event, or of nothing.
    Whole(usize, Option<Event>),
    PasteBegins(usize),
    /// More is needed to tell.
    Cut,
}

impl Decoder {
    /// Takes bytes in.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut VecDeque<Event>) {
        self.waiting.extend_from_slice(bytes);
        loop {
            if self.paste.is_some() {
                if !self.go_on_pasting(events) {
                    return;
                }
                continue;
            }
            match front(&self.waiting) {
                Front::Whole(length, event) => {
                    self.waiting.drain(..length);
                    events.extend(event);
                }
                Front::PasteBegins(length) => {
                    self.waiting.drain(..length);
                    self.paste = Some(Vec::new());
                }
                Front::Cut if self.waiting.len() > LONGEST => self.waiting.clear(),
                Front::Cut => return,
            }
        }
    }

    /// Whether a silence from now on would decide something.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.paste.is_some()
    }

    /// Whether a paste is going on: it is given more time than a key.
    pub(super) const fn is_pasting(&self) -> bool {
        self.paste.is_some()
    }

    /// There was a silence: what is there is all there is.
    pub(super) fn silence(&mut self, events: &mut VecDeque<Event>) {
        if let Some(mut paste) = self.paste.take() {
            paste.append(&mut self.waiting);
            events.extend(pasted(&paste));
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        match waiting[..] {
            [ESCAPE] => events.push_back(plain(KeyCode::Esc)),
            [ESCAPE, byte] if byte.is_ascii_graphic() => {
                events.push_back(key(KeyCode::Char(char::from(byte)), KeyModifiers::ALT));
            }
            // The rest of a sequence was lost, or a character was cut: no key.
            _ => {}
        }
    }

    /// Moves bytes into the paste; answers whether it has ended.
    fn go_on_pasting(&mut self, events: &mut VecDeque<Event>) -> bool {
        let Some(paste) = &mut self.paste else {
            return true;
        };
        let end = self
            .waiting
            .windows(PASTE_ENDS.len())
            .position(|window| window == PASTE_ENDS);
        if let Some(end) = end {
            paste.extend(self.waiting.drain(..end));
            self.waiting.drain(..PASTE_ENDS.len());
            events.extend(pasted(paste));
            self.paste = None;
            return true;
        }
        // The end may be cut: its first bytes stay.
        let kept = (1..PASTE_ENDS.len())
            .rev()
            .find(|length| self.waiting.ends_with(&PASTE_ENDS[..*length]))
            .unwrap_or(0);
        let taken = self.waiting.len() - kept;
        paste.extend(self.waiting.drain(..taken));
        if paste.len() > LONGEST_PASTE {
            events.extend(pasted(&std::mem::take(paste)));
        }
        false
    }
}

fn pasted(bytes: &[u8]) -> Option<Event> {
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    (!text.is_empty()).then_some(Event::Paste(text))
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn plain(code: KeyCode) -> Event {
    key(code, KeyModifiers::NONE)
}

fn front(bytes: &[u8]) -> Front {
    match bytes {
        [] => Front::Cut,
        [ESCAPE, rest @ ..] => after_escape(rest),
        [byte @ (0..0x20 | 0x7f), ..] => Front::Whole(1, Some(control(*byte))),
        _ => character(bytes, KeyModifiers::NONE, 0),
    }
}

/// C0, as keys.
fn control(byte: u8) -> Event {
    match byte {
        b'\r' | b'\n' => plain(KeyCode::Enter),
        b'\t' => plain(KeyCode::Tab),
        0x08 | 0x7f => plain(KeyCode::Backspace),
        0 => key(KeyCode::Char(' '), KeyModifiers::CONTROL),
        0x01..=0x1a => key(
            KeyCode::Char(char::from(byte - 1 + b'a')),
            KeyModifiers::CONTROL,
        ),
        _ => key(
            KeyCode::Char(char::from(byte - 0x1c + b'4')),
            KeyModifiers::CONTROL,
        ),
    }
}

/// One UTF-8 character behind `before` bytes.
fn character(bytes: &[u8], modifiers: KeyModifiers, before: usize) -> Front {
    let length = match bytes.first() {
        None => return Front::Cut,
        Some(0..0x80) => 1,
        Some(0xc2..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..0xf5) => 4,
        // Not a first byte: nothing.
        Some(_) => return Front::Whole(before + 1, None),
    };
    let continued = bytes
        .iter()
        .skip(1)
        .take(length - 1)
        .take_while(|byte| (0x80..0xc0).contains(*byte))
        .count();
    if continued + 1 < length {
        return if bytes.len() > continued + 1 {
            // Another character begins: this one is broken.
            Front::Whole(before + continued + 1, None)
        } else {
            Front::Cut
        };
    }
    let decoded = std::str::from_utf8(&bytes[..length]).ok();
    let event = decoded.and_then(|text| text.chars().next()).map(|found| {
        let shift = if found.is_uppercase() {
            KeyModifiers::SHIFT
        } else {
            KeyModifiers::NONE
        };
        key(KeyCode::Char(found), modifiers | shift)
    });
    Front::Whole(before + length, event)
}

fn after_escape(rest: &[u8]) -> Front {
    match rest {
        [] | [b'O'] => Front::Cut,
        [b'[', parameters @ ..] => control_sequence(parameters),
        [b'O', last, ..] => Front::Whole(3, single_shift(*last)),
        // Strings: answers to questions that nobody asked here.
        [b']' | b'P' | b'_' | b'^' | b'X', string @ ..] => skip_string(string),
        // Escape itself, and then something else.
        [ESCAPE, ..] => Front::Whole(1, Some(plain(KeyCode::Esc))),
        [byte @ (0..0x20 | 0x7f), ..] => {
            let Event::Key(event) = control(*byte) else {
                return Front::Whole(2, None);
            };
            Front::Whole(
                2,
                Some(key(event.code, event.modifiers | KeyModifiers::ALT)),
            )
        }
        _ => character(rest, KeyModifiers::ALT, 1),
    }
}

/// `ESC O x`: keys of the application mode and the number pad.
fn single_shift(last: u8) -> Option<Event> {
    let code = match last {
        b'M' => KeyCode::Enter,
        b'p'..=b'y' => KeyCode::Char(char::from(last - b'p' + b'0')),
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => direction(last)?,
    };
    Some(plain(code))
}

const fn direction(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

/// Skips to the bell or to `ESC \`.
fn skip_string(string: &[u8]) -> Front {
    let bell = string.iter().position(|byte| *byte == 0x07);
    let terminator = string.windows(2).position(|pair| pair == b"\x1b\\");
    match (bell, terminator) {
        (Some(bell), Some(terminator)) if terminator < bell => {
            Front::Whole(2 + terminator + 2, None)
        }
        (Some(bell), _) => Front::Whole(2 + bell + 1, None),
        (None, Some(terminator)) => Front::Whole(2 + terminator + 2, None),
        (None, None) => Front::Cut,
    }
}

/// `ESC [ ... x`.
fn control_sequence(bytes: &[u8]) -> Front {
    // The Linux console: ESC [ [ A to E.
    if let [b'[', rest @ ..] = bytes {
        return match rest.first() {
            None => Front::Cut,
            Some(last @ b'A'..=b'E') => Front::Whole(4, Some(plain(KeyCode::F(last - b'A' + 1)))),
            Some(_) => Front::Whole(4, None),
        };
    }
    let Some(end) = bytes.iter().position(|byte| !(0x20..0x40).contains(byte)) else {
        return Front::Cut;
    };
    let last = bytes[end];
    if !(0x40..0x7f).contains(&last) {
        // Not part of a sequence: what was cut off before it is nothing.
        return Front::Whole(2 + end, None);
    }
    let whole = 2 + end + 1;
    let parameters = &bytes[..end];
    match (parameters, last) {
        // The old mouse report has three more bytes, of any value.
        ([], b'M') if bytes.len() < end + 4 => Front::Cut,
        ([], b'M') => Front::Whole(whole + 3, None),
        (b"200", b'~') => Front::PasteBegins(whole),
        ([b'<', report @ ..], b'M') => Front::Whole(whole, pressed(report)),
        _ => Front::Whole(whole, sequence_key(parameters, last)),
    }
}

/// The key of a sequence. `None`: an answer, the end of a press, or something new.
fn sequence_key(parameters: &[u8], last: u8) -> Option<Event> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(|number| {
        // Behind a colon stand details of the key that nothing here needs.
        let number = number.split_once(':').map_or(number, |(number, _)| number);
        if number.is_empty() {
            Some(1)
        } else {
            number.parse::<u32>().ok()
        }
    });
    let first = numbers.next()??;
    let modifiers = modifiers(numbers.next().flatten().unwrap_or(1))?;
    let code = match last {
        b'~' => numbered(first)?,
        b'Z' => KeyCode::BackTab,
        b'P' | b'Q' | b'S' => KeyCode::F(last - b'P' + 1),
        // Without modifiers this is an answer: where the cursor stands.
        b'R' if first == 1 && !modifiers.is_empty() => KeyCode::F(3),
        b'u' => match char::from_u32(first)? {
            '\r' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            '\u{7f}' => KeyCode::Backspace,
            found if !found.is_control() => KeyCode::Char(found),
            _ => return None,
        },
        _ => direction(last)?,
    };
    Some(key(code, modifiers))
}

/// A mouse report `button;column;row`: the first button and the wheel, whatever else is held.
fn pressed(report: &[u8]) -> Option<Event> {
    /// Shift, alt and control.
    const HELD: u16 = 4 | 8 | 16;
    let mut numbers = std::str::from_utf8(report).ok()?.split(';');
    let mut next = || numbers.next()?.parse::<u16>().ok();
    let (button, column, row) = (next()?, next()?, next()?);
    let kind = match button & !HELD {
        0 => MouseEventKind::Down(MouseButton::Left),
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        _ => return None,
    };
    Some(Event::Mouse(MouseEvent {
        kind,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
        modifiers: KeyModifiers::NONE,
    }))
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(u8::try_from(number - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(number - 11).ok()?),
        23 | 24 => KeyCode::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

/// One more than the sum of 1 shift, 2 alt, 4 control; what else there is does not matter.
fn modifiers(number: u32) -> Option<KeyModifiers> {
    let bits = number.checked_sub(1)?;
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, bits & 1 != 0);
    modifiers.set(KeyModifiers::ALT, bits & 2 != 0);
    modifiers.set(KeyModifiers::CONTROL, bits & 4 != 0);
    Some(modifiers)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    use proptest::prelude::*;

    use super::{Decoder, key, plain};

    fn decode<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<Event> {
        let mut decoder = Decoder::default();
        let mut events = VecDeque::new();
        for piece in pieces {
            decoder.feed(piece, &mut events);
        }
        decoder.silence(&mut events);
        assert!(!decoder.is_waiting());
        events.into()
    }

    fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
        Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    }

    #[test]
    fn bytes_are_the_keys_that_terminals_mean() {
        let control = KeyModifiers::CONTROL;
        let shift = KeyModifiers::SHIFT;
        for (case, bytes, expected) in [
            (
                "letters",
                "aF",
                vec![plain(KeyCode::Char('a')), key(KeyCode::Char('F'), shift)],
            ),
            ("accent", "\u{e9}", vec![plain(KeyCode::Char('\u{e9}'))]),
            ("enter", "\r", vec![plain(KeyCode::Enter)]),
            (
                "backspace",
                "\u{7f}\u{8}",
                vec![plain(KeyCode::Backspace); 2],
            ),
            (
                "control",
                "\u{3}\u{1a}",
                vec![
                    key(KeyCode::Char('c'), control),
                    key(KeyCode::Char('z'), control),
                ],
            ),
            ("lone escape", "\u{1b}", vec![plain(KeyCode::Esc)]),
            ("escape twice", "\u{1b}\u{1b}", vec![plain(KeyCode::Esc); 2]),
            (
                "alt",
                "\u{1b}x",
                vec![key(KeyCode::Char('x'), KeyModifiers::ALT)],
            ),
            (
                "alt with a bracket",
                "\u{1b}]",
                vec![key(KeyCode::Char(']'), KeyModifiers::ALT)],
            ),
            (
                "arrows",
                "\u{1b}[A\u{1b}OB",
                vec![plain(KeyCode::Up), plain(KeyCode::Down)],
            ),
            (
                "escape, then an arrow",
                "\u{1b}\u{1b}[A",
                vec![plain(KeyCode::Esc), plain(KeyCode::Up)],
            ),
            (
                "with control",
                "\u{1b}[1;5C",
                vec![key(KeyCode::Right, control)],
            ),
            (
                "pages",
                "\u{1b}[5~\u{1b}[6~",
                vec![plain(KeyCode::PageUp), plain(KeyCode::PageDown)],
            ),
            (
                "home and end",
                "\u{1b}[H\u{1b}[4~",
                vec![plain(KeyCode::Home), plain(KeyCode::End)],
            ),
            ("back tab", "\u{1b}[Z", vec![plain(KeyCode::BackTab)]),
            (
                "f keys",
                "\u{1b}OP\u{1b}[15~\u{1b}[[C\u{1b}[24~",
                [1, 5, 3, 12]
                    .map(|number| plain(KeyCode::F(number)))
                    .to_vec(),
            ),
            (
                "kitty",
                "\u{1b}[97;5u\u{1b}[13u",
                vec![key(KeyCode::Char('a'), control), plain(KeyCode::Enter)],
            ),
            (
                "number pad",
                "\u{1b}Ox\u{1b}OM",
                vec![plain(KeyCode::Char('8')), plain(KeyCode::Enter)],
            ),
            (
                "paste",
                "\u{1b}[200~F1\rx\u{1b}[201~j",
                vec![Event::Paste("F1\nx".to_owned()), plain(KeyCode::Char('j'))],
            ),
            (
                "sequences inside of a paste",
                "\u{1b}[200~\u{1b}[A\u{1b}[201~",
                vec![Event::Paste("\u{1b}[A".to_owned())],
            ),
            (
                "a paste without its end",
                "\u{1b}[200~abc",
                vec![Event::Paste("abc".to_owned())],
            ),
        ] {
            assert_eq!(decode([bytes.as_bytes()]), expected, "{case}");
        }
    }

    #[test]
    fn the_mouse_is_its_first_button_and_its_wheel() {
        let bytes = b"\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<64;1;1M\x1b[<69;1;1M";
        let expected = [
            mouse(MouseEventKind::Down(MouseButton::Left), 9, 4),
            mouse(MouseEventKind::ScrollUp, 0, 0),
            mouse(MouseEventKind::ScrollDown, 0, 0),
        ];
        assert_eq!(decode([&bytes[..]]), expected);
        assert_eq!(decode(bytes.chunks(1)), expected, "in pieces");
    }

    #[test]
    fn what_is_no_key_is_nothing() {
        for (case, bytes) in [
            ("device attributes", &b"\x1b[?62;22c"[..]),
            ("cursor position", b"\x1b[12;40R"),
            ("mode report", b"\x1b[?2026;2$y"),
            ("colour", b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07"),
            ("colour with st", b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\"),
            ("version", b"\x1bP>|xterm(390)\x1b\\"),
            ("window size", b"\x1b[8;24;80t"),
            ("a button that is let go", b"\x1b[<0;10;5m"),
            ("another button", b"\x1b[<2;10;5M"),
            ("a mouse that moves", b"\x1b[<35;10;5M"),
            ("a mouse nowhere", b"\x1b[<0;0;5M\x1b[<0;5M\x1b[<0;99999;1M"),
            ("old mouse", b"\x1b[M !!"),
            ("focus", b"\x1b[I\x1b[O"),
            ("not utf-8", b"\xff\xc3"),
            ("cut sequence", b"\x1b[1;5"),
            ("nonsense number", b"\x1b[99999999999~"),
        ] {
            assert_eq!(decode([bytes]), [], "{case}");
        }
    }

    #[test]
    fn a_broken_character_does_not_take_the_next_one_with_it() {
        assert_eq!(decode([&b"\xc3j"[..]]), [plain(KeyCode::Char('j'))]);
        assert_eq!(decode([&b"\xe4\xb8\x1b[A"[..]]), [plain(KeyCode::Up)]);
        assert_eq!(
            decode([&b"\x1b[1\rj"[..]]),
            [plain(KeyCode::Enter), plain(KeyCode::Char('j'))]
        );
    }

    #[test]
    fn endless_sequences_and_pastes_end() {
        let mut decoder = Decoder::default();
        let mut events = VecDeque::new();
        decoder.feed(&[b"\x1b]", &[b'x'; 300][..]].concat(), &mut events);
        decoder.feed(b"j", &mut events);
        assert_eq!(events.pop_back(), Some(plain(KeyCode::Char('j'))));
        events.clear();
        decoder.feed(b"\x1b[200~", &mut events);
        for _ in 0..5 {
            decoder.feed(&vec![b'y'; 300_000], &mut events);
        }
        assert!(matches!(events.front(), Some(Event::Paste(text)) if text.len() > 1 << 20));
        assert!(decoder.is_pasting());
    }

    fn sequences() -> impl Strategy<Value = Vec<u8>> {
        let known = prop::sample::select(vec![
            &b"j"[..],
            b"F",
            b"\x1b[A",
            b"\x1bOP",
            b"\x1b[1;5C",
            b"\x1b[200~pa\x1b[2ste\x1b[201~",
            b"\xe4\xb8\xad",
            b"\x1b]11;x\x07",
            b"\x1bP1\x1b\\",
            b"\r",
            b"\x1b[<1;2;3M",
            b"\x1b[Mabc",
            b"\x1b\x1b",
            b"\x1bx",
            b"\x1b[97;5u",
        ])
        .prop_map(<[u8]>::to_vec);
        let anything = prop::collection::vec(any::<u8>(), 0..6);
        prop::collection::vec(prop_oneof![6 => known, 1 => anything], 0..12)
            .prop_map(|all| all.concat())
    }

    proptest! {
        /// However a slow line cuts the bytes, they mean the same.
        #[test]
        fn every_way_of_cutting_gives_the_same_events(bytes in sequences(), cuts in prop::collection::vec(1..7_usize, 1..40)) {
            let whole = decode([&bytes[..]]);
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode(pieces), whole);
        }
    }
}
