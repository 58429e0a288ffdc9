//! The encoder: live pictures in, packets in one to three temporal layers out, its rates changed while it runs.

use bytes::Bytes;
use openh264_sys2 as sys;

use super::nal;
use super::native::{NativeEncoder, Status};
use crate::picture::{Colour, Matrix, Picture, Range};

/// Encodes the pictures of one stream.
///
/// Keyframes come at the start, on [`Encoder::request_keyframe`] and when size or layers change, and at no other time.
pub struct Encoder {
    config: EncoderConfig,
    native: NativeEncoder,
    references: References,
    valve: Valve,
    keyframe_wanted: bool,
}

/// What the pictures show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Content {
    /// Natural pictures from a camera or a film.
    #[default]
    Camera,
    /// A screen: sharp edges, large areas that stand still, scrolling.
    Screen,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderConfig {
    /// Width of the pictures in luma samples; even, from 16.
    pub width: u32,
    /// Height of the pictures in luma samples; even, from 16.
    pub height: u32,
    /// Pictures per second that come at most, 1 to 60.
    pub frame_rate: f32,
    /// Bits per second to aim at, from 10 000.
    pub bitrate: u32,
    /// Bits per second never to pass for long; at least `bitrate`.
    pub max_bitrate: u32,
    /// Temporal layers, 1 to 3 (screen content: 1 or 2). With 2, every second picture can be dropped; with 3, three of four.
    pub temporal_layers: u8,
    /// What the pictures show.
    pub content: Content,
    /// How the pictures' colours are meant; written into the stream (VUI). [`Picture::colour`] is not looked at.
    pub colour: Colour,
    /// Whether rate control may leave out a picture ([`Encoded::Skipped`]) rather than overshoot.
    pub may_skip: bool,
}

impl EncoderConfig {
    /// Two temporal layers of camera pictures, with a quarter of the bitrate as headroom for hard scenes.
    pub fn new(width: u32, height: u32, frame_rate: f32, bitrate: u32) -> EncoderConfig {
        EncoderConfig {
            width,
            height,
            frame_rate,
            bitrate,
            max_bitrate: bitrate.saturating_add(bitrate / 4),
            temporal_layers: 2,
            content: Content::Camera,
            colour: Colour::assumed(height),
            may_skip: true,
        }
    }
}

/// What became of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// It was encoded.
    Packet(Packet),
    /// Rate control left it out: the pictures before it were too large. Nothing is to be sent, nothing is wrong.
    Skipped,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The access unit in Annex B form (ITU-T H.264); a keyframe begins with its SPS and PPS.
    pub bytes: Bytes,
    /// Whether decoding can begin here (an IDR picture).
    pub keyframe: bool,
    /// Temporal layer, 0 the base. No picture refers to one of a higher layer.
    pub layer: u8,
    /// How many packets of this encoder ago the picture that this one refers to came out: 1 = the packet before.
    /// 0 for a keyframe, which refers to none.
    pub depends: u64,
    /// How coarse it is: the mean quantisation parameter, 0 to 51 (ITU-T H.264, QP).
    pub quantiser: u8,
}

/// Why a picture cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value of the configuration is outside what the encoder can do.
    #[error("{what} of {value} is not possible: {allowed}")]
    Config {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: String,
        /// What would be possible.
        allowed: &'static str,
    },
    /// The picture has another size than the encoder.
    #[error(
        "the picture is {got_width}×{got_height}, the encoder was set to {width}×{height}: call `resize` first, or scale"
    )]
    Size {
        /// Width of the picture.
        got_width: u32,
        /// Height of the picture.
        got_height: u32,
        /// Width of the encoder.
        width: u32,
        /// Height of the encoder.
        height: u32,
    },
    /// openh264 refused.
    #[error("openh264 could not {doing} (its code {code}): make a new encoder")]
    Library {
        /// What it was asked to do.
        doing: &'static str,
        /// Its `CM_RETURN` code.
        code: i32,
    },
}

impl Encoder {
    /// An encoder whose first packet will be a keyframe.
    ///
    /// # Errors
    /// [`EncodeError::Config`] when a value is out of bounds, [`EncodeError::Library`] when openh264 refuses.
    pub fn new(config: EncoderConfig) -> Result<Encoder, EncodeError> {
        check(&config)?;
        let native = start(&config)?;
        Ok(Encoder {
            config,
            native,
            references: References::default(),
            valve: Valve::default(),
            keyframe_wanted: false,
        })
    }

    /// What the encoder is set to.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Encodes one picture taken at `time_us` (any clock in µs that does not go back).
    ///
    /// # Errors
    /// [`EncodeError::Size`] when the picture does not have the encoder's size, [`EncodeError::Library`] when openh264
    /// fails.
    pub fn encode(&mut self, picture: &Picture, time_us: u64) -> Result<Encoded, EncodeError> {
        if (picture.width(), picture.height()) != (self.config.width, self.config.height) {
            return Err(EncodeError::Size {
                got_width: picture.width(),
                got_height: picture.height(),
                width: self.config.width,
                height: self.config.height,
            });
        }
        if !self.valve.admits(time_us, &self.config) {
            return Ok(Encoded::Skipped);
        }
        if self.keyframe_wanted {
            self.native.force_idr().map_err(library("make a keyframe"))?;
        }
        let time_ms = i64::try_from(time_us / 1000).unwrap_or(i64::MAX);
        let frame = self.native.encode(picture, time_ms).map_err(library("encode a picture"))?;
        if frame.bytes.is_empty() {
            return Ok(Encoded::Skipped);
        }
        if frame.idr {
            self.keyframe_wanted = false;
        }
        self.valve.passed(frame.bytes.len());
        let is_reference = nal::units(&frame.bytes).any(|unit| unit.is_slice() && unit.reference_idc() != 0);
        let depends = self.references.place(frame.idr, frame.temporal, is_reference);
        Ok(Encoded::Packet(Packet {
            bytes: Bytes::from(frame.bytes),
            keyframe: frame.idr,
            layer: frame.temporal,
            depends,
            quantiser: frame.quantiser,
        }))
    }

    /// Makes the next picture a keyframe.
    pub fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Changes the bitrate to aim at and the ceiling, both in bits per second, from the next picture on.
    ///
    /// # Errors
    /// As [`Encoder::new`]; the old rates stay when the new ones are not possible.
    pub fn set_bitrate(&mut self, bitrate: u32, max_bitrate: u32) -> Result<(), EncodeError> {
        let config = EncoderConfig { bitrate, max_bitrate, ..self.config };
        check(&config)?;
        // The library refuses a target above the ceiling, so the ceiling moves first on the way up, last on the way down.
        if max_bitrate >= self.config.max_bitrate {
            self.native.set_max_bitrate(max_bitrate).map_err(library("change the bitrate"))?;
            self.native.set_bitrate(bitrate).map_err(library("change the bitrate"))?;
        } else {
            self.native.set_bitrate(bitrate).map_err(library("change the bitrate"))?;
            self.native.set_max_bitrate(max_bitrate).map_err(library("change the bitrate"))?;
        }
        self.config = config;
        Ok(())
    }

    /// Changes the frame rate in Hz that rate control reckons with.
    ///
    /// # Errors
    /// As [`Encoder::new`]; the old rate stays when the new one is not possible.
    pub fn set_frame_rate(&mut self, frame_rate: f32) -> Result<(), EncodeError> {
        let config = EncoderConfig { frame_rate, ..self.config };
        check(&config)?;
        self.native.set_frame_rate(frame_rate).map_err(library("change the frame rate"))?;
        self.config = config;
        Ok(())
    }

    /// Changes the number of temporal layers. The next packet is a keyframe.
    ///
    /// # Errors
    /// As [`Encoder::new`]; the old number stays when the new one is not possible.
    pub fn set_temporal_layers(&mut self, temporal_layers: u8) -> Result<(), EncodeError> {
        self.restart(EncoderConfig { temporal_layers, ..self.config })
    }

    /// Changes what the stream says of its colours. The next packet is a keyframe, if that is a change.
    ///
    /// # Errors
    /// [`EncodeError::Library`] when openh264 refuses.
    pub fn set_colour(&mut self, colour: Colour) -> Result<(), EncodeError> {
        if colour == self.config.colour {
            return Ok(());
        }
        self.restart(EncoderConfig { colour, ..self.config })
    }

    /// Changes what the pictures show. The next packet is a keyframe.
    ///
    /// # Errors
    /// As [`Encoder::new`]; the old setting stays when the new one is not possible (a screen with three layers).
    pub fn set_content(&mut self, content: Content) -> Result<(), EncodeError> {
        self.restart(EncoderConfig { content, ..self.config })
    }

    /// Changes the size of the pictures. The next packet is a keyframe.
    ///
    /// # Errors
    /// As [`Encoder::new`]; the old size stays when the new one is not possible.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<(), EncodeError> {
        self.restart(EncoderConfig { width, height, ..self.config })
    }

    fn restart(&mut self, config: EncoderConfig) -> Result<(), EncodeError> {
        check(&config)?;
        self.native = start(&config)?;
        self.config = config;
        Ok(())
    }
}

/// Which packet each packet refers to, by openh264's rule for temporal layers (ref_list_mgr_svc.cpp, WelsBuildRefList):
/// the newest reference picture whose layer is not higher than its own.
#[derive(Default)]
struct References {
    /// Packets that came out so far.
    count: u64,
    /// The number of the newest reference picture of each layer since the last keyframe.
    newest: [Option<u64>; LAYERS],
}

/// Temporal layers that openh264 knows.
const LAYERS: usize = 4;

impl References {
    /// Enters the next packet and says how far back it refers.
    fn place(&mut self, keyframe: bool, layer: u8, is_reference: bool) -> u64 {
        let number = self.count;
        self.count += 1;
        let layer = usize::from(layer).min(LAYERS - 1);
        let depends = if keyframe {
            self.newest = [None; LAYERS];
            0
        } else {
            self.newest[..=layer].iter().flatten().max().map_or(0, |&newest| number - newest)
        };
        if is_reference {
            self.newest[layer] = Some(number);
        }
        depends
    }
}

/// Lets pictures through while the stream keeps to its ceiling, and leaves some out when pictures too hard for rate
/// control (noise, a screen that changes wholly) have put it far behind.
///
/// openh264's own skipping is not used: it also drops the pictures after every keyframe, a freeze of a fifth of a
/// second each time at 1 Mb/s.
#[derive(Default)]
struct Valve {
    /// Bits sent beyond what the ceiling allowed so far.
    debt: u64,
    /// When that was reckoned.
    at: Option<u64>,
}

impl Valve {
    /// How far ahead of its ceiling a stream may run, in µs: a keyframe is worth about 400 ms.
    const SLACK_US: u64 = 1_000_000;

    fn admits(&mut self, time_us: u64, config: &EncoderConfig) -> bool {
        let per_us =
            |us: u64| u64::try_from(u128::from(us) * u128::from(config.max_bitrate) / 1_000_000).unwrap_or(u64::MAX);
        let elapsed = self.at.map_or(0, |at| time_us.saturating_sub(at));
        self.at = Some(time_us);
        self.debt = self.debt.saturating_sub(per_us(elapsed));
        !config.may_skip || self.debt <= per_us(Self::SLACK_US)
    }

    fn passed(&mut self, bytes: usize) {
        self.debt = self.debt.saturating_add(bytes as u64 * 8);
    }
}

fn check(config: &EncoderConfig) -> Result<(), EncodeError> {
    let wrong = |what, value: String, allowed| Err(EncodeError::Config { what, value, allowed });
    for (what, side) in [("a width", config.width), ("a height", config.height)] {
        if side % 2 != 0 || !(16..=4096).contains(&side) {
            return wrong(
                what,
                side.to_string(),
                "it must be even, from 16 to 4096 (crop odd pictures with `cropped_to_even`)",
            );
        }
    }
    if !(1.0..=60.0).contains(&config.frame_rate) {
        return wrong("a frame rate", config.frame_rate.to_string(), "it must be from 1 to 60 Hz");
    }
    if !(10_000..=100_000_000).contains(&config.bitrate) {
        return wrong("a bitrate", config.bitrate.to_string(), "it must be from 10 000 to 100 000 000 bits per second");
    }
    if config.max_bitrate < config.bitrate || config.max_bitrate > 200_000_000 {
        return wrong(
            "a maximum bitrate",
            config.max_bitrate.to_string(),
            "it must be from the bitrate to 200 000 000 bits per second",
        );
    }
    // With three layers a picture has two candidates to refer to, at which openh264's screen mode aborts the process.
    let (most, allowed) = match config.content {
        Content::Camera => (3, "it must be from 1 to 3"),
        Content::Screen => (2, "it must be 1 or 2 for a screen"),
    };
    if !(1..=most).contains(&config.temporal_layers) {
        return wrong("a number of temporal layers", config.temporal_layers.to_string(), allowed);
    }
    Ok(())
}

/// Settings measured on a 720p film at 1 Mb/s with two layers (luma SSIM 0.942, x264 superfast zerolatency 0.944):
/// higher complexity gains 0.002 for a fifth more time, background detection loses 0.002, adaptive quantisation changes
/// nothing, CABAC gains 0.5 % of the rate but openh264's decoder then holds pictures back.
fn start(config: &EncoderConfig) -> Result<NativeEncoder, EncodeError> {
    let mut p = NativeEncoder::default_parameters().map_err(library("give its defaults"))?;
    let rate = |bps: u32| i32::try_from(bps).unwrap_or(i32::MAX);
    p.iUsageType = match config.content {
        Content::Camera => sys::CAMERA_VIDEO_REAL_TIME,
        Content::Screen => sys::SCREEN_CONTENT_REAL_TIME,
    };
    p.iPicWidth = config.width as i32;
    p.iPicHeight = config.height as i32;
    p.fMaxFrameRate = config.frame_rate;
    p.iTargetBitrate = rate(config.bitrate);
    p.iMaxBitrate = rate(config.max_bitrate);
    p.iRCMode = sys::RC_BITRATE_MODE;
    p.bEnableFrameSkip = false; // see Valve
    p.iTemporalLayerNum = i32::from(config.temporal_layers);
    p.iSpatialLayerNum = 1;
    p.uiIntraPeriod = 0;
    p.iComplexityMode = sys::LOW_COMPLEXITY;
    p.iMultipleThreadIdc = 1;
    p.eSpsPpsIdStrategy = sys::CONSTANT_ID;
    p.bPrefixNalAddingCtrl = false;
    p.bEnableLongTermReference = false;
    p.bEnableSceneChangeDetect = false;
    p.bEnableDenoise = false;
    p.bEnableBackgroundDetection = false;
    p.bEnableAdaptiveQuant = false;
    p.iEntropyCodingModeFlag = 0;

    let layer = &mut p.sSpatialLayers[0];
    layer.iVideoWidth = p.iPicWidth;
    layer.iVideoHeight = p.iPicHeight;
    layer.fFrameRate = p.fMaxFrameRate;
    layer.iSpatialBitrate = p.iTargetBitrate;
    layer.iMaxSpatialBitrate = p.iMaxBitrate;
    layer.sSliceArgument.uiSliceMode = sys::SM_SINGLE_SLICE;
    layer.bVideoSignalTypePresent = true;
    layer.uiVideoFormat = sys::VF_UNDEF as u8;
    layer.bFullRange = config.colour.range == Range::Full;
    layer.bColorDescriptionPresent = true;
    (layer.uiColorPrimaries, layer.uiTransferCharacteristics, layer.uiColorMatrix) = match config.colour.matrix {
        Matrix::Bt601 => (sys::CP_SMPTE170M as u8, sys::TRC_SMPTE170M as u8, sys::CM_SMPTE170M as u8),
        Matrix::Bt709 => (sys::CP_BT709 as u8, sys::TRC_BT709 as u8, sys::CM_BT709 as u8),
    };
    NativeEncoder::new(&p).map_err(library("start an encoder"))
}

fn library(doing: &'static str) -> impl FnOnce(Status) -> EncodeError {
    move |Status(code)| EncodeError::Library { doing, code }
}
