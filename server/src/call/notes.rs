//! What a call leaves behind in its chat, in words.

use relay::vocabulary::Notice;

/// The line for those who do not know the notice's kind, in English.
pub(super) fn text(notice: &Notice) -> String {
    match notice {
        Notice::MissedCall { .. } => "Missed call".to_owned(),
        Notice::CallEnded { duration_ms, .. } => {
            let seconds = duration_ms / 1000;
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            if hours > 0 {
                format!("Call ended after {hours}:{minutes:02}:{seconds:02}")
            } else {
                format!("Call ended after {minutes}:{seconds:02}")
            }
        }
        Notice::Unknown => String::new(),
    }
}

/// The key under which the notice is written once.
pub(super) fn key(notice: &Notice) -> String {
    match notice {
        Notice::MissedCall { call } | Notice::CallEnded { call, .. } => format!("call-{call}"),
        Notice::Unknown => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        let after = |duration_ms| text(&Notice::CallEnded { call: 1, duration_ms });
        assert_eq!(after(61_999), "Call ended after 1:01");
        assert_eq!(after(3_600_000), "Call ended after 1:00:00");
    }
}
