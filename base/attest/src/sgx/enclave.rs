//! The body of a quote of SGX: `sgx_report_body_t` (Intel, SGX SDK Developer Reference; Software Developer's Manual,
//! volume 3D, section 38.15).

use crate::{
    dcap::{self, Refusal, Tee},
    fields::Fields,
};

/// An enclave, as the processor reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclave {
    /// Version numbers of the processor's trusted computing base, when it made the report.
    pub cpu_svn: [u8; 16],
    /// Extended features.
    pub misc_select: u32,
    /// Number of the product, by its signer (ISVEXTPRODID).
    pub extended_product_id: [u8; 16],
    /// What it may do.
    pub attributes: Attributes,
    /// Of code and data at its launch (MRENCLAVE).
    pub measurement: [u8; 32],
    /// SHA-256 of the key that signed it (MRSIGNER).
    pub signer: [u8; 32],
    /// What the host gave at the launch (CONFIGID).
    pub config_id: [u8; 64],
    /// Number of the product, by its signer (ISVPRODID).
    pub product_id: u16,
    /// Security version, by its signer (ISVSVN).
    pub security_version: u16,
    /// Security version of what the host gave (CONFIGSVN).
    pub config_security_version: u16,
    /// Number of the family of products, by its signer (ISVFAMILYID).
    pub family_id: [u8; 16],
    /// What the enclave had signed.
    pub report_data: [u8; 64],
}

/// What an enclave may do (ATTRIBUTES).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Modes and keys.
    pub flags: u64,
    /// Extended features of the processor that it may use (XFRM).
    pub features: u64,
}

impl Attributes {
    /// Bits that have no meaning: all but INIT, DEBUG, MODE64BIT, PROVISIONKEY, EINITTOKEN_KEY, CET, KSS and AEXNOTIFY.
    const UNKNOWN: u64 = !0b100_1111_0111;

    /// Whether the enclave was initialised; others cannot have a report.
    #[must_use]
    pub fn initialised(self) -> bool {
        self.flags & 1 == 1
    }

    /// Whether the host may read the enclave to debug it.
    #[must_use]
    pub fn debug(self) -> bool {
        self.flags >> 1 & 1 == 1
    }

    /// Whether its code is of 64 bits.
    #[must_use]
    pub fn mode64(self) -> bool {
        self.flags >> 2 & 1 == 1
    }

    /// Whether it can derive the key that names the machine to Intel.
    #[must_use]
    pub fn provisioning_key(self) -> bool {
        self.flags >> 4 & 1 == 1
    }

    /// Whether it can derive the key that decides which enclaves are launched.
    #[must_use]
    pub fn launch_key(self) -> bool {
        self.flags >> 5 & 1 == 1
    }
}

impl Enclave {
    /// What a quote says, of which nothing is believed yet.
    ///
    /// # Errors
    /// When the quote cannot be read.
    pub fn of_quote(quote: &[u8]) -> Result<Self, Refusal> {
        Self::read(dcap::body(quote, Tee::Sgx)?)
    }

    /// Reads a body of 384 bytes. Every bit has its place in the result, or must be zero.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut body = Fields::new(bytes);
        let enclave = Self {
            cpu_svn: body.array(),
            misc_select: body.u32(),
            extended_product_id: {
                body.zeros(12)?;
                body.array()
            },
            attributes: Attributes { flags: body.u64(), features: body.u64() },
            measurement: body.array(),
            signer: {
                body.zeros(32)?;
                body.array()
            },
            config_id: {
                body.zeros(32)?;
                body.array()
            },
            product_id: body.u16(),
            security_version: body.u16(),
            config_security_version: body.u16(),
            family_id: {
                body.zeros(42)?;
                body.array()
            },
            report_data: body.array(),
        };
        if enclave.attributes.flags & Attributes::UNKNOWN != 0 {
            return Err(Refusal::Reserved { offset: 48 });
        }
        Ok(enclave)
    }
}
