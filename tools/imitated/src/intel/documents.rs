//! Documents and certificates of a vendor that is not Intel, but writes as Intel does.

use coco_crypto::x509::UnixTime;
use serde_json::{Value, json};

use crate::der::{day, element, extension, object_id, sequence};

/// The arc of everything that certificates say of a machine: 1.2.840.113741.1.13.1.
const SGX: &str = "1.2.840.113741.1.13.1";

/// What the certificate of a machine's key says of it.
#[derive(Clone)]
pub struct Description {
    /// The kind of processors, packages and firmware: 6 bytes.
    pub fmspc: Vec<u8>,
    /// The enclave that certifies quoting enclaves.
    pub pce_id: [u8; 2],
    /// Version numbers of the processor's trusted computing base.
    pub cpu_svn: [u8; 16],
    /// Version number of the certifying enclave.
    pub pce_svn: u8,
    /// Dynamic, cached keys, SMT; certificates of single processors do not say.
    pub flags: Option<[bool; 3]>,
}

impl Default for Description {
    fn default() -> Self {
        Self::new()
    }
}

impl Description {
    /// A machine that is up to date.
    pub fn new() -> Self {
        Self {
            fmspc: vec![0x50, 0x80, 0x6f, 0, 0, 0],
            pce_id: [0, 0],
            cpu_svn: [7, 7, 2, 2, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0],
            pce_svn: 11,
            flags: Some([false; 3]),
        }
    }

    /// The extension of the certificate.
    pub fn extension(&self) -> Vec<u8> {
        let octets = |bytes: &[u8]| element(0x04, &[bytes]);
        let integer = |value: u8| {
            if value < 0x80 { element(0x02, &[&[value]]) } else { element(0x02, &[&[0, value]]) }
        };
        let mut tcb: Vec<Vec<u8>> = self
            .cpu_svn
            .iter()
            .zip(1..)
            .map(|(svn, part): (_, u8)| entry(&format!("2.{part}"), &integer(*svn)))
            .collect();
        tcb.push(entry("2.17", &integer(self.pce_svn)));
        tcb.push(entry("2.18", &octets(&self.cpu_svn)));
        let mut entries = vec![
            entry("1", &octets(&[0x99; 16])),
            entry("2", &of(&tcb)),
            entry("3", &octets(&self.pce_id)),
            entry("4", &octets(&self.fmspc)),
            entry("5", &element(0x0a, &[&[1]])),
        ];
        if let Some(flags) = self.flags {
            entries.push(entry("6", &octets(&[0x66; 16])));
            let flags = flags.iter().zip(1..).map(|(flag, part): (_, u8)| {
                entry(&format!("7.{part}"), &element(0x01, &[&[if *flag { 0xff } else { 0 }]]))
            });
            entries.push(entry("7", &of(&flags.collect::<Vec<_>>())));
        }
        extension(SGX, &of(&entries))
    }
}

fn entry(part: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&object_id(&format!("{SGX}.{part}")), value])
}

fn of(entries: &[Vec<u8>]) -> Vec<u8> {
    sequence(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// As documents write time.
pub fn text(time: UnixTime) -> String {
    let text = time.to_string();
    let [year, month, day, hour, minute, second] =
        [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)].map(|(from, to)| &text[from..to]);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
}

fn level(svn: u8, pce_svn: u16, status: &str, advisories: &[&str], is_tdx: bool) -> Value {
    let components = |first: [u8; 3]| -> Vec<Value> {
        (0..16).map(|at| json!({ "svn": first.get(at).copied().unwrap_or(0) })).collect()
    };
    let mut tcb = json!({ "sgxtcbcomponents": components([svn, svn, 2]), "pcesvn": pce_svn });
    if is_tdx {
        tcb["tdxtcbcomponents"] = components([svn, 0, 2]).into();
    }
    json!({
        "tcb": tcb, "tcbDate": text(day(-10 * i64::from(10 - svn))), "tcbStatus": status, "advisoryIDs": advisories,
    })
}

/// Up to date from version 7 on, out of date with an advisory from 5 on, revoked from 3 on.
pub fn tcb_info(is_tdx: bool) -> Value {
    let mut info = json!({
        "id": if is_tdx { "TDX" } else { "SGX" },
        "version": 3,
        "issueDate": text(day(40)),
        "nextUpdate": text(day(60)),
        "fmspc": "50806F000000",
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 17,
        "tcbLevels": [
            level(7, 11, "UpToDate", &[], is_tdx),
            level(5, 10, "OutOfDate", &["INTEL-SA-00001"], is_tdx),
            level(3, 5, "Revoked", &["INTEL-SA-00002"], is_tdx),
        ],
    });
    if is_tdx {
        let module = json!({
            "mrsigner": "00".repeat(48), "attributes": "00".repeat(8), "attributesMask": "FF".repeat(8),
        });
        info["tdxModule"] = module.clone();
        let mut identity = module;
        identity["id"] = "TDX_01".into();
        let levels = [(4, "UpToDate"), (2, "OutOfDate"), (1, "Revoked")].map(|(isvsvn, status)| {
            json!({ "tcb": { "isvsvn": isvsvn }, "tcbDate": text(day(-5)), "tcbStatus": status })
        });
        identity["tcbLevels"] = levels.as_slice().into();
        info["tdxModuleIdentities"] = [identity].as_slice().into();
    }
    info
}

/// Up to date from version 8 on, out of date from 6 on, revoked from 4 on.
pub fn qe_identity(is_tdx: bool) -> Value {
    let levels = [(8, "UpToDate"), (6, "OutOfDate"), (4, "Revoked")].map(|(isvsvn, status)| {
        json!({ "tcb": { "isvsvn": isvsvn }, "tcbDate": text(day(-5)), "tcbStatus": status })
    });
    json!({
        "id": if is_tdx { "TD_QE" } else { "QE" },
        "version": 2,
        "issueDate": text(day(41)),
        "nextUpdate": text(day(59)),
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": "8C".repeat(32),
        "isvprodid": 1,
        "tcbLevels": levels.as_slice(),
    })
}
