//! An open plan: what was asked, what came back, and what the operator has typed so far.
//!
//! It decides what a key means for the form and whether the form is complete; it never applies anything by
//! itself. The door checks the same rules again (`control::fits`).

mod scope;

use std::fmt::Write as _;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;

use super::field::Field;
use crate::{
    console::keymap::Context,
    control::{self, Consent, ControlError},
    model::{Command, Plan, ReasonCode, RiskTier, Scope, Verb},
};

/// For how long a change may last, as the keys for shorter and longer step through it.
const LASTING: [Duration; 9] = [
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(24),
];

/// Which field has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The name of the target; digits choose the reason.
    #[default]
    Name,
    /// The ticket.
    Ticket,
    /// The reason in words.
    Note,
}

/// How far the plan is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// It is being made; what was on screen before, when it is made again.
    Planning(Option<Box<Plan>>),
    /// It can be applied.
    Ready(Box<Plan>),
    /// It is being applied.
    Applying(Box<Plan>),
}

/// The form.
#[derive(Clone, Debug)]
pub struct Form {
    /// What was asked.
    pub command: Command,
    /// The number of the newest request for it.
    pub request: u64,
    /// How far it is.
    pub stage: Stage,
    /// Why, as a code.
    pub reason: Option<ReasonCode>,
    /// What was typed to name the target.
    pub name: Field,
    /// The ticket.
    pub ticket: Field,
    /// Why, in words.
    pub note: Field,
    /// Which field has the keys.
    pub focus: Focus,
    /// Which it is of how many, when one plan comes after the other.
    pub place: Option<(usize, usize)>,
    /// When it was opened.
    pub opened: Timestamp,
    /// The first line of the text that is shown.
    pub scroll: usize,
    /// Whether the text was seen as far as anything in it speaks against it.
    pub read: bool,
    /// Whether a plan that needs one key fills the screen, too.
    pub full: bool,
    /// What happened to the form, in words: why it was made again, what is missing.
    pub remark: Option<String>,
    /// When Enter was pressed while it could not be obeyed yet.
    pub held: Option<Timestamp>,
    /// When a plan came that takes the place of another one.
    pub replaced: Option<Timestamp>,
    /// On its way through the scopes.
    turned: scope::Turned,
    /// When the target was taken over from whoever has a plan open for it, too.
    pub taken: Option<Timestamp>,
    /// The session of whoever goes first, as it was told last.
    pub rival: Option<String>,
}

impl Form {
    /// A form for a command that is being planned.
    #[must_use]
    pub fn new(command: Command, request: u64, now: Timestamp) -> Self {
        Self {
            command,
            request,
            stage: Stage::Planning(None),
            reason: None,
            name: Field::new(80),
            ticket: Field::new(40),
            note: Field::new(200),
            focus: Focus::default(),
            place: None,
            opened: now,
            scroll: 0,
            read: false,
            full: false,
            remark: None,
            held: None,
            replaced: None,
            turned: scope::Turned::default(),
            taken: None,
            rival: None,
        }
    }

    /// The plan on screen, whatever its stage.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match &self.stage {
            Stage::Planning(plan) => plan.as_deref(),
            Stage::Ready(plan) | Stage::Applying(plan) => Some(plan),
        }
    }

    /// The plan, when it could be applied.
    #[must_use]
    pub fn ready(&self) -> Option<&Plan> {
        match &self.stage {
            Stage::Ready(plan) => Some(plan),
            Stage::Planning(_) | Stage::Applying(_) => None,
        }
    }

    /// Whether the target's name must be typed. While that is not known, it is assumed.
    #[must_use]
    pub fn typed(&self) -> bool {
        match &self.stage {
            Stage::Planning(None) => !matches!(
                self.command,
                Command::Mode {
                    mode: crate::model::Mode::Auto,
                    ..
                } | Command::Undrain { .. }
                    | Command::Undo { .. }
                    | Command::Notice { enabled: true, .. }
            ),
            Stage::Planning(Some(plan)) | Stage::Ready(plan) | Stage::Applying(plan) => {
                plan.tier != RiskTier::Confirm
            }
        }
    }

    /// Where its keys go.
    #[must_use]
    pub fn context(&self) -> Context {
        let confirmed = |plan: &Plan| plan.tier == RiskTier::Confirm;
        match self.focus {
            Focus::Ticket | Focus::Note => Context::Text,
            Focus::Name if self.typed() => Context::Plan,
            Focus::Name if self.plan().is_some_and(confirmed) => Context::Confirm,
            Focus::Name => Context::Popup,
        }
    }

    /// What the operator has given.
    #[must_use]
    pub fn consent(&self) -> Consent {
        let tier = self.plan().map(|plan| plan.tier);
        let ticket = self.ticket.text().trim();
        Consent {
            typed: self.name.text().to_owned(),
            reason: self.reason,
            note: self.note.text().trim().to_owned(),
            ticket: (!ticket.is_empty()).then(|| ticket.to_owned()),
            break_glass: tier == Some(RiskTier::BreakGlass),
        }
    }

    /// What stands between the form and being applied, in words; `None`: nothing.
    #[must_use]
    pub fn missing(&self, mode: control::Mode) -> Option<String> {
        let plan = match &self.stage {
            Stage::Planning(_) => return Some("the plan is being made".to_owned()),
            Stage::Applying(_) => return Some("the plan is being applied".to_owned()),
            Stage::Ready(plan) => plan,
        };
        if mode == control::Mode::Observe {
            return Some(ControlError::Observe.to_string());
        }
        if let Some(refusal) = plan.refusal() {
            return Some(format!("refused: {}", refusal.why));
        }
        if !self.read {
            return Some(
                "read the plan to its end first (<key:page-down>), then <key:apply>".to_owned(),
            );
        }
        match control::fits(plan, &self.consent()) {
            Ok(()) => None,
            Err(ControlError::Consent { missing }) => Some(missing),
            Err(other) => Some(other.to_string()),
        }
    }

    /// Takes a key that asks for nothing else. Answers whether the form changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let plain = (key.modifiers - KeyModifiers::SHIFT).is_empty();
        match (self.focus, key.code) {
            (Focus::Name, _) if !self.typed() => {
                self.remark = Some("one key applies it, <key:back> leaves".to_owned());
                true
            }
            (Focus::Name, KeyCode::Char(digit @ '1'..='6')) if plain && self.is_reason(digit) => {
                self.choose(digit);
                true
            }
            (Focus::Name, KeyCode::Backspace) if self.name.is_empty() => {
                self.reason.take().is_some()
            }
            (Focus::Name, _) => self.name.key(key),
            (Focus::Ticket, _) => self.ticket.key(key),
            (Focus::Note, _) => self.note.key(key),
        }
    }

    /// A digit is the reason until one is chosen; after that only when the name does not go on with it.
    fn is_reason(&self, digit: char) -> bool {
        if self.reason.is_none() {
            return true;
        }
        let next = self
            .target()
            .and_then(|target| target.strip_prefix(self.name.text())?.chars().next());
        next != Some(digit)
    }

    fn choose(&mut self, digit: char) {
        let index = digit.to_digit(10).and_then(|digit| digit.checked_sub(1));
        let code = index.and_then(|index| ReasonCode::CHOICES.get(index as usize));
        self.reason = code.copied();
        if self.reason == Some(ReasonCode::Other) && self.note.is_empty() {
            self.focus = Focus::Note;
        }
    }

    /// Takes a paste: into ticket and reason only, never into the name that is to be typed.
    pub fn paste(&mut self, text: &str) -> bool {
        match self.focus {
            Focus::Name => false,
            Focus::Ticket => self.ticket.paste(text),
            Focus::Note => self.note.paste(text),
        }
    }

    /// Hands the keys to the next field, or the one before.
    pub fn turn(&mut self, forward: bool) {
        self.focus = match (self.focus, forward) {
            (Focus::Name, true) | (Focus::Note, false) => Focus::Ticket,
            (Focus::Ticket, true) | (Focus::Name, false) => Focus::Note,
            (Focus::Note, true) | (Focus::Ticket, false) => Focus::Name,
        };
    }

    /// For how long the change lasts now; `None`: it does not end by itself, or ends with what it undoes.
    #[must_use]
    pub fn lasting(&self) -> Option<Duration> {
        match &self.command {
            Command::Mode { lasting, .. }
            | Command::Notice { lasting, .. }
            | Command::Drain { lasting, .. } => *lasting,
            Command::Undrain { .. } | Command::Undo { .. } => None,
        }
    }

    /// Lets the change end sooner or later. Answers whether that is another plan now.
    pub fn last(&mut self, longer: bool) -> bool {
        let (Command::Mode { lasting, .. }
        | Command::Notice { lasting, .. }
        | Command::Drain { lasting, .. }) = &mut self.command
        else {
            return false;
        };
        let Some(now) = *lasting else { return false };
        let next = if longer {
            LASTING.iter().find(|step| **step > now)
        } else {
            LASTING.iter().rev().find(|step| **step < now)
        };
        match next {
            Some(next) => {
                *lasting = Some(*next);
                true
            }
            None => false,
        }
    }

    /// The plan is there.
    pub fn arrive(&mut self, plan: Box<Plan>, now: Timestamp) {
        // A key that was meant for the plan before does not confirm the next one either.
        let follows = self.place.is_some_and(|(nth, _)| nth > 1);
        if follows || matches!(self.stage, Stage::Planning(Some(_))) {
            self.replaced = Some(now);
        }
        self.scroll = 0;
        self.read = false;
        self.settle_scope();
        self.stage = Stage::Ready(plan);
    }

    /// The plan is made again under this number, because of what the remark says.
    pub fn again(&mut self, request: u64, remark: Option<String>) {
        let placeholder = Stage::Planning(None);
        let plan = match std::mem::replace(&mut self.stage, placeholder) {
            Stage::Planning(plan) => plan,
            Stage::Ready(plan) | Stage::Applying(plan) => Some(plan),
        };
        self.stage = Stage::Planning(plan);
        self.request = request;
        let held = self.held.take();
        if remark.is_some() {
            // What was typed was typed for the plan before.
            self.name.clear();
            self.remark = remark;
        } else if held.is_some() {
            self.remark = Some("the plan is made again: look at it, then <key:apply>".to_owned());
        }
    }

    /// The name to type, as far as it is known.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        if let Some(plan) = self.plan() {
            return Some(plan.target());
        }
        match &self.command {
            Command::Mode { workload, .. } | Command::Notice { workload, .. } => {
                Some(workload.as_str())
            }
            Command::Drain { route, .. } | Command::Undrain { route, .. } => Some(route.as_str()),
            Command::Undo { .. } => None,
        }
    }

    /// What is asked, in words: `force support-chat`.
    #[must_use]
    pub fn title(&self) -> String {
        match self.plan() {
            Some(plan) => title(plan.verb, &plan.key.named()),
            None => self.asked(),
        }
    }

    /// What is asked, before there is a plan.
    fn asked(&self) -> String {
        let place = match self.command.scope() {
            Some(scope) if !scope.is_all() => format!(" {}", scope.words()),
            Some(_) | None => String::new(),
        };
        let asked = match &self.command {
            Command::Mode { workload, mode, .. } => format!("{mode} {workload}"),
            Command::Notice {
                workload,
                enabled: true,
                ..
            } => format!("notice on {workload}"),
            Command::Notice { workload, .. } => format!("notice off {workload}"),
            Command::Drain { route, .. } => format!("drain {route}"),
            Command::Undrain { route, .. } => format!("undrain {route}"),
            Command::Undo { .. } => "undo my last change".to_owned(),
        };
        asked + &place
    }

    /// The same on the command line.
    #[must_use]
    pub fn command_line(&self) -> String {
        let verb = self.plan().map(|plan| title(plan.verb, plan.target()));
        let all = || Self::new(self.command.clone().within(Scope::All), 0, self.opened).asked();
        let mut line = format!("backstop {}", verb.unwrap_or_else(all));
        if let Command::Undo { sequence } = &self.command {
            "backstop undo".clone_into(&mut line);
            if let Some(sequence) = sequence {
                _ = write!(line, " {sequence}");
            }
        }
        if let Some(lasting) = self.lasting() {
            _ = write!(line, " --for {}", short(lasting));
        }
        if let Some(scope) = self.scope().filter(|scope| !scope.is_all()) {
            _ = write!(line, " --scope {scope}");
        }
        if let Some(reason) = self.reason {
            _ = write!(line, " --reason {reason}");
        }
        line
    }
}

/// A verb and its target in words.
#[must_use]
pub fn title(verb: Verb, target: &str) -> String {
    let words = match verb {
        Verb::Force => "force",
        Verb::Hold => "hold",
        Verb::Auto => "auto",
        Verb::NoticeOn => "notice on",
        Verb::NoticeOff => "notice off",
        Verb::Drain => "drain",
        Verb::Undrain => "undrain",
        Verb::Undo => "undo",
    };
    format!("{words} {target}")
}

/// `30m`, `2h`: as the command line takes it.
#[must_use]
pub fn short(lasting: Duration) -> String {
    let minutes = lasting.as_secs() / 60;
    if minutes >= 60 && minutes.is_multiple_of(60) {
        format!("{}h", minutes / 60)
    } else {
        format!("{minutes}m")
    }
}
