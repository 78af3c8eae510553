use std::fs;

use coco_wire::text::encode_base64;

use super::*;

mod guest;
mod loopback;
mod servers;

#[test]
fn the_environment_or_the_machine_says_which_platform_it_is() {
    let machine = |devices: &[&str]| {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("dev/attestation")).unwrap();
        devices.iter().for_each(|device| fs::write(root.path().join(device), "").unwrap());
        root
    };
    let plain = tempfile::tempdir().unwrap();
    let [snp, tdx, sgx] = ["dev/sev-guest", "dev/tdx_guest", "dev/attestation/user_report_data"];
    let nitro = machine(&["dev/nsm"]);
    // A TPM that keeps no paravisor's report, or cannot be asked.
    let with_tpm = machine(&["dev/tpmrm0"]);
    let (guest, domain, enclave) = (machine(&[snp]), machine(&[tdx]), machine(&[sgx]));
    let (in_guest, in_domain) = (machine(&[sgx, snp]), machine(&[sgx, tdx]));
    let cases = [
        (None, &plain, Some(Platform::InsecureVirtual)),
        (None, &guest, Some(Platform::SevSnp)),
        (None, &domain, Some(Platform::Tdx)),
        (None, &enclave, Some(Platform::Sgx)),
        (None, &nitro, Some(Platform::Nitro)),
        (None, &with_tpm, Some(Platform::InsecureVirtual)),
        (None, &in_guest, Some(Platform::Sgx)),
        (None, &in_domain, Some(Platform::Sgx)),
        (Some("TDX"), &in_domain, Some(Platform::Tdx)),
        (Some("SGX"), &plain, Some(Platform::Sgx)),
        (Some("TDX"), &plain, Some(Platform::Tdx)),
        (Some("AzureCVM"), &plain, Some(Platform::AzureCvm)),
        (Some("VBS"), &plain, Some(Platform::Vbs)),
        (Some("Nitro"), &plain, Some(Platform::Nitro)),
        (Some("Virtual"), &enclave, Some(Platform::InsecureVirtual)),
        (Some("Virtual"), &guest, Some(Platform::InsecureVirtual)),
        (Some("SNP"), &plain, Some(Platform::SevSnp)),
        (Some("snp"), &guest, None),
        (Some(""), &guest, None),
    ];
    for (named, root, expected) in cases {
        let found = platform(named.map(OsStr::new), root.path());
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{named:?}");
        if let Err(error) = found {
            let words = "CCF_PLATFORM_OVERRIDE names a platform that is none of SNP, SGX, TDX, VBS, AzureCVM, \
                         Nitro and Virtual";
            assert_eq!(error.to_string(), words);
        }
    }
    let beginnings = [
        ("SNP", "SEV-SNP: the kernel gives no report"),
        ("TDX", "TDX: the kernel gives no quote"),
        ("SGX", "SGX: no quote from /dev/attestation"),
        ("AzureCVM", "AzureCVM: the TPM cannot be asked"),
        ("Nitro", "Nitro: /dev/nsm cannot be asked"),
        ("VBS", "VBS: this program makes no evidence of this platform"),
    ];
    for (named, expected) in beginnings {
        let (_stop, stopping) = watch::channel(false);
        let (machine, files) = ((plain.path(), Some(OsStr::new(named))), Attestation::default());
        let begun = Vouching::begin(machine, Digest::ZERO, &files, stopping, &Log::discard());
        let words = begun.err().unwrap().to_string();
        assert!(words.starts_with(expected), "{words}");
    }
}

#[test]
fn a_kernel_is_asked_by_its_newer_interface_if_it_has_that() {
    let root = tempfile::tempdir().unwrap();
    let error = || reports(root.path()).report(&[7; 64]).unwrap_err();
    assert_eq!(error().kind(), io::ErrorKind::NotFound);
    fs::create_dir(root.path().join("dev")).unwrap();
    fs::write(root.path().join("dev/sev-guest"), "").unwrap();
    // ENOTTY: a file is no device.
    assert_eq!(error().raw_os_error(), Some(25));
    // Where folders for questions are made, but nobody answers.
    fs::create_dir_all(root.path().join("sys/kernel/config/tsm/report")).unwrap();
    assert_eq!(error().kind(), io::ErrorKind::NotFound);
}

#[test]
fn files_are_in_base64_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    assert_eq!(content(&path, "file", &Log::discard()).unwrap(), None);
    for (text, expected) in [("", &b""[..]), ("AQID\n", &[1, 2, 3]), (" AQI= ", &[1, 2])] {
        fs::write(&path, text).unwrap();
        assert_eq!(content(&path, "file", &Log::discard()).unwrap().as_deref(), Some(expected), "{text}");
    }
    for text in [&b"*"[..], b"AQI", b"AQ\nID", b"\xff"] {
        fs::write(&path, text).unwrap();
        let error = content(&path, "file", &Log::discard()).unwrap_err().to_string();
        assert_eq!(error, format!("{}: not base64", path.display()));
    }
    fs::File::create(&path).unwrap().set_len(MAX_LEN + 1).unwrap();
    assert!(matches!(content(&path, "file", &Log::discard()), Err(PlatformError::Read { .. })));
    assert!(matches!(content(directory.path(), "file", &Log::discard()), Err(PlatformError::Read { .. })));
}

#[test]
fn the_security_policy_is_that_of_the_machine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy");
    let read = |host_data| security_policy(&path, host_data, &Log::discard());
    assert_eq!(read(Digest::ZERO).unwrap(), None);
    fs::write(&path, encode_base64(b"package policy")).unwrap();
    let digest = sha256(b"package policy");
    assert_eq!(read(digest).unwrap().as_deref(), Some("package policy"));
    let words = read(Digest::ZERO).unwrap_err().to_string();
    let expected = format!(
        "{}: the security policy has the digest {digest}, the host data of the machine is {}",
        path.display(),
        Digest::ZERO
    );
    assert_eq!(words, expected);
    fs::write(&path, encode_base64(b"\xff")).unwrap();
    assert!(matches!(read(sha256(b"\xff")), Err(PlatformError::Text(_))));
}
