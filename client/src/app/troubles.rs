//! What is wrong in a call, from what is known of it: the most urgent first. Pure, so that every word can be tested.

use relay::vocabulary::CallPhase;

use super::View;
use crate::{
    call::Second,
    device::DeviceState,
    engine::{CallState, ConnectionState},
    link::{Carriage, Path},
};

/// Something that a person in a call should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The link is down and is being opened again.
    ConnectionLost,
    /// No new picture of the other side for so many seconds.
    PictureFrozen { seconds: u64 },
    /// No sound of the other side for so many seconds.
    NothingHeard { seconds: u64 },
    /// The other side says that it hears nothing.
    CannotHearYou,
    /// The own microphone is open and gives nothing that can be heard.
    MicrophoneSilent,
    /// The camera does not serve, or another one than the chosen does.
    Camera(DeviceState),
    /// The same of the microphone.
    Microphone(DeviceState),
    /// The same of the speaker.
    Speaker(DeviceState),
    /// A device or a codec broke off.
    BrokeOff { what: String },
    /// The proxy does not pass long exchanges on; pictures come this late, in milliseconds.
    HeldBack { by: Option<String>, delay_ms: u64 },
    /// This machine has no time for all pictures.
    TooSlow,
}

/// How well a call goes, to be shown at one glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    Lost,
    Weak,
    Fair,
    Good,
}

/// Pictures or sound that stay away for so many seconds are told of.
const STAYS_AWAY: usize = 2;

/// The other side says once a second whether it hears; what it said before the sound began does not count.
const UNHEARD: usize = 4;

/// A microphone that gives less than this for so many seconds is silent: a quiet room has −70 dB or more.
const SILENCE_DB: f32 = -80.0;
const SILENT: usize = 5;

/// A path is judged once its long exchanges had the time to prove themselves.
const PROVEN: usize = 8;

/// A second with so many lost pictures is a bad one, and so many bad ones in a row are no accident.
const DROPS: u64 = 5;
const BUSY: usize = 4;
const BUSY_CORES: f32 = 0.9;

/// What is wrong now. `open_for` are the seconds for which the own microphone has been open; `None` if it is closed.
pub fn troubles(view: &View, open_for: Option<u64>) -> Vec<Trouble> {
    let Some(call) = view.state.call.as_ref().filter(|call| is_talking(call)) else { return Vec::new() };
    let Some(path) = path(view) else { return vec![Trouble::ConnectionLost] };
    let course = &call.course;
    let mut troubles = Vec::new();
    let frozen = course.lasting(|second| second.shown_rate == 0.0);
    if frozen >= STAYS_AWAY {
        troubles.push(Trouble::PictureFrozen { seconds: frozen as u64 });
    }
    let unheard = course.lasting(|second| second.sound_received == 0);
    if unheard >= STAYS_AWAY {
        troubles.push(Trouble::NothingHeard { seconds: unheard as u64 });
    }
    if course.lasting(|second| second.heard == Some(false)) >= UNHEARD {
        troubles.push(Trouble::CannotHearYou);
    }
    let silent = course.lasting(|second| second.loudest_db.is_none_or(|loudest| loudest < SILENCE_DB));
    let (camera, microphone, speaker) = call
        .report
        .as_ref()
        .map_or_else(Default::default, |report| (report.video.camera, report.audio.microphone, report.audio.speaker));
    let serves = |state| matches!(state, DeviceState::Fine | DeviceState::Substituted);
    if serves(microphone) && silent >= SILENT && open_for.is_some_and(|seconds| seconds >= SILENT as u64) {
        troubles.push(Trouble::MicrophoneSilent);
    }
    let wrong = |state: &DeviceState| *state != DeviceState::Fine;
    troubles.extend(Some(microphone).filter(wrong).map(Trouble::Microphone));
    troubles.extend(Some(speaker).filter(wrong).map(Trouble::Speaker));
    troubles.extend(Some(camera).filter(wrong).map(Trouble::Camera));
    let broken = call.report.iter().flat_map(|report| &report.failures);
    troubles.extend(broken.map(|what| Trouble::BrokeOff { what: what.clone() }));
    if is_held_back(&path) && course.seconds().len() >= PROVEN {
        let delay_ms = mean(course.seconds(), |second| second.video_delay_ms).map_or(0, |mean| mean.round() as u64);
        troubles.push(Trouble::HeldBack { by: path.proxy, delay_ms });
    }
    let busy = |second: &Second| second.dropped >= DROPS && second.cpu.is_some_and(|cores| cores > BUSY_CORES);
    if course.lasting(busy) >= BUSY {
        troubles.push(Trouble::TooSlow);
    }
    troubles
}

/// How well the call goes, by its last seconds.
pub fn signal(view: &View) -> Signal {
    let Some(path) = path(view) else { return Signal::Lost };
    let Some(call) = &view.state.call else { return by_path(&path) };
    let lately = || call.course.seconds().rev().take(5);
    if lately().len() == 0 {
        return by_path(&path);
    }
    let delay = mean(lately(), |second| second.video_delay_ms).or(mean(lately(), |second| second.audio_delay_ms));
    let (Some(delay), dropped) = (delay, lately().map(|second| second.dropped).sum::<u64>()) else {
        return Signal::Weak;
    };
    let by_delay = match delay {
        ..250.0 => Signal::Good,
        ..600.0 => Signal::Fair,
        _ => Signal::Weak,
    };
    let by_drops = match dropped {
        0..5 => Signal::Good,
        5..25 => Signal::Fair,
        _ => Signal::Weak,
    };
    by_delay.min(by_drops)
}

fn by_path(path: &Path) -> Signal {
    if is_held_back(path) { Signal::Fair } else { Signal::Good }
}

fn is_talking(call: &CallState) -> bool {
    call.joined && call.call.phase == CallPhase::Talking
}

/// The path of a link that lives.
fn path(view: &View) -> Option<Path> {
    match &view.state.connection {
        ConnectionState::Connected { path } if path.alive => Some(path.clone()),
        _ => None,
    }
}

fn is_held_back(path: &Path) -> bool {
    path.up == Carriage::Short || path.down == Carriage::Short
}

fn mean<'a>(seconds: impl Iterator<Item = &'a Second>, figure: impl Fn(&Second) -> Option<f32>) -> Option<f32> {
    let (count, sum) = seconds.filter_map(figure).fold((0_u32, 0.0), |(count, sum), figure| (count + 1, sum + figure));
    (count > 0).then(|| sum / count as f32)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use relay::vocabulary::{Account, Call};

    use super::*;
    use crate::{call::Report, engine::State};

    const FINE: Second = Second {
        round_trip_ms: Some(12.0),
        video_delay_ms: Some(60.0),
        audio_delay_ms: Some(90.0),
        buffer_ms: 40.0,
        sent_kbps: 900.0,
        received_kbps: 900.0,
        sent_rate: 30.0,
        shown_rate: 30.0,
        dropped: 0,
        sound_received: 50,
        cpu: Some(0.3),
        loudest_db: Some(-30.0),
        heard: Some(true),
    };

    /// A call that went well for a quarter of a minute, and then for some seconds as `change` says.
    fn call(seconds: usize, change: fn(&mut Second)) -> View {
        let caller = Account { id: 1, name: "haruka".into() };
        let call = Call { id: 3, chat: 7, caller, participants: Vec::new(), phase: CallPhase::Talking };
        let mut changed = FINE;
        change(&mut changed);
        let course = std::iter::repeat_n(FINE, 15).chain(std::iter::repeat_n(changed, seconds)).collect();
        let call = CallState { course: Arc::new(course), ..CallState::new(call, true, true) };
        let path = Path {
            proxy: None,
            up: Carriage::Streaming,
            down: Carriage::Streaming,
            alive: true,
            exchanges: 2,
            cuts: 0,
        };
        let state = State { connection: ConnectionState::Connected { path }, call: Some(call), ..State::default() };
        View { state: Arc::new(state), ..View::default() }
    }

    fn with(mut view: View, change: impl FnOnce(&mut State)) -> View {
        change(Arc::make_mut(&mut view.state));
        view
    }

    #[test]
    fn a_call_that_goes_well_has_none() {
        assert_eq!(troubles(&call(0, |_| {}), Some(60)), []);
        assert_eq!(signal(&call(0, |_| {})), Signal::Good);
        let over = with(call(9, |second| second.shown_rate = 0.0), |state| state.call = None);
        assert_eq!(troubles(&over, Some(60)), []);
    }

    #[test]
    fn what_stays_away_is_told_of_with_its_time() {
        let frozen = |seconds| troubles(&call(seconds, |second| second.shown_rate = 0.0), Some(60));
        assert_eq!((frozen(1), frozen(2)), (vec![], vec![Trouble::PictureFrozen { seconds: 2 }]));
        let unheard = |seconds| troubles(&call(seconds, |second| second.sound_received = 0), Some(60));
        assert_eq!((unheard(1), unheard(7)), (vec![], vec![Trouble::NothingHeard { seconds: 7 }]));
    }

    #[test]
    fn the_other_side_says_whether_it_hears() {
        let unheard = |seconds| troubles(&call(seconds, |second| second.heard = Some(false)), None);
        assert_eq!((unheard(3), unheard(4)), (vec![], vec![Trouble::CannotHearYou]));
        assert_eq!(troubles(&call(9, |second| second.heard = None), None), [], "an older client does not say it");
    }

    #[test]
    fn a_microphone_is_silent_only_while_it_is_open() {
        let silent = |seconds, open_for| troubles(&call(seconds, |second| second.loudest_db = Some(-90.0)), open_for);
        assert_eq!((silent(4, Some(60)), silent(5, Some(60))), (vec![], vec![Trouble::MicrophoneSilent]));
        assert_eq!((silent(9, None), silent(9, Some(4))), (vec![], vec![]));
        assert_eq!(troubles(&call(5, |second| second.loudest_db = None), Some(60)), [Trouble::MicrophoneSilent]);
        assert_eq!(troubles(&call(9, |second| second.loudest_db = Some(-70.0)), Some(60)), [], "a quiet room");
    }

    #[test]
    fn a_device_that_does_not_serve_is_told_of_instead_of_its_silence() {
        let told = with(call(9, |second| second.loudest_db = None), |state| {
            let mut report = Report::default();
            report.audio.microphone = DeviceState::Forbidden;
            report.audio.speaker = DeviceState::Substituted;
            if let Some(call) = &mut state.call {
                call.report = Some(Box::new(report));
            }
        });
        let expected = [Trouble::Microphone(DeviceState::Forbidden), Trouble::Speaker(DeviceState::Substituted)];
        assert_eq!(troubles(&told, Some(60)), expected);
    }

    #[test]
    fn a_lost_connection_explains_everything_else() {
        let frozen = || call(9, |second| second.shown_rate = 0.0);
        let connecting = ConnectionState::Connecting { reason: Some("cut".into()) };
        let lost = with(frozen(), |state| state.connection = connecting);
        assert_eq!((troubles(&lost, Some(60)), signal(&lost)), (vec![Trouble::ConnectionLost], Signal::Lost));
        let silent = with(frozen(), |state| {
            if let ConnectionState::Connected { path } = &mut state.connection {
                path.alive = false;
            }
        });
        assert_eq!(troubles(&silent, Some(60)), [Trouble::ConnectionLost]);
    }

    #[test]
    fn a_proxy_that_holds_back_is_named_once_the_path_is_proven() {
        let short = |view| {
            with(view, |state| {
                if let ConnectionState::Connected { path } = &mut state.connection {
                    (path.down, path.proxy) = (Carriage::Short, Some("http://proxy:3128".into()));
                }
            })
        };
        let told = Trouble::HeldBack { by: Some("http://proxy:3128".into()), delay_ms: 60 };
        assert_eq!(troubles(&short(call(0, |_| {})), None), [told]);
        let begins = with(short(call(0, |_| {})), |state| {
            let call = state.call.as_mut().unwrap();
            call.course = Arc::new(std::iter::repeat_n(FINE, PROVEN - 1).collect());
        });
        assert_eq!(troubles(&begins, None), []);
    }

    #[test]
    fn what_broke_off_and_a_machine_that_is_too_slow() {
        let broken = with(call(0, |_| {}), |state| {
            let report = Report { failures: vec!["the camera: it was unplugged".into()], ..Report::default() };
            state.call.as_mut().unwrap().report = Some(Box::new(report));
        });
        assert_eq!(troubles(&broken, None), [Trouble::BrokeOff { what: "the camera: it was unplugged".into() }]);
        let slow = |seconds| troubles(&call(seconds, |second| (second.dropped, second.cpu) = (6, Some(1.4))), None);
        assert_eq!((slow(3), slow(4)), (vec![], vec![Trouble::TooSlow]));
        let path = call(9, |second| second.dropped = 6);
        assert_eq!(
            (troubles(&path, None), signal(&path)),
            (vec![], Signal::Weak),
            "the path's fault, not the machine's"
        );
    }

    #[test]
    fn the_signal_follows_delay_and_losses() {
        let late = |ms: fn(&mut Second)| signal(&call(5, ms));
        assert_eq!(late(|second| second.video_delay_ms = Some(249.0)), Signal::Good);
        assert_eq!(late(|second| second.video_delay_ms = Some(251.0)), Signal::Fair);
        assert_eq!(late(|second| second.video_delay_ms = Some(900.0)), Signal::Weak);
        assert_eq!(late(|second| (second.video_delay_ms, second.audio_delay_ms) = (None, None)), Signal::Weak);
        assert_eq!(late(|second| second.video_delay_ms = None), Signal::Good, "sound alone counts as well");
    }
}
