//! Rights within a chat: what each role may do there.

use relay::vocabulary::{ChatKind, ChatRole};

/// What someone in a chat wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Write lines, change own ones, react.
    Write,
    /// Ask others in.
    AskIn,
    /// Leave.
    Leave,
    /// Remove someone of this role, or take a request back.
    Remove(ChatRole),
    /// Erase what someone else wrote.
    EraseOthers,
    /// Name it, give it a picture.
    Describe,
    /// Pin a line.
    Pin,
    /// Say how long lines are kept.
    Retain,
    /// Give someone another role.
    SetRole,
}

/// Whether someone with this role may do that in a chat of this kind.
pub fn may(kind: ChatKind, role: ChatRole, act: Act) -> bool {
    if kind == ChatKind::Direct {
        // Two are equal, and neither can take the chat from the other.
        return matches!(act, Act::Write | Act::Pin | Act::Retain);
    }
    match act {
        Act::Write | Act::AskIn | Act::Leave => true,
        Act::Remove(whom) => role > whom && role >= ChatRole::Moderator,
        Act::EraseOthers | Act::Describe | Act::Pin | Act::Retain => role >= ChatRole::Moderator,
        Act::SetRole => role == ChatRole::Owner,
    }
}

/// What to tell someone who may not.
pub fn refusal(kind: ChatKind, act: Act) -> &'static str {
    match (kind, act) {
        (ChatKind::Direct, Act::Leave | Act::Remove(_)) => "nobody leaves a direct chat: decline or ignore it instead",
        (ChatKind::Direct, Act::AskIn) => "a direct chat is of two: open a group chat with everyone",
        (ChatKind::Direct, Act::EraseOthers) => "only what you wrote yourself can be changed or deleted by you",
        (ChatKind::Direct, _) => "this can be done in a group chat only",
        (_, Act::SetRole) => "only the chat's owner gives roles",
        (_, Act::Remove(_)) => "only the owner and the moderators remove members, and nobody removes the owner",
        (_, Act::EraseOthers) => "what others wrote is deleted by moderators only",
        _ => "only the chat's owner and its moderators may do that",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_rights() {
        use ChatRole::{Member, Moderator, Owner};
        // Act, direct, and in a group as member, moderator, owner.
        let table = [
            (Act::Write, [true, true, true, true]),
            (Act::AskIn, [false, true, true, true]),
            (Act::Leave, [false, true, true, true]),
            (Act::Remove(Member), [false, false, true, true]),
            (Act::Remove(Moderator), [false, false, false, true]),
            (Act::Remove(Owner), [false, false, false, false]),
            (Act::EraseOthers, [false, false, true, true]),
            (Act::Describe, [false, false, true, true]),
            (Act::Pin, [true, false, true, true]),
            (Act::Retain, [true, false, true, true]),
            (Act::SetRole, [false, false, false, true]),
        ];
        for (act, wanted) in table {
            let found = [
                may(ChatKind::Direct, Owner, act),
                may(ChatKind::Group, Member, act),
                may(ChatKind::Group, Moderator, act),
                may(ChatKind::Group, Owner, act),
            ];
            assert_eq!(found, wanted, "{act:?}");
            assert!(refusal(ChatKind::Group, act).len() > 20 && refusal(ChatKind::Direct, act).len() > 20);
        }
    }
}
