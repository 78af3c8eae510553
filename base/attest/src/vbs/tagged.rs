//! What Windows' boot loaders measure: records with a tag and a length in front, in which others may be (`wbcl.h` of the
//! Windows SDK; `TCG_PCClientTaggedEvent`). All numbers are little-endian.

use crate::cursor::Cursor;

/// Bit of tags whose records have records in them.
const CONTAINER: u32 = 0x4000_0000;
/// How deep records may be in each other.
const MAX_DEPTH: usize = 4;

/// The tag of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

impl Tag {
    pub(super) const BOOT_DEBUGGING: Self = Self(0x0004_0001);
    pub(super) const KERNEL_DEBUGGING: Self = Self(0x0005_0001);
    pub(super) const CODE_INTEGRITY: Self = Self(0x0005_0002);
    pub(super) const TEST_SIGNING: Self = Self(0x0005_0003);
    pub(super) const SAFE_MODE: Self = Self(0x0005_0005);
    pub(super) const PREINSTALLATION: Self = Self(0x0005_0006);
    pub(super) const HYPERVISOR_LAUNCH: Self = Self(0x0005_000a);
    pub(super) const HYPERVISOR_DEBUGGING: Self = Self(0x0005_000d);
    pub(super) const VSM_LAUNCH: Self = Self(0x0005_0012);
    pub(super) const FLIGHT_SIGNING: Self = Self(0x0005_0021);
    pub(super) const PAGE_FILE_ENCRYPTED: Self = Self(0x0005_0022);
    pub(super) const SIGNING_KEY: Self = Self(0x0005_0023);
    pub(super) const HIBERNATION_DISABLED: Self = Self(0x0005_0024);
    pub(super) const DUMPS_DISABLED: Self = Self(0x0005_0025);
    pub(super) const DUMPS_ENCRYPTED: Self = Self(0x0005_0026);
    pub(super) const BOOT_DMA_PROTECTION: Self = Self(0x0005_0030);
}

/// A record without others in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) tag: Tag,
    pub(super) data: &'a [u8],
}

/// All records without others in them, in order; none if the bytes are something else.
pub(super) fn records<'a>(bytes: &'a [u8], into: &mut Vec<Record<'a>>) -> Option<()> {
    walk(bytes, MAX_DEPTH, into)
}

fn walk<'a>(bytes: &'a [u8], depth: usize, into: &mut Vec<Record<'a>>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut fields = Cursor::new(bytes);
    while !fields.is_empty() {
        let tag = fields.u32_le()?;
        let data = fields.sized_u32_le()?;
        if tag & CONTAINER == 0 {
            into.push(Record { tag: Tag(tag), data });
        } else {
            walk(data, depth, into)?;
        }
    }
    Some(())
}
