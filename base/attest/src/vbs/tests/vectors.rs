//! An enclave of SQL Server 2019, and boots of Windows. `COCO_VECTORS` names the directory with them.

use std::{fs, path::PathBuf};

use coco_crypto::{
    Certificate, PublicKey,
    hash::{HashAlgorithm, sha256},
    pem,
    signature::SignatureScheme,
    x509::UnixTime,
};
use coco_wire::{
    Digest,
    text::{decode_base64, decode_base64url},
};
use serde_json::Value;

use super::super::{
    BootRefusal, Evidence, Pin, Refusal, Report, Requirements, SecureKernel,
    boot::{self, PCRS},
    secure_boot::authorities,
    verify,
};
use crate::{
    tests::{changes::each_change, vectors, windows::Windows},
    tpm::{self, EventLog, Hash},
};

/// Microsoft Root Certificate Authority 2010, Microsoft Windows Production PCA 2011, Microsoft Corporation UEFI CA 2011.
const SIGNERS: [&str; 3] = [
    "df545bf919a2439c36983b54cdfc903dfa4f37d3996d8d84b4c31eec6f3c163e",
    "e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961",
    "48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507",
];

fn signers() -> [Digest; 3] {
    SIGNERS.map(|text| Digest(coco_wire::text::decode_hex(text).unwrap().try_into().unwrap()))
}

const VBS: &str = "enclaves of Windows";

fn directory() -> Option<PathBuf> {
    vectors::directory(VBS)
}

/// What the genuine enclave's parts are, in order.
const MODULES: [&str; 6] = [
    "aetm-enclave.dll",
    "bcrypt.dll",
    "ucrtbase_enclave.dll",
    "vertdll.dll",
    "AzureAttest.dll",
    "bcryptPrimitives.dll",
];

#[test]
fn a_genuine_report() {
    let Some(directory) = directory() else { return };
    let read = |name: &str| fs::read(directory.join("vbs/sql2019-aetm").join(name)).unwrap();
    let certificate = Certificate::from_der(&read("health_cert_idks.der")).unwrap();
    let (package, key) = (read("vbs_enclave_report_pkg.bin"), certificate.public_key());
    let found = Report::authenticate(&package, key);
    vectors::tell("vbs/sql2019-aetm/vbs_enclave_report_pkg.bin", UnixTime(1_572_460_000), &found);
    let report = found.unwrap();
    let enclave_key = sha256(&read("enclave_rsa_pubkey.bcrypt.bin"));
    assert_eq!(report.enclave_data, [enclave_key.0, [0; 32]].concat()[..]);
    let names: Vec<&str> = report.modules.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, MODULES);
    assert_eq!(report.modules[0].image, report.identity.image);
    assert_eq!(report.identity.image.family_id[..2], [0xfe, 0xfe]);
    let identity = &report.identity;
    assert_eq!((identity.secure_kernel_svn, identity.platform_svn, identity.flags.0), (0, 1, 0));

    let image = identity.image.clone();
    let enclave = Pin::Signed {
        author_id: image.author_id,
        family_id: image.family_id,
        image_id: image.image_id,
        svn: 0,
    };
    let parts: Vec<Pin> = report.modules.iter().map(|module| Pin::Exactly(module.image.unique_id)).collect();
    let required = Requirements {
        enclave_data: Some(report.enclave_data),
        enclaves: &[enclave],
        modules: &parts,
        platform_svn: 1,
        ..Requirements::STRICT
    };
    let judged = |requirements: &Requirements<'_>| requirements.check(&report);
    assert_eq!(judged(&required), Ok(()));
    assert_eq!(judged(&Requirements { platform_svn: 2, ..required }), Err(Refusal::PlatformSvn(1)));
    assert_eq!(judged(&Requirements { secure_kernel_svn: 1, ..required }), Err(Refusal::SecureKernelSvn(0)));
    assert_eq!(judged(&Requirements { modules: &parts[..5], ..required }), Err(Refusal::Module(5)));
    assert_eq!(judged(&Requirements::STRICT), Err(Refusal::Enclave));

    each_change(&package, &[0x01, 0x80, 0xff], |change, package| {
        assert!(Report::authenticate(&package, key).is_err(), "{change}");
    });
    // The same bytes as a client got them.
    let response = read("attestation_response.bin");
    assert!(response.windows(package.len()).any(|window| window == package));
}

/// Nobody has published the root of the health certificate.
#[test]
fn a_genuine_health_certificate() {
    let Some(directory) = directory() else { return };
    let read = |name: &str| fs::read(directory.join("vbs/sql2019-aetm").join(name)).unwrap();
    let (package, certificate) = (read("vbs_enclave_report_pkg.bin"), read("health_cert_idks.der"));
    let of = |chain: &[&[u8]], roots: &[Digest]| {
        let text: String = chain.iter().map(|der| pem::encode("CERTIFICATE", der)).collect();
        let evidence = Evidence { report: &package, secure_kernel: SecureKernel::Certified(text.as_bytes()) };
        let requirements = Requirements { health_roots: roots, ..Requirements::STRICT };
        verify(&evidence, &requirements, UnixTime(1_572_460_000)).map(|_| ()).unwrap_err()
    };
    let own = Certificate::from_der(&certificate).unwrap().public_key().id();
    let alone = of(&[&certificate], &[own]);
    vectors::tell::<(), _>("vbs/sql2019-aetm/health_cert_idks.der", UnixTime(1_572_460_000), &Err(&alone));
    assert_eq!(alone, Refusal::Certificates(1));
    assert_eq!(of(&[&certificate, &certificate], &[]), Refusal::HealthRoot);
    assert_eq!(of(&[&certificate, &certificate], &[own]), Refusal::ChainSignature(0));
}

/// A boot of a Windows machine without a secure kernel.
#[test]
fn a_genuine_boot_without_vsm() {
    let Some(windows) = Windows::read(VBS) else { return };
    let name = &windows.name;
    let evidence = Evidence { report: &[], secure_kernel: SecureKernel::Measured(windows.evidence()) };
    let [root, ..] = signers();
    let of_sha1 = tpm::Requirements { names: &[name], hashes: &[Hash::Sha1], ..tpm::Requirements::STRICT };
    let required = Requirements { tpm: of_sha1, boot_authorities: &[root], ..Requirements::STRICT };
    let refused = |requirements: &Requirements<'_>| {
        verify(&evidence, requirements, UnixTime(1_600_000_000)).map(|_| ()).unwrap_err()
    };
    let off = refused(&required);
    vectors::tell::<(), _>(
        "tpm/go-attestation: the Windows machine, VSM",
        UnixTime(1_600_000_000),
        &Err(&off),
    );
    assert_eq!(off, BootRefusal::VsmOff.into());
    assert_eq!(refused(&Requirements { boot_authorities: &[], ..required }), BootRefusal::Authority.into());
    let strict = tpm::Requirements { names: &[name], ..tpm::Requirements::STRICT };
    assert_eq!(refused(&Requirements { tpm: strict, ..required }), tpm::Refusal::WeakSignature.into());
}

/// Logs of boots, of which nothing is quoted.
#[test]
fn genuine_logs() {
    let Some(directory) = directory() else { return };
    let check = |name: &str, bank: Hash, boot_authorities: &[Digest]| -> Result<PublicKey, BootRefusal> {
        let log = fs::read(directory.join("tpm/go-attestation").join(name)).unwrap();
        let events = EventLog::read(&log).unwrap().measured_into(PCRS).events;
        let requirements = Requirements { boot_authorities, ..Requirements::STRICT };
        let found = boot::started(&events, bank, &requirements).map(|started| started.key);
        vectors::tell(&format!("tpm/go-attestation/{name} as a boot of Windows"), UnixTime(0), &found);
        found
    };
    let [_, windows, devices] = signers();
    // A secure kernel that signs nothing, as of before 2019 or without the feature.
    let option_rom = |signers: &[Digest]| check("option_rom_eventlog", Hash::Sha1, signers);
    assert_eq!(option_rom(&[windows, devices]), Err(BootRefusal::NoSigningKey));
    assert_eq!(option_rom(&[windows]), Err(BootRefusal::Authority));
    // Firmware that starts anything.
    for (name, bank) in [
        ("coreos_36_shielded_vm_no_secure_boot_eventlog", Hash::Sha256),
        ("ubuntu_2104_shielded_vm_no_secure_boot_eventlog", Hash::Sha256),
        ("crypto_agile_eventlog", Hash::Sha256),
        ("ebs_event_missing_eventlog", Hash::Sha1),
    ] {
        assert_eq!(check(name, bank, &signers()), Err(BootRefusal::SecureBoot), "{name}");
    }
    // A boot loader of Linux vouches with what it carries, and measures something else than it says.
    assert_eq!(check("sb_cert_eventlog", Hash::Sha256, &signers()), Err(BootRefusal::NotMeasured(7)));
    let short = check("short_no_action_eventlog", Hash::Sha1, &signers());
    assert_eq!(short, Err(BootRefusal::NoSeparator(7)));
    let log = fs::read(directory.join("tpm/go-attestation/option_rom_eventlog")).unwrap();
    let log = EventLog::read(&log).unwrap();
    assert_eq!(authorities(&log.events, Hash::Sha1), Ok(vec![devices, windows]));
}

/// What Azure's service says of a boot is genuine, but it is its word: nothing that is verified here.
#[test]
fn a_token_of_a_service() {
    let Some(directory) = directory() else { return };
    let token = fs::read_to_string(directory.join("vbs/maa/report_boot.jwt")).unwrap();
    let (signed, signature) = token.trim().rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let json = |part: &str| -> Value { serde_json::from_slice(&decode_base64url(part).unwrap()).unwrap() };
    let header = json(header);
    let der = |text: &Value| decode_base64(text.as_str().unwrap()).unwrap();
    let chain: Vec<Vec<u8>> = header["x5c"].as_array().unwrap().iter().map(der).collect();
    let certificates: Vec<Certificate> =
        chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
    assert_eq!(crate::chain::follow(&certificates), Ok(()));
    let scheme = SignatureScheme::RsaPkcs1(HashAlgorithm::Sha256);
    let signature = decode_base64url(signature).unwrap();
    assert_eq!(certificates[0].public_key().verify(scheme, signed.as_bytes(), &signature), Ok(()));
    assert_eq!(json(payload)["x-ms-policy"]["VSMEnabled"], Value::Bool(true));

    let text: String = chain.iter().map(|der| pem::encode("CERTIFICATE", der)).collect();
    let evidence = Evidence { report: &[], secure_kernel: SecureKernel::Certified(text.as_bytes()) };
    let now = UnixTime(1_738_083_036);
    let found = verify(&evidence, &Requirements::STRICT, now).map(|_| ());
    vectors::tell("vbs/maa/report_boot.jwt", now, &found);
    assert_eq!(found, Err(Refusal::Certificates(3)));
}
