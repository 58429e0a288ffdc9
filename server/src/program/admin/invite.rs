//! `komado-server admin invite`: links by which people make their own accounts.

use super::super::{Fault, Place};
use super::{Office, spelled};
use clap::Subcommand;
use relay::vocabulary::{Check, Invitation, Invite as Wish, PAGE_MAX, Role};
use server::address::PublicAddress;
use server::certificate::Certificate;
use server::identity::Actor;

#[derive(Debug, Subcommand)]
pub(in crate::program) enum Invite {
    /// Make an invitation and print its link, which is not shown again
    Add {
        /// How many may join by it
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how many hours it is good
        #[arg(long, default_value_t = 7 * 24)]
        hours: u32,
        /// What those who join may do: member, provider, moderator or administrator
        #[arg(long, default_value_t, value_parser = |word: &str| word.parse::<Role>())]
        role: Role,
        /// What it is for, for `invite list`
        #[arg(long, default_value = "")]
        note: String,
        /// Address of the server in the link, as for serve
        #[arg(long, env = "KOMADO_PUBLIC_ADDRESS", value_name = "URL")]
        public_address: Option<PublicAddress>,
        #[command(flatten)]
        place: Place,
    },
    /// List the invitations that are good: number, uses left, used, until when, role, note
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Withdraw an invitation
    Remove {
        /// Its number in `invite list`
        id: u64,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn carry_out(invite: Invite) -> Result<(), Fault> {
    match invite {
        Invite::Add { uses, hours, role, note, public_address, place } => {
            let wish = Wish { role, uses: Some(uses), hours: Some(hours), note };
            wish.check()?;
            let mut office = Office::open(place)?;
            office.config.public_address = public_address.or(office.config.public_address);
            let fingerprint = Certificate::obtain(&office.config)?.fingerprint;
            let (invitation, code) = office.accounts.invite(wish, Actor::console()).await?;
            println!("{}", office.config.invitation_link(fingerprint, &code));
            let until = spelled(invitation.expires_at);
            eprintln!("invitation {}: {uses} may join with this link, until {until}", invitation.id);
        }
        Invite::List { place } => {
            let office = Office::open(place)?;
            let mut before = None;
            loop {
                let (page, more) = office.accounts.invitations(before, PAGE_MAX).await?;
                before = page.last().map(|invitation| invitation.id);
                for Invitation { id, uses_left, used, expires_at, role, note } in page {
                    println!("{id}\t{uses_left}\t{used}\t{}\t{role}\t{note}", spelled(expires_at));
                }
                if !more {
                    break;
                }
            }
        }
        Invite::Remove { id, place } => {
            if !Office::open(place)?.accounts.withdraw(id, Actor::console()).await? {
                let list = "`komado-server admin invite list` shows those that are good";
                return Err(format!("there is no invitation {id}: {list}").into());
            }
            println!("invitation {id} is withdrawn");
        }
    }
    Ok(())
}
