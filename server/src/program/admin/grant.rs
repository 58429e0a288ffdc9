//! `komado-server admin grant`: what an account may do with one thing, whatever its role.

use super::super::{Fault, Place};
use super::Office;
use clap::Subcommand;
use relay::vocabulary::{self, Check, Right, Thing, Ungrant};
use server::identity::Actor;

#[derive(Debug, Subcommand)]
pub(in crate::program) enum Grant {
    /// Give a right on one thing
    Add {
        /// The account's name
        name: String,
        /// read, write or manage; each includes those before it
        #[arg(value_parser = |word: &str| word.parse::<Right>())]
        right: Right,
        /// chat, channel (also a public track), feed or page
        #[arg(value_parser = |word: &str| word.parse::<Thing>())]
        thing: Thing,
        /// Which one: its number or name
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// List what was granted to an account
    List {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Take a right on one thing away
    Remove {
        /// The account's name
        name: String,
        /// chat, channel, feed or page
        #[arg(value_parser = |word: &str| word.parse::<Thing>())]
        thing: Thing,
        /// Which one
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn carry_out(grant: Grant) -> Result<(), Fault> {
    match grant {
        Grant::Add { name, right, thing, id, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            let grant = vocabulary::Grant { account, thing, id, right };
            grant.check()?;
            let said = format!("{name} may {right} {thing} {}", grant.id);
            office.grants.give(grant, Actor::console()).await?;
            println!("{said}");
        }
        Grant::List { name, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            for grant in office.grants.list(account).await? {
                println!("{}\t{}\t{}", grant.right, grant.thing, grant.id);
            }
        }
        Grant::Remove { name, thing, id, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            if !office.grants.take(Ungrant { account, thing, id }, Actor::console()).await? {
                return Err(format!("{name} has no such grant: `komado-server admin grant list {name}`").into());
            }
            println!("{name} has that right no more");
        }
    }
    Ok(())
}
