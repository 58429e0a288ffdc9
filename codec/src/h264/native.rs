//! The only unsafe code of this crate: owners of openh264's encoder and decoder objects with safe methods.

use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, from_mut, null_mut};

use openh264_sys2 as sys;
use openh264_sys2::source::APILoader as Library;

use crate::picture::{Picture, PicturePool};

/// A nonzero status code of openh264 (`CM_RETURN` of the encoder, `DECODING_STATE` of the decoder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub i32);

/// An initialised openh264 encoder.
pub(crate) struct NativeEncoder {
    object: NonNull<sys::ISVCEncoder>,
    out: Box<sys::SFrameBSInfo>,
}

// SAFETY: the object has no thread affinity, and every method that touches it takes `&mut self`.
unsafe impl Send for NativeEncoder {}

/// What one call of the encoder gave.
pub(crate) struct NativeFrame {
    /// Annex B bytes; empty when rate control skipped the frame.
    pub bytes: Vec<u8>,
    pub idr: bool,
    pub temporal: u8,
    /// The mean quantisation parameter.
    pub quantiser: u8,
}

impl NativeEncoder {
    /// The library's own default parameters.
    pub fn default_parameters() -> Result<sys::SEncParamExt, Status> {
        let encoder = NativeEncoder::create()?;
        let mut parameters = sys::SEncParamExt::default();
        // SAFETY: the object is alive; the parameter block is a valid, exclusively borrowed struct of the expected type.
        let status = unsafe {
            let call = vtable(encoder.object).GetDefaultParams.ok_or(MISSING)?;
            call(encoder.object.as_ptr(), &mut parameters)
        };
        check(status)?;
        Ok(parameters)
    }

    /// An encoder with these parameters.
    pub fn new(parameters: &sys::SEncParamExt) -> Result<NativeEncoder, Status> {
        let mut encoder = NativeEncoder::create()?;
        let mut quiet: c_int = sys::WELS_LOG_QUIET as c_int;
        encoder.set(sys::ENCODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        // SAFETY: the object is alive and uninitialised; the library copies the parameters during the call.
        let status = unsafe {
            let call = vtable(encoder.object).InitializeExt.ok_or(MISSING)?;
            call(encoder.object.as_ptr(), parameters)
        };
        check(status)?;
        let mut format: c_int = sys::videoFormatI420;
        encoder.set(sys::ENCODER_OPTION_DATAFORMAT, &mut format)?;
        Ok(encoder)
    }

    fn create() -> Result<NativeEncoder, Status> {
        let mut object: *mut sys::ISVCEncoder = null_mut();
        // SAFETY: the library writes one pointer to the place given.
        let status = unsafe { Library::WelsCreateSVCEncoder(&mut object) };
        check(status)?;
        let object = NonNull::new(object).ok_or(MISSING)?;
        Ok(NativeEncoder { object, out: Box::default() })
    }

    /// Sets the target of the whole stream, in bits per second.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<(), Status> {
        let mut value = bitrate_info(bps);
        self.set(sys::ENCODER_OPTION_BITRATE, &mut value)
    }

    /// Sets the ceiling of the whole stream, in bits per second.
    pub fn set_max_bitrate(&mut self, bps: u32) -> Result<(), Status> {
        // That of the only spatial layer is another value, which that of the whole does not change.
        for layer in [sys::SPATIAL_LAYER_0, sys::SPATIAL_LAYER_ALL] {
            let mut value = sys::SBitrateInfo { iLayer: layer, ..bitrate_info(bps) };
            self.set(sys::ENCODER_OPTION_MAX_BITRATE, &mut value)?;
        }
        Ok(())
    }

    /// Sets the frame rate that rate control reckons with, in Hz.
    pub fn set_frame_rate(&mut self, hz: f32) -> Result<(), Status> {
        let mut value = hz;
        self.set(sys::ENCODER_OPTION_FRAME_RATE, &mut value)
    }

    /// Makes the next frame an IDR.
    pub fn force_idr(&mut self) -> Result<(), Status> {
        // SAFETY: the object is alive and exclusively borrowed.
        let status = unsafe {
            let call = vtable(self.object).ForceIntraFrame.ok_or(MISSING)?;
            call(self.object.as_ptr(), true)
        };
        check(status)
    }

    /// Encodes one picture of the size that the encoder was made for.
    pub fn encode(&mut self, picture: &Picture, time_ms: i64) -> Result<NativeFrame, Status> {
        let (y_stride, c_stride) = picture.strides();
        // The planes are handed over as `*mut` because the C struct says so.
        let source = sys::SSourcePicture {
            iColorFormat: sys::videoFormatI420,
            iStride: [y_stride as c_int, c_stride as c_int, c_stride as c_int, 0],
            pData: [
                picture.y().as_ptr().cast_mut(),
                picture.u().as_ptr().cast_mut(),
                picture.v().as_ptr().cast_mut(),
                null_mut(),
            ],
            iPicWidth: picture.width() as c_int,
            iPicHeight: picture.height() as c_int,
            uiTimeStamp: time_ms,
            ..Default::default()
        };
        // SAFETY: the object is alive and initialised. The planes outlive the call, hold `height` (chroma: half of it)
        // rows of the given strides, and the library only reads them (it copies or downsamples them first).
        let status = unsafe {
            let call = vtable(self.object).EncodeFrame.ok_or(MISSING)?;
            call(self.object.as_ptr(), &source, &mut *self.out)
        };
        check(status)?;
        let quantiser = self.quantiser()?;
        Ok(NativeFrame { quantiser, ..self.collect() })
    }

    fn quantiser(&mut self) -> Result<u8, Status> {
        let mut statistics = sys::SEncoderStatistics::default();
        // SAFETY: the object is alive and initialised, and writes into the struct that this option asks for.
        let status = unsafe {
            let call = vtable(self.object).GetOption.ok_or(MISSING)?;
            let value = from_mut(&mut statistics).cast::<c_void>();
            call(self.object.as_ptr(), sys::ENCODER_OPTION_GET_STATISTICS, value)
        };
        check(status)?;
        Ok(u8::try_from(statistics.uiAverageFrameQP).unwrap_or(u8::MAX))
    }

    fn collect(&self) -> NativeFrame {
        let mut frame = NativeFrame {
            bytes: Vec::with_capacity(usize::try_from(self.out.iFrameSizeInBytes).unwrap_or(0)),
            idr: self.out.eFrameType == sys::videoFrameTypeIDR,
            temporal: 0,
            quantiser: 0,
        };
        let layers = usize::try_from(self.out.iLayerNum).unwrap_or(0).min(self.out.sLayerInfo.len());
        for layer in &self.out.sLayerInfo[..layers] {
            let count = usize::try_from(layer.iNalCount).unwrap_or(0);
            if count == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: after a successful EncodeFrame, and until the next one, `pNalLengthInByte` points to `iNalCount`
            // lengths and `pBsBuf` to as many bytes as they add up to (codec_app_def.h, SLayerBSInfo).
            let bytes = unsafe {
                let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, count);
                let total: usize = lengths.iter().map(|&n| usize::try_from(n).unwrap_or(0)).sum();
                std::slice::from_raw_parts(layer.pBsBuf, total)
            };
            frame.bytes.extend_from_slice(bytes);
            if u32::from(layer.uiLayerType) == VIDEO_LAYER {
                frame.temporal = layer.uiTemporalId;
            }
        }
        frame
    }

    fn set<T>(&mut self, option: sys::ENCODER_OPTION, value: &mut T) -> Result<(), Status> {
        // SAFETY: the object is alive and exclusively borrowed; each caller passes the type that the option asks for
        // (codec_app_def.h, ENCODER_OPTION), which the library copies during the call.
        let status = unsafe {
            let call = vtable(self.object).SetOption.ok_or(MISSING)?;
            call(self.object.as_ptr(), option, from_mut(value).cast::<c_void>())
        };
        check(status)
    }
}

impl Drop for NativeEncoder {
    fn drop(&mut self) {
        // SAFETY: the object is alive, nobody else has it, and it is not used afterwards. Destroying uninitialises.
        unsafe { Library::WelsDestroySVCEncoder(self.object.as_ptr()) }
    }
}

/// An initialised openh264 decoder without error concealment.
pub(crate) struct NativeDecoder {
    object: NonNull<sys::ISVCDecoder>,
}

// SAFETY: the object has no thread affinity, and every method that touches it takes `&mut self`.
unsafe impl Send for NativeDecoder {}

impl NativeDecoder {
    /// A decoder that refuses to invent what is missing.
    pub fn new() -> Result<NativeDecoder, Status> {
        let mut object: *mut sys::ISVCDecoder = null_mut();
        // SAFETY: the library writes one pointer to the place given.
        let status = unsafe { Library::WelsCreateDecoder(&mut object) };
        check(status as i32)?;
        let mut decoder = NativeDecoder { object: NonNull::new(object).ok_or(MISSING)? };
        let parameters = sys::SDecodingParam {
            uiTargetDqLayer: u8::MAX,
            eEcActiveIdc: sys::ERROR_CON_DISABLE,
            sVideoProperty: sys::SVideoProperty {
                size: size_of::<sys::SVideoProperty>() as u32,
                eVideoBsType: sys::VIDEO_BITSTREAM_AVC,
            },
            ..Default::default()
        };
        let mut quiet: c_int = sys::WELS_LOG_QUIET as c_int;
        decoder.set(sys::DECODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        // SAFETY: the object is alive and uninitialised; the library copies the parameters during the call.
        let status = unsafe {
            let call = vtable(decoder.object).Initialize.ok_or(MISSING)?;
            call(decoder.object.as_ptr(), &parameters)
        };
        check(status as i32)?;
        Ok(decoder)
    }

    /// Decodes one access unit and gives its picture at once (streams without reordering).
    pub fn decode_now(&mut self, bytes: &[u8], pool: &PicturePool) -> Result<Option<Picture>, Status> {
        // SAFETY: see `call`.
        self.call(bytes, 0, pool, |table| table.DecodeFrameNoDelay).map(|out| out.map(|(picture, _)| picture))
    }

    /// Decodes one access unit; pictures come out in the order of presentation, each with the `stamp` of its access
    /// unit, later than they went in where the stream reorders. An empty one says that no more come.
    pub fn decode(&mut self, bytes: &[u8], stamp: u64, pool: &PicturePool) -> Result<Option<(Picture, u64)>, Status> {
        self.call(bytes, stamp, pool, |table| table.DecodeFrame2)
    }

    /// One more picture that was held back for reordering, until there is none.
    pub fn flush(&mut self, pool: &PicturePool) -> Result<Option<(Picture, u64)>, Status> {
        let mut planes = [null_mut::<u8>(); 3];
        let mut info = sys::SBufferInfo::default();
        // SAFETY: the object is alive; the library writes three pointers and one struct to the places given.
        let status = unsafe {
            let call = vtable(self.object).FlushFrame.ok_or(MISSING)?;
            call(self.object.as_ptr(), planes.as_mut_ptr(), &mut info)
        };
        check(status)?;
        self.copy_out(&info, pool)
    }

    fn call(
        &mut self,
        bytes: &[u8],
        stamp: u64,
        pool: &PicturePool,
        method: impl FnOnce(&sys::ISVCDecoderVtbl) -> Option<DecodeCall>,
    ) -> Result<Option<(Picture, u64)>, Status> {
        let length = c_int::try_from(bytes.len()).map_err(|_| MISSING)?;
        let mut planes = [null_mut::<u8>(); 3];
        let mut info = sys::SBufferInfo { uiInBsTimeStamp: stamp, ..Default::default() };
        // SAFETY: the object is alive and initialised; the input outlives the call and is only read; the library
        // writes three pointers and one struct to the places given.
        let status = unsafe {
            let call = method(vtable(self.object)).ok_or(MISSING)?;
            call(self.object.as_ptr(), bytes.as_ptr(), length, planes.as_mut_ptr(), &mut info)
        };
        check(status)?;
        self.copy_out(&info, pool)
    }

    /// Copies the decoder's picture, whose memory is its own and valid only until the next call.
    fn copy_out(&mut self, info: &sys::SBufferInfo, pool: &PicturePool) -> Result<Option<(Picture, u64)>, Status> {
        if info.iBufferStatus != 1 || info.pDst.iter().any(|plane| plane.is_null()) {
            return Ok(None);
        }
        // SAFETY: with iBufferStatus 1 the union holds the geometry of a picture in system memory.
        let buffer = unsafe { info.UsrData.sSystemBuffer };
        let size = |n: c_int| usize::try_from(n).map_err(|_| MISSING);
        let (width, height) = (size(buffer.iWidth)?, size(buffer.iHeight)?);
        let (y_stride, c_stride) = (size(buffer.iStride[0])?, size(buffer.iStride[1])?);
        let (c_width, c_height) = (width.div_ceil(2), height.div_ceil(2));
        if y_stride < width || c_stride < c_width {
            return Err(MISSING);
        }
        let mut picture = pool.take(width as u32, height as u32).map_err(|_| MISSING)?;
        let to = picture.planes_mut();
        for (plane, into, into_stride, stride, w, h) in [
            (info.pDst[0], to.y, to.y_stride, y_stride, width, height),
            (info.pDst[1], to.u, to.c_stride, c_stride, c_width, c_height),
            (info.pDst[2], to.v, to.c_stride, c_stride, c_width, c_height),
        ] {
            for (r, row) in into.chunks_mut(into_stride).take(h).enumerate() {
                // SAFETY: the plane has `h` rows, each `stride` bytes after the one before and at least `w` bytes long;
                // nothing writes to it until the next call, which needs the `&mut self` held here.
                let source = unsafe { std::slice::from_raw_parts(plane.add(r * stride), w) };
                row[..w].copy_from_slice(source);
            }
        }
        Ok(Some((picture.freeze(), info.uiOutYuvTimeStamp)))
    }

    fn set<T>(&mut self, option: sys::DECODER_OPTION, value: &mut T) -> Result<(), Status> {
        // SAFETY: the object is alive and exclusively borrowed; each caller passes the type that the option asks for
        // (codec_app_def.h, DECODER_OPTION), which the library copies during the call.
        let status = unsafe {
            let call = vtable(self.object).SetOption.ok_or(MISSING)?;
            call(self.object.as_ptr(), option, from_mut(value).cast::<c_void>())
        };
        check(status as i32)
    }
}

impl Drop for NativeDecoder {
    fn drop(&mut self) {
        // SAFETY: the object is alive, nobody else has it, and it is not used afterwards.
        unsafe {
            if let Some(uninitialize) = vtable(self.object).Uninitialize {
                uninitialize(self.object.as_ptr());
            }
            Library::WelsDestroyDecoder(self.object.as_ptr());
        }
    }
}

type DecodeCall =
    unsafe extern "C" fn(*mut sys::ISVCDecoder, *const u8, c_int, *mut *mut u8, *mut sys::SBufferInfo) -> c_int;

/// `VIDEO_CODING_LAYER` of codec_app_def.h: a layer that carries slices (0 carries parameter sets).
const VIDEO_LAYER: u32 = 1;

/// Stands for what the library should have given and did not.
const MISSING: Status = Status(-1);

/// The method table of an object.
///
/// # Safety
/// The object must be alive: made by the library and not yet destroyed. Its table is static.
unsafe fn vtable<T>(object: NonNull<*const T>) -> &'static T {
    // SAFETY: the library's objects begin with a pointer to a static table of their class; the caller vouches for life.
    unsafe { &**object.as_ptr() }
}

fn bitrate_info(bps: u32) -> sys::SBitrateInfo {
    sys::SBitrateInfo { iLayer: sys::SPATIAL_LAYER_ALL, iBitrate: c_int::try_from(bps).unwrap_or(c_int::MAX) }
}

fn check(status: i32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}
