//! The publisher: a process that plays the workload into a public track, up a sealed link, as any publisher would.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use client::link::LinkEvent;
use relay::link::Class;
use relay::track::{Retention, Track};
use relay::vocabulary::{CreateTrack, Login, SessionOpened, TrackCreated};
use relay::{SECOND, TrackId};

use super::player::play;
use super::workload::Workload;
use crate::failure::BenchError;
use crate::linked::{Invitation, Linked, first_line, runtime};
use crate::machine::clock;

/// How the conductor starts a publisher. The password is the first line of standard input.
#[derive(Debug, Clone, clap::Args)]
pub struct PublisherOptions {
    #[arg(long)]
    server: String,
    #[arg(long)]
    user: String,
    #[arg(long)]
    track: String,
    #[arg(long)]
    rate: f64,
}

/// Prints an [`Invitation`], then plays until standard input closes.
pub fn run(options: &PublisherOptions) -> Result<(), BenchError> {
    let password = first_line()?;
    runtime()?.block_on(async {
        let pin = Linked::fingerprint(&options.server).await?;
        let mut linked = Linked::open(&options.server, pin).await?;
        let login = Login { user: options.user.clone(), password, device: "bench".to_owned() };
        let opened: SessionOpened = linked.ask("POST", "/v1/login", &login).await?;
        let create = CreateTrack { name: options.track.clone(), public: true };
        let created: TrackCreated = linked.ask("POST", "/v1/tracks", &create).await?;
        let track = Track::new(TrackId(created.track), KEEP);
        linked.connection.send_track(&track, Class::Video);
        let invitation = Invitation { session: opened.session, track: created.track, pin: pin.to_string() };
        println!("{}", serde_json::to_string(&invitation)?);
        io::stdout().flush().map_err(BenchError::io("inviting readers"))?;
        let (rate, played) = (options.rate, track.clone());
        std::thread::spawn(move || {
            let ended = play(Workload::new(rate), played.id(), |frame| match played.append(frame, clock::now()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
            if let Err(error) = ended {
                eprintln!("the publisher stopped: {error}");
            }
        });
        let (told_to_end, end) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // Whether it closes or fails, nobody conducts any more.
            io::stdin().lock().read_to_end(&mut Vec::new()).unwrap_or_default();
            told_to_end.send(()).unwrap_or_default();
        });
        let lasting = async {
            loop {
                if let LinkEvent::Ended { reason } = linked.connection.next_event().await {
                    return Err(BenchError::Refused(format!("the publisher's link ended: {reason}")));
                }
            }
        };
        tokio::select! {
            ended = lasting => ended,
            _ = end => Ok(()),
        }
    })
}

const KEEP: Retention = Retention::Group { max_bytes: 4 << 20, max_time: 4 * SECOND };
