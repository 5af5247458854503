//! Who may not publish is told so at once, over real servers; and nothing that was taken is ever called forbidden,
//! whatever comes in which order.

use std::collections::VecDeque;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::{
    model::{NatsLogin, Secret},
    store::nats::{
        layout::Stream,
        support::cluster::{Cluster, Login, PASSWORD, Setup, until},
    },
};

const READER: &str = r#"{user: reader, password: "a-password-of-tests", permissions: {publish: ["$JS.API.>"], subscribe: ["_INBOX.>"]}}"#;

async fn as_user(cluster: &Cluster, user: &str) -> Link {
    let mut place = StorePlace::from(&cluster.url());
    place.nats.login = NatsLogin::Password {
        user: user.to_owned(),
        password: Secret::new(PASSWORD),
    };
    let link = Link::open(&place, Clock::system()).await.unwrap();
    assert!(link.wait_connected(Duration::from_secs(20)).await);
    link
}

fn message(link: &Link, id: &str) -> Outgoing {
    Outgoing {
        subject: link.layout().subject(Stream::State, &[]),
        id: id.to_owned(),
        expect: Expect::Anything,
        headers: Vec::new(),
        payload: "{}".into(),
    }
}

async fn with_a_reader() -> Cluster {
    let cluster = Cluster::with(Setup::of(1).login(Login::Password).users(READER)).await;
    let context = jetstream::new(cluster.client().await);
    let wanted = Layout::new("backstop").config(Stream::State, 1);
    until("a stream can be made", async || {
        context.create_stream(wanted.clone()).await.is_ok()
    })
    .await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_publish_is_told_so_and_whoever_else_is_not() {
    let cluster = with_a_reader().await;
    let reader = as_user(&cluster, "reader").await;
    let writer = as_user(&cluster, "backstop").await;
    let forbidden = NotStored::Forbidden("backstop.state".to_owned());
    for number in 0..3 {
        let id = format!("reader-{number}");
        let told = reader.publish(message(&reader, &id)).await;
        assert_eq!(told.unwrap_err(), forbidden);
        let id = format!("writer-{number}");
        assert!(writer.publish(message(&writer, &id)).await.is_ok());
    }
    // Many at once are all told.
    let many = (0..20).map(async |number| {
        let id = format!("many-{number}");
        reader.publish(message(&reader, &id)).await
    });
    for told in futures_util::future::join_all(many).await {
        assert_eq!(told.unwrap_err(), forbidden);
    }
    let error = reader.not_stored(&forbidden).to_string();
    for word in [
        "the login `reader`",
        "`backstop.state`",
        "nothing was changed",
        "backstop store status",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let state = writer.context().get_stream("backstop-state").await.unwrap();
    assert_eq!(state.cached_info().state.messages, 3);
}

/// Has the server read its configuration again.
fn reload(cluster: &Cluster) {
    let process = i32::try_from(cluster.process(0).unwrap()).unwrap();
    let process = rustix::process::Pid::from_raw(process).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_narrowed_meanwhile_are_told_too() {
    let cluster = with_a_reader().await;
    let writer = as_user(&cluster, "reader").await;
    let configuration = cluster.path().join("n1").join("nats-server.conf");
    let narrow = std::fs::read_to_string(&configuration).unwrap();
    let wide = narrow.replace(r#"["$JS.API.>"]"#, r#"["$JS.API.>", "backstop.>"]"#);
    assert_ne!(wide, narrow);
    let mut number = 0;
    for (text, may) in [(&wide, true), (&narrow, false), (&wide, true)] {
        std::fs::write(&configuration, text).unwrap();
        reload(&cluster);
        // The server takes its configuration when it comes to it, and may end the connection for it.
        until("the new rights count", async || {
            number += 1;
            let id = format!("{number}");
            match writer.publish(message(&writer, &id)).await {
                Ok(_) => may,
                Err(NotStored::Forbidden(_)) => !may,
                Err(_) => false,
            }
        })
        .await;
    }
}

/// What may happen between this process and servers that change their mind about who may publish.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Send,
    Rights(bool),
    ServerReads,
    Word,
    Answer,
    AnswerIsLost,
    GivenUp,
    Reconnect,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => Just(Happens::Send),
        1 => any::<bool>().prop_map(Happens::Rights),
        4 => Just(Happens::ServerReads),
        3 => Just(Happens::Word),
        3 => Just(Happens::Answer),
        1 => Just(Happens::AnswerIsLost),
        1 => Just(Happens::GivenUp),
        1 => Just(Happens::Reconnect),
    ]
}

proptest! {
    #[test]
    fn what_was_taken_is_never_called_forbidden(all in prop::collection::vec(happens(), 1..60)) {
        let forbidden = Arc::<Forbidden>::default();
        let (mut may, mut taken) = (false, Vec::new());
        let mut waiting: Vec<Option<Ticket>> = Vec::new();
        let (mut way, mut answers) = (VecDeque::new(), VecDeque::new());
        let mut words = 0_u32;
        for one in all {
            match one {
                Happens::Send => {
                    way.push_back(waiting.len());
                    waiting.push(Some(forbidden.ticket("s")));
                    taken.push(false);
                }
                Happens::Rights(now) => may = now,
                Happens::ServerReads => if let Some(message) = way.pop_front() {
                    if may {
                        taken[message] = true;
                        answers.push_back(message);
                    } else {
                        words += 1;
                    }
                },
                Happens::Word => if words > 0 {
                    words -= 1;
                    forbidden.said("Permissions Violation for Publish to \"s\"");
                },
                Happens::Answer => if let Some(ticket) = answers.pop_front().and_then(|at: usize| waiting[at].take()) {
                    ticket.settled();
                },
                Happens::AnswerIsLost => drop(answers.pop_front()),
                Happens::GivenUp => if let Some(ticket) = waiting.iter_mut().find(|ticket| ticket.is_some()) {
                    *ticket = None;
                },
                // What was on its way to the servers is lost; what they said may still wait to be read.
                Happens::Reconnect => {
                    forbidden.disconnected();
                    way.clear();
                }
            }
            for (at, ticket) in waiting.iter_mut().enumerate() {
                let told = ticket.as_mut().and_then(|ticket| ticket.forbidden().now_or_never());
                if told.is_some() {
                    prop_assert!(!taken[at], "message {at} was taken");
                    *ticket = None;
                }
            }
        }
    }
}

#[test]
fn as_many_words_as_messages_decide_all_of_them() {
    let forbidden = Arc::<Forbidden>::default();
    let word = |subject: &str| {
        forbidden.said(&format!(
            "Permissions Violation for Publish to \"{subject}\""
        ));
    };
    let told = |ticket: &mut Ticket| ticket.forbidden().now_or_never().is_some();
    // Nobody waits for it.
    word("a");
    let (mut one, mut two, mut other) = (
        forbidden.ticket("a"),
        forbidden.ticket("a"),
        forbidden.ticket("b"),
    );
    assert!(!told(&mut one));
    word("a");
    assert!(
        !told(&mut one) && !told(&mut two),
        "it may have been either"
    );
    word("a");
    assert!(told(&mut one) && told(&mut two) && !told(&mut other));
    // One answer leaves the word to the other.
    let (one, mut two) = (forbidden.ticket("a"), forbidden.ticket("a"));
    word("a");
    one.settled();
    assert!(told(&mut two));
    other.settled();
    assert!(forbidden.knows("a") && !forbidden.knows("b"));
    forbidden.disconnected();
    assert!(!forbidden.knows("a"));
}

#[test]
fn a_login_is_called_what_servers_call_it() {
    let seed = nkeys::KeyPair::new_user();
    let public = seed.public_key();
    let seed = Secret::new(&seed.seed().unwrap());
    // {"name":"ops"}
    let credentials = "-----BEGIN NATS USER JWT-----\ne30.eyJuYW1lIjoib3BzIn0.c2ln\n------END NATS USER JWT------\n";
    let password = NatsLogin::Password {
        user: "ana".to_owned(),
        password: Secret::new("hidden"),
    };
    for (login, wanted) in [
        (NatsLogin::Nobody, "a client without a login".to_owned()),
        (password, "the login `ana`".to_owned()),
        (NatsLogin::Nkey(seed), format!("the login `{public}`")),
        (
            NatsLogin::Credentials(Secret::new(credentials)),
            "the login `ops`".to_owned(),
        ),
        (
            NatsLogin::Credentials(Secret::new("none")),
            "this login".to_owned(),
        ),
        (
            NatsLogin::Token(Secret::new("t")),
            "the login by token".to_owned(),
        ),
    ] {
        assert_eq!(login::called(&login), wanted);
    }
}
