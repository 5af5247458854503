//! What can lie over a screen: one of these at a time has the keys, the topmost.

use crate::console::{
    keymap::Context,
    state::{
        comparing::over::Over, drilling::Drilling, field::Field, list::List, palette::Palette,
        past::Past, plan::Form, probing::Probing, verbs::Offer,
    },
};

/// What lies over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// A plan.
    Plan(Box<Form>),
    /// One event, by its number; scrolled by so many lines.
    Event(u64, usize),
    /// One audit record, by its sequence; scrolled by so many lines.
    Record(u64, usize),
    /// Help for what is below.
    Help(Helping),
    /// Everything that was said; scrolled by so many lines.
    Messages(usize),
    /// Every action for the selection.
    Actions(Menu),
    /// A drill.
    Drill(Box<Drilling>),
    /// A live probe.
    Probe(Box<Probing>),
    /// Something that lies over a comparison.
    Comparing(Over),
    /// A past review, read again.
    Past(Box<Past>),
    /// A command is being typed.
    Palette(Palette),
    /// A filter is being typed; what was filtered before.
    Filter(Field, String),
}

/// The help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Helping {
    /// By so many lines it is scrolled.
    pub scroll: usize,
    /// Only what holds this is shown.
    pub filter: String,
}

/// The list of actions for one thing.
#[derive(Debug)]
pub struct Menu {
    /// The thing.
    pub target: String,
    /// What can be done, and what cannot.
    pub offers: Vec<Offer>,
    /// The cursor.
    pub list: List<usize>,
    /// Only what holds this is shown.
    pub filter: String,
}

impl Menu {
    /// The places of the offers that are shown.
    #[must_use]
    pub fn rows(&self) -> Vec<usize> {
        let wanted = self.filter.trim().to_lowercase();
        let shown = |offer: &Offer| {
            let label = offer.action.entry().map_or("", |entry| entry.label);
            label.contains(&wanted) || offer.does.to_lowercase().contains(&wanted)
        };
        let offers = self.offers.iter().enumerate();
        offers
            .filter(|(_, offer)| shown(offer))
            .map(|(place, _)| place)
            .collect()
    }
}

impl Overlay {
    /// The plan, when it is one.
    pub(in crate::console) fn form(&self) -> Option<&Form> {
        if let Self::Plan(form) = self {
            Some(form)
        } else {
            None
        }
    }

    /// The same, to change it.
    pub(super) fn form_mut(&mut self) -> Option<&mut Form> {
        if let Self::Plan(form) = self {
            Some(form)
        } else {
            None
        }
    }

    /// Where keys go while it is on top.
    #[must_use]
    pub fn context(&self) -> Context {
        match self {
            Self::Plan(form) => form.context(),
            Self::Event(..) | Self::Messages(_) => Context::Popup,
            Self::Record(..) => Context::Record,
            Self::Help(_) => Context::Help,
            Self::Past(_) => Context::Past,
            Self::Actions(_) => Context::Menu,
            Self::Drill(_) => Context::Drill,
            Self::Probe(_) => Context::Probe,
            Self::Comparing(over) => over.context(),
            Self::Palette(_) => Context::Palette,
            Self::Filter(..) => Context::Filter,
        }
    }

    /// By how many lines a text that scrolls is scrolled, where that is all there is to it.
    pub(in crate::console) fn scroll_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Event(_, scroll) | Self::Record(_, scroll) | Self::Messages(scroll) => {
                Some(scroll)
            }
            Self::Help(helping) => Some(&mut helping.scroll),
            Self::Plan(form) => Some(&mut form.scroll),
            Self::Drill(drilling) => Some(&mut drilling.scroll),
            Self::Past(past) => Some(&mut past.scroll),
            Self::Comparing(Over::Verdicts(scroll)) => Some(scroll),
            Self::Actions(_)
            | Self::Probe(_)
            | Self::Comparing(_)
            | Self::Palette(_)
            | Self::Filter(..) => None,
        }
    }
}
