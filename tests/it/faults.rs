//! The table: every family, every fault, before and after the commit point, whole and streamed, each cell
//! against real sockets through a real gateway with a real store.
//!
//! [`expect`] says what must come of each cell; a cell that cannot exist says why. The table is printed with
//! `cargo test --test it faults:: -- --nocapture`.

mod expect;
pub(crate) mod family;
mod fault;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use backstop::{
    clock::Clock,
    gateway::{Gateway, Options},
    model::{Catalog, EventDecision, OutcomeKind, Reason, StoredEvent},
    store::{Access, EventQuery, Store},
    wire::{Shape, upstream::Tls},
};
use futures_util::StreamExt;
use tokio::{
    net::TcpSocket,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::support::{
    gateway::{Plan, catalog, header, route, workload},
    provider::{Identities, Provider, Transport},
    upstream::{DEADLINE, Script, Upstream},
};
use expect::{Expect, expect};
use family::{Fixture, Form};
use fault::{At, Committed, Fault, Making, Phase};

/// One cell.
#[derive(Clone, Copy, Debug)]
struct Place {
    shape: Shape,
    form: Form,
    fault: Fault,
    phase: Phase,
}

impl Place {
    fn all() -> impl Iterator<Item = Self> {
        Shape::ALL.into_iter().flat_map(|shape| {
            Form::ALL.into_iter().flat_map(move |form| {
                Fault::ALL.iter().flat_map(move |fault| {
                    Phase::ALL.into_iter().map(move |phase| Self {
                        shape,
                        form,
                        fault: *fault,
                        phase,
                    })
                })
            })
        })
    }

    fn expect(self) -> Expect {
        expect(self.shape, self.form, self.fault, self.phase)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            shape,
            form,
            fault,
            phase,
        } = self;
        write!(formatter, "{shape} {form:?} {phase:?} {}", fault.text())
    }
}

#[test]
fn the_table_has_no_empty_cell() {
    let (mut cells, mut tested) = (0, 0);
    for shape in Shape::ALL {
        println!("\n{shape}");
        for fault in Fault::ALL {
            println!("  {}", fault.text());
            for form in Form::ALL {
                for phase in Phase::ALL {
                    let expect = expect(shape, form, *fault, phase);
                    println!("    {form:?} {phase:?}: {expect:?}");
                    cells += 1;
                    if let Expect::Impossible(reason) = expect {
                        assert!(!reason.is_empty());
                    } else {
                        tested += 1;
                    }
                }
            }
        }
    }
    println!("{cells} cells, {tested} of them are tested, the others cannot be");
    assert_eq!(cells, Shape::ALL.len() * Fault::ALL.len() * 4);
    for fault in Fault::ALL {
        let possible = |place: &Place| {
            place.fault == *fault && !matches!(place.expect(), Expect::Impossible(_))
        };
        assert!(Place::all().any(|place| possible(&place)), "{fault:?}");
    }
}

/// A cell that is set up.
struct Cell {
    place: Place,
    expect: Expect,
    name: String,
    fixture: Fixture,
    gate: Arc<Semaphore>,
    /// Keeps its port from everybody else.
    _unused: TcpSocket,
    provider: Provider,
    warm: bool,
    asked: usize,
    first: usize,
    passes: Vec<u8>,
    fallback: String,
}

/// What the client saw.
#[derive(Clone, Debug)]
struct Got {
    status: u16,
    route: Option<String>,
    fallback: Option<String>,
    attempts: Option<String>,
    /// What must not pass has passed.
    forged: bool,
    body: Vec<u8>,
    cut: bool,
}

/// A gateway over all cells of one family.
struct Table {
    gateway: Gateway,
    store: Store,
    fallback: Upstream,
    cells: Vec<Cell>,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
    _catalog: watch::Sender<Arc<Catalog>>,
    _refused: watch::Sender<Option<String>>,
}

/// A port where nobody listens, and nobody will while the socket lives.
fn nowhere() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

impl Table {
    #[expect(
        clippy::too_many_lines,
        reason = "what a catalog has, and each cell's part of it"
    )]
    async fn start(shape: Shape) -> Self {
        let family = shape.family();
        let identities = Identities::new();
        let fallback = Upstream::start(Script::new()).await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().display());
        let (mut routes, mut workloads) = (BTreeMap::new(), BTreeMap::new());
        let mut cells = Vec::new();
        let places = Place::all().filter(|place| place.shape == shape);
        for (number, place) in places.enumerate() {
            let expect = place.expect();
            if matches!(expect, Expect::Impossible(_)) {
                continue;
            }
            let fixture = family::of(shape);
            let gate = Arc::new(Semaphore::new(0));
            let making = Making {
                fixture: &fixture,
                form: place.form,
                phase: place.phase,
                gate: &gate,
            };
            let Committed {
                at,
                scripts,
                warm,
                asked,
                first,
                passes,
                hasty,
            } = making.commit(place.fault);
            let transport = match at {
                At::Listening(transport) => transport,
                At::Nowhere | At::NoName => Transport::Plain,
            };
            let provider = Provider::start(&identities, transport, scripts).await;
            let (unused, nowhere) = nowhere();
            let base = match at {
                At::Listening(_) => provider.url(),
                At::Nowhere => nowhere,
                At::NoName => "http://no-such-host.invalid".to_owned(),
            };
            let name = format!("cell-{number}");
            let second = format!("{}/{name}", fallback.url());
            let mut primary = route(&format!("{name}-a"), &base, "model-1", "key-1", family);
            // One failure must not keep another test's requests away.
            primary.circuit = false;
            // The same model: vectors of another one may not stand in.
            let other = route(&format!("{name}-b"), &second, "model-1", "key-2", family);
            let mut workload = workload(family);
            workload.name = name.as_str().into();
            workload.primary = primary.name.clone();
            workload.fallback = Some(other.name.clone());
            if hasty {
                let short = Duration::from_millis(700);
                workload.timeouts.idle = short;
                if place.phase == Phase::Before {
                    workload.timeouts.headers = short;
                    workload.timeouts.first_output = short;
                }
                workload.timeouts.total = Duration::from_secs(3);
            }
            routes.insert(primary.name.clone(), primary);
            routes.insert(other.name.clone(), other);
            workloads.insert(workload.name.clone(), workload);
            cells.push(Cell {
                place,
                expect,
                name,
                fixture,
                _unused: unused,
                provider,
                warm,
                asked,
                first,
                passes,
                fallback: making.good("from the fallback"),
                gate,
            });
        }
        let plan = Plan {
            family,
            // One pool of connections, so that a second request finds that of the first.
            settings: Box::new(|settings| settings.workers = 1),
            ..Plan::default()
        };
        let catalog = Catalog {
            routes,
            workloads,
            ..catalog(&plan, &url, "http://localhost", "http://localhost")
        };
        answer_well(&fallback, shape);
        let clock = Clock::system();
        let store = Store::open(&url, Access::Write, clock.clone())
            .await
            .unwrap();
        let (catalog, followed) = watch::channel(Arc::new(catalog));
        let (refused, refusals) = watch::channel(None);
        let gateway = Gateway::start(Options {
            catalog: followed,
            refused: refusals,
            store: store.clone(),
            clock,
            tls: Arc::new(Tls::with(identities.client())),
            region: None,
        })
        .await
        .unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            gateway,
            store,
            fallback,
            cells,
            client,
            _folder: folder,
            _catalog: catalog,
            _refused: refused,
        }
    }

    /// Asks as a client does; opens the gate when the first output is there.
    async fn ask(&self, cell: &Cell) -> Got {
        let Place { form, phase, .. } = cell.place;
        let url = format!(
            "http://{}/w/{}{}",
            self.gateway.address(),
            cell.name,
            cell.fixture.path(form)
        );
        if cell.warm {
            let request = self.client.post(&url).body(cell.fixture.ask(form));
            let first = request.send().await.unwrap();
            assert_eq!(header(&first, "x-backstop-attempts"), Some("1"));
            first.bytes().await.unwrap();
        }
        let request = self.client.post(url).body(cell.fixture.ask(form));
        let mut response = request.send().await.unwrap();
        let text = |name| header(&response, name).map(str::to_owned);
        let mut got = Got {
            status: response.status().as_u16(),
            route: text("x-backstop-route"),
            fallback: text("x-backstop-fallback"),
            attempts: text("x-backstop-attempts"),
            forged: ["x-checksum", "content-encoding"]
                .into_iter()
                .any(|name| text(name).is_some()),
            body: Vec::new(),
            cut: false,
        };
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) => got.body.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(_) => {
                    got.cut = true;
                    break;
                }
            }
            if phase == Phase::After && got.body.len() >= cell.first {
                cell.gate.add_permits(1);
            }
        }
        got
    }

    /// The events of a cell, with their outcomes.
    async fn events(&self, cell: &Cell, count: usize) -> Vec<StoredEvent> {
        let query = EventQuery {
            workload: Some(cell.name.as_str().into()),
            ..EventQuery::default()
        };
        let mut newest = self.store.newest();
        loop {
            newest.mark_unchanged();
            let events = self.store.events(query.clone()).await.unwrap();
            if events.len() >= count && events.iter().all(|event| event.outcome.is_some()) {
                return events;
            }
            newest.changed().await.unwrap();
        }
    }

    /// How often the fallback was asked for a cell.
    fn asked(&self, cell: &Cell) -> usize {
        let path = format!("POST /{}/", cell.name);
        let seen = self.fallback.seen();
        seen.iter()
            .filter(|seen| seen.line.starts_with(&path))
            .count()
    }

    /// Runs one cell; says what is wrong with it.
    async fn run(&self, cell: &Cell) -> Result<(), String> {
        let Ok(got) = timeout(DEADLINE, self.ask(cell)).await else {
            return Err("the client got no end".to_owned());
        };
        let wanted = usize::from(cell.expect != Expect::Served);
        let Ok(events) = timeout(DEADLINE, self.events(cell, wanted)).await else {
            return Err(format!("no event; {got:?}"));
        };
        let asked = self.asked(cell);
        check(cell, &got, &events, asked)
            .map_err(|wrong| format!("{wrong}\n  got {}\n  events {events:?}", shown(&got)))
    }
}

/// The fallback of every cell.
fn answer_well(fallback: &Upstream, shape: Shape) {
    fallback.choose(move |seen| {
        let fixture = family::of(shape);
        let stream = fixture.stream.filter(|stream| {
            stream.ask != fixture.ask && seen.text().contains("\"stream\":true")
                || stream.path != fixture.path && seen.line.contains(method(stream.path))
        });
        match stream {
            Some(stream) => Script::answer(
                200,
                &[("content-type", "text/event-stream")],
                &stream.all("from the fallback"),
            ),
            None => Script::json(200, &fixture.whole("from the fallback")),
        }
    });
}

/// The last word of a path: the model before it is the route's.
fn method(path: &'static str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    path.rsplit([':', '/']).next().unwrap_or_default()
}

/// What the client saw, short enough to read.
fn shown(got: &Got) -> String {
    let end = got.body.len().saturating_sub(400);
    let body = String::from_utf8_lossy(&got.body[end..]).into_owned();
    let head = Got {
        body: Vec::new(),
        ..got.clone()
    };
    format!("{head:?} ... {body:?}")
}

/// A claim about a cell, checked.
fn is<T: PartialEq + std::fmt::Debug + Copy>(what: &str, seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted {
        Ok(())
    } else {
        Err(format!("{what} is {seen:?}, not {wanted:?}"))
    }
}

fn check(cell: &Cell, got: &Got, events: &[StoredEvent], asked: usize) -> Result<(), String> {
    is("forged or of one hop", got.forged, false)?;
    let by_fallback = matches!(cell.expect, Expect::Fallback(_));
    is("the fallback's count", asked, usize::from(by_fallback))?;
    let (side, attempts) = if by_fallback { ("b", "2") } else { ("a", "1") };
    let name = format!("{}-{side}", cell.name);
    is("the route", got.route.as_deref(), Some(name.as_str()))?;
    is("attempts", got.attempts.as_deref(), Some(attempts))?;
    let mut status = 200;
    let mut end: &[u8] = b"";
    let decision = match &cell.expect {
        Expect::Impossible(reason) => return Err(format!("a cell that cannot be: {reason}")),
        Expect::Served => {
            is("events", events.len(), 0)?;
            None
        }
        Expect::Fallback(class) => Some((
            EventDecision::Fallback,
            Reason::Trigger,
            *class,
            OutcomeKind::Completed,
        )),
        Expect::Returned(returned, class) => {
            status = *returned;
            Some((
                EventDecision::Refused,
                Reason::NotListed,
                *class,
                OutcomeKind::ErrorReturned,
            ))
        }
        Expect::ErrorEvent(code, class) => {
            end = got.body.get(cell.passes.len()..).unwrap_or_default();
            own_error(&cell.fixture, end, code)?;
            Some(broken(*class))
        }
        Expect::PassedError(class) | Expect::Cut(class) => Some(broken(*class)),
    };
    is("the status", got.status, status)?;
    is("cut", got.cut, matches!(cell.expect, Expect::Cut(_)))?;
    let passes = if by_fallback {
        cell.fallback.as_bytes()
    } else {
        &cell.passes
    };
    let body = got
        .body
        .get(..got.body.len() - end.len())
        .unwrap_or_default();
    if cell.place.fault == Fault::Endless && cell.place.form == Form::Whole {
        is("its beginning", body.starts_with(passes), true)?;
    } else if body != passes {
        let wanted: String = String::from_utf8_lossy(passes).chars().take(400).collect();
        return Err(format!("the body is not {wanted:?}"));
    }
    let Some((decision, reason, class, outcome)) = decision else {
        return Ok(());
    };
    let [stored] = events else {
        return Err(format!("{} events", events.len()));
    };
    let event = &stored.event;
    is("the decision", event.decision, decision)?;
    is("the reason", &event.reason, &reason)?;
    is("the class", event.class, Some(class))?;
    is("attempts in the event", event.attempts.len(), 1)?;
    is(
        "the outcome",
        stored.outcome.as_ref().map(|it| it.kind),
        Some(outcome),
    )?;
    let marker = by_fallback.then_some(class.as_str());
    is("the marker", got.fallback.as_deref(), marker)
}

const fn broken(
    class: backstop::model::ErrorClass,
) -> (
    EventDecision,
    Reason,
    backstop::model::ErrorClass,
    OutcomeKind,
) {
    (
        EventDecision::Broken,
        Reason::AfterCommit,
        class,
        OutcomeKind::Broken,
    )
}

/// One error event of the gateway's and nothing after it.
fn own_error(fixture: &Fixture, end: &[u8], code: &str) -> Result<(), String> {
    // Empty lines end what may stand open before it.
    let end = std::str::from_utf8(end).unwrap_or("not text");
    let end = end.trim_start_matches('\n');
    let begins = end.starts_with(fixture.streamed().own_error);
    let whole = begins
        && end.contains(code)
        && end.contains("\"source\":\"backstop\"")
        && end.ends_with("}\n\n")
        && end.matches("\n\n").count() == 1;
    if whole {
        Ok(())
    } else {
        Err(format!("no error event {code} at the end: {end:?}"))
    }
}

/// Cells that run at the same time.
const AT_ONCE: usize = 40;

/// Runs the cells of a family and tells every one that is wrong.
async fn family_holds(shape: Shape) {
    let table = Table::start(shape).await;
    let of = &table;
    let runs = of.cells.iter().map(|cell| async move {
        let wrong = of.run(cell).await.err()?;
        Some(format!("{}: {wrong}", cell.place))
    });
    let wrong = futures_util::stream::iter(runs).buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = wrong.filter_map(std::future::ready).collect().await;
    assert!(
        wrong.is_empty(),
        "{} of {} cells are wrong:\n{}",
        wrong.len(),
        table.cells.len(),
        wrong.join("\n")
    );
    // Nothing was asked once more than it should have been, and no event came late.
    for cell in &table.cells {
        let seen = cell.provider.seen();
        let wanted = cell.asked + usize::from(cell.warm);
        assert_eq!(seen.requests.len(), wanted, "{}: {seen:?}", cell.place);
    }
    let events = table.store.events(EventQuery::default()).await.unwrap();
    let wanted = table
        .cells
        .iter()
        .filter(|cell| cell.expect != Expect::Served);
    assert_eq!(events.len(), wanted.count());
    table.gateway.stop().await;
}

macro_rules! families {
    ($($test:ident: $shape:ident,)*) => {
        $(#[tokio::test]
        async fn $test() {
            family_holds(Shape::$shape).await;
        })*

        #[test]
        fn every_family_has_its_test() {
            assert_eq!([$(Shape::$shape),*], Shape::ALL);
        }
    };
}

families! {
    openai_chat: OpenaiChat,
    openai_responses: OpenaiResponses,
    openai_embeddings: OpenaiEmbeddings,
    anthropic_messages: AnthropicMessages,
    gemini_generate: GeminiGenerate,
}
