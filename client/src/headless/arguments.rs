//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Komado: who is there, chat and video calls through any proxy that passes web pages.
#[derive(Debug, Parser)]
#[command(name = "komado", version, after_help = format!("{EXAMPLES}{}{}", super::account_input::HELP, super::chat_input::HELP))]
pub struct Arguments {
    /// Runs without the window, which is opened otherwise: commands come as lines on standard input (or by --say, --call, --answer), events go out
    /// as JSON lines on standard output.
    #[arg(long)]
    pub headless: bool,

    /// A link to open in the window: komado://SERVER/join/CODE (an invitation), /chat/NAME or /call/NAME. If the window
    /// is open already, it opens there.
    #[arg(value_name = "LINK")]
    pub link: Option<String>,

    /// Puts Komado into the desktop's menu and makes it open komado:// links, for this user, and ends.
    #[arg(long)]
    pub install_desktop: bool,

    /// The server's address, e.g. http://chat.example or https://chat.example:8443. Like --proxy, --user and
    /// --fingerprint it may also stand in config.toml in the folder of --home.
    #[arg(long, env = "KOMADO_SERVER", value_name = "URL")]
    pub server: Option<String>,

    /// The fingerprint of the server's certificate, as the server prints it at its start. Without it a certificate
    /// that was accepted before counts, over https also one of a public authority.
    #[arg(long, env = "KOMADO_FINGERPRINT", value_name = "HEX")]
    pub fingerprint: Option<String>,

    /// Accepts the certificate the server shows at the first connection, and remembers it.
    #[arg(long)]
    pub accept_new: bool,

    /// The proxy, e.g. http://proxy:3128; "none" for a direct way. Without it the environment's http_proxy and
    /// no_proxy count.
    #[arg(long, env = "KOMADO_PROXY", value_name = "URL")]
    pub proxy: Option<String>,

    /// The account's name.
    #[arg(long, env = "KOMADO_USER")]
    pub user: Option<String>,

    /// An invitation, as an administrator gave it (komado://host/join/CODE?fingerprint=…): makes the account of --user
    /// with the password, at the server that the link names and whose certificate it knows. The server is remembered.
    #[arg(long, value_name = "LINK", conflicts_with_all = ["register", "reset_code"])]
    pub invitation: Option<String>,

    /// Makes the account of --user with the password, at a server that takes everyone.
    #[arg(long, conflicts_with = "reset_code")]
    pub register: bool,

    /// A one-time code from an administrator, with which the password becomes the account's new one.
    #[arg(long, value_name = "CODE")]
    pub reset_code: Option<String>,

    /// A file whose first line is the password. The environment's KOMADO_PASSWORD is another way.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// The name of this device; at most one client of an account runs under each name.
    /// By default "window", or "headless" without one.
    #[arg(long, env = "KOMADO_DEVICE")]
    pub device: Option<String>,

    /// Where what must be remembered is kept. By default the platform's place for it.
    #[arg(long, env = "KOMADO_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,

    /// Keeps the session of the window in a file in that folder, and not in the system's keyring.
    #[arg(long)]
    pub no_keyring: bool,

    /// The camera: "device" or "device:NAME" for a real one, "pattern" (a test picture), or a clip (MP4 with H.264, or Y4M),
    /// which is repeated. By default a real one in the window, and a test picture without it.
    #[arg(long, value_name = "SOURCE")]
    pub camera: Option<String>,

    /// The microphone: "device" or "device:NAME" for a real one, "silence", "tone", or a file with sound (MP4 with AAC
    /// or Opus, or WAV). By default the camera's clip, if it is an MP4 with sound; else a real one in the window, and
    /// silence without it.
    #[arg(long, value_name = "SOURCE")]
    pub microphone: Option<String>,

    /// Width and height of the picture that is sent; a clip is sent in its own size unless this is given.
    #[arg(long, value_name = "WxH")]
    pub size: Option<String>,

    /// Pictures a second of the test pattern.
    #[arg(long, default_value_t = 30.0)]
    pub frame_rate: f32,

    /// Kilobits a second for the picture.
    #[arg(long, default_value_t = 1_000)]
    pub video_kbps: u32,

    /// Kilobits a second for the sound.
    #[arg(long, default_value_t = 32)]
    pub audio_kbps: u32,

    /// Length of one packet of sound in milliseconds.
    #[arg(long, default_value = "20", value_enum)]
    pub packet_ms: PacketLength,

    /// The speaker: "device" or "device:NAME" for a real one (which the window has by default), "none", or a WAV file to
    /// which what is heard is written.
    #[arg(long, value_name = "SINK")]
    pub speaker: Option<String>,

    /// Writes pictures of what is seen to this folder, as PNG.
    #[arg(long, value_name = "FOLDER")]
    pub snapshots: Option<PathBuf>,

    /// Seconds between snapshots.
    #[arg(long, default_value_t = 1.0)]
    pub snapshot_every: f64,

    /// Keeps what is received, as it comes, in a Matroska file.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Writes down when each frame of a call came, as CSV: what the path did.
    #[arg(long, value_name = "FILE")]
    pub arrivals: Option<PathBuf>,

    /// Opens the chat with this account.
    #[arg(long, value_name = "NAME")]
    pub with: Option<String>,

    /// Says this in the chat. May be given several times.
    #[arg(long, value_name = "TEXT", requires = "with")]
    pub say: Vec<String>,

    /// Calls the account of --with.
    #[arg(long, requires = "with")]
    pub call: bool,

    /// Accepts the first call that comes.
    #[arg(long)]
    pub answer: bool,

    /// Accepts everyone who asks to become a contact.
    #[arg(long)]
    pub accept_contacts: bool,

    /// Says what this person is: "available", "away" or "dnd" (do not disturb). It holds until another one is said.
    #[arg(long, value_name = "STATE", value_parser = ["available", "away", "dnd"])]
    pub presence: Option<String>,

    /// Says this about it to contacts; empty takes it back.
    #[arg(long, value_name = "TEXT")]
    pub status: Option<String>,

    /// Counts the person as away after so many seconds without a line on standard input.
    #[arg(long, value_name = "SECONDS")]
    pub away_after: Option<f64>,

    /// Accepts every request for a chat.
    #[arg(long)]
    pub accept_chats: bool,

    /// Hangs up after so many seconds of a call.
    #[arg(long, value_name = "SECONDS")]
    pub hang_up_after: Option<f64>,

    /// Ends when this many seconds have passed, whatever happens.
    #[arg(long, value_name = "SECONDS")]
    pub quit_after: Option<f64>,

    /// Ends after the first call has ended.
    #[arg(long)]
    pub quit_after_call: bool,

    /// Ends once everything that was to be said is stored.
    #[arg(long)]
    pub quit_when_said: bool,

    /// What to log to standard error, in the syntax of RUST_LOG.
    #[arg(long, default_value = "warn,egui=error,winit=error", env = "KOMADO_LOG")]
    pub log: String,
}

/// Length of a packet of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PacketLength {
    #[value(name = "10")]
    Ms10,
    #[value(name = "20")]
    Ms20,
}

const EXAMPLES: &str = "Examples:
  Open the window, which asks for server and account:
    komado
  Open it and call somebody, with a clip as camera:
    komado --server http://chat.example --user alice --camera face.mp4 --with bob --call
  Say something and leave:
    komado --headless --server http://chat.example --accept-new --user alice --password-file pw \\
      --with bob --say 'Are you there?' --quit-when-said
  Wait for a call and show a clip:
    komado --headless --server http://chat.example --user bob --password-file pw --answer --camera face.mp4
  Call through a proxy, keep what comes, hang up after 20 s:
    komado --headless --server http://chat.example --proxy http://proxy:3128 --user alice --password-file pw \\
      --with bob --call --hang-up-after 20 --quit-after-call --record call.mkv --snapshots seen

  Make an account by an invitation:
    komado --headless --invitation 'komado://chat.example/join/CODE?fingerprint=…' --user carol --password-file pw

Lines on standard input, each of which also shows that somebody is there:
  contact add NAME [TEXT] · contact accept|decline|withdraw|remove NAME · contact group NAME [GROUP, ...]
  contacts · group rename OLD, NEW · group dissolve GROUP · block NAME · unblock NAME · blocks · directory [PREFIX [AFTER]]
  presence available|away|dnd · status [TEXT] · idle on|off
  call CHAT · accept [CALL] · decline [CALL] · hangup · logout · quit
";
