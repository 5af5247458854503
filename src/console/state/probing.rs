//! A live probe: what is asked of which routes, and what has come back so far.
//!
//! Changed by `update::probing`, drawn by `view::probing`. What is kept of an answer is bounded, and safe to
//! print when it gets here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    console::msg::Told,
    model::{
        Catalog, ProbeResult, RouteName, RungResult, SampleId, Verdict, WorkloadName, visible,
    },
    probe,
};

/// The most questions of one probe; `backstop probe` asks as many as there are.
const MOST: usize = 24;
/// The most characters that are kept of one answer.
pub const KEPT: usize = 100_000;
/// Nothing came for this long: it is said.
const STALLED: SignedDuration = SignedDuration::from_secs(3);

/// What is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Both routes of a workload, with all of its samples.
    Workload(WorkloadName),
    /// One route, with the samples of all of its workloads.
    Route(RouteName),
    /// Some of either; how many, in words.
    Several(String, Vec<Self>),
}

impl Subject {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Workload(name) => name.as_str(),
            Self::Route(name) => name.as_str(),
            Self::Several(words, _) => words,
        }
    }
}

/// One thing to ask of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which route.
    pub route: RouteName,
    /// With what.
    pub with: With,
}

/// What a route is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum With {
    /// A sample of a workload.
    Sample(WorkloadName, SampleId),
    /// The ladder: there is no sample.
    Ladder,
}

/// What to ask, the routes of a workload side by side; and how many questions were left out.
#[must_use]
pub fn questions(catalog: &Catalog, subject: &Subject) -> (Vec<Question>, usize) {
    let mut questions = Vec::new();
    let one = std::slice::from_ref(subject);
    let all = match subject {
        Subject::Several(_, all) => all,
        Subject::Workload(_) | Subject::Route(_) => one,
    };
    for question in all.iter().flat_map(|subject| of_one(catalog, subject)) {
        // Two workloads may share a route that has no sample.
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
    let left_out = questions.len().saturating_sub(MOST);
    questions.truncate(MOST);
    (questions, left_out)
}

fn of_one(catalog: &Catalog, subject: &Subject) -> Vec<Question> {
    let mut jobs = probe::jobs(catalog, &[subject.as_str().to_owned()], None).unwrap_or_default();
    // A route may have the name of a workload.
    jobs.retain(|job| match subject {
        Subject::Workload(name) => job.workload.name == *name,
        Subject::Route(name) => job.route.name == *name,
        Subject::Several(..) => false,
    });
    let fallback = |job: &probe::Job<'_>| job.route.name != job.workload.primary;
    jobs.sort_by(|left, right| {
        let order = |job: &probe::Job<'_>| (job.workload.name.clone(), job.sample.id.clone());
        order(left)
            .cmp(&order(right))
            .then(fallback(left).cmp(&fallback(right)))
    });
    let mut questions: Vec<Question> = jobs
        .into_iter()
        .map(|job| Question {
            route: job.route.name.clone(),
            with: With::Sample(job.workload.name.clone(), job.sample.id.clone()),
        })
        .collect();
    if questions.is_empty() {
        let named = [subject.as_str().to_owned()];
        let routes = match subject {
            Subject::Workload(_) => probe::routes(catalog, &named).unwrap_or_default(),
            Subject::Route(name) => catalog.routes.get(name).into_iter().collect(),
            Subject::Several(..) => Vec::new(),
        };
        questions.extend(routes.into_iter().map(|route| Question {
            route: route.name.clone(),
            with: With::Ladder,
        }));
    }
    questions
}

/// The probe.
#[derive(Debug)]
pub struct Probing {
    /// The number of its request.
    pub request: u64,
    /// What is probed.
    pub subject: Subject,
    /// Every question and what it brought.
    pub answers: Vec<Answer>,
    /// Questions that are not asked, because there are too many.
    pub left_out: usize,
    /// The place of the answer under the cursor.
    pub selected: usize,
    /// The page of its text; `None`: the newest.
    pub page: Option<usize>,
    /// Answers that the store has.
    pub kept: usize,
    /// Why the store has not all of them.
    pub not_kept: Option<String>,
    /// It would go over a budget: nothing is sent before the operator has read this and said yes.
    pub first: Option<String>,
}

/// One question and what it brought so far.
#[derive(Debug)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// How far it is.
    pub stage: Stage,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When something came last.
    pub heard: Option<Timestamp>,
    /// The HTTP status, and the time from sending to it.
    pub head: Option<(u16, Duration)>,
    /// The time from sending to the first output.
    pub first_output: Option<Duration>,
    /// What was said, as far as it is kept.
    pub text: String,
    /// Characters that came and are not kept.
    pub left_out: usize,
}

/// How far a question is.
#[derive(Debug)]
pub enum Stage {
    /// Others are asked first.
    Waiting,
    /// It was sent.
    Asked,
    /// It was answered, well or badly.
    Answered(Box<ProbeResult>),
    /// The ladder was climbed.
    Climbed(Vec<RungResult>),
    /// Nothing was sent; why.
    Unsent(String),
}

/// How an answer fares, for its sign and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fares {
    /// Not over.
    Running,
    /// Nothing comes.
    Stalled,
    /// As it should be.
    Well,
    /// An answer, but not whole.
    Cut,
    /// Not as it should be.
    Badly,
}

impl Probing {
    /// Everything still to be asked.
    #[must_use]
    pub fn new(request: u64, subject: Subject, questions: &[Question], left_out: usize) -> Self {
        Self {
            request,
            subject,
            answers: questions.iter().cloned().map(Answer::new).collect(),
            left_out,
            selected: 0,
            page: None,
            kept: 0,
            not_kept: None,
            first: None,
        }
    }

    /// Takes in what a question brought.
    pub fn take(&mut self, question: usize, told: Told, now: Timestamp) {
        let Some(answer) = self.answers.get_mut(question) else {
            return;
        };
        match told {
            Told::Kept(Ok(true)) => self.kept += 1,
            Told::Kept(Ok(false)) => {
                self.not_kept = Some("not recorded: this session is OBSERVE".to_owned());
            }
            Told::Kept(Err(why)) => {
                self.not_kept = Some(format!("not recorded: {}", visible(&why, 200)));
            }
            Told::Sent => {
                answer.stage = Stage::Asked;
                answer.sent = Some(now);
                answer.heard = Some(now);
            }
            Told::Heard {
                head,
                first_output,
                text,
                left_out,
            } => {
                answer.heard = Some(now);
                answer.head = head.or(answer.head);
                answer.first_output = first_output.or(answer.first_output);
                answer.left_out += left_out;
                answer.add(&text);
            }
            Told::Answered(result) => {
                answer.head = result.status.zip(result.headers);
                answer.first_output = result.first_output;
                if answer.text.is_empty() {
                    answer.add(&result.output);
                }
                answer.stage = Stage::Answered(result);
            }
            Told::Climbed(rungs, _) => answer.stage = Stage::Climbed(rungs),
            Told::Unsent(why) => answer.stage = Stage::Unsent(visible(&why, 400).into_owned()),
        }
    }

    /// Whether every question is over.
    #[must_use]
    pub fn over(&self) -> bool {
        self.answers.iter().all(Answer::over)
    }

    /// The answer under the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&Answer> {
        self.answers.get(self.selected)
    }

    /// The places of the answers to one sample, of which the one under the cursor is one.
    #[must_use]
    pub fn pair(&self) -> Vec<usize> {
        let Some(current) = self.current() else {
            return Vec::new();
        };
        if current.question.with == With::Ladder {
            return vec![self.selected];
        }
        let same = |answer: &Answer| answer.question.with == current.question.with;
        (0..self.answers.len())
            .filter(|place| self.answers.get(*place).is_some_and(same))
            .collect()
    }

    /// The cursor to the other route that was asked the same.
    pub fn flip(&mut self) {
        let pair = self.pair();
        let next = pair
            .iter()
            .position(|place| *place == self.selected)
            .and_then(|at| pair.get((at + 1) % pair.len()));
        if let Some(next) = next {
            self.selected = *next;
            self.page = None;
        }
    }

    /// The cursor so many rows down.
    pub fn step(&mut self, rows: isize) {
        let last = self.answers.len().saturating_sub(1);
        let next = self.selected.saturating_add_signed(rows).min(last);
        if next != self.selected {
            self.selected = next;
            self.page = None;
        }
    }

    /// How many answers came out well, and how many badly.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> (usize, usize) {
        let count = |wanted: &[Fares]| {
            let fares = self.answers.iter().map(|answer| answer.fares(now));
            fares.filter(|fares| wanted.contains(fares)).count()
        };
        (count(&[Fares::Well, Fares::Cut]), count(&[Fares::Badly]))
    }

    /// What the answers cost together, where that is known, with its currency.
    #[must_use]
    pub fn cost(&self) -> Option<(f64, &str)> {
        let costs = self
            .answers
            .iter()
            .filter_map(|answer| match &answer.stage {
                Stage::Answered(result) => result.cost.as_ref(),
                Stage::Waiting | Stage::Asked | Stage::Climbed(_) | Stage::Unsent(_) => None,
            });
        costs.fold(None, |sum, cost| {
            let before = sum.map_or(0.0, |(amount, _)| amount);
            Some((before + cost.amount, cost.currency.as_str()))
        })
    }
}

impl Answer {
    fn new(question: Question) -> Self {
        Self {
            question,
            stage: Stage::Waiting,
            sent: None,
            heard: None,
            head: None,
            first_output: None,
            text: String::new(),
            left_out: 0,
        }
    }

    fn add(&mut self, text: &str) {
        // Bytes are never fewer than characters, so that what is kept stays within the limit.
        let room = KEPT.saturating_sub(self.text.len());
        let end = text.floor_char_boundary(room);
        let (kept, rest) = text.split_at(end);
        self.text.push_str(kept);
        self.left_out += rest.chars().count();
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn over(&self) -> bool {
        match self.stage {
            Stage::Waiting | Stage::Asked => false,
            Stage::Answered(_) | Stage::Climbed(_) | Stage::Unsent(_) => true,
        }
    }

    /// How long nothing has come, when that is long.
    fn silent(&self, now: Timestamp) -> Option<i64> {
        let silent = now.duration_since(self.heard?);
        (silent >= STALLED).then(|| silent.as_secs())
    }

    /// How it fares.
    #[must_use]
    pub fn fares(&self, now: Timestamp) -> Fares {
        match &self.stage {
            Stage::Asked if self.silent(now).is_some() => Fares::Stalled,
            Stage::Waiting | Stage::Asked => Fares::Running,
            Stage::Answered(result) if result.verdict() == Verdict::Failed => Fares::Badly,
            Stage::Answered(result) if result.is_cut() => Fares::Cut,
            Stage::Climbed(rungs) if broken(rungs).is_some() => Fares::Badly,
            Stage::Answered(_) | Stage::Climbed(_) => Fares::Well,
            Stage::Unsent(_) => Fares::Badly,
        }
    }

    /// How far it is, in a word or two.
    #[must_use]
    pub fn word(&self, now: Timestamp) -> String {
        match &self.stage {
            Stage::Waiting => "waiting".to_owned(),
            Stage::Asked => match (self.head, self.silent(now)) {
                (None, None) => "connecting".to_owned(),
                (None, Some(seconds)) => format!("connecting {seconds} s"),
                (Some(_), None) => "streaming".to_owned(),
                (Some(_), Some(seconds)) => format!("stalled {seconds} s"),
            },
            Stage::Answered(result) => match (&result.failure, result.verdict()) {
                (Some(failure), _) => failure.class.to_string(),
                (None, Verdict::Failed) => "check failed".to_owned(),
                (None, Verdict::Passed | Verdict::Skipped) if result.is_cut() => {
                    "cut: length".to_owned()
                }
                (None, Verdict::Passed | Verdict::Skipped) => "done".to_owned(),
            },
            Stage::Climbed(rungs) => match broken(rungs) {
                Some(rung) => format!("{} failed", rung.rung),
                None => "done".to_owned(),
            },
            Stage::Unsent(_) => "not sent".to_owned(),
        }
    }
}

/// The lowest rung that failed.
fn broken(rungs: &[RungResult]) -> Option<&RungResult> {
    rungs.iter().find(|rung| rung.verdict == Verdict::Failed)
}
