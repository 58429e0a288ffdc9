//! Where the measured call happens: a server of its own, or one that users run.

use std::path::Path;

use client::engine::Proof;
use client::http::{Http, ProxyRules, ServerAddress};
use relay::seal::{Fingerprint, ServerProof};

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
        let (own, server, people) = match &options.server {
            Some(server) => (None, server.clone(), people(options)?),
            // A proxy that lets only port 80 out is measured with --server.
            None => {
                let (own, people) = own_server(options.server_binary.as_deref())?;
                let url = own.url();
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
            None => Proof::Fingerprint(shown(&server, &proxy).await?),
        };
        Ok(Self { server, proxy, proof, people, _own: own })
    }

    /// A server of its own, without a proxy; and the fingerprint of its certificate.
    pub async fn own(program: Option<&Path>) -> Result<(Self, Fingerprint), BenchError> {
        let (own, people) = own_server(program)?;
        let server: ServerAddress = own.url().parse().map_err(|error| refused(&error))?;
        let proxy = ProxyRules::Direct;
        let pin = shown(&server, &proxy).await?;
        Ok((Self { server, proxy, proof: Proof::Fingerprint(pin), people, _own: Some(own) }, pin))
    }
}

/// The fingerprint of the certificate that a server shows.
async fn shown(server: &ServerAddress, proxy: &ProxyRules) -> Result<Fingerprint, BenchError> {
    let way = proxy.choose(server).map_err(|error| refused(&error))?;
    let http = Http::new(server.clone(), way, ServerProof::Unproven).map_err(|error| refused(&error))?;
    client::link::fingerprint(&http).await.map_err(|error| refused(&error))
}

fn own_server(program: Option<&Path>) -> Result<(OwnServer, [(String, String); 2]), BenchError> {
    let accounts = PEOPLE.map(|name| Account { name, publisher: false });
    let own = OwnServer::start(program, &accounts, &[], false)?;
    Ok((own, PEOPLE.map(|name| (name.to_owned(), PASSWORD.to_owned()))))
}

fn refused(error: &dyn std::fmt::Display) -> BenchError {
    BenchError::Refused(error.to_string())
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
