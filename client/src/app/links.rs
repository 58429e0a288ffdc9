//! `komado://` links: an invitation, someone to chat with, someone to call.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use relay::vocabulary::ChatId;
use thiserror::Error;

use crate::http::ServerAddress;

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// An invitation, whole, as the sign-in takes it.
    Join(String),
    /// Someone's account, at a server.
    Chat { server: String, name: String },
    /// The same, with the wish to call. Nobody is called before the person says so.
    Call { server: String, name: String },
    /// A chat by its number, which only those in it can open.
    Room { server: String, chat: ChatId },
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this link leads nowhere: a link of Komado is komado://server/join/…, /chat/NAME, /call/NAME or /room/NUMBER")]
pub struct LinkError;

impl Link {
    /// Whether it leads to the server at this address.
    pub fn is_for(&self, address: &str) -> bool {
        let server = match self {
            Self::Join(_) => return false,
            Self::Chat { server, .. } | Self::Call { server, .. } | Self::Room { server, .. } => server,
        };
        // A link names no scheme: it is reached as the server is, at the port that is usual there unless it has one.
        let scheme = address.split_once("://").map_or("http", |(scheme, _)| scheme);
        let parsed = |text: String| text.to_ascii_lowercase().parse::<ServerAddress>().ok();
        let mine = parsed(address.to_owned());
        mine.is_some() && mine == parsed(format!("{scheme}://{server}"))
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let scheme = text.get(..9).ok_or(LinkError)?;
        if !scheme.eq_ignore_ascii_case("komado://") {
            return Err(LinkError);
        }
        let path = text[9..].split(['?', '#']).next().unwrap_or_default();
        let parts: Vec<_> = path.trim_end_matches('/').split('/').collect();
        let [server, kind, what] = parts[..] else { return Err(LinkError) };
        if server.is_empty() || what.is_empty() {
            return Err(LinkError);
        }
        let server = server.to_owned();
        match kind {
            "join" => Ok(Self::Join(text.to_owned())),
            "chat" => Ok(Self::Chat { server, name: decoded(what)? }),
            "call" => Ok(Self::Call { server, name: decoded(what)? }),
            "room" => Ok(Self::Room { server, chat: what.parse().map_err(|_| LinkError)? }),
            _ => Err(LinkError),
        }
    }
}

/// Percent-encoded text as a name: UTF-8 without control characters.
fn decoded(text: &str) -> Result<String, LinkError> {
    let name = percent_decode_str(text).decode_utf8().map_err(|_| LinkError)?;
    if name.chars().any(char::is_control) { Err(LinkError) } else { Ok(name.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_people_chats_and_invitations() {
        let link = |text: &str| text.parse::<Link>();
        let (server, name) = (|| "chat.example:8443".to_owned(), || "花子".to_owned());
        assert_eq!(link("komado://chat.example:8443/chat/花子"), Ok(Link::Chat { server: server(), name: name() }));
        assert_eq!(
            link(" KOMADO://chat.example:8443/call/%E8%8a%b1%E5%AD%90/?x=1\n"),
            Ok(Link::Call { server: server(), name: name() })
        );
        assert_eq!(link("komado://chat.example:8443/room/7"), Ok(Link::Room { server: server(), chat: 7 }));
        let invitation = "komado://h/join/CODE?fingerprint=ab";
        assert_eq!(link(invitation), Ok(Link::Join(invitation.to_owned())));
    }

    #[test]
    fn anything_else_leads_nowhere() {
        for text in [
            "",
            "komado",
            "komado://",
            "komado://h",
            "komado://h/chat",
            "komado://h/chat/",
            "komado:///chat/bob",
            "komado://h/delete/bob",
            "komado://h/room/x",
            "komado://h/chat/a/b",
            "https://h/chat/bob",
            "komado://h/chat/%ff",
            "komado://h/chat/a%0Ab",
            "窓窓窓窓",
        ] {
            assert_eq!(text.parse::<Link>(), Err(LinkError), "{text}");
        }
    }

    #[test]
    fn a_link_is_for_one_server() {
        let link: Link = "komado://Chat.example:80/chat/bob".parse().unwrap();
        assert!(
            link.is_for("http://chat.example:80/") && link.is_for("http://chat.example") && link.is_for("chat.example")
        );
        assert!(!link.is_for("https://chat.example") && !link.is_for("http://other:80") && !link.is_for(""));
    }
}
