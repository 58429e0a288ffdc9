//! Refuses to build a slow H.264: without nasm, openh264 compiles to plain C and is more than three times slower,
//! silently.

use std::process::Command;

/// Set to `1` to build without nasm in spite of everything.
const OVERRIDE: &str = "KOMADO_ALLOW_SLOW_H264";

fn main() {
    println!("cargo:rerun-if-env-changed={OVERRIDE}");
    println!("cargo:rerun-if-changed=build.rs");

    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86" | "x86_64") {
        return; // other targets use intrinsics or gas, nasm plays no part
    }
    let nasm = Command::new("nasm").arg("-v").output();
    if nasm.is_ok_and(|out| out.status.success()) {
        return;
    }
    let advice = "nasm was not found: H.264 would be compiled without its assembly, 3.3 times slower. Install it \
                  (Debian, Ubuntu: apt-get install nasm; Fedora: dnf install nasm; macOS: brew install nasm; Windows: \
                  winget install nasm), then `cargo clean -p openh264-sys2` and build again.";
    if std::env::var(OVERRIDE).is_ok_and(|v| v == "1") {
        println!("cargo:warning={advice}");
        println!("cargo:warning=Going on without it, because {OVERRIDE}=1 is set.");
    } else {
        println!("cargo:error={advice} To build without it all the same, set {OVERRIDE}=1.");
    }
}
