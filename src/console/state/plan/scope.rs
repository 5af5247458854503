//! On which gateways the change of a plan holds: a key walks through all of them, the regions and the hosts.

use super::Form;
use crate::model::Scope;

/// Which scope was asked for last, and which one to return to when that comes to nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Turned {
    before: Option<Scope>,
    asked: Option<Scope>,
}

impl Form {
    /// Where the change holds; `None`: where the one was that it undoes.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        self.command.scope()
    }

    /// The scope that the key leads to. `None`: there is no other one.
    #[must_use]
    pub fn next_scope<'a>(&'a self, scopes: &'a [Scope]) -> Option<&'a Scope> {
        let now = self.scope()?;
        let asked = self.turned.asked.as_ref().unwrap_or(now);
        let at = scopes.iter().position(|scope| scope == asked);
        let next = scopes.get(at.map_or(0, |at| at + 1)).or(scopes.first())?;
        (next != now).then_some(next)
    }

    /// Turns to another scope. Answers whether that is another plan now.
    pub fn turn_scope(&mut self, scopes: &[Scope]) -> bool {
        let Some(next) = self.next_scope(scopes).cloned() else {
            return false;
        };
        self.turned = Turned {
            before: self.scope().cloned(),
            asked: Some(next.clone()),
        };
        self.command = self.command.clone().within(next);
        true
    }

    /// There is nothing to plan in the scope that was turned to: back to the one before. Answers whether there was
    /// one.
    pub fn return_scope(&mut self) -> bool {
        let Some(before) = self.turned.before.take() else {
            return false;
        };
        self.command = self.command.clone().within(before);
        true
    }

    /// There is a plan for the scope.
    pub(super) fn settle_scope(&mut self) {
        self.turned.before = None;
        if self.turned.asked.as_ref() == self.command.scope() {
            self.turned.asked = None;
        }
    }
}
