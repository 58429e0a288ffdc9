//! Y4M: pictures without compression, one after the other (the format of mjpegtools that ffmpeg and x264 read and write).

use std::io::{self, BufRead, Write};

use super::TimedPicture;
use crate::colour::{self, Format};
use crate::picture::{Colour, MAX_SIDE, Matrix, Picture, PicturePool, Range};

/// Reads pictures from a Y4M stream.
pub struct Y4mReader<R> {
    input: R,
    header: Header,
    colour: Colour,
    pool: PicturePool,
    frame: Vec<u8>,
    next: u64,
}

/// Why a Y4M stream cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Y4mError {
    /// Reading or writing failed.
    #[error("the Y4M file cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// It is no Y4M stream of 8-bit 4:2:0 pictures.
    #[error("{0}: convert the file with `ffmpeg -i IN -pix_fmt yuv420p OUT.y4m`")]
    Format(&'static str),
    /// A picture has another size than the file.
    #[error("a picture of {0}×{1} does not fit into this file: all pictures of a Y4M file have one size")]
    Size(u32, u32),
}

#[derive(Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    rate: (u32, u32),
    range: Range,
}

impl<R: BufRead> Y4mReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Y4mError`].
    pub fn new(mut input: R) -> Result<Y4mReader<R>, Y4mError> {
        let line = line(&mut input)?.ok_or(Y4mError::Format("the file is empty"))?;
        let header = Header::parse(&line)?;
        let colour = Colour { range: header.range, ..Colour::assumed(header.height) };
        let frame = vec![0; Format::I420.bytes(header.width, header.height)];
        Ok(Y4mReader { input, header, colour, pool: PicturePool::default(), frame, next: 0 })
    }

    /// Width of the pictures.
    pub fn width(&self) -> u32 {
        self.header.width
    }

    /// Height of the pictures.
    pub fn height(&self) -> u32 {
        self.header.height
    }

    /// Pictures per second.
    pub fn frame_rate(&self) -> f32 {
        let (number, scale) = self.header.rate;
        number as f32 / scale as f32
    }

    /// The next picture; none at the end. A last picture that is cut short is left out.
    ///
    /// # Errors
    /// [`Y4mError`].
    pub fn next_picture(&mut self) -> Result<Option<TimedPicture>, Y4mError> {
        let Some(line) = line(&mut self.input)? else { return Ok(None) };
        if line != "FRAME" && !line.starts_with("FRAME ") {
            return Err(Y4mError::Format("a picture does not begin with FRAME"));
        }
        match self.input.read_exact(&mut self.frame) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let Header { width, height, rate: (number, scale), .. } = self.header;
        let picture = colour::to_picture(Format::I420, &self.frame, width, height, self.colour, &self.pool)
            .map_err(|_| Y4mError::Format("the pictures have an impossible size"))?;
        let time_us = u128::from(self.next) * 1_000_000 * u128::from(scale) / u128::from(number);
        self.next += 1;
        Ok(Some(TimedPicture { picture, time_us: u64::try_from(time_us).unwrap_or(u64::MAX) }))
    }
}

/// Writes pictures of one size and rate to a Y4M stream.
pub struct Y4mWriter<W> {
    output: W,
    size: (u32, u32),
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the header; the rate is pictures per second as a fraction.
    ///
    /// # Errors
    /// [`Y4mError::Io`].
    pub fn new(
        mut output: W,
        width: u32,
        height: u32,
        rate: (u32, u32),
        colour: Colour,
    ) -> Result<Y4mWriter<W>, Y4mError> {
        let range = match colour.range {
            Range::Limited => "LIMITED",
            Range::Full => "FULL",
        };
        // Y4M has no word for the matrix.
        debug_assert!(matches!(colour.matrix, Matrix::Bt601 | Matrix::Bt709));
        writeln!(output, "YUV4MPEG2 W{width} H{height} F{}:{} Ip A1:1 C420jpeg XCOLORRANGE={range}", rate.0, rate.1)?;
        Ok(Y4mWriter { output, size: (width, height) })
    }

    /// Writes a picture.
    ///
    /// # Errors
    /// [`Y4mError::Size`], [`Y4mError::Io`].
    pub fn write(&mut self, picture: &Picture) -> Result<(), Y4mError> {
        if (picture.width(), picture.height()) != self.size {
            return Err(Y4mError::Size(picture.width(), picture.height()));
        }
        self.output.write_all(b"FRAME\n")?;
        for row in picture.rows() {
            self.output.write_all(row)?;
        }
        Ok(())
    }

    /// Writes out what is buffered and gives the stream back.
    ///
    /// # Errors
    /// [`Y4mError::Io`].
    pub fn finish(mut self) -> Result<W, Y4mError> {
        self.output.flush()?;
        Ok(self.output)
    }
}

impl Header {
    fn parse(line: &str) -> Result<Header, Y4mError> {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("YUV4MPEG2") {
            return Err(Y4mError::Format("the file does not begin with YUV4MPEG2"));
        }
        let mut header = Header { width: 0, height: 0, rate: (25, 1), range: Range::Limited };
        for word in words {
            let (key, value) = word.split_at_checked(1).unwrap_or((word, ""));
            match key {
                "W" => header.width = value.parse().unwrap_or(0),
                "H" => header.height = value.parse().unwrap_or(0),
                "F" => {
                    let rate = value.split_once(':').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
                    let rate = rate.filter(|&(number, scale): &(u32, u32)| number > 0 && scale > 0);
                    header.rate = rate.ok_or(Y4mError::Format("the frame rate is no fraction"))?;
                }
                "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                    return Err(Y4mError::Format("the pictures are not 8-bit 4:2:0"));
                }
                "X" if value == "COLORRANGE=FULL" => header.range = Range::Full,
                _ => {}
            }
        }
        if header.width == 0 || header.height == 0 || header.width > MAX_SIDE || header.height > MAX_SIDE {
            return Err(Y4mError::Format("the width or height is missing or impossible"));
        }
        Ok(header)
    }
}

/// One line without its end; none at the end of the stream.
fn line(input: &mut impl BufRead) -> Result<Option<String>, Y4mError> {
    const LONGEST: u64 = 1_024;
    let mut bytes = Vec::new();
    io::Read::take(&mut *input, LONGEST).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(Y4mError::Format("a header line is cut short or too long"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| Y4mError::Format("a header line is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::PictureMut;

    #[test]
    fn pictures_come_back_as_written_and_a_cut_end_is_left_out() {
        for (w, h) in [(32, 16), (17, 9)] {
            let colour = Colour { range: Range::Full, ..Colour::assumed(h) };
            let mut writer = Y4mWriter::new(Vec::new(), w, h, (30_000, 1_001), colour).unwrap();
            let pictures: Vec<Picture> = (0..3)
                .map(|n| {
                    let mut picture = PictureMut::black(w, h).unwrap();
                    picture.fill(n * 50, n * 20, 255 - n);
                    picture.freeze()
                })
                .collect();
            for picture in &pictures {
                writer.write(picture).unwrap();
            }
            let file = writer.finish().unwrap();
            let read = |bytes: &[u8]| {
                let mut reader = Y4mReader::new(bytes).unwrap();
                assert!((reader.frame_rate() - 29.97).abs() < 0.01);
                std::iter::from_fn(|| reader.next_picture().unwrap()).collect::<Vec<_>>()
            };
            let back = read(&file);
            assert_eq!(back.iter().map(|timed| timed.time_us).collect::<Vec<_>>(), [0, 33_366, 66_733]);
            assert!(back.iter().zip(&pictures).all(|(timed, picture)| timed.picture == *picture));
            assert_eq!(back[0].picture.colour(), colour);
            assert_eq!(read(&file[..file.len() - 1]).len(), 2);
        }
    }

    #[test]
    fn what_is_no_y4m_is_refused() {
        for bad in [
            "",
            "RIFF",
            "YUV4MPEG2 W0 H2\n",
            "YUV4MPEG2 W2\n",
            "YUV4MPEG2 W99999 H2\n",
            "YUV4MPEG2 W2 H2 C444\n",
            "YUV4MPEG2 W2 H2 F0:1\n",
            "YUV4MPEG2 W2 H2",
        ] {
            assert!(Y4mReader::new(bad.as_bytes()).is_err(), "{bad}");
        }
        let mut reader = Y4mReader::new(&b"YUV4MPEG2 W2 H2\nFROG\n......"[..]).unwrap();
        assert!(reader.next_picture().is_err());
    }
}
