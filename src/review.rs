//! Comparing two answers, as pure code: what differs, what a blind reviewer may not see, what the numbers say.
//!
//! Called by the console (compare and review screens), the CLI and the door. It must not do I/O, read a clock, or
//! make randomness of its own: the same answers compare the same everywhere, within a bound of work that is
//! counted and not timed. It knows nothing of a screen: no width, no colour, no keys.
//!
//! - [`compare()`] takes two [`Answer`](crate::model::Answer)s and gives a [`Comparison`]: sections by payload class,
//!   made of rows. Rows are numbered through all sections; [`Comparison::differences`] lists those to jump to,
//!   [`Comparison::mark`] says in a word what a row is, [`Comparison::text`] gives its text on one side, and
//!   [`Comparison::words`] marks words inside it, when asked.
//! - [`side_a`] shuffles the sides of a blind review from its seed; [`mask_answer`] hides by which names the two
//!   routes could be told ([`names_of`]).
//! - [`scores()`] says in numbers what the samples of a review say, each with sample size and interval; [`variance()`]
//!   and [`contrast`] say how much of a difference is noise.
//! - [`words()`] and [`similarity`] do the same for any two texts.
//! - [`standing()`] says what the recorded verdicts of people allow, for the prober and the overview.
#![deny(clippy::wildcard_enum_match_arm)]

mod align;
mod block;
mod calls;
mod code;
mod compare;
mod diff;
mod fields;
#[cfg(test)]
mod fixture;
mod interval;
mod lcs;
mod limit;
mod mask;
mod node;
mod prose;
mod rows;
mod scores;
mod shuffle;
mod standing;
mod token;
mod variance;
mod wording;
mod words;

pub use block::{Block, BlockKind};
pub use calls::{CallRow, VectorRow};
pub use code::{Code, Line, LineRow};
pub use compare::{Comparison, Section, compare};
pub use fields::{FieldRow, FieldValue, Fields};
pub use interval::{Interval, Mean, Share, Spread};
pub use mask::{Masked, MaskedName, mask, mask_answer, names_of};
pub use node::JsonKind;
pub use prose::ProseRow;
pub use rows::{Mark, Nuance, Side};
pub use scores::{Both, Scores, scores};
pub use shuffle::side_a;
pub use standing::{changes, standing, standings};
pub use variance::{Apart, CheckRuns, Contrast, Variance, contrast, variance};
pub use wording::similarity;
pub use words::{Grain, Span, SpanKind, Words, words};
