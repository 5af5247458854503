//! The decisions of a host that keeps a view of the fleet's log: what to do on every answer of the cluster.
//!
//! Pure, so that a simulation drives the very same code as the program: no waiting, no client library, no clock, no
//! chance of its own. Whoever drives it does what it says and tells it what came of that. Time is a `Duration` since
//! any fixed moment, by a clock that never goes back.
//!
//! - [`Write`]: one request to change the state. The log takes a fact only directly behind the one that its author
//!   has seen last (`after`), so a fact that was stored stands at `after + 1` or nowhere, for ever: that decides what
//!   became of one that nobody acknowledged.
//! - [`Follow`]: one reading of the log, message by message: what is new, what was there, what is missing, and
//!   whether it still is the log that the view was made of.
//! - [`Contact`]: whether what the view shows is all there is, proved by answers of more than half of the servers.
//! - [`due`] and [`trim`]: when the state is written down as a whole, and from where on the log is needed.
//!
//! The state itself is behind none of them: the program keeps it in SQLite, a simulation in a table in memory, both
//! changed by `rules` and by facts in their order.

mod contact;
mod follow;
mod house;
mod write;

pub(in crate::store) use self::{
    contact::{Answer, Contact, Standing},
    follow::{Arrival, Begin, Follow, Log},
    house::{Limits, due, trim},
    write::{End, Next, Seen, WorkedOut, Write},
};

#[cfg(test)]
mod tests;
