//! `audit`: lists it, checks its chain, hands it on to other systems.

use std::fmt::Write as _;

use super::{
    args::{AuditArgs, Export},
    error::CliError,
    exit::Exit,
    log,
    output::{self, Paint, Stream, Tone},
    session::Session,
    time,
};
use crate::{
    model::{AuditRecord, SealedRecord, Verb, visible},
    store::{AuditProof, StoreError},
};

/// Records read at once.
const PAGE: usize = 500;

/// Facility 13 of RFC 5424, "log audit".
const FACILITY: u8 = 13;

/// The name of our structured data. 32473 is the number that RFC 5612 keeps for documentation: we have none.
const STRUCTURE: &str = "backstop@32473";

/// Does one of the three.
pub(super) async fn run(session: &Session, args: AuditArgs) -> Result<Exit, CliError> {
    if args.verify {
        return verify(session, args).await;
    }
    match args.export {
        Some(format) => export(session, &args, format).await,
        None => log::audit(session, args).await,
    }
}

async fn verify(session: &Session, args: AuditArgs) -> Result<Exit, CliError> {
    let proof = session.store.prove_audit(args.anchor).await?;
    if args.json {
        output::json(&proof)?;
    } else {
        let paint = Paint::of(Stream::Out);
        for line in words(&proof, paint) {
            output::line(line)?;
        }
    }
    Ok(if proof.intact {
        Exit::Done
    } else {
        Exit::Reserved
    })
}

fn words(proof: &AuditProof, paint: Paint) -> Vec<String> {
    let count = match (proof.records, proof.first, proof.head) {
        (0, _, _) => "no record".to_owned(),
        (1, _, _) => "1 record".to_owned(),
        (records, Some(first), Some(head)) => {
            format!("{records} records, {first} to {}", head.sequence)
        }
        (records, _, _) => format!("{records} records"),
    };
    let (mark, tone, verdict) = if proof.intact {
        ("+", Tone::Good, "all as they were written".to_owned())
    } else {
        let findings = match proof.found {
            1 => "1 finding".to_owned(),
            found => format!("{found} findings"),
        };
        (
            "x",
            Tone::Bad,
            format!("NOT as they were written: {findings}"),
        )
    };
    let mut lines = vec![format!("{} {count}; {verdict}", paint.paint(tone, mark))];
    for finding in &proof.findings {
        let finding = finding.to_string();
        let mark = paint.paint(Tone::Bad, "x");
        lines.push(format!("  {mark} {}", visible(&finding, 400)));
    }
    let listed = proof.findings.len() as u64;
    if proof.found > listed {
        lines.push(format!("  and {} more", proof.found - listed));
    }
    if let Some(cut) = proof.cut {
        lines.push(format!(
            "  {} older ones, up to number {}, were removed by retention, last at {}",
            cut.records,
            cut.through.sequence,
            time::moment(cut.at)
        ));
    }
    if let Some(late) = proof.sealed_late {
        lines.push(format!(
            "  those up to number {} are older than the chain and were sealed at {}: what was done to them before \
             cannot be seen",
            late.through,
            time::moment(late.at)
        ));
    }
    if let Some(head) = proof.head {
        lines.push(format!("anchor {head}"));
    }
    lines
}

async fn export(session: &Session, args: &AuditArgs, format: Export) -> Result<Exit, CliError> {
    let store = &session.store;
    let since = args.since.map(|since| since.at(session.clock.now()));
    let (mut overrides, mut health) = (store.overrides(), store.health());
    let mut seen = args.after.unwrap_or(0);
    loop {
        let full = match store.sealed(seen, PAGE).await {
            Ok(page) => {
                for sealed in &page {
                    seen = seen.max(sealed.sequence());
                    let record = sealed.read();
                    let wanted = |record: &AuditRecord| {
                        since.is_none_or(|since| record.at >= since)
                            && (args.target.as_deref())
                                .is_none_or(|target| record.key.target() == target)
                    };
                    // One that cannot be read is handed on, too: somebody should look at it.
                    if record.as_ref().is_none_or(wanted) {
                        match format {
                            Export::Jsonl => output::json(sealed)?,
                            Export::Syslog => output::line(syslog(sealed, record.as_ref()))?,
                        }
                    }
                }
                page.len() == PAGE
            }
            Err(StoreError::Closed) => return Ok(Exit::Done),
            Err(error) if !args.follow => return Err(error.into()),
            // Nothing is lost: the next wake-up reads on from the same place.
            Err(error) => {
                output::talk(format_args!("! {}", visible(&error.to_string(), 400)));
                false
            }
        };
        if full {
            continue;
        }
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            changed = overrides.changed() => if changed.is_err() {
                return Ok(Exit::Done);
            },
            Ok(()) = health.changed() => {}
        }
    }
}

/// One record as a message of RFC 5424, in ASCII and on one line.
fn syslog(sealed: &SealedRecord, record: Option<&AuditRecord>) -> String {
    // Notice; a failed check that was overridden is a warning.
    let severity = if record.is_some_and(|record| record.break_glass) {
        4
    } else {
        5
    };
    let at = record.map_or_else(
        || "-".to_owned(),
        |record| record.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
    );
    let host: String = record.map_or_else(String::new, |record| {
        let host = record.actor.host.chars();
        host.filter(char::is_ascii_graphic).take(255).collect()
    });
    let host = if host.is_empty() { "-" } else { &host };
    let mut data = format!("[{STRUCTURE}");
    let mut add = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = write!(data, " {name}=\"{}\"", parameter(value));
    };
    add("sequence", &sealed.sequence().to_string());
    if let Some(record) = record {
        add("verb", record.verb.map_or("expired", Verb::as_str));
        add("key", &record.key.to_string());
        add("user", &record.actor.user);
        for (name, value) in [
            ("declared", &record.actor.declared),
            ("from", &record.actor.from),
            ("ticket", &record.ticket),
        ] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        add("via", &record.actor.via);
        add("reason", record.reason.as_str());
        add("revision", &record.revision.to_string());
    }
    add("previous", &sealed.previous.to_string());
    if let Some(seal) = sealed.seal {
        add("seal", &seal.to_string());
    }
    data.push(']');
    let priority = FACILITY * 8 + severity;
    let record = sealed.record.to_string();
    let text = output::ascii(&record);
    format!("<{priority}>1 {at} {host} backstop - audit {data} {text}")
}

/// A value of structured data: three characters are escaped, and what a terminal could obey is marked.
fn parameter(value: &str) -> String {
    let mut out = String::new();
    for character in visible(value, 200).chars() {
        if matches!(character, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(if character.is_ascii() { character } else { '?' });
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Seal;

    #[test]
    fn a_message_is_one_line_of_ascii() {
        let record = json!({
            "sequence": 7, "at": "2026-11-21T11:02:03.5Z",
            "actor": {"user": "ana", "declared": "A\"]\\\u{1b}[2J", "host": "h 1\n", "from": null, "via": "cli"},
            "verb": "force", "key": "mode/support-chat", "before": null, "after": {"mode": "force"},
            "expires": null, "reason": "5xx", "note": "\u{9b}2J \u{202e} \u{e9} \u{1f600}\nx", "ticket": null,
            "revision": 9, "plan": null, "undoes": null, "break_glass": true
        });
        let sealed = SealedRecord {
            previous: Seal::FIRST,
            seal: Some(Seal::FIRST.over(&record)),
            record,
        };
        let line = syslog(&sealed, sealed.read().as_ref());
        assert!(
            line.bytes().all(|byte| (b' '..0x7f).contains(&byte)),
            "{line}"
        );
        let (head, rest) = line.split_once(" [").unwrap();
        assert_eq!(
            head,
            "<108>1 2026-11-21T11:02:03.500000Z h1 backstop - audit"
        );
        assert!(
            rest.starts_with(
                "backstop@32473 sequence=\"7\" verb=\"force\" key=\"mode/support-chat\""
            )
        );
        assert!(rest.contains(r#"declared="A\"\]\\?[2J""#), "{rest}");
        // The text is the record itself: whoever gets it can check the seal.
        let (_, text) = line.split_once("] {").unwrap();
        let back: serde_json::Value = serde_json::from_str(&format!("{{{text}")).unwrap();
        assert_eq!(back, sealed.record);
    }
}
