//! Frames: when one is due, how it is drawn, and what happens to them when somebody else has had the terminal.

use std::io;

use tokio::time::Instant;

use super::Console;
use crate::console::{msg::Msg, view};

impl Console {
    /// The next frame is a whole one.
    pub(super) fn repaint(&mut self) {
        self.canvas.clear();
        self.app.dirty = true;
        self.urgent = true;
    }

    /// Reads keys from now on.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        self.input = Some((self.tty.input)()?);
        Ok(())
    }

    /// The terminal may have been somebody else's, and may have another size.
    pub(super) fn come_back(&mut self) -> io::Result<()> {
        self.tty.screen.take_again()?;
        let (columns, rows) = (self.tty.size)();
        self.canvas.forget();
        self.pace.forget();
        self.resized(columns, rows);
        Ok(())
    }

    /// The terminal has, or had for a while, another size: what it showed may be gone even when the size is the
    /// same as before, because signals that come together are one.
    pub(super) fn resized(&mut self, columns: u16, rows: u16) {
        self.canvas.resize(columns, rows);
        self.take_in(Msg::Resize(columns, rows));
        self.repaint();
    }

    pub(super) fn wants_frame(&self) -> bool {
        (self.app.dirty || self.tty.screen.has_aside()) && self.tty.screen.is_ready()
    }

    pub(super) fn is_due(&self) -> bool {
        self.wants_frame() && (self.urgent || self.pace.next() <= Instant::now())
    }

    /// When a frame that is wanted but not due will be.
    pub(super) fn draw_at(&self) -> Option<Instant> {
        self.wants_frame().then(|| self.pace.next())
    }

    pub(super) fn draw(&mut self) -> io::Result<()> {
        let (app, look) = (&self.app, &self.look);
        self.canvas
            .draw(|buffer| view::draw(app, &look.theme, &look.glyphs, buffer));
        self.app.dirty = false;
        self.urgent = false;
        let canvas = &mut self.canvas;
        if self.tty.screen.send(|frame| canvas.take(frame))? {
            let taken = self.tty.screen.is_ready();
            self.pace.sent(Instant::now(), taken);
            self.feel();
        }
        Ok(())
    }

    /// The view is told how much the line to the terminal carries.
    pub(super) fn feel(&mut self) {
        let speed = self.pace.speed();
        if self.app.link.speed() != speed {
            self.take_in(Msg::Link(speed));
        }
    }
}
