//! The roll of a chat: who belongs to it, how they stand to it, who may read it, and what each sees of it.

use crate::identity::AccountId;
use relay::vocabulary::{
    Chat, ChatId, ChatKind, ChatMember, ChatRequest, ChatRole, MEMBERS_SHOWN, Marks, Member, Standing,
};

/// What the database knows of a chat, but for its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// Of two or of many.
    pub kind: ChatKind,
    /// The group's name.
    pub name: String,
    /// The file that is the group's picture.
    pub picture: Option<String>,
    /// How long lines are kept, in milliseconds.
    pub retention_ms: Option<u64>,
    /// Up to this sequence, lines have been forgotten.
    pub expired: u64,
    /// Everyone who belongs to it in some way, by number.
    pub people: Vec<Person>,
}

/// One person of a roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub member: Member,
    /// What they may do.
    pub role: ChatRole,
    /// Whether they are in it.
    pub standing: Standing,
    /// They may read what comes after this sequence.
    pub since: u64,
    /// How far they have come.
    pub marks: Marks,
    /// Who asked them, and with which words.
    pub request: Option<ChatRequest>,
}

impl Roll {
    /// The person of that number.
    pub fn person(&self, account: AccountId) -> Option<&Person> {
        let at = self.people.binary_search_by_key(&account, |person| person.member.id).ok()?;
        self.people.get(at)
    }

    /// Whoever may read the chat: those in it; in a direct chat also the one who was asked, before answering.
    pub fn reader(&self, account: AccountId) -> Option<&Person> {
        let reads = |person: &&Person| match self.kind {
            ChatKind::Direct => person.standing != Standing::Declined,
            _ => person.standing == Standing::Joined,
        };
        self.person(account).filter(reads)
    }

    /// Whether this account is in it.
    pub fn has(&self, account: AccountId) -> bool {
        self.person(account).is_some_and(|person| person.standing == Standing::Joined)
    }

    /// Those in it.
    pub fn joined(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| person.standing == Standing::Joined)
    }

    /// Those who hear of what happens in it: those in it, and in a direct chat the one who has not answered yet.
    pub fn listeners(&self) -> impl Iterator<Item = &Person> {
        let direct = self.kind == ChatKind::Direct;
        let hears = move |person: &&Person| match person.standing {
            Standing::Joined => true,
            Standing::Requested => direct,
            _ => false,
        };
        self.people.iter().filter(hears)
    }

    /// The sequence after which `person` may read.
    pub fn since(&self, person: &Person) -> u64 {
        person.since.max(self.expired)
    }

    /// The chat as `account` sees it, without a count of what is unread; `None` if it does not belong to it.
    pub fn view(&self, id: ChatId, latest: u64, account: AccountId) -> Option<Chat> {
        let own = self.person(account)?;
        let (log, signals) = (super::track_of(id), super::signals_of(id));
        Some(Chat {
            id,
            track: log.0,
            signals: signals.0,
            kind: self.kind,
            name: self.name.clone(),
            picture: self.picture.clone(),
            members: self.shown(own),
            joined: u32::try_from(self.joined().count()).unwrap_or(u32::MAX),
            standing: own.standing,
            role: own.role,
            request: own.request.clone().filter(|_| own.standing != Standing::Joined),
            since: self.since(own),
            latest,
            read: own.marks.read,
            unread: 0,
            retention_ms: self.retention_ms,
        })
    }

    /// Everyone as others see them.
    pub fn members(&self) -> Vec<ChatMember> {
        self.people.iter().filter(|person| self.belongs(person)).map(Person::seen).collect()
    }

    /// A few of them: the one who looks, then those with the most to say.
    fn shown(&self, own: &Person) -> Vec<ChatMember> {
        // Who was only asked learns who asks, and nothing of the others.
        if self.kind == ChatKind::Group && own.standing != Standing::Joined {
            let asker = own.request.as_ref().and_then(|request| self.person(request.from.id));
            return asker.into_iter().chain([own]).map(Person::seen).collect();
        }
        let mut shown: Vec<&Person> = self.people.iter().filter(|person| self.belongs(person)).collect();
        shown.sort_by_key(|person| {
            let leads = std::cmp::Reverse(person.role);
            (person.member.id != own.member.id, leads, person.standing != Standing::Joined)
        });
        shown.truncate(MEMBERS_SHOWN);
        // As they always were: by number.
        shown.sort_by_key(|person| person.member.id);
        shown.into_iter().map(Person::seen).collect()
    }

    fn belongs(&self, person: &Person) -> bool {
        self.kind == ChatKind::Direct || person.standing != Standing::Declined
    }
}

impl Person {
    /// The person as others see them: nobody learns of being ignored.
    fn seen(&self) -> ChatMember {
        let standing = if self.standing == Standing::Ignored { Standing::Requested } else { self.standing };
        ChatMember { id: self.member.id, name: self.member.name.clone(), role: self.role, standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: u64, role: ChatRole, standing: Standing) -> Person {
        let member = Member { id, name: format!("p{id}") };
        let request = ChatRequest { from: Member { id: 1, name: "p1".into() }, text: "hi".into(), at: 5 };
        let marks = Marks { account: id, ..Marks::default() };
        Person { member, role, standing, since: 0, marks, request: Some(request) }
    }

    fn roll(kind: ChatKind, standings: &[Standing]) -> Roll {
        let role = |at| if at == 0 { ChatRole::Owner } else { ChatRole::Member };
        let people =
            standings.iter().enumerate().map(|(at, standing)| person(at as u64 + 1, role(at), *standing)).collect();
        Roll { kind, people, ..Roll::default() }
    }

    #[test]
    fn only_those_in_a_group_read_it_and_a_direct_chat_is_read_before_the_answer() {
        use Standing::{Declined, Ignored, Joined, Requested};
        let group = roll(ChatKind::Group, &[Joined, Requested, Ignored, Declined]);
        let readers = |roll: &Roll| (1..=4).map(|id| roll.reader(id).is_some()).collect::<Vec<_>>();
        assert_eq!(readers(&group), [true, false, false, false]);
        let direct = roll(ChatKind::Direct, &[Joined, Requested, Ignored, Declined]);
        assert_eq!(readers(&direct), [true, true, true, false]);
        assert_eq!(group.listeners().count(), 1);
        assert_eq!(direct.listeners().count(), 2);
        assert!(group.reader(9).is_none());
    }

    #[test]
    fn nobody_learns_of_being_ignored_and_who_is_asked_learns_only_who_asks() {
        use Standing::{Ignored, Joined, Requested};
        let group = roll(ChatKind::Group, &[Joined, Joined, Ignored, Requested]);
        let seen = group.view(1, 0, 2).unwrap();
        let standings: Vec<_> = seen.members.iter().map(|member| (member.id, member.standing)).collect();
        assert_eq!(standings, [(1, Joined), (2, Joined), (3, Requested), (4, Requested)]);
        assert_eq!((seen.joined, seen.request), (2, None));
        let asked = group.view(1, 0, 4).unwrap();
        assert_eq!(asked.members.iter().map(|member| member.id).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(asked.request.unwrap().text, "hi");
        assert_eq!(group.view(1, 0, 3).unwrap().standing, Ignored, "they themselves know");
    }

    #[test]
    fn a_large_group_shows_its_owner_and_the_one_who_looks() {
        let mut group = roll(ChatKind::Group, &[Standing::Joined; 100]);
        group.people[0].role = ChatRole::Member;
        group.people[80].role = ChatRole::Owner;
        let seen = group.view(1, 0, 60).unwrap();
        assert_eq!((seen.members.len(), seen.joined), (MEMBERS_SHOWN, 100));
        assert!(seen.members.iter().any(|member| member.id == 60) && seen.members.iter().any(|member| member.id == 81));
        assert_eq!(group.members().len(), 100);
    }
}
