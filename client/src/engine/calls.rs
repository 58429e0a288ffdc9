//! Calls: ringing, joining with camera and microphone, going on over a new link, ending.

use std::sync::Arc;

use relay::{
    TrackId,
    link::{Class, Promise},
    vocabulary::{Call, CallId, CallPhase, ChatId, Event as Told, MediaTracks, Presence, ReadFrom, StartCall},
};

use super::{core::Core, event::Event, held::CALL_PATIENCE, requests::Purpose, state::CallState};
use crate::call::Media;

impl Core {
    pub(super) fn call(&mut self, chat: ChatId) {
        self.ask_within(CALL_PATIENCE, Purpose::Call, "POST", "/v1/calls", &StartCall { chat });
    }

    pub(super) fn accept(&mut self, call: CallId) {
        if let Some(state) = self.state.call.as_mut().filter(|state| state.call.id == call) {
            state.joined = true;
        }
        let path = format!("/v1/calls/{call}/accept");
        self.ask_within(CALL_PATIENCE, Purpose::Accept(call), "POST", &path, &());
    }

    pub(super) fn decline(&mut self, call: CallId) {
        self.ask_surely(Purpose::Decline(call), "POST", &format!("/v1/calls/{call}/decline"), &());
        self.call_over(call);
    }

    pub(super) fn hang_up(&mut self) {
        let Some(call) = self.state.call.as_ref().map(|state| state.call.id) else { return };
        self.ask_surely(Purpose::HangUp(call), "POST", &format!("/v1/calls/{call}/hangup"), &());
        if !self.link.as_ref().is_some_and(|link| link.authenticated) {
            // The server will hear of it; the person need not wait for that.
            self.call_over(call);
        }
    }

    /// The answer to whoever began or joined a call. Events that were told meanwhile may have overtaken it.
    pub(super) fn call_answered(&mut self, call: Call) {
        if is_news(self.state.call.as_ref().map(|state| &state.call), self.last_over, &call) {
            self.call_changed(call);
        }
    }

    /// The server's own word on a call that this client began or joined.
    pub(super) fn call_changed(&mut self, call: Call) {
        let me = self.state.account.as_ref().map(|account| account.id);
        let known = self.state.call.take().filter(|state| state.call.id == call.id);
        let outgoing = known.as_ref().map_or(Some(call.caller.id) == me, |state| state.outgoing);
        let joined = known.as_ref().is_some_and(|state| state.joined) || outgoing;
        let (report, course) = known.map(|state| (state.report, state.course)).unwrap_or_default();
        let talking = call.phase == CallPhase::Talking;
        self.state.call = Some(CallState { call: call.clone(), outgoing, joined, report, course });
        if talking && joined {
            self.start_media(&call);
        }
    }

    pub(super) fn call_over(&mut self, call: CallId) {
        self.last_over = Some(call);
        if self.state.call.as_ref().is_some_and(|state| state.call.id == call) {
            self.end_media();
            self.state.call = None;
        }
    }

    /// Someone does not come: the call is over on all devices of theirs, and for two people who have not talked, who are
    /// told no more of it.
    fn does_not_come(&mut self, call: CallId, who: u64) {
        let mine = self.state.account.as_ref().is_some_and(|me| me.id == who);
        let of_two = |known: &CallState| known.call.participants.len() == 2 && known.call.phase != CallPhase::Talking;
        if self.state.call.as_ref().is_some_and(|known| known.call.id == call && (mine || of_two(known))) {
            self.call_over(call);
        }
    }

    pub(super) fn told(&mut self, event: Told) {
        let Some(event) = self.told_of_chat(event) else { return };
        match event {
            Told::CallInvited { call } => {
                if self.state.call.is_none() {
                    self.state.call = Some(CallState::new(call.clone(), false, false));
                }
                self.tell(Event::CallInvited { call });
            }
            Told::CallRinging { call, who } => self.tell(Event::CallRinging { call, who: who.name }),
            Told::CallAccepted { call } if self.held.has(&Purpose::HangUp(call.id)) => {}
            Told::CallAccepted { call } => {
                // A server tells again when a link is back.
                if self.media.as_ref().is_none_or(|media| media.call() != call.id) {
                    self.tell(Event::CallAccepted { call: call.clone() });
                }
                if self.state.call.is_none() {
                    // Told only to devices that take part: this one was started anew in the middle of the call.
                    let outgoing = self.state.account.as_ref().is_some_and(|me| me.id == call.caller.id);
                    self.state.call = Some(CallState::new(call.clone(), outgoing, true));
                }
                if self.state.call.as_ref().is_some_and(|state| state.call.id == call.id) {
                    self.call_changed(call);
                }
            }
            Told::CallDeclined { call, who } => {
                self.does_not_come(call, who.id);
                self.tell(Event::CallDeclined { call, who: who.name });
            }
            Told::CallBusy { call, who } => {
                self.does_not_come(call, who.id);
                self.tell(Event::CallBusy { call, who: who.name });
            }
            Told::CallNoAnswer { call, who } => {
                self.does_not_come(call, who.id);
                self.tell(Event::CallNoAnswer { call, who: who.name });
            }
            Told::CallCancelled { call } => {
                self.call_over(call);
                self.tell(Event::CallCancelled { call });
            }
            Told::CallAnsweredElsewhere { call, device } => {
                self.call_over(call);
                self.tell(Event::CallAnsweredElsewhere { call, device });
            }
            Told::CallEnded { call, reason, duration_ms } => {
                self.call_over(call);
                self.tell(Event::CallEnded { call, reason, duration_ms });
            }
            Told::KeyframeWanted { .. } => {
                if let Some(media) = &self.media {
                    media.make_keyframe();
                }
            }
            Told::ServerClosing { retry_after_ms } => {
                self.warn(format!("The server closes and will be back in about {retry_after_ms} ms."));
            }
            other => self.told_of_contacts(other),
        }
    }

    fn start_media(&mut self, call: &Call) {
        if self.media.as_ref().is_some_and(|media| media.call() == call.id) {
            return;
        }
        let me = self.state.account.as_ref().map(|account| account.id);
        let tracks = |mine: bool| {
            let mut joined = call.participants.iter().filter(|one| one.presence == Presence::Joined);
            joined.find(|one| (Some(one.id) == me) == mine).and_then(|one| one.tracks)
        };
        let (Some(mine), Some(theirs)) = (tracks(true), tracks(false)) else {
            return;
        };
        self.end_media();
        let round_trip = self.link.as_ref().and_then(|link| link.connection.statistics().round_trip);
        match Media::start(call.id, mine, theirs, &self.devices, round_trip, self.clock) {
            Ok(media) => {
                self.media = Some(media);
                self.connect_media(mine, theirs);
            }
            Err(error) => {
                self.warn(format!("The call cannot have picture and sound: {error}."));
                self.hang_up();
            }
        }
    }

    /// Joins the call's pipelines to the link: their own tracks up, the other's down.
    fn connect_media(&mut self, _mine: MediaTracks, theirs: MediaTracks) {
        let (Some(link), Some(media)) = (&self.link, &self.media) else { return };
        link.connection.send_track(media.audio_track(), Class::Audio);
        link.connection.send_track(media.video_track(), Class::Video);
        let (audio, video) = (TrackId(theirs.audio), TrackId(theirs.video));
        link.connection.accept_track(audio, Promise::Referenced, media.audio_sink());
        link.connection.accept_track(video, Promise::Referenced, media.video_sink());
        if let Some(offset) = link.connection.clock_offset() {
            media.renew(&link.connection.statistics(), Some(offset));
        }
        for track in [audio, video] {
            self.ask(Purpose::ReadMedia, "PUT", &format!("/v1/cursors/{track}"), &ReadFrom { after: None });
        }
    }

    /// A new link stands in the middle of a call: picture and sound go on over it.
    pub(super) fn join_again(&mut self) {
        let Some((mine, theirs)) = self.media.as_ref().map(Media::tracks) else { return };
        self.connect_media(mine, theirs);
    }

    /// A client that was started anew in the middle of a call is told of it before it knows who it is itself.
    pub(super) fn take_up_call(&mut self) {
        let me = self.state.account.as_ref().map(|account| account.id);
        if self.media.is_some() {
            return;
        }
        let Some(state) = self.state.call.as_mut().filter(|state| state.joined) else { return };
        state.outgoing = Some(state.call.caller.id) == me;
        let call = state.call.clone();
        self.call_changed(call);
    }

    pub(super) fn ask_for_keyframe(&mut self) {
        let Some((_, theirs)) = self.media.as_ref().map(Media::tracks) else { return };
        self.ask(Purpose::Keyframe, "POST", &format!("/v1/tracks/{}/keyframe", theirs.video), &());
    }

    pub(super) fn report_call(&mut self, ended: bool) {
        let Some(media) = &self.media else { return };
        let report = Box::new(media.report());
        let call = media.call();
        let link = self.link.as_ref().map(|link| link.connection.statistics()).unwrap_or_default();
        let second = media.second(&link);
        if let Some(state) = &mut self.state.call {
            state.report = Some(report.clone());
            Arc::make_mut(&mut state.course).push(second);
        }
        self.tell(Event::CallReport { call, report, ended });
    }

    pub(super) fn end_media(&mut self) {
        let Some(media) = self.media.take() else { return };
        if let Some(link) = &self.link {
            let (mine, theirs) = media.tracks();
            for track in [mine.audio, mine.video] {
                link.connection.stop_track(TrackId(track));
            }
            for track in [theirs.audio, theirs.video] {
                link.connection.refuse_track(TrackId(track));
            }
        }
        let call = media.call();
        let report = Box::new(media.stop());
        self.tell(Event::CallReport { call, report, ended: true });
    }
}

/// Whether an answer says more of a call than is known already: not of one that is over, and not that one still rings in
/// which people talk.
fn is_news(known: Option<&Call>, over: Option<CallId>, answered: &Call) -> bool {
    let talks = known.is_some_and(|known| known.id == answered.id && known.phase == CallPhase::Talking);
    over != Some(answered.id) && (!talks || answered.phase == CallPhase::Talking)
}

#[cfg(test)]
mod tests {
    use relay::vocabulary::Account;

    use super::*;

    fn call(id: CallId, phase: CallPhase) -> Call {
        let caller = Account { id: 1, name: "alice".into() };
        Call { id, chat: 1, caller, phase, participants: Vec::new() }
    }

    #[test]
    fn an_answer_that_events_have_overtaken_changes_nothing() {
        let (rings, talks) = (call(3, CallPhase::Ringing), call(3, CallPhase::Talking));
        assert!(is_news(None, None, &rings) && is_news(Some(&rings), None, &talks));
        assert!(is_news(Some(&rings), None, &rings) && is_news(Some(&talks), None, &talks));
        assert!(!is_news(Some(&talks), None, &rings), "the other side has taken it before the answer came");
        assert!(!is_news(None, Some(3), &rings), "it was declined before the answer came");
        assert!(is_news(Some(&talks), Some(2), &call(4, CallPhase::Ringing)), "another call is another call");
    }
}
