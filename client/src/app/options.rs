//! What the application begins with: from the command line, the configuration and what was remembered.

use std::path::PathBuf;

use relay::seal::Fingerprint;
use thiserror::Error;

use super::{
    entrance::SignIn,
    links::{Link, LinkError},
};
use crate::{
    call::DeviceSetup,
    headless::{Arguments, HeadlessError, sources},
    home::{self, Configuration, ConfigurationError, Remembered, RememberedError},
};

/// How the application begins.
#[derive(Debug)]
pub struct AppOptions {
    /// Where what must be remembered is kept.
    pub home: PathBuf,
    /// Whether sessions are kept in the system's keyring, where there is one.
    pub keyring: bool,
    /// A session to go on with.
    pub remembered: Option<Remembered>,
    /// What the fields of the first screen begin with. With a password in it, it is tried at once.
    pub suggested: SignIn,
    /// The certificate that was named on the command line.
    pub fingerprint: Option<Fingerprint>,
    /// Whether an unknown certificate is accepted without asking.
    pub accept_new: bool,
    /// Whom to open the chat with at the beginning, and whether to call them.
    pub with: Option<String>,
    pub call: bool,
    /// Whether the first call that comes is accepted by itself.
    pub answer: bool,
    /// A link to open at the beginning.
    pub link: Option<Link>,
    /// The name of this device.
    pub device: String,
    pub devices: DeviceSetup,
}

#[derive(Debug, Error)]
pub enum OptionsError {
    #[error("no folder for what must be remembered: give --home")]
    NoHome,
    #[error("{0}: a fingerprint has 64 hexadecimal digits, as `komado-server fingerprint` prints them")]
    Fingerprint(String),
    #[error("cannot read the password from {path}: {error}")]
    Password { path: String, error: std::io::Error },
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    #[error(transparent)]
    Remembered(#[from] RememberedError),
    #[error(transparent)]
    Devices(#[from] Box<HeadlessError>),
}

impl AppOptions {
    /// Reads files and looks at the devices once, so that what is wrong with them is said at the start.
    pub fn read(mut arguments: Arguments) -> Result<Self, OptionsError> {
        let home = home::folder(arguments.home.as_deref()).ok_or(OptionsError::NoHome)?;
        let link = arguments.link.take().map(|link| link.parse::<Link>()).transpose()?;
        if let Some(Link::Join(invitation)) = &link {
            arguments.invitation = Some(invitation.clone());
        }
        Configuration::read(&home.join("config.toml"))?.complete(&mut arguments);
        let devices = sources::devices(&arguments).map_err(Box::new)?;
        let fingerprint = match &arguments.fingerprint {
            Some(text) => Some(text.parse().map_err(|_| OptionsError::Fingerprint(text.clone()))?),
            None => None,
        };
        let password = match &arguments.password_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| OptionsError::Password { path: path.display().to_string(), error })?,
            None => std::env::var("KOMADO_PASSWORD").unwrap_or_default(),
        };
        let remembered = Remembered::read(&home)?;
        let before = remembered.clone().unwrap_or_default();
        let suggested = SignIn {
            server: arguments.invitation.clone().or(arguments.server).unwrap_or(before.server),
            user: arguments.user.unwrap_or(before.user),
            password: password.lines().next().unwrap_or_default().to_owned(),
            proxy: arguments.proxy.unwrap_or(before.proxy),
            join: arguments.invitation.is_some() || arguments.register,
        };
        let same = |remembered: &Remembered| {
            remembered.server == suggested.server && remembered.user == suggested.user && remembered.is_signed_in()
        };
        let remembered = remembered.filter(same);
        let accept_new = arguments.accept_new;
        let device = arguments.device.unwrap_or_else(|| "window".to_owned());
        let (with, call, answer) = (arguments.with, arguments.call, arguments.answer);
        let keyring = !arguments.no_keyring;
        Ok(Self {
            home,
            keyring,
            remembered,
            suggested,
            fingerprint,
            accept_new,
            with,
            call,
            answer,
            link,
            device,
            devices,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_command_line_goes_before_what_was_remembered() {
        let home = tempfile::tempdir().unwrap();
        let remembered = Remembered {
            server: "http://a".into(),
            user: "alice".into(),
            session: "s".into(),
            ..Remembered::default()
        };
        remembered.write(home.path()).unwrap();
        let read = |more: &[&str]| {
            let home = home.path().to_str().unwrap();
            let first = ["komado", "--home", home, "--size", "64x48"];
            AppOptions::read(Arguments::parse_from(first.iter().chain(more))).unwrap()
        };
        let options = read(&[]);
        assert_eq!((options.remembered, options.suggested.user.as_str()), (Some(remembered), "alice"));
        let options = read(&["--user", "bob"]);
        assert_eq!((options.remembered, options.suggested.user.as_str()), (None, "bob"));
        assert_eq!(options.suggested.server, "http://a");
    }
}
