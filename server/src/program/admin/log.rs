//! `komado-server admin log`: who did what, when, from where.

use super::super::{Fault, Place};
use super::{Office, spelled};
use clap::Args;
use relay::vocabulary::Account;

#[derive(Debug, Args)]
pub(in crate::program) struct Log {
    /// How many entries
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Only those older than this entry
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn carry_out(log: Log) -> Result<(), Fault> {
    let name = |account: Option<Account>| account.map_or_else(|| "-".to_owned(), |account| account.name);
    let page = Office::open(log.place)?.audit.page(log.before, log.limit).await?;
    for entry in page.entries {
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}",
            entry.id,
            spelled(entry.at),
            name(entry.actor),
            entry.from,
            entry.act,
            name(entry.subject),
            entry.detail
        );
    }
    Ok(())
}
