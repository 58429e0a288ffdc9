//! When each frame of a call came, as lines of CSV: what a path did, to be looked at, and to be played again in tests.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use relay::{FrameHeader, Kind, Micros};

use super::MediaError;

/// The file's first line. Times are microseconds: the frame's on its sender's media clock, the arrival on this
/// process's.
const HEAD: &str = "kind,sequence,media_time_us,arrived_at_us";

#[derive(Debug)]
pub struct Arrivals {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Arrivals {
    pub fn create(path: &Path) -> Result<Self, MediaError> {
        let mut arrivals = Self {
            path: path.to_owned(),
            file: BufWriter::new(File::create(path).map_err(|error| failed(path, error))?),
        };
        arrivals.line(format_args!("{HEAD}"))?;
        Ok(arrivals)
    }

    /// A frame came.
    pub fn note(&mut self, header: &FrameHeader, arrived_at: Micros) -> Result<(), MediaError> {
        let kind = match header.kind {
            Kind::Audio => "audio",
            Kind::Video => "video",
            _ => return Ok(()),
        };
        self.line(format_args!("{kind},{},{},{arrived_at}", header.sequence, header.time))
    }

    /// Everything noted so far reaches the file.
    pub fn finish(&mut self) -> Result<(), MediaError> {
        self.file.flush().map_err(|error| failed(&self.path, error))
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<(), MediaError> {
        writeln!(self.file, "{line}").map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: std::io::Error) -> MediaError {
    MediaError::Arrivals { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::TrackId;

    #[test]
    fn a_line_for_each_frame_of_media() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arrivals.csv");
        let mut arrivals = Arrivals::create(&path).unwrap();
        for kind in [Kind::Audio, Kind::Info, Kind::Video] {
            arrivals.note(&FrameHeader::alone(TrackId(2), 7, 20_000, kind), 21_500).unwrap();
        }
        arrivals.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{HEAD}\naudio,7,20000,21500\nvideo,7,20000,21500\n"));
        let nowhere = Arrivals::create(&folder.path().join("no/such/folder.csv"));
        assert!(nowhere.unwrap_err().to_string().contains("no/such/folder.csv"));
    }
}
