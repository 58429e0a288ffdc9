//! Taking in the bytes of an exchange: records, messages, frames.

use super::{
    ExchangeId, Link, LinkError, Output,
    flight::Acknowledged,
    message::{Acknowledgement, Message},
    record::Record,
};
use crate::{Frame, Micros};

impl Link {
    /// Takes bytes that came in on an exchange. On an error the exchange is of no use any more; unless it is a record
    /// that something on the path damaged, neither is the link.
    pub fn receive(&mut self, id: ExchangeId, bytes: &[u8], now: Micros) -> Result<(), LinkError> {
        self.bytes_received += bytes.len() as u64;
        let exchange = self.exchanges.get_mut(&id).ok_or(LinkError::NotOpen(id))?;
        exchange.incoming.feed(bytes);
        loop {
            let exchange = self.exchanges.get_mut(&id).ok_or(LinkError::NotOpen(id))?;
            let Some(record) = exchange.incoming.next_record(self.opener.as_mut())? else {
                return Ok(());
            };
            exchange.received += 1;
            self.take(record, now)?;
        }
    }

    fn take(&mut self, record: Record, now: Micros) -> Result<(), LinkError> {
        if !self.arrivals.is_new(record.number) {
            self.arrivals.repeat(now);
            return Ok(());
        }
        let length = record.content.len();
        let mut content = record.content.freeze();
        let (mut asks, mut urgent) = (false, false);
        let mut frames = Vec::new();
        while let Some(message) = Message::decode(&mut content)? {
            match message {
                Message::Ping => {
                    (asks, urgent) = (true, true);
                    self.is_asked(now);
                }
                Message::Acknowledgement(acknowledgement) => self.acknowledged(&acknowledgement, now)?,
                Message::Frame(frame) => {
                    asks = true;
                    self.rest.note(frame.header(), now);
                    if let Some(incoming) = self.incoming.get_mut(&frame.header().track) {
                        incoming.frame(frame, now, &mut frames)?;
                    }
                }
                // Frames that are cut are long: pictures, files.
                Message::Part(part) => {
                    asks = true;
                    self.rest.stir(now);
                    if let Some(incoming) = self.incoming.get_mut(&part.track) {
                        incoming.part(&part, now, &mut frames)?;
                    }
                }
                Message::Prefer { exchange } => {
                    asks = true;
                    if let Some(exchange) = self.exchanges.get_mut(&ExchangeId(exchange)) {
                        exchange.carry();
                        self.driver.wake_by_ref();
                    }
                }
                Message::Close { reason } => self.outputs.push_back(Output::Closed { reason }),
            }
        }
        // Only what was understood and kept counts as arrived.
        self.arrivals.note(record.number, length, asks, urgent, now);
        // A frame cut from a record would hold the whole record's memory for as long as a track keeps it.
        self.outputs.extend(frames.into_iter().map(Frame::into_own_buffer).map(Output::Frame));
        Ok(())
    }

    fn acknowledged(&mut self, acknowledgement: &Acknowledgement, now: Micros) -> Result<(), LinkError> {
        if self.flight.is_impossible(acknowledgement) {
            return Err(LinkError::NeverSent);
        }
        let before = self.flight.room();
        let Acknowledged { bytes, largest_sent_at, packets } = self.flight.acknowledge(acknowledgement, now);
        if let Some(sent_at) = largest_sent_at {
            let far_received = acknowledgement.clock.saturating_sub(acknowledgement.delay);
            self.clock.sample(sent_at, far_received, acknowledgement.clock, now);
        }
        if bytes > 0 {
            for (id, prompt) in packets {
                if let Some(exchange) = self.exchanges.get_mut(&id) {
                    exchange.prove(prompt);
                }
            }
            if before == 0 {
                self.driver.wake_by_ref();
            }
            self.tidy_bulk();
            if self.rest.is_at_rest(now) {
                self.flight.rest();
            }
        }
        Ok(())
    }
}
