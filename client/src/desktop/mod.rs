//! What the system offers to a program at a desk, one small module each: where a system does not offer it, or nobody has
//! written it down yet, the module says so and the program does without.

mod appearance;
mod cpu;
mod crash;
mod file_dialog;
mod instance;
mod keyring;
mod memory;
mod notifier;
mod registration;
mod tray;

pub use appearance::follow_appearance;
pub use cpu::process_time;
pub use crash::{left_report, report_panics};
pub use file_dialog::has_file_dialogs;
pub use instance::{First, Given, InstanceError, Start, start};
pub use keyring::{Keyring, KeyringError};
pub use memory::share_memory;
pub use notifier::{About, Deed, Notification, Notifier};
pub use registration::{RegistrationError, register, start_with_session};
pub use tray::{Face as TrayFace, Tray, Wanted};
