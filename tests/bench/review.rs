//! What comparing two answers costs, at sizes that happen and at sizes that are sent to hurt.
//! `cargo bench --bench review`.
#![expect(
    clippy::unwrap_used,
    reason = "a bench is read by its names and fails by panicking"
)]

use std::{fmt::Write as _, hint::black_box, time::Duration};

use backstop::{
    model::{Answer, Asked, PayloadClass, ProbeResult, Usage},
    review::{Grain, compare, mask, words},
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

fn answer(text: String) -> Answer {
    Answer {
        result: ProbeResult {
            route: "route".into(),
            workload: "workload".into(),
            sample: "sample".into(),
            class: PayloadClass::Chat,
            asked: Asked {
                base_url: String::new(),
                model: String::new(),
                sample: None,
            },
            at: Timestamp::UNIX_EPOCH,
            stream: true,
            status: Some(200),
            headers: None,
            first_output: None,
            total: Duration::from_secs(1),
            usage: Usage::default(),
            cost: None,
            finish: None,
            model: None,
            checks: Vec::new(),
            failure: None,
            output: String::new(),
        },
        text,
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

/// Words of a small generator: the same seed, the same text.
struct Writer(u64);

impl Writer {
    fn number(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// A word; low numbers are more frequent, as in a language.
    fn word(&mut self) -> String {
        let range = 1 + self.number(2_000);
        let number = self.number(range);
        let mut word = String::new();
        let mut rest = number + 1;
        while rest > 0 {
            word.push_str(
                ["ka", "to", "mi", "re", "su", "no", "la", "pe"]
                    [usize::try_from(rest % 8).unwrap()],
            );
            rest /= 8;
        }
        word
    }

    fn sentence(&mut self) -> String {
        let words: Vec<String> = (0..8 + self.number(10)).map(|_| self.word()).collect();
        format!("A{}. ", words.join(" "))
    }

    fn paragraphs(&mut self, bytes: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut length = 0;
        while length < bytes {
            let paragraph: String = (0..4).map(|_| self.sentence()).collect();
            length += paragraph.len() + 2;
            all.push(paragraph);
        }
        all
    }

    /// The same paragraphs, most of them said a little differently, some gone, some new.
    fn again(&mut self, paragraphs: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        for paragraph in paragraphs {
            match self.number(10) {
                0 => {}
                1 => all.extend([self.sentence(), paragraph.clone()]),
                2 | 3 => all.push(paragraph.clone()),
                _ => {
                    let changed: Vec<String> = paragraph
                        .split(' ')
                        .map(|word| {
                            if self.number(4) == 0 {
                                self.word()
                            } else {
                                word.to_owned()
                            }
                        })
                        .collect();
                    all.push(changed.join(" "));
                }
            }
        }
        all
    }
}

fn records(seed: u64, bytes: usize) -> String {
    let mut writer = Writer(seed);
    let mut text = String::from("{\"records\": [");
    let mut number = 0;
    while text.len() < bytes {
        let comma = if number == 0 { "" } else { ", " };
        let (name, total) = (writer.word(), writer.number(9));
        write!(text, "{comma}{{\"id\": {number}, \"name\": \"{name}\", \"total\": {total}.50, \"tags\": [1, 2]}}").unwrap();
        number += 1;
    }
    text + "]}"
}

/// Pairs by name: what happens.
fn usual() -> Vec<(&'static str, PayloadClass, Answer, Answer)> {
    let mut writer = Writer(1);
    let paragraphs = writer.paragraphs(100_000);
    let again = writer.again(&paragraphs);
    let other = writer.paragraphs(100_000);
    let lines = |paragraphs: &[String]| paragraphs.join("\n").replace(". ", ";\n    ");
    let pair = |a: String, b: String| (answer(a), answer(b));
    [
        (
            "prose 100 kB",
            PayloadClass::Chat,
            pair(paragraphs.join("\n\n"), again.join("\n\n")),
        ),
        (
            "prose 100 kB, nothing in common",
            PayloadClass::Chat,
            pair(paragraphs.join("\n\n"), other.join("\n\n")),
        ),
        (
            "json 100 kB",
            PayloadClass::Json,
            pair(records(1, 100_000), records(2, 100_000)),
        ),
        (
            "code 100 kB",
            PayloadClass::Code,
            pair(lines(&paragraphs), lines(&again)),
        ),
    ]
    .map(|(name, class, (a, b))| (name, class, a, b))
    .into()
}

/// Pairs by name: what is sent to hurt.
fn hostile() -> Vec<(&'static str, PayloadClass, Answer, Answer)> {
    let mut writer = Writer(2);
    let mut of = |pieces: &[&str], bytes: usize| -> String {
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str(pieces[usize::try_from(writer.number(pieces.len() as u64)).unwrap()]);
        }
        text
    };
    let size = 256 * 1024;
    let mut pair = |pieces: &[&str], bytes: usize| (of(pieces, bytes), of(pieces, bytes));
    let distinct = |seed| -> String {
        let mut writer = Writer(seed);
        let lines = (0..10_000).map(|_| [writer.word(), writer.word()].join(" "));
        lines.collect::<Vec<_>>().join("\n\n")
    };
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(60_000), "]".repeat(60_000));
    let chat = PayloadClass::Chat;
    [
        ("10 000 paragraphs", chat, (distinct(3), distinct(4))),
        (
            "10 000 paragraphs of two words",
            chat,
            pair(&["a\n\n", "b\n\n", "a b\n\n", "b a\n\n"], 30_000),
        ),
        (
            "one line of 1 MB",
            chat,
            pair(&["alpha ", "beta, ", "gamma. "], 1_000_000),
        ),
        (
            "one word of 1 MB",
            chat,
            ("x".repeat(1_000_000), "y".repeat(1_000_001)),
        ),
        (
            "256 KiB of blanks and feeds",
            chat,
            pair(&[" ", "\n", "\t"], size),
        ),
        (
            "256 KiB of combining marks",
            chat,
            pair(&["\u{301}", "e\u{302}", "\u{20dd}"], size),
        ),
        (
            "256 KiB of joined emoji",
            chat,
            pair(&["\u{1f468}\u{200d}", "\u{1f469}", "\u{1f1e9}"], size),
        ),
        (
            "256 KiB of fences",
            chat,
            pair(&["```\n", "~~~\n", "a\n", "- "], size),
        ),
        (
            "json of 60 000 brackets",
            PayloadClass::Json,
            (nested("1"), nested("2")),
        ),
        ("json of 128 000 numbers", PayloadClass::Json, {
            let (a, b) = pair(&["1,", "2,", "3,"], size);
            (format!("[{a}0]"), format!("[{b}0]"))
        }),
        ("json of 20 000 objects in an object", PayloadClass::Json, {
            let object = |by: usize| -> String {
                let all: Vec<String> = (0..20_000)
                    .map(|key| format!("\"{key}\":{{}},\"{key}\":{}", key % by))
                    .collect();
                format!("{{{}}}", all.join(","))
            };
            (object(7), object(5))
        }),
        (
            "code of 128 000 lines",
            PayloadClass::Code,
            pair(&["a\n", "b\n"], size),
        ),
        (
            "code of 40 000 lines",
            PayloadClass::Code,
            pair(&["a b\n", "b c\n", "\n", "    c d\n", "e\n"], 100_000),
        ),
    ]
    .map(|(name, class, (a, b))| (name, class, answer(a), answer(b)))
    .into()
}

fn comparing(criterion: &mut Criterion) {
    for (group, pairs) in [("compare", usual()), ("compare, hostile", hostile())] {
        let mut group = criterion.benchmark_group(group);
        for (name, class, a, b) in pairs {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| compare(class, black_box(&a), black_box(&b)));
            });
        }
    }
}

fn marking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("words");
    for (name, _, a, b) in usual().into_iter().chain(hostile()) {
        if name.starts_with("json") {
            continue;
        }
        for (grain, of) in [("sentences", Grain::Sentences), ("line", Grain::Line)] {
            group.bench_function(BenchmarkId::new(grain, name), |bencher| {
                bencher.iter(|| words(black_box(&a.text), black_box(&b.text), of));
            });
        }
    }
}

fn masking(criterion: &mut Criterion) {
    let names: Vec<String> = ["stable-baseline", "contoso", "co-stable-2"]
        .map(str::to_owned)
        .into();
    let mut group = criterion.benchmark_group("mask");
    for (name, _, a, _) in usual() {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| mask(black_box(&a.text), &names));
        });
    }
    let claims = "I am GPT-4, as Claude by Google. ".repeat(8_000);
    group.bench_function(
        BenchmarkId::from_parameter("names only, 256 KiB"),
        |bencher| {
            bencher.iter(|| mask(black_box(&claims), &names));
        },
    );
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = comparing, marking, masking
);
criterion_main!(benches);
