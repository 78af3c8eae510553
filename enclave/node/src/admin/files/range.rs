//! Header `range`: one range of bytes (RFC 9110, section 14.2).

use coco_app::{ErrorCode, Reject, Status};

/// What a client wants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From one byte to another, both inside, or to the end.
    Between(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Range {
    /// # Errors
    /// 400 on anything else, worded as in CCF.
    pub(super) fn parse(header: &str) -> Result<Self, Reject> {
        let (unit, ranges) = header.split_once('=').unwrap_or((header, ""));
        if unit != "bytes" {
            return Err(refused("Only 'bytes' is supported as a Range header unit".to_owned()));
        }
        if ranges.contains(',') {
            return Err(refused("Multiple ranges are not supported".to_owned()));
        }
        let Some((first, last)) = ranges.split_once('-').filter(|(_, last)| !last.contains('-')) else {
            return Err(refused(format!("Invalid format, cannot parse range in {header}")));
        };
        let number = |what: &str, text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|_| digits)
                .ok_or_else(|| refused(format!("Unable to parse {what} value {text} in {header}")))
        };
        match (first, last) {
            ("", "") => Err(refused("Invalid range: Must contain range-start or range-end".to_owned())),
            ("", last) => Ok(Self::Last(number("end of range offset", last)?)),
            (first, "") => Ok(Self::Between(number("start of range", first)?, None)),
            (first, last) => {
                let (first, last) = (number("start of range", first)?, number("end of range", last)?);
                if last < first {
                    let text = format!("Invalid range: Start ({first}) and end ({last}) out of order");
                    return Err(refused(text));
                }
                Ok(Self::Between(first, Some(last)))
            }
        }
    }

    /// Begin and end, which is the byte after the last one, in a file of `size` bytes, not 0; never empty.
    ///
    /// # Errors
    /// 400 if the file ends before.
    pub(super) fn within(self, size: u64) -> Result<(u64, u64), Reject> {
        match self {
            Self::Between(first, _) if first >= size => {
                Err(refused(format!("Start of range {first} is larger than total file size {size}")))
            }
            Self::Between(first, last) => {
                Ok((first, last.map_or(size, |last| last.saturating_add(1).min(size))))
            }
            Self::Last(0) => Err(refused("Invalid range: no bytes are asked for".to_owned())),
            Self::Last(count) => Ok((size.saturating_sub(count), size)),
        }
    }
}

fn refused(text: String) -> Reject {
    Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, text)
}
