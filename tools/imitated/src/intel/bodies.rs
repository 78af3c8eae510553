//! What hardware says of an enclave or a domain.

/// Where fields of the body of a quote of SGX begin, in bytes.
pub mod enclave_at {
    /// What the enclave may do: 8 bytes.
    pub const ATTRIBUTES: usize = 48;
    /// MRENCLAVE: 32 bytes.
    pub const MEASUREMENT: usize = 64;
    /// MRSIGNER: 32 bytes.
    pub const SIGNER: usize = 128;
    /// CONFIGID: 64 bytes.
    pub const CONFIG_ID: usize = 192;
    /// ISVPRODID, then ISVSVN: 2 bytes each.
    pub const PRODUCT: usize = 256;
    /// What the enclave had signed: 64 bytes.
    pub const REPORT_DATA: usize = 320;
}

/// Where fields of the body of a quote of TDX begin, in bytes.
pub mod domain_at {
    /// What the domain may do: 8 bytes.
    pub const ATTRIBUTES: usize = 120;
    /// XFAM: 8 bytes.
    pub const FEATURES: usize = 128;
    /// MRTD: 48 bytes.
    pub const MEASUREMENT: usize = 136;
    /// MRCONFIGID: 48 bytes.
    pub const CONFIG_ID: usize = 184;
    /// RTMR0 to RTMR3: 48 bytes each.
    pub const REGISTERS: [usize; 4] = [328, 376, 424, 472];
    /// What the domain had signed: 64 bytes.
    pub const REPORT_DATA: usize = 520;
}

/// An enclave of 64 bits, whose features are those of AVX.
pub(super) fn enclave() -> Vec<u8> {
    let mut body = vec![0; 384];
    body[..16].copy_from_slice(&[7; 16]);
    body[48..56].copy_from_slice(&0b101_u64.to_le_bytes());
    body[56..64].copy_from_slice(&7_u64.to_le_bytes());
    body[64..96].copy_from_slice(&[0x3e; 32]);
    body[128..160].copy_from_slice(&[0x51; 32]);
    body[320..384].copy_from_slice(&[0xda; 64]);
    body
}

/// A domain of one of the three lengths, for which missing pages are the host's affair alone.
pub(super) fn domain(length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    body[..3].copy_from_slice(&[7, 1, 2]);
    body[16..64].copy_from_slice(&[0x5e; 48]);
    body[120..128].copy_from_slice(&(1_u64 << 28).to_le_bytes());
    body[128..136].copy_from_slice(&0xe7_u64.to_le_bytes());
    body[136..184].copy_from_slice(&[0x3e; 48]);
    body[520..584].copy_from_slice(&[0xda; 64]);
    if length > 584 {
        body[584..587].copy_from_slice(&[7, 1, 2]);
    }
    body
}
