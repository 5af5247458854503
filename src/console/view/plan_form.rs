//! What the operator gives with a plan: reason, ticket, end, name; and what is still missing, in words.

use unicode_width::UnicodeWidthStr;

use super::{
    menu,
    pen::{Line, paragraph, wrap},
    plan::flow,
    words,
};
use crate::{
    console::{
        action::Action,
        app::App,
        state::{
            field::Field,
            plan::{Focus, Form, Stage, short},
        },
        theme::Role,
    },
    control::{self, Mode, NOTE_LETTERS, TYPED_LETTERS},
    model::{Plan, ReasonCode, RiskTier},
};

/// Every line of the form.
pub(super) fn lines(app: &App, form: &Form, width: u16) -> Vec<Line> {
    let wide = usize::from(width.saturating_sub(1));
    let mut lines = match (app.setup.mode, form.plan()) {
        (_, Some(plan)) if plan.refusal().is_some() => refused(plan, wide),
        (Mode::Observe, _) => observe(form, wide),
        (Mode::Write, plan) => {
            let mut lines = if form.typed() {
                given(form, wide)
            } else {
                Vec::new()
            };
            lines.extend(place(app, form));
            lines.push(ends(app, form, wide));
            lines.extend(confirmation(app, form, plan, wide));
            lines
        }
    };
    // As long as it is so: what is typed does not take it away.
    if let Some(rival) = app.rival().filter(|_| app.setup.mode == Mode::Write) {
        let text = words::rival(app, rival);
        lines.extend(paragraph(
            Role::Warning,
            " ! ",
            &app.setup.keymap.keyed(&text),
            wide,
        ));
    }
    if let Some(remark) = &form.remark {
        lines.extend(paragraph(
            Role::Warning,
            " ! ",
            &words::safe(&app.setup.keymap.keyed(remark)),
            wide,
        ));
    }
    lines
}

/// Nothing here can override it.
fn refused(plan: &Plan, wide: usize) -> Vec<Line> {
    let why = plan.refusal().map_or("", |check| check.why.as_str());
    paragraph(
        Role::Error,
        " x ",
        &format!(
            "refused, and nothing here can override it: {}",
            words::safe(why)
        ),
        wide,
    )
}

/// This session may not; another one may.
fn observe(form: &Form, wide: usize) -> Vec<Line> {
    let mut lines = paragraph(
        Role::Warning,
        " ! ",
        "OBSERVE: this session can look at the plan, not apply it. In one that may write:",
        wide,
    );
    lines.extend(
        wrap(&words::safe(&form.command_line()), wide.saturating_sub(3))
            .into_iter()
            .map(|line| Line::of(Role::Text, format!("   {line}"))),
    );
    lines
}

/// Reason, ticket and note.
fn given(form: &Form, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let choices: Vec<String> = ReasonCode::CHOICES
        .iter()
        .zip(1..)
        .map(|(code, digit)| {
            if form.reason == Some(*code) {
                format!("[{digit} {code}]")
            } else {
                format!(" {digit} {code} ")
            }
        })
        .collect();
    let chosen = form.reason.map(ReasonCode::as_str);
    for (index, text) in flow(&choices, wide.saturating_sub(8), " ")
        .into_iter()
        .enumerate()
    {
        let label = if index == 0 { " reason" } else { "" };
        lines.push(reason_line(label, &text, chosen));
    }
    let glass = form
        .plan()
        .is_some_and(|plan| plan.tier == RiskTier::BreakGlass);
    let asked = glass || form.reason == Some(ReasonCode::Other);
    if asked || !form.note.is_empty() || form.focus == Focus::Note {
        let hint = if glass {
            format!("  (in words, {NOTE_LETTERS} letters or more)")
        } else {
            "  (in words)".to_owned()
        };
        lines.push(field(
            "why",
            &form.note,
            form.focus == Focus::Note,
            &hint,
            wide,
        ));
    }
    if !form.ticket.is_empty() || form.focus == Focus::Ticket {
        let hint = "  (may be left out)";
        lines.push(field(
            "ticket",
            &form.ticket,
            form.focus == Focus::Ticket,
            hint,
            wide,
        ));
    }
    lines
}

/// The reasons, the chosen one marked by brackets and by its role.
fn reason_line(label: &str, text: &str, chosen: Option<&str>) -> Line {
    let line = Line::of(Role::Heading, format!("{label:<8}"));
    let marked = chosen.and_then(|_| Some((text.find('[')?, text.find(']')?)));
    match marked {
        Some((from, to)) => {
            let (before, rest) = text.split_at(from);
            let (inside, after) = rest.split_at(to + 1 - from);
            line.and(Role::Text, before)
                .and(Role::Match, inside)
                .and(Role::Text, after)
        }
        None => line.and(Role::Text, text),
    }
}

/// On which gateways it holds, and the key for others; not told where there is one gateway and nothing to choose.
fn place(app: &App, form: &Form) -> Option<Line> {
    let overview = app.overview()?;
    let scope = form.scope()?;
    if scope.is_all() && overview.alive().count() < 2 {
        return None;
    }
    let line = Line::of(Role::Heading, " where  ").and(
        if scope.is_all() {
            Role::Text
        } else {
            Role::Warning
        },
        format!(" {}", words::safe(&scope.words())),
    );
    let scopes = control::scopes(&overview.sites());
    let Some(next) = form.next_scope(&scopes) else {
        return Some(line);
    };
    Some(
        line.and(Role::Text, "   ")
            .and(Role::Key, app.setup.keymap.shown(Action::Scope))
            .and(Role::Text, format!(" {}", words::safe(&next.words()))),
    )
}

/// When it returns, and the keys for sooner and later.
fn ends(app: &App, form: &Form, wide: usize) -> Line {
    let keys = |action| app.setup.keymap.shown(action);
    let line = Line::of(Role::Heading, " ends   ");
    let Some(lasting) = form.lasting() else {
        let text = match form.plan().and_then(|plan| plan.expires) {
            Some(expires) => format!(" by itself at {}", words::until(app, expires)),
            None => " it does not end by itself".to_owned(),
        };
        return line.and(Role::Text, text);
    };
    let at = form
        .plan()
        .and_then(|plan| plan.expires)
        .map_or_else(String::new, |expires| {
            format!(", at {}", words::until(app, expires))
        });
    let line = line
        .and(
            Role::Text,
            format!(" by itself in {}{at}   ", short(lasting)),
        )
        .and(Role::Key, keys(Action::Shorter))
        .and(Role::Text, " sooner  ")
        .and(Role::Key, keys(Action::Longer))
        .and(Role::Text, " later");
    let hint = " ticket, note";
    let key = keys(Action::NextField);
    if form.typed() && line.width() + 3 + key.width() + hint.width() <= wide {
        line.and(Role::Text, "   ")
            .and(Role::Key, key)
            .and(Role::Text, hint)
    } else {
        line
    }
}

/// What makes it happen.
fn confirmation(app: &App, form: &Form, plan: Option<&Plan>, wide: usize) -> Vec<Line> {
    match &form.stage {
        Stage::Applying(_) => {
            return vec![Line::of(Role::Info, " applying ... the gateways are told")];
        }
        Stage::Planning(_) | Stage::Ready(_) => {}
    }
    if !form.typed() {
        if plan.is_none() {
            return vec![Line::of(Role::Muted, " planning ...")];
        }
        return one_key(app, form, wide);
    }
    let target = form.target();
    let whole = plan.is_some_and(|plan| plan.tier == RiskTier::BreakGlass);
    let typed = form.name.text();
    let needed = target.map_or(TYPED_LETTERS, |target| {
        let letters = target.chars().count();
        if whole {
            letters
        } else {
            letters.min(TYPED_LETTERS)
        }
    });
    let right = target.is_none_or(|target| target.starts_with(typed));
    let enough = typed.chars().count() >= needed;
    let role = match (right, enough) {
        (false, _) => Role::Error,
        (true, true) => Role::Success,
        (true, false) => Role::Text,
    };
    let name = target.unwrap_or("the name of its target").to_owned();
    let ask = if whole {
        format!(" To break the glass, type {name} in full: ")
    } else {
        format!(" To confirm, type {name} ({needed}+ letters): ")
    };
    let state = if typed.is_empty() {
        app.setup.keymap.keyed("then <key:apply>").into_owned()
    } else if !right {
        "not the beginning of it".to_owned()
    } else if !enough {
        format!("{} of {needed}", typed.chars().count())
    } else if form.reason.is_none() {
        "now a reason digit".to_owned()
    } else {
        app.setup.keymap.keyed("<key:apply> applies").into_owned()
    };
    let ask = words::safe(&ask).into_owned();
    let focused = form.focus == Focus::Name;
    let state_role = if right { Role::Muted } else { Role::Error };
    let behind = Line::of(state_role, format!("   {state}"));
    let lead = Line::of(Role::Text, ask.clone());
    let short = lead.width() + typed.width() + behind.width() < wide;
    let mut lines = if short {
        vec![lead]
    } else {
        let mut lines = paragraph(Role::Text, " ", ask.trim(), wide);
        lines.push(Line::of(Role::Text, "   "));
        lines
    };
    if let Some(last) = lines.last_mut() {
        let room = wide.saturating_sub(last.width() + behind.width());
        last.0
            .extend(menu::typed(&form.name, focused, role, room).0);
        last.0.extend(behind.0);
    }
    lines
}

/// The key that applies a plan of the lowest tier.
fn one_key(app: &App, form: &Form, wide: usize) -> Vec<Line> {
    let shown = |action| app.setup.keymap.shown(action);
    let (yes, no) = (shown(Action::Confirm), shown(Action::Back));
    let title = words::safe(&form.title()).into_owned();
    let keys = |title: &str| {
        Line::of(Role::Text, " ")
            .and(Role::Key, yes.clone())
            .and(Role::Text, format!(" apply{title}  "))
            .and(Role::Key, no.clone())
            .and(Role::Text, " leave")
    };
    let line = keys(&format!(": {title}"));
    if line.width() <= wide {
        return vec![line];
    }
    let mut lines = paragraph(Role::Text, " ", &title, wide);
    lines.push(keys(""));
    lines
}

/// A labelled text field, with a hint as long as there is room for one.
fn field(label: &str, field: &Field, focused: bool, hint: &str, wide: usize) -> Line {
    let mut line = Line::of(Role::Heading, format!(" {label:<7} "));
    let room = wide.saturating_sub(line.width());
    line.0
        .extend(menu::typed(field, focused, Role::Text, room).0);
    if line.width() + hint.width() <= wide {
        line.and(Role::Muted, hint)
    } else {
        line
    }
}
