//! The floor: a process that sends each frame to each reader by one bare `send`, and does nothing else.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use relay::TrackId;

use super::player::play;
use super::workload::Workload;
use crate::failure::BenchError;

/// How the conductor starts a floor.
#[derive(Debug, Clone, clap::Args)]
pub struct FloorOptions {
    #[arg(long)]
    readers: usize,
    #[arg(long)]
    rate: f64,
}

/// Prints its port, accepts all readers, sends from the first line on standard input until that closes.
pub fn run(options: &FloorOptions) -> Result<(), BenchError> {
    let listener = listen().map_err(BenchError::io("listening for the floor's readers"))?;
    let port = listener.local_addr().map_err(BenchError::io("reading the floor's address"))?.port();
    println!("{port}");
    let mut readers = Vec::with_capacity(options.readers);
    for _ in 0..options.readers {
        let (reader, _) = listener.accept().map_err(BenchError::io("accepting a reader"))?;
        reader.set_nodelay(true).and_then(|()| reader.set_nonblocking(true)).map_err(BenchError::io("a reader"))?;
        readers.push(reader);
    }
    let ended = Arc::new(AtomicBool::new(false));
    io::stdin().lock().read_line(&mut String::new()).map_err(BenchError::io("waiting for the word to begin"))?;
    let watched = Arc::clone(&ended);
    std::thread::spawn(move || {
        // Whether it closes or fails, nobody conducts any more.
        io::copy(&mut io::stdin().lock(), &mut io::sink()).unwrap_or_default();
        watched.store(true, Ordering::Relaxed);
    });
    play(Workload::new(options.rate), TrackId(2), |frame| {
        readers.retain_mut(|reader| is_sent(reader, frame.encoded()));
        if ended.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(())
}

/// A reader whose socket is full or broken is given up: it counts as silent from then on.
fn is_sent(mut reader: &TcpStream, bytes: &[u8]) -> bool {
    match reader.write(bytes) {
        Ok(length) => length == bytes.len(),
        Err(error) => error.kind() == ErrorKind::Interrupted,
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

const BACKLOG: i32 = 4_096;
