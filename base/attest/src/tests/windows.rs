//! A boot of a Windows machine of Google's cloud, whose TPM quoted PCRs of SHA-1 with a signature over SHA-1: genuine, but
//! without a secure kernel.

use std::fs;

use coco_wire::text::decode_base64;
use serde_json::Value;

use super::{tpm::sized, vectors};
use crate::tpm::{Evidence, Key, Public, Quoted, Signature};

pub(crate) struct Windows {
    pub(crate) public: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) pcrs: Vec<u8>,
    pub(crate) log: Vec<u8>,
}

impl Windows {
    /// None, and a line that says so, where genuine `what` are not tested.
    pub(crate) fn read(what: &str) -> Option<Self> {
        let directory = vectors::directory(what)?;
        let file = fs::read(directory.join("tpm/go-attestation/windows_gcp_shielded_vm.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let bytes = |value: &Value| decode_base64(value.as_str().unwrap()).unwrap();
        let mut pcrs: Vec<(u64, Vec<u8>)> = file["Log"]["PCRs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pcr| (pcr["Index"].as_u64().unwrap(), bytes(&pcr["Digest"])))
            .collect();
        pcrs.sort();
        let public = sized(&bytes(&file["AK"]["Public"]));
        Some(Self {
            name: Public::read(&public).unwrap().name,
            public,
            message: bytes(&file["Quote"]["Quote"]),
            signature: bytes(&file["Quote"]["Signature"]),
            pcrs: pcrs.into_iter().flat_map(|(_, value)| value).collect(),
            log: bytes(&file["Log"]["Raw"]),
        })
    }

    pub(crate) fn evidence(&self) -> Evidence<'_> {
        let quoted = Quoted {
            message: &self.message,
            signature: Signature::Structure(&self.signature),
            pcrs: &self.pcrs,
        };
        Evidence { quoted, key: Key::Named(&self.public), log: Some(&self.log) }
    }
}
