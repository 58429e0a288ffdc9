//! `komado-bench`: measures a server's fan-out, its chats and its calls, and a client's window.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use komado_bench::chat::{self, members};
use komado_bench::failure::BenchError;
use komado_bench::fanout::{self, floor, publisher, readers, sealed};
use komado_bench::idle::{self, crowd};
use komado_bench::latency;
#[cfg(target_os = "linux")]
use komado_bench::window;

/// Measures Komado: what a server's fan-out and its idle links cost, and how late its chats and calls are.
#[derive(Debug, Parser)]
#[command(name = "komado-bench", version)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// One publisher, many readers: relay delay, CPU for a gigabit, memory for a reader, beside the kernel's own floor.
    Fanout {
        #[command(flatten)]
        options: fanout::Options,
        #[command(flatten)]
        output: Output,
    },
    /// A call between two people: capture to decoded picture, mouth to ear, freezes, lip sync.
    Latency {
        #[command(flatten)]
        options: latency::Options,
        #[command(flatten)]
        output: Output,
    },
    /// Many people who are there and do nothing: memory and CPU for each, and how late a change of presence is seen.
    Idle {
        #[command(flatten)]
        options: idle::Options,
        #[command(flatten)]
        output: Output,
    },
    /// One chat with many members who all write: how late everyone has each message, and whether all arrive in order.
    Chat {
        #[command(flatten)]
        options: chat::Options,
        #[command(flatten)]
        output: Output,
    },
    /// A window in a call: capture to its pixels, start, idle and busy CPU by thread, memory. Needs Xvfb.
    #[cfg(target_os = "linux")]
    Window {
        #[command(flatten)]
        options: window::Options,
        #[command(flatten)]
        output: Output,
    },
    /// The processes that a bench starts for itself.
    #[command(hide = true)]
    Part {
        #[command(subcommand)]
        part: Part,
    },
}

#[derive(Debug, Subcommand)]
enum Part {
    Floor(floor::FloorOptions),
    Readers(readers::ReaderOptions),
    Publisher(publisher::PublisherOptions),
    Sealed(sealed::SealedOptions),
    Crowd(crowd::CrowdOptions),
    Members(members::MembersOptions),
}

#[derive(Debug, clap::Args)]
struct Output {
    /// Write the numbers as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the delays as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: Bench) -> Result<(), BenchError> {
    match bench {
        Bench::Fanout { options, output } => {
            let report = fanout::run(&options)?;
            print!("{}", report.text());
            write(output.json.as_deref(), &serde_json::to_string_pretty(&report)?)?;
            write(output.plot.as_deref(), &report.svg())
        }
        Bench::Latency { options, output } => {
            let report = latency::run(&options)?;
            print!("{}", report.text());
            write(output.json.as_deref(), &serde_json::to_string_pretty(&report)?)?;
            write(output.plot.as_deref(), &report.svg())
        }
        Bench::Idle { options, output } => {
            let report = idle::run(&options)?;
            print!("{}", report.text());
            write(output.json.as_deref(), &serde_json::to_string_pretty(&report)?)?;
            write(output.plot.as_deref(), &report.svg())
        }
        Bench::Chat { options, output } => {
            let report = chat::run(&options)?;
            print!("{}", report.text());
            write(output.json.as_deref(), &serde_json::to_string_pretty(&report)?)?;
            write(output.plot.as_deref(), &report.svg())
        }
        #[cfg(target_os = "linux")]
        Bench::Window { options, output } => {
            let report = window::run(&options)?;
            print!("{}", report.text());
            write(output.json.as_deref(), &serde_json::to_string_pretty(&report)?)?;
            write(output.plot.as_deref(), &report.svg())
        }
        Bench::Part { part: Part::Floor(options) } => floor::run(&options),
        Bench::Part { part: Part::Readers(options) } => readers::run(&options),
        Bench::Part { part: Part::Publisher(options) } => publisher::run(&options),
        Bench::Part { part: Part::Sealed(options) } => sealed::run(&options),
        Bench::Part { part: Part::Crowd(options) } => crowd::run(&options),
        Bench::Part { part: Part::Members(options) } => members::run(&options),
    }
}

fn write(file: Option<&Path>, text: &str) -> Result<(), BenchError> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, text).map_err(BenchError::io(format!("writing {}", file.display())))?;
    eprintln!("wrote {}", file.display());
    Ok(())
}
