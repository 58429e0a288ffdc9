//! Events as lines of `text/event-stream`.

use super::place::Place;
use bytes::{BufMut, BytesMut};
use relay::Frame;
use relay::vocabulary::ChatId;
use serde::Deserialize;
use std::fmt::Write;

/// A sign of life: a comment, which every reader passes over.
pub(super) const HEARTBEAT: &[u8] = b":\n\n";

/// Only what names an event.
#[derive(Deserialize)]
struct Named {
    event: String,
}

/// Writes an event of the account's own: what a link gets as a frame of kind `Event`.
pub(super) fn event(out: &mut BytesMut, place: &Place, frame: &Frame) {
    let payload = frame.payload();
    let name = serde_json::from_slice::<Named>(&payload).map_or_else(|_| "unknown".to_owned(), |named| named.event);
    head(out, &name, place);
    out.put_slice(b"data: ");
    out.put_slice(&payload);
    out.put_slice(b"\n\n");
}

/// Writes what stands on a track of a chat, with the number of the chat: an entry, or a signal.
pub(super) fn of_chat(out: &mut BytesMut, name: &str, what: &str, place: &Place, chat: ChatId, frame: &Frame) {
    head(out, name, place);
    text(out, format_args!("data: {{\"v\":1,\"event\":\"{name}\",\"chat\":{chat},\"{what}\":"));
    out.put_slice(&frame.payload());
    out.put_slice(b"}\n\n");
}

/// Writes an event of the stream's own.
pub(super) fn of_stream(out: &mut BytesMut, name: &str, place: &Place) {
    head(out, name, place);
    text(out, format_args!("data: {{\"v\":1,\"event\":\"{name}\"}}\n\n"));
}

/// Writes how long to wait before coming back, in milliseconds.
pub(super) fn retry(out: &mut BytesMut, milliseconds: u64) {
    text(out, format_args!("retry: {milliseconds}\n"));
}

fn head(out: &mut BytesMut, name: &str, place: &Place) {
    text(out, format_args!("id: {place}\nevent: {name}\n"));
}

fn text(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    // A buffer takes everything.
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::vocabulary::Event;
    use relay::{FrameHeader, Kind, TrackId};

    #[test]
    fn events_are_lines_that_every_reader_of_event_streams_understands() {
        let place = Place { stored: 1, told: 2, present: 3, ..Place::default() };
        let payload = Event::ServerClosing { retry_after_ms: 5 }.encode().unwrap();
        let frame = Frame::new(FrameHeader::alone(TrackId::CONTROL, 1, 0, Kind::Event), &payload).unwrap();
        let mut out = BytesMut::new();
        retry(&mut out, 1_000);
        of_stream(&mut out, "stream.opened", &place);
        event(&mut out, &place, &frame);
        of_chat(&mut out, "chat.entry", "entry", &place, 7, &frame);
        let expected = "retry: 1000\nid: 1.2.3\nevent: stream.opened\ndata: {\"v\":1,\"event\":\"stream.opened\"}\n\n\
                        id: 1.2.3\nevent: server.closing\ndata: {\"v\":1,\"event\":\"server.closing\",\"retry_after_ms\":5}\n\n\
                        id: 1.2.3\nevent: chat.entry\ndata: {\"v\":1,\"event\":\"chat.entry\",\"chat\":7,\"entry\":\
                        {\"v\":1,\"event\":\"server.closing\",\"retry_after_ms\":5}}\n\n";
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
    }
}
