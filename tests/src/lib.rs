//! The rig for whole-product tests: the house's laws, network namespaces with emulated links, real proxies, real programs.
//!
//! Everything here drives real things: `ip`, TUN devices, squid, the built binaries. What a test describes is a
//! network ("a link of 40 ms with 1 % loss, a squid that lets only port 80 out"), never a sleep.
//! Namespaces need root, or `unshare -Urnm` around the whole test run (`scripts/test.sh` sees to that).

pub mod chance;
pub mod chat_checker;
pub mod house;

#[cfg(target_os = "linux")]
pub mod capture;
#[cfg(target_os = "linux")]
pub mod cutter;
#[cfg(target_os = "linux")]
pub mod desk_stage;
#[cfg(target_os = "linux")]
pub mod desktop;
#[cfg(target_os = "linux")]
pub mod failure;
#[cfg(target_os = "linux")]
pub mod keyring;
#[cfg(target_os = "linux")]
pub mod namespace;
#[cfg(target_os = "linux")]
pub mod netem;
#[cfg(target_os = "linux")]
pub mod panel;
/// The PostgreSQL that the server's own tests start as well.
#[cfg(target_os = "linux")]
#[path = "../../server/tests/world/postgres.rs"]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod product;
#[cfg(target_os = "linux")]
pub mod program;
#[cfg(target_os = "linux")]
pub mod proxy;
#[cfg(target_os = "linux")]
pub mod scripted;
#[cfg(target_os = "linux")]
pub mod session_bus;
#[cfg(target_os = "linux")]
pub mod settings_portal;
#[cfg(target_os = "linux")]
pub mod stage;
#[cfg(target_os = "linux")]
pub mod virtual_camera;
