//! A real NATS server, or a cluster of them on loopback, with JetStream on disk: for tests and benches.
//!
//! Every server stands behind doors (`door`): one for clients, one for each other server that connects to it. So a
//! server keeps its address over restarts although it takes whatever port is free, and it can be cut off and healed
//! as a network would do it. Looked at it is from outside, through its monitoring port, which has no door.
//!
//! What a test needs: [`Cluster::start`] or [`Cluster::with`], [`Cluster::url`], [`Cluster::client`],
//! [`Cluster::kill`] and [`Cluster::revive`], [`Cluster::power_cut`], [`Cluster::cut_off`] and [`Cluster::heal`],
//! [`Cluster::leader_of`]. Dropped, everything is stopped by its process id, and its directory removed.

mod certificates;
mod door;
mod identity;
mod monitor;
mod node;
mod program;
mod setup;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, ServerAddr};
use tokio::{net::TcpListener, runtime::Runtime, time::timeout};

pub(crate) use door::Passage;
pub(crate) use identity::Credentials;
pub(crate) use setup::{Encryption, Login, PASSWORD, Setup, USER};

use door::Door;
use identity::Identities;
use node::Node;
use setup::Place;

/// How long anything may take that is waited for: a busy machine and an election or two.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// The program of the servers.
pub(crate) fn server_program() -> PathBuf {
    program::find()
}

/// Servers that run, and what was made for them.
pub(crate) struct Cluster {
    // In this order they go: servers, what carries their connections, their files.
    nodes: Vec<Node>,
    doors: Option<Doors>,
    setup: Setup,
    identities: Identities,
    directory: tempfile::TempDir,
}

/// All that stands between servers, and between them and clients.
struct Doors {
    /// For clients, by server.
    clients: Vec<Door>,
    /// `routes[from][to]`: what `from` connects to when it means `to`; none from one to itself.
    routes: Vec<Vec<Option<Door>>>,
    /// A runtime of its own: a test that blocks must not stop the network.
    runtime: Option<Runtime>,
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (index, node) in self.nodes.iter().enumerate() {
                let (name, state) = (Self::name(index), node.state());
                eprintln!("server {name}, {state}, said:\n{}", node.complaints());
            }
        }
    }
}

impl Cluster {
    /// So many servers, one or three, that ask nobody who they are.
    pub(crate) async fn start(servers: usize) -> Self {
        Self::with(Setup::of(servers)).await
    }

    /// Servers as they were asked for; serving, with a leader.
    pub(crate) async fn with(setup: Setup) -> Self {
        let program = program::find();
        let directory = match &setup.under {
            Some(under) => tempfile::tempdir_in(under).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let identities = Identities::new(directory.path());
        if setup.encryption != Encryption::None {
            certificates::write(directory.path());
        }
        let (doors, places) = if setup.doors {
            let doors = Doors::open(setup.servers).await;
            let places = doors.places();
            (Some(doors), places)
        } else {
            (None, reserved(setup.servers).await)
        };
        let nodes = places
            .into_iter()
            .enumerate()
            .map(|(index, place)| {
                let home = directory.path().join(setup::name(index));
                let text = setup.text(&place, directory.path(), &identities);
                Node::new(program.clone(), home, &text)
            })
            .collect();
        let mut cluster = Self {
            nodes,
            doors,
            setup,
            identities,
            directory,
        };
        for index in 0..cluster.nodes.len() {
            cluster.launch(index).await;
        }
        cluster.ready().await;
        cluster
    }

    /// How many servers there are, running or not.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where everything is: each server's home by its name, certificates and credentials.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The name of a server.
    pub(crate) fn name(index: usize) -> String {
        setup::name(index)
    }

    /// The address of all servers, as `store.url` takes it; without who asks.
    pub(crate) fn url(&self) -> String {
        let addresses: Vec<String> = (0..self.len())
            .map(|index| self.address(index).to_string())
            .collect();
        format!("{}://{}", self.scheme(), addresses.join(","))
    }

    /// The addresses of all servers, one by one.
    pub(crate) fn servers(&self) -> Vec<ServerAddr> {
        let urls = (0..self.len()).map(|index| self.url_of(index));
        urls.map(|url| url.parse().unwrap()).collect()
    }

    /// The address of one server, through its door.
    pub(crate) fn url_of(&self, index: usize) -> String {
        format!("{}://{}", self.scheme(), self.address(index))
    }

    /// Where one server listens for clients: its door, when it has one.
    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        match &self.doors {
            Some(doors) => doors.clients[index].address(),
            None => self.nodes[index].ports().clients,
        }
    }

    /// Where one server is monitored; whether or not it is cut off.
    pub(crate) fn monitoring(&self, index: usize) -> String {
        format!("http://{}", self.nodes[index].ports().monitoring)
    }

    /// The process of a server, while it runs.
    pub(crate) fn process(&self, index: usize) -> Option<u32> {
        self.nodes[index].process()
    }

    /// What to prove who one is.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.identities.user
    }

    /// A further user of the token's account, with permissions as a token has them.
    pub(crate) fn further(&self, name: &str, permissions: &serde_json::Value) -> Credentials {
        self.identities.further(name, permissions)
    }

    /// A user of the system's own account, by token.
    pub(crate) fn system(&self) -> Credentials {
        self.identities.of_system()
    }

    /// The certificate of whom the servers' certificates are from.
    pub(crate) fn authority(&self) -> PathBuf {
        certificates::authority(self.path())
    }

    /// A certificate of a client and its key.
    pub(crate) fn certificate(&self) -> (PathBuf, PathBuf) {
        certificates::client(self.path())
    }

    /// Options with which a client may do everything, of the login and encryption there are.
    pub(crate) fn options(&self) -> ConnectOptions {
        let options = self.trusted();
        match self.setup.login {
            Login::Open => options,
            Login::Password => options.user_and_password(USER.to_owned(), PASSWORD.to_owned()),
            Login::Nkey => options.nkey(self.credentials().seed.clone()),
            Login::Jwt => options.credentials(&self.credentials().text).unwrap(),
        }
    }

    /// Options of the encryption there is, without who asks.
    pub(crate) fn trusted(&self) -> ConnectOptions {
        // A server that fell silent is left for another one within seconds.
        let options = ConnectOptions::new().ping_interval(Duration::from_secs(1));
        match self.setup.encryption {
            Encryption::None => options,
            Encryption::Tls => options.add_root_certificates(self.authority()),
            Encryption::Mutual => {
                let (certificate, key) = self.certificate();
                options
                    .add_root_certificates(self.authority())
                    .add_client_certificate(certificate, key)
            }
        }
    }

    /// A client of all servers that may do everything.
    pub(crate) async fn client(&self) -> Client {
        self.options().connect(self.servers()).await.unwrap()
    }

    /// A client that only knows one server.
    pub(crate) async fn client_of(&self, index: usize) -> Client {
        let options = self.options().ignore_discovered_servers();
        options.connect(self.url_of(index)).await.unwrap()
    }

    /// SIGKILL, and nothing of what was not written. Its process is gone afterwards.
    pub(crate) fn kill(&mut self, index: usize) {
        self.nodes[index].kill();
    }

    /// Asks a server to end, and waits until it has.
    pub(crate) fn stop(&mut self, index: usize) {
        self.nodes[index].stop();
    }

    /// Stands still until it is resumed: neither answers nor closes.
    pub(crate) fn pause(&self, index: usize) {
        self.nodes[index].signal(rustix::process::Signal::STOP);
    }

    /// Goes on.
    pub(crate) fn resume(&self, index: usize) {
        self.nodes[index].signal(rustix::process::Signal::CONT);
    }

    /// Starts a server again that was killed or stopped, and waits until it serves; not until it has caught up.
    pub(crate) async fn revive(&mut self, index: usize) {
        self.launch(index).await;
    }

    /// Kills all of them at once.
    pub(crate) fn power_cut(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }

    /// Starts all that do not run, and waits until there is a leader.
    pub(crate) async fn power_up(&mut self) {
        for index in 0..self.len() {
            if self.process(index).is_none() {
                self.launch(index).await;
            }
        }
        self.ready().await;
    }

    /// Closes or silences every way to and from a server: `Passage::Closed` ends connections, `Passage::Silent`
    /// holds what they carry.
    pub(crate) fn cut_off(&self, index: usize, how: Passage) {
        self.set(index, how);
    }

    /// Opens every way to and from a server again. What was held goes on its way.
    pub(crate) fn heal(&self, index: usize) {
        self.set(index, Passage::Open);
    }

    /// Closes or silences only the ways between servers and clients; the servers still see each other.
    pub(crate) fn cut_clients_off(&self, how: Passage) {
        for door in &self.doors().clients {
            door.set(how);
        }
    }

    /// Which server leads the whole: places streams and takes changes of them. What most servers say.
    pub(crate) async fn leader(&self) -> usize {
        self.agreed("the cluster", None).await
    }

    /// Which server leads a stream: most servers say so, and it does itself.
    pub(crate) async fn leader_of(&self, stream: &str) -> usize {
        self.agreed(stream, Some(stream)).await
    }

    /// Waits until every server that runs serves and has caught up with a leader.
    pub(crate) async fn ready(&self) {
        until("every server is healthy", async || {
            for index in self.running() {
                if !monitor::healthy(&self.monitoring(index)).await {
                    return false;
                }
            }
            true
        })
        .await;
        if self.len() > 1 {
            self.leader().await;
        }
    }

    async fn launch(&mut self, index: usize) {
        self.nodes[index].start();
        until("a server opens its ports", async || {
            self.nodes[index].look()
        })
        .await;
        let ports = self.nodes[index].ports();
        if let Some(doors) = &self.doors {
            doors.clients[index].lead_to(ports.clients);
            for from in &doors.routes {
                if let (Some(door), Some(routes)) = (&from[index], ports.routes) {
                    door.lead_to(routes);
                }
            }
        }
    }

    /// Whom most of those that must agree name, and who says so itself: one that was cut off may still think that it
    /// leads.
    async fn agreed(&self, what: &str, stream: Option<&str>) -> usize {
        let mut found = 0;
        until(&format!("{what} has a leader"), async || {
            let mut votes = vec![0; self.len()];
            let mut own = vec![false; self.len()];
            let mut holders = self.len();
            for index in self.running() {
                let url = self.monitoring(index);
                let said = match stream {
                    None => monitor::leader(&url).await,
                    Some(stream) => monitor::leader_of(&url, stream).await.map(|(name, many)| {
                        holders = many;
                        name
                    }),
                };
                let named = (0..self.len()).find(|at| said.as_ref() == Some(&setup::name(*at)));
                if let Some(named) = named {
                    votes[named] += 1;
                    own[index] |= named == index;
                }
            }
            let most = (0..self.len()).find(|at| votes[*at] > holders / 2 && own[*at]);
            found = most.unwrap_or(found);
            most.is_some()
        })
        .await;
        found
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(|index| self.process(*index).is_some())
    }

    /// Closes or silences only the ways between a server and the others: its clients still see it.
    pub(crate) fn cut_routes(&self, index: usize, how: Passage) {
        self.set_routes(index, how);
    }

    fn set(&self, index: usize, passage: Passage) {
        self.doors().clients[index].set(passage);
        self.set_routes(index, passage);
    }

    fn set_routes(&self, index: usize, passage: Passage) {
        let doors = self.doors();
        for (from, ways) in doors.routes.iter().enumerate() {
            for (to, way) in ways.iter().enumerate() {
                if let Some(door) = way.as_ref().filter(|_| from == index || to == index) {
                    door.set(passage);
                }
            }
        }
    }

    fn doors(&self) -> &Doors {
        let doors = self.doors.as_ref();
        doors.expect("these servers were started without doors")
    }

    fn scheme(&self) -> &'static str {
        match self.setup.encryption {
            Encryption::None => "nats",
            Encryption::Tls | Encryption::Mutual => "tls",
        }
    }
}

impl Doors {
    async fn open(servers: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut clients = Vec::new();
        let mut routes = Vec::new();
        for from in 0..servers {
            clients.push(Door::open(runtime.handle()).await);
            let mut ways = Vec::new();
            for to in 0..servers {
                ways.push(if from == to {
                    None
                } else {
                    Some(Door::open(runtime.handle()).await)
                });
            }
            routes.push(ways);
        }
        Self {
            clients,
            routes,
            runtime: Some(runtime),
        }
    }

    /// Servers take any port; they are known by their doors.
    fn places(&self) -> Vec<Place> {
        let clients = self.clients.iter().enumerate();
        clients
            .map(|(index, client)| Place {
                index,
                clients: None,
                routes: None,
                known_as: Some(client.address()),
                others: self.routes[index]
                    .iter()
                    .flatten()
                    .map(Door::address)
                    .collect(),
            })
            .collect()
    }
}

/// Places without doors, on ports that were free a moment ago.
async fn reserved(servers: usize) -> Vec<Place> {
    let mut held = Vec::new();
    for _ in 0..servers * 2 {
        held.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<SocketAddr> = held.iter().map(|it| it.local_addr().unwrap()).collect();
    let (clients, routes) = ports.split_at(servers);
    (0..servers)
        .map(|index| Place {
            index,
            clients: Some(clients[index]),
            routes: Some(routes[index]),
            known_as: None,
            others: (0..servers)
                .filter(|other| *other != index)
                .map(|other| routes[other])
                .collect(),
        })
        .collect()
}

/// Waits until something holds; says what, when it does not come to be.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    assert!(
        timeout(DEADLINE, waiting).await.is_ok(),
        "not in time: {what}"
    );
}
