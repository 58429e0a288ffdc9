//! `komado-server admin user`, also as `komado-server user`: accounts.

use super::super::{Fault, Place};
use super::password::PasswordSource;
use super::{Office, spelled};
use clap::Subcommand;
use relay::vocabulary::{AccountEntry, ChangeAccount, Member, Role};
use server::identity::Actor;

#[derive(Debug, Subcommand)]
pub(in crate::program) enum User {
    /// Make an account
    Add {
        /// Name to log in with: letters, digits, '.', '-', '_' and '@'
        name: String,
        #[command(flatten)]
        password: PasswordSource,
        /// What it may do: member, provider (public tracks), moderator or administrator
        #[arg(long, default_value_t, value_parser = role)]
        role: Role,
        /// The same as --role provider
        #[arg(long, conflicts_with = "role")]
        publisher: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List all accounts: number, name, role unless member, locked
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Show all that is known of an account
    Show {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Set a new password and end all of the account's sessions
    Password {
        /// The account's name
        name: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        place: Place,
    },
    /// Make a one-time code with which the account's owner sets a new password, within a day
    Reset {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give an account a role
    Role {
        /// The account's name
        name: String,
        /// member, provider, moderator or administrator; each may do what those before it may
        #[arg(value_parser = role)]
        role: Role,
        #[command(flatten)]
        place: Place,
    },
    /// Keep an account from logging in, and end its sessions
    Lock {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a locked account log in again
    Unlock {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove an account and end its sessions; its messages stay in the chats, and its name stays reserved
    Remove {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

fn role(word: &str) -> Result<Role, relay::vocabulary::UnknownWord> {
    word.parse()
}

pub(in crate::program) fn run(user: User) -> Result<(), Fault> {
    super::run(super::Admin::User(user))
}

pub(super) async fn carry_out(user: User) -> Result<(), Fault> {
    match user {
        User::Add { name, password, role, publisher, place } => {
            let password = password.obtain(&name)?;
            let role = if publisher { Role::Provider } else { role };
            let accounts = Office::open(place)?.accounts;
            let member = accounts.add(&name, Some(password), role, Actor::console()).await?;
            println!("{} is account {}", member.name, member.id);
        }
        User::List { place } => list(&Office::open(place)?).await?,
        User::Show { name, place } => show(&Office::open(place)?, &name).await?,
        User::Password { name, password, place } => {
            let password = password.obtain(&name)?;
            let accounts = Office::open(place)?.accounts;
            let account = accounts.named(&name).await?.id;
            accounts.set_password(account, password, None, Actor::console()).await?;
            println!("{name} has a new password and must log in again");
        }
        User::Reset { name, place } => {
            let accounts = Office::open(place)?.accounts;
            let account = accounts.named(&name).await?.id;
            let code = accounts.make_reset(account, None, Actor::console()).await?;
            println!("{}", code.code);
            eprintln!("{name} can set a new password with this code once, until {}", spelled(code.expires_at));
        }
        User::Role { name, role, place } => {
            change(place, &name, ChangeAccount { role: Some(role), locked: None }).await?;
            println!("{name} is {role}");
        }
        User::Lock { name, place } => {
            change(place, &name, ChangeAccount { role: None, locked: Some(true) }).await?;
            println!("{name} is locked");
        }
        User::Unlock { name, place } => {
            change(place, &name, ChangeAccount { role: None, locked: Some(false) }).await?;
            println!("{name} can log in again");
        }
        User::Remove { name, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            if let Some(picture) = office.accounts.remove(account, None, Actor::console()).await? {
                office.profiles.let_go(&picture).await?;
            }
            println!("{name} is removed");
        }
    }
    Ok(())
}

async fn change(place: Place, name: &str, change: ChangeAccount) -> Result<(), Fault> {
    let accounts = Office::open(place)?.accounts;
    let Member { id, .. } = accounts.named(name).await?;
    Ok(accounts.change(id, change, None, Actor::console()).await?)
}

async fn list(office: &Office) -> Result<(), Fault> {
    let mut after = 0;
    loop {
        let page = office.accounts.list(after, u32::MAX).await?;
        for AccountEntry { account, role, locked, .. } in &page.accounts {
            let role = if *role == Role::Member { String::new() } else { format!("\t{role}") };
            let locked = if *locked { "\tlocked" } else { "" };
            println!("{}\t{}{role}{locked}", account.id, account.name);
        }
        match page.accounts.last() {
            Some(last) if page.more => after = last.account.id,
            _ => return Ok(()),
        }
    }
}

async fn show(office: &Office, name: &str) -> Result<(), Fault> {
    let account = office.accounts.named(name).await?.id;
    let Some(entry) = office.accounts.entry(account).await? else { return Ok(()) };
    let seen = entry.seen_at.map_or_else(|| "not logged in".to_owned(), spelled);
    println!("number     {}", entry.account.id);
    println!("name       {}", entry.account.name);
    println!("called     {}", entry.display_name);
    println!("role       {}", entry.role);
    println!("locked     {}", if entry.locked { "yes" } else { "no" });
    println!("made       {}", spelled(entry.created_at));
    println!("last seen  {seen}");
    for grant in office.grants.list(account).await? {
        println!("grant      {} {} {}", grant.right, grant.thing, grant.id);
    }
    Ok(())
}
