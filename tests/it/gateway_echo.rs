//! A provider that repeats the key it was asked with: nobody else gets to see it.

use backstop::{
    model::{Route, Secret},
    wire::Shape,
};

use crate::{
    faults::family::{self, Form},
    support::{
        gateway::{Plan, Site},
        upstream::Script,
    },
};

const KEY: &str = "sk-planted/key+of=a-provider";
/// What stands in every way to write it, escaped or not.
const TELLTALES: [&str; 2] = ["sk-planted", "a-provider"];

async fn site(shape: Shape) -> Site {
    let with_key = |route: &mut Route| route.credential = Some(Secret::new(KEY));
    Site::with(Plan {
        family: shape.family(),
        primary: Box::new(with_key),
        fallback: Box::new(with_key),
        ..Plan::default()
    })
    .await
}

/// An error of a fixture, in these words.
fn saying(error: &str, words: &str) -> String {
    ["busy", "Overloaded", "sorry"]
        .into_iter()
        .fold(error.to_owned(), |error, word| error.replace(word, words))
}

/// Everything that is said about one request that both routes answer so.
async fn told(shape: Shape, form: Form, answer: Script) -> String {
    let site = site(shape).await;
    site.primary.set(answer.clone());
    site.fallback.set(answer);
    let family = family::of(shape);
    let path = format!("/w/support-chat{}", family.path(form));
    let response = site.post(&path, family.ask(form)).await;
    let head = format!("{:?}", response.headers());
    let body = response.text().await.unwrap();
    // Before the first output the fallback is asked, too; but not for vectors of another space.
    let alone = body.contains("one") || shape == Shape::OpenaiEmbeddings;
    let events = site.events(if alone { 1 } else { 2 }).await;
    let events = events
        .iter()
        .map(|stored| &stored.event)
        .collect::<Vec<_>>();
    head + &body + &serde_json::to_string(&events).unwrap()
}

#[tokio::test]
async fn an_error_does_not_pass_a_key_on() {
    let json = ("content-type", "application/json");
    for key in [
        KEY.to_owned(),
        KEY.replace('/', "\\/").replace('+', "\\u002b"),
    ] {
        for shape in Shape::ALL {
            let family = family::of(shape);
            let body = saying(family.overloaded, &key);
            let header = ("x-debug", format!("asked with {KEY}"));
            let error = Script::answer(503, &[json, (header.0, &header.1)], &body);
            let mut cases = vec![
                ("an error", Form::Whole, true, error),
                (
                    "an error in a 200",
                    Form::Whole,
                    false,
                    Script::json(200, &body),
                ),
            ];
            if let Some(stream) = family.stream {
                let event = saying(stream.error, &key);
                let (first, rest) = event.split_at(event.len() - 20);
                let begun = stream.output("one");
                cases.extend([
                    (
                        "a first event",
                        Form::Stream,
                        false,
                        Script::stream().chunk(&event).end(),
                    ),
                    (
                        "an event after output",
                        Form::Stream,
                        true,
                        Script::stream()
                            .chunk(stream.begin)
                            .chunk(&begun)
                            .chunk(&event)
                            .end(),
                    ),
                    (
                        "an event in two pieces",
                        Form::Stream,
                        true,
                        Script::stream()
                            .chunk(stream.begin)
                            .chunk(&begun)
                            .chunk(first)
                            .chunk(rest)
                            .end(),
                    ),
                ]);
            }
            for (case, form, relayed, script) in cases {
                let told = told(shape, form, script).await;
                for telltale in TELLTALES {
                    assert!(!told.contains(telltale), "{shape}, {case}: {told}");
                }
                assert_eq!(told.contains("***"), relayed, "{shape}, {case}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn a_long_key_is_not_told_by_its_beginning() {
    let long = format!("sk-planted-{}", "x".repeat(160));
    let body = format!(r#"{{"error":{{"message":"no","code":"bad {long}"}}}}"#);
    let key = long.clone();
    let site = Site::with(Plan {
        primary: Box::new(move |route| route.credential = Some(Secret::new(&key))),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(200, &body));
    site.ask(r#"{"model":"m","messages":[]}"#).await;
    let event = site.event().await.event;
    assert_eq!(event.attempts[0].code.as_deref(), Some("bad ***"));
}
