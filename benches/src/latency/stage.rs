//! Where the measured call happens: a server of its own, or one that users run.

use client::engine::Proof;
use client::http::{Http, ProxyRules, ServerAddress};
use relay::seal::ServerProof;

use super::Options;
use crate::failure::BenchError;
use crate::server::{Account, OwnServer, PASSWORD};

/// A server, two accounts on it, and how it proves itself.
#[derive(Debug)]
pub struct Stage {
    pub server: ServerAddress,
    pub proxy: ProxyRules,
    pub proof: Proof,
    /// Names and passwords: who calls, who is called.
    pub people: [(String, String); 2],
    _own: Option<OwnServer>,
}

impl Stage {
    pub async fn set(options: &Options) -> Result<Self, BenchError> {
        let refused = |error: &dyn std::fmt::Display| BenchError::Refused(error.to_string());
        let (own, server, people) = match &options.server {
            Some(server) => (None, server.clone(), people(options)?),
            None => {
                // A proxy that lets only port 80 out is measured with --server.
                let accounts = PEOPLE.map(|name| Account { name, publisher: false });
                let own = OwnServer::start(options.server_binary.as_deref(), &accounts, &[], false)?;
                let (url, people) = (own.url(), PEOPLE.map(|name| (name.to_owned(), PASSWORD.to_owned())));
                (Some(own), url, people)
            }
        };
        let server: ServerAddress = server.parse().map_err(|error| refused(&error))?;
        let proxy = match &options.proxy {
            Some(proxy) => ProxyRules::Fixed(proxy.parse().map_err(|error| refused(&error))?),
            None => ProxyRules::Direct,
        };
        let proof = match &options.fingerprint {
            Some(text) => Proof::Fingerprint(text.parse().map_err(|error| refused(&error))?),
            None if server.is_secure() => Proof::Authorities,
            None => {
                let way = proxy.choose(&server).map_err(|error| refused(&error))?;
                let http = Http::new(server.clone(), way, ServerProof::Unproven).map_err(|error| refused(&error))?;
                Proof::Fingerprint(client::link::fingerprint(&http).await.map_err(|error| refused(&error))?)
            }
        };
        Ok(Self { server, proxy, proof, people, _own: own })
    }
}

fn people(options: &Options) -> Result<[(String, String); 2], BenchError> {
    let (Some(caller), Some(callee), Some(file)) = (&options.caller, &options.callee, &options.password_file) else {
        return Err(BenchError::Refused("--server needs --caller, --callee and --password-file".to_owned()));
    };
    let text = std::fs::read_to_string(file).map_err(BenchError::io(format!("reading {}", file.display())))?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let second = lines.next().filter(|line| !line.is_empty()).map_or_else(|| first.clone(), str::to_owned);
    Ok([(caller.clone(), first), (callee.clone(), second)])
}

const PEOPLE: [&str; 2] = ["caller", "callee"];
