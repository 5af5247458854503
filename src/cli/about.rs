//! Completions and manual pages, made from the same table as `--help`, and what a service manager reads.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{
    args::{Args, Service},
    error::CliError,
    exit::{EXIT_CODES, Exit},
    output,
};

/// The gateway as a service of systemd.
const GATEWAY: &str = include_str!("about/backstop.service");
/// A server of the cluster that keeps the state of many gateways.
const NATS_SERVER: &str = include_str!("about/nats-server.conf");
/// Both on Kubernetes.
const KUBERNETES: &str = include_str!("about/kubernetes.yaml");

/// Prints what runs something as a service.
pub(super) fn unit(of: Service) -> Result<Exit, CliError> {
    let text = match of {
        Service::Gateway => GATEWAY,
        Service::NatsServer => NATS_SERVER,
        Service::Kubernetes => KUBERNETES,
    };
    output::raw(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Prints the completions of one shell.
pub(super) fn completions(shell: Shell) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "backstop", &mut script);
    output::raw(&script)?;
    Ok(Exit::Done)
}

/// Prints the manual page of the program or of one command.
pub(super) fn manual(name: Option<&str>) -> Result<Exit, CliError> {
    let mut whole = Args::command();
    whole.build();
    let command = match name {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| CliError::Usage(format!("there is no command `{name}`")))?
            .version(env!("CARGO_PKG_VERSION")),
    };
    // The exit codes are laid out for a terminal; roff would fill their lines.
    let page = clap_mangen::Man::new(command.after_help(""));
    let mut text = Vec::new();
    page.render(&mut text)?;
    text.extend_from_slice(b".SH \"EXIT STATUS\"\n.nf\n");
    for line in EXIT_CODES.lines().skip(1) {
        text.extend_from_slice(line.replace('-', "\\-").as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b".fi\n");
    output::raw(&text)?;
    Ok(Exit::Done)
}
