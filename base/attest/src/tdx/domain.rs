//! The body of a quote of TDX: `sgx_report2_body_t` and its two longer forms (Intel, TDX DCAP Quoting Library API,
//! section A.3.2; TDX Module ABI, publication 348551, sections 3.4 and 3.8).

use crate::{
    dcap::{self, DOMAIN_1_5_EX_LEN, DOMAIN_1_5_LEN, Refusal, Tee},
    fields::Fields,
};

/// A domain: a virtual machine, as the module of TDX reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Version numbers of module and firmware when the domain was launched (TEE_TCB_SVN).
    pub tcb_svn: [u8; 16],
    /// Of the module (MRSEAM).
    pub module: [u8; 48],
    /// Of the key that signed the module (MRSIGNERSEAM): zeros for Intel's.
    pub module_signer: [u8; 48],
    /// What the module may do (SEAMATTRIBUTES).
    pub module_attributes: u64,
    /// What the domain may do.
    pub attributes: Attributes,
    /// Extended features of the processor that it may use (XFAM).
    pub features: u64,
    /// Of its contents at the launch (MRTD).
    pub measurement: [u8; 48],
    /// What its owner gave at the launch (MRCONFIGID).
    pub config_id: [u8; 48],
    /// Its owner (MROWNER).
    pub owner: [u8; 48],
    /// What its owner gave at the launch beyond that (MROWNERCONFIG).
    pub owner_config: [u8; 48],
    /// Of what it did since (RTMR0 to RTMR3).
    pub registers: [[u8; 48]; 4],
    /// What the domain had signed.
    pub report_data: [u8; 64],
    /// What TDX 1.5 adds.
    pub current: Option<Current>,
}

/// What bodies of TDX 1.5 add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Version numbers of module and firmware now (TEE_TCB_SVN2).
    pub tcb_svn: [u8; 16],
    /// Of the service domains (MRSERVICETD): zeros if there are none.
    pub service_domains: [u8; 48],
    /// What extended bodies add.
    pub extended: Option<Extended>,
}

/// What extended bodies of TDX 1.5 add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// Which of the virtual machines of a domain asked: 0 if it has only one.
    pub vm: u8,
    /// Drawn at each launch (TD_ID).
    pub id: [u8; 32],
    /// Digest of what is known of its devices (DEV_INFO).
    pub devices: [u8; 48],
    /// Service domains at the launch: digest and attributes.
    pub first_services: ([u8; 48], [u8; 8]),
    /// Version numbers of the processor at the launch.
    pub first_cpu_svn: [u8; 16],
    /// Version numbers of module and firmware at the launch.
    pub first_tcb_svn: [u8; 16],
    /// Kind of the machine at the launch.
    pub first_fmspc: [u8; 12],
    /// Service domains now: digest and attributes.
    pub services: ([u8; 48], [u8; 8]),
}

/// What a domain may do (TD ATTRIBUTES).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(pub u64);

impl Attributes {
    /// Whether the host may read the domain to debug it.
    #[must_use]
    pub fn debug(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether missing pages are the host's affair alone (SEPT_VE_DISABLE).
    #[must_use]
    pub fn ept_violations_disabled(self) -> bool {
        self.0 >> 28 & 1 == 1
    }

    /// Whether the domain may be moved to another machine.
    #[must_use]
    pub fn migratable(self) -> bool {
        self.0 >> 29 & 1 == 1
    }

    /// Whether it may use protection keys of supervisors.
    #[must_use]
    pub fn protection_keys(self) -> bool {
        self.0 >> 30 & 1 == 1
    }

    /// Whether it may use Key Locker.
    #[must_use]
    pub fn key_locker(self) -> bool {
        self.0 >> 31 & 1 == 1
    }

    /// Whether it may provision devices.
    #[must_use]
    pub fn provisioning_agent(self) -> bool {
        self.0 >> 62 & 1 == 1
    }

    /// Whether it may use counters of performance.
    #[must_use]
    pub fn counters(self) -> bool {
        self.0 >> 63 & 1 == 1
    }
}

impl Domain {
    /// What a quote says, of which nothing is believed yet.
    ///
    /// # Errors
    /// When the quote cannot be read.
    pub fn of_quote(quote: &[u8]) -> Result<Self, Refusal> {
        Self::read(dcap::body(quote, Tee::Tdx)?)
    }

    /// Reads a body of one of the three lengths.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut body = Fields::new(bytes);
        let mut domain = Self {
            tcb_svn: body.array(),
            module: body.array(),
            module_signer: body.array(),
            module_attributes: body.u64(),
            attributes: Attributes(body.u64()),
            features: body.u64(),
            measurement: body.array(),
            config_id: body.array(),
            owner: body.array(),
            owner_config: body.array(),
            registers: [body.array(), body.array(), body.array(), body.array()],
            report_data: body.array(),
            current: None,
        };
        if bytes.len() >= DOMAIN_1_5_LEN {
            domain.current =
                Some(Current { tcb_svn: body.array(), service_domains: body.array(), extended: None });
        }
        if let (Some(current), DOMAIN_1_5_EX_LEN) = (&mut domain.current, bytes.len()) {
            current.extended = Some(Extended {
                vm: body.array::<1>()[0],
                id: body.array(),
                devices: body.array(),
                first_services: (body.array(), body.array()),
                first_cpu_svn: body.array(),
                first_tcb_svn: body.array(),
                first_fmspc: body.array(),
                services: (body.array(), body.array()),
            });
        }
        Ok(domain)
    }

    /// Whether an extended body names domains that may change this one, though the attribute that would fill in these
    /// fields (SERVTD_EXT) is refused.
    pub(super) fn names_service_domains(&self) -> bool {
        let extended = self.current.as_ref().and_then(|current| current.extended.as_ref());
        extended.is_some_and(|extended| {
            [extended.first_services, extended.services].iter().any(|services| *services != ([0; 48], [0; 8]))
        })
    }
}
