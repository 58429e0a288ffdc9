//! Where the measured call happens: a server of its own, or one that users run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use std::io::{BufRead, BufReader, Write};

use client::engine::Proof;
use client::http::{Http, ProxyRules, ServerAddress};
use relay::seal::ServerProof;
use tempfile::TempDir;

use super::Options;
use crate::failure::BenchError;

/// A server, two accounts on it, and how it proves itself.
#[derive(Debug)]
pub struct Stage {
    pub server: ServerAddress,
    pub proxy: ProxyRules,
    pub proof: Proof,
    /// Names and passwords: who calls, who is called.
    pub people: [(String, String); 2],
    _own: Option<Own>,
}

/// A server that was started for the bench. It ends, and its data goes, with the bench.
#[derive(Debug)]
struct Own {
    server: Child,
    _data: TempDir,
}

impl Drop for Own {
    fn drop(&mut self) {
        let ended = self.server.kill().and_then(|()| self.server.wait());
        if let Err(error) = ended {
            eprintln!("warning: the bench's own server could not be ended: {error}");
        }
    }
}

impl Stage {
    pub async fn set(options: &Options) -> Result<Self, BenchError> {
        let refused = |error: &dyn std::fmt::Display| BenchError::Refused(error.to_string());
        let (own, server, people) = match &options.server {
            Some(server) => (None, server.clone(), people(options)?),
            None => {
                let (own, server) = Own::start(options)?;
                let people = PEOPLE.map(|name| (name.to_owned(), PASSWORD.to_owned()));
                (Some(own), server, people)
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

impl Own {
    fn start(options: &Options) -> Result<(Self, String), BenchError> {
        let own = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
        let beside = own.with_file_name(format!("komado-server{}", std::env::consts::EXE_SUFFIX));
        let program = options.server_binary.clone().unwrap_or(beside);
        if !program.is_file() {
            return Err(BenchError::NoServer(program));
        }
        let data = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the server's folder"))?;
        for name in PEOPLE {
            add_account(&program, data.path(), name)?;
        }
        let mut command = Command::new(&program);
        // A proxy that lets only port 80 out is measured with --server.
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]).arg(data.path());
        let mut server = command.stdout(Stdio::piped()).spawn().map_err(BenchError::io("starting komado-server"))?;
        let mut line = String::new();
        if let Some(output) = server.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(BenchError::io("reading what komado-server says"))?;
        }
        let own = Self { server, _data: data };
        let address = line.split_whitespace().skip_while(|word| *word != "on").nth(1);
        let address = address.ok_or_else(|| BenchError::Unexpected { program: "komado-server", said: line.clone() })?;
        Ok((own, format!("http://{}", address.trim_end_matches(','))))
    }
}

fn add_account(program: &PathBuf, data: &Path, name: &str) -> Result<(), BenchError> {
    let mut command = Command::new(program);
    command.args(["user", "add", name, "--password-stdin", "--data"]).arg(data);
    let adding = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut adding = adding.map_err(BenchError::io("starting komado-server user add"))?;
    if let Some(mut input) = adding.stdin.take() {
        input.write_all(format!("{PASSWORD}\n").as_bytes()).map_err(BenchError::io("telling the password"))?;
    }
    let status = adding.wait().map_err(BenchError::io("waiting for komado-server user add"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Refused(format!("komado-server user add: {status}"))) }
}

const PEOPLE: [&str; 2] = ["caller", "callee"];
const PASSWORD: &str = "correct horse battery staple";
