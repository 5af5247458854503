//! A provider in the test's hands: a raw TCP server that answers with bytes it is given, waits at gates,
//! cuts, hangs, and tells what it has seen.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

/// No condition of a test takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A limit of the gateway that a test waits out. What is answered on loopback keeps it, however busy the machine is
/// otherwise: it holds for the answers, too, that a test wants to arrive.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// One thing that the upstream does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits until the test lets it go on.
    Gate(Arc<Semaphore>),
    /// Does nothing until the client closes the connection.
    Hang,
    /// Closes in good order.
    Close,
    /// Closes with a reset.
    Reset,
}

/// What the upstream does with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Vec<Step>);

impl Script {
    /// No step yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::answer(status, &[("content-type", "application/json")], body)
    }

    /// An answer with these headers and a content length.
    pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        Self::new().send(format!("{head}\r\n{body}"))
    }

    /// The head of a chunked event stream.
    pub(crate) fn stream() -> Self {
        Self::new().send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )
    }

    /// One chunk of a chunked body.
    pub(crate) fn chunk(self, text: &str) -> Self {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()))
    }

    /// The end of a chunked body.
    pub(crate) fn end(self) -> Self {
        self.send("0\r\n\r\n")
    }

    /// Raw bytes.
    pub(crate) fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Its steps.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.0
    }

    /// One more step.
    pub(crate) fn step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request line.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, decoded.
    pub(crate) body: Vec<u8>,
    /// Which connection it came on.
    pub(crate) connection: usize,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Picks the script for a request.
type Choice = Box<dyn Fn(&Seen) -> Script + Send>;

#[derive(Default)]
struct State {
    queue: VecDeque<Script>,
    standing: Script,
    choice: Option<Choice>,
    seen: Vec<Seen>,
    connections: usize,
    /// Connections that the client closed while the upstream was at work on an answer.
    cancelled: usize,
}

/// The upstream. Ends when dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    news: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Listens; answers every request with `standing`, unless something is queued.
    pub(crate) async fn start(standing: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            standing,
            ..State::default()
        }));
        let news = watch::Sender::new(());
        let task = tokio::spawn(serve(listener, Arc::clone(&state), news.clone()));
        Self {
            address,
            state,
            news,
            task,
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request that nothing is queued for with this.
    pub(crate) fn queue(&self, script: Script) {
        self.state.lock().unwrap().queue.push_back(script);
    }

    /// Answers every further request with this.
    pub(crate) fn set(&self, standing: Script) {
        self.state.lock().unwrap().standing = standing;
    }

    /// Picks the answer of every further request by the request.
    pub(crate) fn choose(&self, choice: impl Fn(&Seen) -> Script + Send + 'static) {
        self.state.lock().unwrap().choice = Some(Box::new(choice));
    }

    /// What came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// How many requests came so far.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen[0].clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn asked(&self, count: usize) {
        self.until(|state| state.seen.len() >= count).await;
    }

    /// Waits until the client has closed so many connections on which an answer was being made.
    pub(crate) async fn cancelled(&self, count: usize) {
        self.until(|state| state.cancelled >= count).await;
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        let mut news = self.news.subscribe();
        let wait = async {
            while !condition(&self.state.lock().unwrap()) {
                news.changed().await.unwrap();
            }
        };
        if timeout(DEADLINE, wait).await.is_err() {
            let state = self.state.lock().unwrap();
            let (connections, cancelled) = (state.connections, state.cancelled);
            panic!(
                "the upstream waits for more than {connections} connections, {cancelled} cancelled, and {:#?}",
                state.seen
            );
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, news: watch::Sender<()>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let number = {
            let mut state = state.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        connections.spawn(connection(stream, number, Arc::clone(&state), news.clone()));
    }
}

/// Serves requests until the connection ends; `None` is that end.
async fn connection(
    mut stream: TcpStream,
    number: usize,
    state: Arc<Mutex<State>>,
    news: watch::Sender<()>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let seen = read(&mut stream, &mut buffer, number).await?;
        let script = {
            let mut state = state.lock().unwrap();
            let queued = state.queue.pop_front();
            let chosen = queued.or_else(|| state.choice.as_ref().map(|choice| choice(&seen)));
            state.seen.push(seen);
            chosen.unwrap_or_else(|| state.standing.clone())
        };
        news.send_replace(());
        for step in script.0 {
            if !take(&mut stream, &step).await {
                state.lock().unwrap().cancelled += 1;
                news.send_replace(());
                return None;
            }
            match step {
                Step::Close | Step::Reset => return None,
                Step::Send(_) | Step::Gate(_) | Step::Hang => {}
            }
        }
    }
}

/// Does one step; `false`: the client has gone.
async fn take(stream: &mut TcpStream, step: &Step) -> bool {
    match step {
        Step::Send(bytes) => stream.write_all(bytes).await.is_ok(),
        Step::Gate(gate) => {
            tokio::select! {
                permit = gate.acquire() => {
                    permit.unwrap().forget();
                    true
                }
                () = gone(stream) => false,
            }
        }
        Step::Hang => {
            gone(stream).await;
            false
        }
        Step::Close => stream.shutdown().await.is_ok(),
        Step::Reset => {
            #[expect(deprecated, reason = "a linger of zero is what makes a reset")]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
            true
        }
    }
}

/// Waits until the client closes.
async fn gone(stream: &TcpStream) {
    let mut byte = [0];
    loop {
        match stream.peek(&mut byte).await {
            Ok(0) | Err(_) => return,
            // The next request came early; it is read when this one is answered.
            Ok(_) => std::future::pending::<()>().await,
        }
    }
}

/// Reads one request; `None`: the client has closed.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let head_end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    buffer.drain(..head_end + 4);
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    assert!(
        headers.iter().all(|(name, _)| name != "transfer-encoding"),
        "the gateway knows the length of every body that it sends"
    );
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    Some(Seen {
        line,
        headers,
        body: buffer.drain(..length).collect(),
        connection,
    })
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
