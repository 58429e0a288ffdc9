//! What the server writes into a chat, in words for those who do not know the notice's kind.

use relay::vocabulary::{Member, Notice};

/// The notice in English.
pub fn text(notice: &Notice) -> String {
    let names = |who: &[Member]| who.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ");
    match notice {
        Notice::MissedCall { .. } => "Missed call".to_owned(),
        Notice::CallEnded { duration_ms, .. } => format!("Call ended after {}", clock(*duration_ms)),
        Notice::Opened => "Opened the chat".to_owned(),
        Notice::Invited { who } => format!("Asked in: {}", names(who)),
        Notice::Joined => "Joined".to_owned(),
        Notice::Left => "Left".to_owned(),
        Notice::Removed { who } => format!("Removed {}", who.name),
        Notice::Role { who, role } => format!("{} is now {}", who.name, role.word()),
        Notice::Named { name } if name.is_empty() => "Took the chat's name away".to_owned(),
        Notice::Named { name } => format!("Named the chat {name}"),
        Notice::Picture { file: Some(_) } => "Gave the chat another picture".to_owned(),
        Notice::Picture { file: None } => "Took the chat's picture away".to_owned(),
        Notice::Retention { ms: Some(ms) } => format!("Lines are kept for {} from now on", span(*ms)),
        Notice::Retention { ms: None } => "Lines are kept for ever from now on".to_owned(),
        Notice::Unknown => String::new(),
    }
}

fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn span(ms: u64) -> String {
    let (days, hours, minutes) = (ms / 86_400_000, ms / 3_600_000 % 24, ms / 60_000 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        let after = |duration_ms| text(&Notice::CallEnded { call: 1, duration_ms });
        assert_eq!(after(61_999), "Call ended after 1:01");
        assert_eq!(after(3_600_000), "Call ended after 1:00:00");
        let kept = |ms| text(&Notice::Retention { ms: Some(ms) });
        assert_eq!(kept(90_000_000), "Lines are kept for 1 d 1 h from now on");
        assert_eq!(kept(60_000), "Lines are kept for 1 min from now on");
    }
}
