//! A Nitro Enclave: what it shows is believed, and why there may be nothing to show.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use coco_attest::{Details, Policy, ReportData, nitro::Requirements};
use coco_boundary::{EvidenceFormat, Log, QuoteFault};
use coco_imitated::nitro::{Enclave, NOW};
use coco_wire::{Digest, cbor::Cbor};

use crate::platform::{
    EvidenceSource as _,
    nitro::{Channel, Kernel, NitroPlatform, NoEvidence},
};

/// A request for a document with these user data, as AWS's library has it.
fn request(user_data: &[u8; 32]) -> Vec<u8> {
    let begin = b"\xa1\x6bAttestation\xa3\x69user_data\x58\x20";
    [&begin[..], user_data, b"\x65nonce\xf6\x6apublic_key\xf6"].concat()
}

/// A response with a document.
fn response(document: &[u8]) -> Vec<u8> {
    let field = Cbor::Map(vec![(Cbor::Text("document"), Cbor::Bytes(document))]);
    Cbor::Map(vec![(Cbor::Text("Attestation"), field)]).encode()
}

/// The module of a hypervisor, if it is still there.
struct Imitated(Enclave, Arc<AtomicBool>);

impl Channel for Imitated {
    fn ask(&self, asked: &[u8]) -> io::Result<Vec<u8>> {
        if self.1.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let at = asked.windows(2).position(|bytes| bytes == b"\x58\x20").unwrap() + 2;
        let user_data: [u8; 32] = asked[at..at + 32].try_into().unwrap();
        assert_eq!(asked, request(&user_data));
        let mut enclave = self.0.clone();
        enclave.bind(&Digest(user_data));
        Ok(response(&enclave.sign().message))
    }
}

/// A module that always gives this response.
struct Scripted(Vec<u8>);

impl Channel for Scripted {
    fn ask(&self, _: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

#[test]
fn evidence_of_an_enclave_is_believed() {
    let (enclave, gone) = (Enclave::genuine(), Arc::new(AtomicBool::new(false)));
    let channel = Box::new(Imitated(enclave.clone(), gone.clone()));
    let platform = NitroPlatform::start(channel, &Log::discard()).unwrap();
    let report_data = Digest([7; 32]);
    let evidence = platform.quote(report_data).unwrap();
    assert_eq!((evidence.format, evidence.endorsements.len()), (EvidenceFormat::Nitro, 0));
    let evidence = coco_attest::Evidence {
        platform: coco_attest::Platform::Nitro,
        quote: evidence.quote,
        endorsements: evidence.endorsements,
        uvm_endorsements: evidence.uvm_endorsements,
    };
    let nitro = Requirements { root: enclave.sign().root, ..Requirements::STRICT };
    let policy = Policy { nitro, ..Policy::strict(NOW) };
    let claims = coco_attest::verify(&evidence, &ReportData(report_data), &policy).unwrap();
    let Details::Nitro(document) = claims.details else { panic!("of Nitro") };
    assert_eq!(document.user_data.as_deref(), Some(&report_data.0[..]));
    gone.store(true, Ordering::Relaxed);
    assert_eq!(platform.quote(report_data), Err(QuoteFault));
}

#[test]
fn an_enclave_without_evidence_says_why() {
    let error = Cbor::Map(vec![(Cbor::Text("Error"), Cbor::Text("InvalidOperation"))]).encode();
    let other = response(&Enclave::genuine().sign().message);
    let cases = [
        (error, "/dev/nsm refuses: InvalidOperation"),
        (Cbor::Map(Vec::new()).encode(), "/dev/nsm answers something else"),
        (Cbor::Text("Attestation").encode(), "/dev/nsm answers something else"),
        (Vec::new(), "the answer of /dev/nsm: "),
        (vec![0xff; 0x3000], "the answer of /dev/nsm: "),
        (response(b"no document"), "the document: Nitro: "),
        (other, "the document is for another question"),
    ];
    for (response, expected) in cases {
        let refused = NitroPlatform::start(Box::new(Scripted(response)), &Log::discard()).err().unwrap();
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}

#[test]
fn the_device_is_the_kernels() {
    let directory = tempfile::tempdir().unwrap();
    assert!(!NitroPlatform::is_there(directory.path()));
    std::fs::create_dir(directory.path().join("dev")).unwrap();
    std::fs::write(directory.path().join("dev/nsm"), "").unwrap();
    assert!(NitroPlatform::is_there(directory.path()));
    // A file knows no such call.
    let refused = NitroPlatform::of_kernel(directory.path(), &Log::discard()).err().unwrap();
    assert!(matches!(refused, NoEvidence::Device(_)), "{refused}");
    let gone = Kernel::new(directory.path().join("dev/none")).ask(b"").unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}
