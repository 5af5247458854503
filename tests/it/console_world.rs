//! A console in a random but possible world: names, texts and answers of every kind, and a door that answers whatever
//! the console asks. Shared by tests that look at the screen in any state.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        effect::Effect,
        msg::{Msg, Told},
        state::comparing::live,
    },
    control::{ControlError, Drill, Mode as Door, News, Progress},
    model::{
        Answer, Catalog, Change, Check, CheckVerdict, Command, Entry, ErrorClass, Mode,
        OutcomeKind, OverrideKey, PayloadClass, Place, Plan, PlanId, ProbeFailure, ProbePoint,
        Review, Reviewed, Revision, RiskTier, Sample, Seq, Tier, Verb, Verdict, Workload, visible,
        visible_lines,
    },
    probe::Seat,
    store::Health,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use crate::{
    console_comparing::{self, TEXTS, follow},
    console_hostile::PIECES,
    console_probing::answered,
    console_stage::{
        Stage, audit, auto_plan, drill, event, force_plan, forced_record, heartbeat, outcome,
        presence,
    },
    store_reviews,
};

/// Every key that a keyboard has, with control where that makes another one.
fn every_key() -> impl Iterator<Item = KeyEvent> {
    let plain =
        (' '..='~').map(|character| KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE));
    let control =
        ('a'..='z').map(|letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
    let named = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
    ];
    let named = named
        .into_iter()
        .map(|code| KeyEvent::new(code, KeyModifiers::NONE));
    plain.chain(control).chain(named)
}

/// What chance has to offer: texts and numbers, each used up in turn and begun again.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    texts: Vec<String>,
    dice: Vec<u8>,
    at: usize,
}

impl Chance {
    /// Plain texts; whatever is asked is answered well.
    pub(crate) fn kind() -> Self {
        Self {
            texts: vec!["some words".to_owned()],
            dice: vec![251],
            at: 0,
        }
    }

    /// The next text.
    fn text(&mut self) -> String {
        self.at += 1;
        self.texts[self.at % self.texts.len()].clone()
    }

    /// The next number below `sides`.
    fn dice(&mut self, sides: u8) -> u8 {
        self.at += 1;
        self.dice[self.at % self.dice.len()] % sides
    }

    /// One of these.
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let sides = u8::try_from(all.len()).unwrap();
        all[usize::from(self.dice(sides))]
    }
}

/// Texts as people, models and attackers write them.
fn text() -> impl Strategy<Value = String> {
    let words = "[a-z]{1,12}( [a-z0-9,.-]{1,14}){0,40}";
    prop_oneof![
        4 => words.prop_map(String::from),
        2 => prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40)
            .prop_map(|pieces| pieces.concat()),
        1 => "[\u{4e2d}\u{6587}\u{ac00}\u{1f600}a ]{0,120}",
        1 => "[a-z0-9/_-]{60,200}",
        1 => Just(String::new()),
    ]
}

/// Any chance.
pub(crate) fn chance() -> impl Strategy<Value = Chance> {
    (
        prop::collection::vec(text(), 1..12),
        prop::collection::vec(any::<u8>(), 1..40),
    )
        .prop_map(|(texts, dice)| Chance { texts, dice, at: 0 })
}

/// Ways to every place of the console, by keys: `\r` Enter, `\t` Tab, `\x1b` Esc.
pub(crate) const WAYS: &[&str] = &[
    "",
    "2",
    "3",
    "4",
    "5",
    "6",
    "6\r",
    "\r",
    "3\r",
    "5\r",
    "2\r",
    "?",
    "x",
    ":",
    ":theme ",
    ":force ",
    "/",
    "/st:f",
    "d",
    "2d",
    "ds",
    "r",
    "2r",
    "F",
    "F1s",
    "F\t",
    "H",
    "jjA",
    "D",
    "2X",
    "z",
    "p",
    "W",
    "c",
    "cv",
    "cvv",
    "c*",
    "c*]",
    "c*]]",
    "c*]]]",
    "c+",
    "cm",
    "cm*",
    "cm*a",
    "c!",
    "c#",
    "ca\r",
    "ca\r#",
    "ce",
    "ca1q",
    "ca[r",
    "2?",
    "c?",
    "4/support\r\r",
    "4/support\r\r?",
    "F?",
];

/// A console, what it may meet, and a door that answers it.
pub(crate) struct World {
    pub(crate) stage: Stage,
    chance: Chance,
}

impl World {
    /// A console in the middle of an incident, in a world that chance has made; `empty`: it has no workloads.
    pub(crate) fn new(size: (u16, u16), mode: Door, mut chance: Chance, empty: bool) -> Self {
        let mut stage = Stage::incident(size.0, size.1, mode);
        let catalog = catalog(&mut chance, empty);
        stage.news(News::Catalog(Arc::new(catalog)));
        let mut world = Self { stage, chance };
        world.furnish();
        world
    }

    /// Everything that can be seen has something in it.
    fn furnish(&mut self) {
        let now = self.stage.now;
        let mut people = vec![presence("mira", None)];
        for number in 0..self.chance.dice(6) {
            let mut other = presence(&self.chance.text(), Some("support-chat"));
            other.session = format!("s-{number}");
            if number % 2 == 0 {
                other.claim = Some("support-chat".into());
                let key = OverrideKey::mode("support-chat".into());
                other.plan = Some((PlanId(self.chance.text()), key));
            }
            people.push(other);
        }
        self.stage.news(News::Presences(people));
        let mut records = Vec::new();
        for sequence in 2..u64::from(2 + self.chance.dice(9)) {
            let mut record = if sequence == 3 {
                forced_record(now)
            } else {
                audit(sequence, &self.chance.text(), now)
            };
            record.sequence = sequence;
            record.note = self.chance.text();
            record.ticket = Some(self.chance.text());
            records.push(record);
        }
        self.stage.news(News::Audit(records));
        self.events();
        let reviewed = [
            "support-chat",
            "support-chat",
            "batch-extraction",
            "image-understanding",
            "code-assistant",
        ];
        let heads = reviewed
            .into_iter()
            .zip(0_u8..)
            .map(|(workload, number)| self.review(workload, number).head)
            .collect();
        self.stage.news(News::Reviews(Arc::new(Reviewed {
            place: 1,
            heads,
            debts: Vec::new(),
        })));
        let mut beat = heartbeat(now, Revision(412));
        if self.chance.dice(3) == 0 {
            beat.host = self.chance.text();
            beat.config_error = Some(self.chance.text());
            beat.unlogged = 7;
        }
        let mut beats = vec![beat];
        if self.chance.dice(3) == 0 {
            let mut behind = heartbeat(now, Revision(400));
            behind.gateway = "gw2-1-1".into();
            beats.push(behind);
        }
        self.stage.news(News::Heartbeats(beats));
        if self.chance.dice(4) == 0 {
            let why = self.chance.text();
            self.stage.news(News::Health(Health::Failing(why)));
        }
        self.stage.wait(Duration::from_secs(1));
    }

    /// Some requests were decided, named and explained by gateways that may say anything.
    pub(crate) fn events(&mut self) {
        let first = self.stage.app.data.log.end() + 1_000;
        let mut entries = Vec::new();
        for number in 0..u64::from(self.chance.dice(30)) {
            let name = match number % 3 {
                0 => self.chance.text(),
                _ => "support-chat".to_owned(),
            };
            let mut event = event(first + number, self.stage.now, &name);
            event.remark = (number % 4 == 1).then(|| self.chance.text());
            for attempt in &mut event.attempts {
                attempt.code = Some(self.chance.text());
            }
            let ended = outcome(&event, OutcomeKind::Completed);
            let seq = (first + number) * 10;
            entries.push((Seq(seq), Entry::Decision(Box::new(event))));
            entries.push((Seq(seq + 1), Entry::Outcome(ended)));
        }
        self.stage.news(News::Entries(entries));
    }

    fn review(&mut self, workload: &str, number: u8) -> Review {
        let at = self.stage.now - Duration::from_hours(u64::from(number) * 30 + 1);
        let mut review = store_reviews::review(workload, at, u128::from(number));
        review.head.note = self.chance.text();
        review.head.actor.user = self.chance.text();
        for sample in &mut review.samples {
            sample.note = self.chance.text();
            sample.fallback.text = visible_lines(&self.chance.text(), Answer::TEXT_LIMIT);
        }
        review
    }

    /// Keys as in [`WAYS`], by hand, and what follows from them.
    pub(crate) fn walk(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys.chars() {
            effects.extend(self.press(match key {
                '\r' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\x1b' => KeyCode::Esc,
                key => KeyCode::Char(key),
            }));
        }
        effects
    }

    /// One key, and what follows from it.
    pub(crate) fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        let effects = self.stage.press(code);
        self.answer(&effects);
        effects
    }

    /// One of the keys that mean something where this is, and what follows from it.
    pub(crate) fn act(&mut self, number: usize) -> Vec<Effect> {
        let app = &self.stage.app;
        let bound: Vec<KeyEvent> = every_key()
            .filter(|key| app.setup.keymap.action(app.context(), *key).is_some())
            .collect();
        self.stage.now += Duration::from_millis(120);
        match bound.get(number % bound.len().max(1)) {
            Some(key) => self.send(Msg::Key(*key)),
            None => Vec::new(),
        }
    }

    /// A message, and what follows from it.
    pub(crate) fn send(&mut self, message: Msg) -> Vec<Effect> {
        let effects = self.stage.send(message);
        self.answer(&effects);
        effects
    }

    /// The world's answers to what the console wants done, well or badly.
    pub(crate) fn answer(&mut self, effects: &[Effect]) {
        // An answer may ask for something again; twice is enough to see it.
        let mut asked = effects.to_vec();
        for _ in 0..2 {
            let mut next = Vec::new();
            for effect in asked {
                for message in self.replies(&effect) {
                    let effects = self.stage.send(message);
                    next.extend(follow(&mut self.stage, effects));
                }
            }
            asked = next;
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each thing that can be asked"
    )]
    fn replies(&mut self, effect: &Effect) -> Vec<Msg> {
        let badly = self.chance.dice(6) == 0;
        match effect {
            Effect::Plan { request, command } => {
                let result = if badly {
                    Err(ControlError::NothingToUndo)
                } else {
                    Ok(Box::new(self.plan(command)))
                };
                vec![Msg::Planned {
                    request: *request,
                    result,
                }]
            }
            Effect::Apply { plan, .. } => {
                let result = if badly {
                    Err(ControlError::Stale {
                        plan: plan.id.clone(),
                        why: self.chance.text(),
                    })
                } else {
                    Ok(Box::new(forced_record(self.stage.now)))
                };
                vec![Msg::Applied {
                    plan: plan.id.clone(),
                    result,
                }]
            }
            Effect::Drill { request, .. } => {
                let result = if badly {
                    Err(ControlError::Nothing {
                        what: self.chance.text(),
                    })
                } else {
                    Ok(Box::new(self.drill()))
                };
                vec![Msg::Drilled {
                    request: *request,
                    result,
                }]
            }
            Effect::Probe { request, questions } => (0..questions.len())
                .map(|question| Msg::Probe {
                    request: *request,
                    question,
                    told: self.probed(),
                })
                .collect(),
            Effect::Compare { request, asking } => {
                let mut messages = Vec::new();
                for (sample, _) in &asking.samples {
                    for run in 0..asking.runs {
                        for place in [Place::Primary, Place::Fallback] {
                            let seat = Seat {
                                sample: sample.clone(),
                                run,
                                place,
                            };
                            let told = self.compared(sample.as_str(), place);
                            messages.push(Msg::Compare {
                                request: *request,
                                seat,
                                told,
                            });
                        }
                    }
                }
                messages
            }
            Effect::Weigh(_) | Effect::Score(..) => {
                follow(&mut self.stage, vec![effect.clone()]);
                Vec::new()
            }
            Effect::ReadAsked(workload) => {
                let asked = TEXTS
                    .iter()
                    .map(|(name, ..)| {
                        let text = visible_lines(&self.chance.text(), 2_000);
                        (format!("support-chat/{name}").as_str().into(), text)
                    })
                    .collect();
                vec![Msg::Asked(workload.clone(), asked)]
            }
            Effect::ReadPayload(workload, sample) => {
                let text = self.chance.text();
                vec![Msg::Payload {
                    workload: workload.clone(),
                    sample: sample.clone(),
                    edited: false,
                    text: if badly {
                        Err(text)
                    } else {
                        Ok(format!("{{\n\"messages\": \"{text}\"\n}}"))
                    },
                }]
            }
            Effect::ReadReview(id) => {
                let mut review = self.review("support-chat", 0);
                review.head.id = id.clone();
                let result = if badly {
                    Err(ControlError::NothingToUndo)
                } else {
                    Ok(Box::new(review))
                };
                vec![Msg::ReviewRead(id.clone(), result)]
            }
            Effect::History(routes) => {
                let now = self.stage.now;
                let points = |number: u64| ProbePoint {
                    at: now - Duration::from_mins(number),
                    verdict: Verdict::Passed,
                    class: None,
                    first_output: Some(Duration::from_millis(number * number * 90)),
                };
                let histories = routes
                    .iter()
                    .map(|route| (route.clone(), (0..16).map(points).collect()))
                    .collect();
                vec![Msg::History(histories)]
            }
            Effect::Watch(revision) => vec![Msg::Progress {
                revision: *revision,
                result: Ok(Progress {
                    applied: usize::from(self.chance.dice(3)),
                    gateways: 2,
                    elapsed: Duration::from_millis(20),
                    each: Vec::new(),
                }),
            }],
            Effect::Copy(_) => vec![Msg::Copied {
                length: if badly { 100_000 } else { 10 },
                saved: Err(self.chance.text()),
            }],
            Effect::Save { .. } => vec![Msg::Saved(Err(self.chance.text()))],
            Effect::Wear(_) => vec![Msg::Themed(Err(self.chance.text()))],
            _ => Vec::new(),
        }
    }

    /// A plan for a command, of any tier, with any doubts.
    pub(crate) fn plan(&mut self, command: &Command) -> Plan {
        let now = self.stage.now;
        let mut plan = match command {
            Command::Mode {
                mode: Mode::Auto, ..
            } => auto_plan(now),
            _ => force_plan(now),
        };
        let (verb, key, after) = match command {
            Command::Mode { workload, mode, .. } => (
                match mode {
                    Mode::Auto => Verb::Auto,
                    Mode::Hold => Verb::Hold,
                    Mode::Force => Verb::Force,
                },
                OverrideKey::mode(workload.clone()),
                Some(Change::Mode(*mode)),
            ),
            Command::Notice {
                workload, enabled, ..
            } => (
                if *enabled {
                    Verb::NoticeOn
                } else {
                    Verb::NoticeOff
                },
                OverrideKey::notice(workload.clone()),
                Some(Change::Notice(*enabled)),
            ),
            Command::Drain { route, .. } => (
                Verb::Drain,
                OverrideKey::drain(route.clone()),
                Some(Change::Drain),
            ),
            Command::Undrain { route, .. } => {
                (Verb::Undrain, OverrideKey::drain(route.clone()), None)
            }
            Command::Undo { .. } => (Verb::Undo, plan.key.clone(), None),
        };
        (plan.verb, plan.key, plan.after) = (verb, key, after);
        let usual = match plan.verb {
            Verb::Auto | Verb::NoticeOn | Verb::Undrain => RiskTier::Confirm,
            _ => RiskTier::Typed,
        };
        plan.tier = self.chance.pick(&[
            RiskTier::Confirm,
            RiskTier::Typed,
            RiskTier::BreakGlass,
            usual,
        ]);
        if self.chance.dice(2) == 0 {
            plan.now_line = self.chance.text();
        }
        for _ in 0..self.chance.dice(5) {
            plan.effects.push(self.chance.text());
        }
        for _ in 0..self.chance.dice(5) {
            let mut verdicts = vec![CheckVerdict::Pass, CheckVerdict::Warn];
            if plan.tier == RiskTier::BreakGlass {
                verdicts.extend([CheckVerdict::Fail, CheckVerdict::Refuse]);
            }
            let verdict = self.chance.pick(&verdicts);
            let why = self.chance.text();
            plan.checks.insert(
                0,
                Check {
                    name: "boundary".to_owned(),
                    verdict,
                    why,
                },
            );
        }
        plan
    }

    fn drill(&mut self) -> Drill {
        let mut drill = drill(self.stage.now);
        for drilled in &mut drill.workloads {
            if self.chance.dice(2) == 0 {
                drilled.remarks.push(self.chance.text());
                drilled.single_homed = Some(self.chance.text());
            }
        }
        drill
    }

    fn probed(&mut self) -> Told {
        match self.chance.dice(7) {
            0 => Told::Sent,
            1 => Told::Unsent(self.chance.text()),
            2 => Told::Kept(Err(self.chance.text())),
            3 => Told::Climbed(Vec::new(), 0),
            4 => Told::Heard {
                head: Some((200, Duration::from_millis(120))),
                first_output: None,
                text: visible_lines(&self.chance.text(), 2_000),
                left_out: 3,
            },
            _ => {
                let mut result =
                    answered("premium-chat", "support-chat/return-window", self.stage.now);
                result.output = visible_lines(&self.chance.text(), 2_000);
                result.finish = Some(self.chance.text());
                result.failure = (self.chance.dice(3) == 0).then(|| ProbeFailure {
                    class: ErrorClass::BrokenResponse,
                    detail: self.chance.text(),
                });
                Told::Answered(Box::new(result))
            }
        }
    }

    fn compared(&mut self, sample: &str, place: Place) -> live::Told {
        match self.chance.dice(8) {
            0 => live::Told::Sent,
            1 => live::Told::Unsent(visible(&self.chance.text(), 200).into_owned()),
            2 => live::Told::Heard {
                head: Some((200, Duration::from_millis(120))),
                first_output: Some(Duration::from_millis(430)),
                text: visible_lines(&self.chance.text(), 2_000),
                left_out: 0,
            },
            3 => {
                let text = visible_lines(&self.chance.text(), 2_000);
                let mut answer = console_comparing::answer(sample, place, &text, self.stage.now);
                answer.refusal = Some(visible_lines(&self.chance.text(), 200));
                answer.result.model = Some(self.chance.text());
                live::Told::Answered(Arc::new(answer))
            }
            _ => {
                let known = TEXTS.iter().any(|(name, ..)| sample.ends_with(name));
                let text = self.chance.text();
                let answer = if known {
                    console_comparing::usual(sample, place, self.stage.now)
                } else {
                    let text = visible_lines(&text, 2_000);
                    console_comparing::answer(sample, place, &text, self.stage.now)
                };
                live::Told::Answered(Arc::new(answer))
            }
        }
    }
}

/// The stage's configuration, with more workloads whose names are as long as names may be, and texts of any kind.
fn catalog(chance: &mut Chance, empty: bool) -> Catalog {
    let mut catalog = console_comparing::sampled();
    if empty {
        catalog.workloads.clear();
        catalog.routes.clear();
        return catalog;
    }
    if chance.dice(2) == 0 {
        catalog.environment.name = chance.text();
        catalog.environment.production = chance.dice(2) == 0;
    }
    for workload in catalog.workloads.values_mut() {
        workload.description = chance.text();
        workload.owner = Some(chance.text());
    }
    let model = catalog.workloads["support-chat"].clone();
    for number in 0..chance.dice(20) {
        let long = "a-name-that-goes-on-".repeat(usize::from(chance.dice(3)) + 1);
        let workload = Workload {
            name: format!("{long}{number}").as_str().into(),
            tier: Tier::Standard,
            samples: vec![Sample {
                id: format!("{long}{number}/vision").as_str().into(),
                class: chance.pick(&[PayloadClass::Vision, PayloadClass::Long, PayloadClass::Chat]),
                ..model.samples[0].clone()
            }],
            ..model.clone()
        };
        catalog.workloads.insert(workload.name.clone(), workload);
    }
    catalog
}
