//! `komado-server admin token`: what bots and scripts show instead of a session.

use super::super::{Fault, Place};
use super::{Office, spelled};
use clap::Subcommand;
use server::identity::Actor;

#[derive(Debug, Subcommand)]
pub(in crate::program) enum Token {
    /// Make a token for an account, and show it: it is shown this once
    Add {
        /// The account's name
        name: String,
        /// What the token is for
        what: String,
        #[command(flatten)]
        place: Place,
    },
    /// List an account's tokens: number, name, last shown, from where
    List {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a token
    Revoke {
        /// The account's name
        name: String,
        /// The token's number in `token list`
        id: u64,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn carry_out(token: Token) -> Result<(), Fault> {
    match token {
        Token::Add { name, what, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            let (token, _) = office.sessions.make_token(account, &what, Actor::console()).await?;
            println!("{}", token.reveal());
        }
        Token::List { name, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            for token in office.sessions.tokens(account).await? {
                println!("{}\t{}\t{}\t{}", token.id, token.name, spelled(token.seen_at), token.address);
            }
        }
        Token::Revoke { name, id, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            if !office.sessions.revoke_token(account, id, Actor::console()).await? {
                return Err(format!("{name} has no such token: `komado-server admin token list {name}`").into());
            }
            println!("token {id} of {name} is revoked");
        }
    }
    Ok(())
}
