//! Coming in: from what a person wrote on the first screen to what an engine needs, or to what went wrong.

use relay::{
    seal::{Fingerprint, HandshakeError, ServerProof},
    vocabulary::{InvitationLink, Problem, code},
};

use crate::{
    desktop::KeyringError,
    engine::{ConnectOptions, Credentials, Proof},
    home::{KnownServers, TrustError},
    http::{AddressError, Http, HttpError, ProxyError, ProxyRules, ServerAddress, Unreached},
    link::{self, OpenError},
};

/// What the first screen asks for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SignIn {
    /// A server's address, or an invitation link.
    pub server: String,
    pub user: String,
    pub password: String,
    /// `http://host:port`, `none`, or empty for what the environment says.
    pub proxy: String,
    /// Makes a new account.
    pub join: bool,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An invitation's code may stand in `server`.
        f.debug_struct("SignIn").field("user", &self.user).field("join", &self.join).finish_non_exhaustive()
    }
}

impl SignIn {
    /// The invitation that was pasted instead of an address.
    pub fn invitation(&self) -> Option<InvitationLink> {
        self.server.parse().ok()
    }
}

/// How far someone has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Entrance {
    /// Nobody is signed in.
    #[default]
    Outside,
    /// It did not work.
    Failed(Failure),
    Trying,
    /// The server showed a certificate that is not known: is it the right one?
    Unknown {
        server: String,
        fingerprint: String,
    },
    Inside,
}

/// Why someone does not come in. What to do about it is said in the person's own language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    NoServer,
    NoUser,
    NoPassword,
    /// What was written is no address.
    Address(String),
    /// What was written begins like an invitation, but is none.
    Invitation,
    /// What was written is no proxy, or none that is supported.
    Proxy(String),
    ServerUnreachable(String),
    ProxyUnreachable(String),
    /// The proxy wants a password.
    ProxyPassword,
    ProxyForbids(String),
    NoTunnel,
    /// Something else answered, with this status if it was an error.
    NotKomado(String),
    Silence,
    /// The certificate is another one than before.
    CertificateChanged,
    CertificateNotTrusted,
    ClockWrong,
    WrongPassword,
    WaitSeconds(u64),
    Locked,
    WrongCode,
    InvitationNeeded,
    NameTaken,
    SessionOver,
    /// The session is in the keyring, which does not give it.
    Keyring(String),
    /// In the server's or the system's own words.
    Other(String),
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::Malformed(text) | AddressError::Scheme(text) | AddressError::Path(text) => {
                Self::Address(text)
            }
        }
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::Credentials => Self::ProxyPassword,
            ProxyError::Malformed(text) | ProxyError::Scheme(text) => Self::Proxy(text),
        }
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error.to_string())
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        if let Some(wait) = problem.retry_after_ms {
            return Self::WaitSeconds(wait.div_ceil(1_000));
        }
        match problem.code.as_ref() {
            code::WRONG_PASSWORD => Self::WrongPassword,
            code::ACCOUNT_LOCKED => Self::Locked,
            code::WRONG_CODE => Self::WrongCode,
            code::INVITATION_NEEDED => Self::InvitationNeeded,
            code::NAME_TAKEN => Self::NameTaken,
            code::NO_SESSION | code::SESSION_EXPIRED => Self::SessionOver,
            _ => Self::Other(problem.to_string()),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Http(HttpError::Unreachable(kind, text)) => match kind {
                Unreached::Server => Self::ServerUnreachable(text),
                Unreached::Proxy => Self::ProxyUnreachable(text),
                Unreached::Tunnel => Self::NoTunnel,
                Unreached::Certificate => Self::CertificateNotTrusted,
                Unreached::Clock => Self::ClockWrong,
                Unreached::Silence => Self::Silence,
                Unreached::Other => Self::Other(text),
            },
            OpenError::Http(HttpError::Stranger(status, _)) if status.as_u16() == 407 => Self::ProxyPassword,
            OpenError::Http(HttpError::Stranger(status, _)) if matches!(status.as_u16(), 403 | 503) => {
                Self::ProxyForbids(status.to_string())
            }
            OpenError::Http(HttpError::Stranger(status, _)) => Self::NotKomado(status.to_string()),
            OpenError::Http(HttpError::Late) => Self::Silence,
            OpenError::Http(HttpError::Address(error)) => error.into(),
            OpenError::Http(HttpError::Problem(problem)) => problem.as_ref().into(),
            OpenError::Http(error @ HttpError::Cut(_)) => Self::Other(error.to_string()),
            OpenError::NotKomado(_) => Self::NotKomado(String::new()),
            OpenError::Proof(_) => Self::CertificateChanged,
            OpenError::Handshake(HandshakeError::Name(name)) => Self::Address(name),
            OpenError::Handshake(error) => Self::Other(error.to_string()),
        }
    }
}

/// What an attempt to come in gives.
#[derive(Debug)]
pub(super) enum Way {
    Open(Box<ConnectOptions>, Credentials),
    /// The server is not known.
    Unknown(ServerAddress, Fingerprint),
}

/// What is read from the fields, before anything is asked of a network.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub server: ServerAddress,
    pub proxy: ProxyRules,
    pub pinned: Option<Fingerprint>,
    pub credentials: Credentials,
}

impl Plan {
    pub fn read(sign_in: &SignIn) -> Result<Self, Failure> {
        let text = sign_in.server.trim();
        let (user, password) = (sign_in.user.trim().to_owned(), sign_in.password.clone());
        if text.is_empty() {
            return Err(Failure::NoServer);
        }
        let invitation = sign_in.invitation();
        if invitation.is_none() && text.starts_with("komado:") {
            return Err(Failure::Invitation);
        }
        let address = invitation.as_ref().map_or_else(|| text.to_owned(), InvitationLink::url);
        let server = address.parse()?;
        let proxy = proxy_rules(&sign_in.proxy)?;
        if user.is_empty() {
            return Err(Failure::NoUser);
        }
        if password.is_empty() {
            return Err(Failure::NoPassword);
        }
        let pinned = invitation.as_ref().map(|invitation| invitation.fingerprint);
        let code = invitation.map(|invitation| invitation.code);
        let credentials = match sign_in.join {
            true => Credentials::Join { code, user, password },
            false => Credentials::Password { user, password },
        };
        Ok(Self { server, proxy, pinned, credentials })
    }

    /// Finds out by what the server is to prove itself, and whether it can be reached.
    pub async fn follow(self, known: KnownServers, device: String) -> Result<Way, Failure> {
        let pinned = match self.pinned {
            Some(fingerprint) => Some(fingerprint),
            None => known.find(&self.server)?,
        };
        let proxy = self.proxy.choose(&self.server)?;
        let http = |proof| {
            Http::new(self.server.clone(), proxy.clone(), proof).map_err(|error| Failure::Other(error.to_string()))
        };
        let proof = match pinned {
            Some(fingerprint) => Proof::Fingerprint(fingerprint),
            None if self.server.is_secure() => Proof::Authorities,
            None => {
                let fingerprint = link::fingerprint(&http(ServerProof::Unproven)?).await?;
                return Ok(Way::Unknown(self.server, fingerprint));
            }
        };
        match link::probe(&http(ServerProof::from(&proof))?, ServerProof::from(&proof)).await {
            Ok(()) => {}
            Err(error) => match Failure::from(error) {
                Failure::CertificateNotTrusted if pinned.is_none() => {
                    let fingerprint = link::fingerprint(&http(ServerProof::Unproven)?).await?;
                    return Ok(Way::Unknown(self.server, fingerprint));
                }
                Failure::CertificateNotTrusted => return Err(Failure::CertificateChanged),
                other => return Err(other),
            },
        }
        if let Some(fingerprint) = self.pinned {
            known.remember(&self.server, fingerprint)?;
        }
        let options = ConnectOptions { server: self.server, proxy: self.proxy, proof, device };
        Ok(Way::Open(Box::new(options), self.credentials))
    }
}

/// What a person wrote about a proxy.
pub(super) fn proxy_rules(text: &str) -> Result<ProxyRules, ProxyError> {
    Ok(match text.trim() {
        "" => ProxyRules::Environment,
        "none" => ProxyRules::Direct,
        text => ProxyRules::Fixed(text.parse()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(server: &str, user: &str, password: &str, proxy: &str) -> SignIn {
        let [server, user, password, proxy] = [server, user, password, proxy].map(str::to_owned);
        SignIn { server, user, password, proxy, join: false }
    }

    #[test]
    fn what_is_written_is_understood_or_said_to_be_wrong() {
        let plan = |server, user, password, proxy| Plan::read(&sign_in(server, user, password, proxy));
        let good = plan(" chat.example ", " alice ", "pw", "").unwrap();
        assert_eq!((good.server.to_string().as_str(), good.proxy), ("http://chat.example", ProxyRules::Environment));
        assert!(matches!(good.credentials, Credentials::Password { user, .. } if user == "alice"));
        for (server, user, password, proxy, failure) in [
            ("", "a", "p", "", Failure::NoServer),
            ("h", "", "p", "", Failure::NoUser),
            ("h", "a", "", "", Failure::NoPassword),
            ("ftp://h", "a", "p", "", Failure::Address("ftp".into())),
            ("komado://h/join/", "a", "p", "", Failure::Invitation),
            ("h", "a", "p", "socks5://p", Failure::Proxy("socks5://p".into())),
            ("h", "a", "p", "http://u:p@p", Failure::ProxyPassword),
        ] {
            assert_eq!(plan(server, user, password, proxy).unwrap_err(), failure, "{server} {proxy}");
        }
    }

    #[test]
    fn an_invitation_names_the_server_and_pins_its_certificate() {
        let link = format!("komado://h:99/join/ABC?fingerprint={}", "ab".repeat(32));
        let plan = Plan::read(&SignIn { join: true, ..sign_in(&link, "a", "p", "none") }).unwrap();
        assert_eq!((plan.server.to_string().as_str(), plan.pinned), ("http://h:99", Some(Fingerprint([0xab; 32]))));
        assert!(matches!(plan.credentials, Credentials::Join { code: Some(code), .. } if code == "ABC"));
        assert!(!format!("{:?}", sign_in(&link, "a", "p", "")).contains("ABC"));
    }
}
