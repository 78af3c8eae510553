//! Certificates and revocation lists.

use coco_crypto::x509::UnixTime;

use super::{
    super::{
        super::{Chain, Document, Refusal},
        machine::{Evidence, Kind, List, Machine, NOW, Verify as _, collateral, keys, to_pem},
    },
    ALL, BOTH, STRICT, describe, refused, refused_by,
};
use crate::{
    sgx,
    tests::der::{CERTIFICATES, Fields, authority},
};

#[test]
fn chains() {
    let keys = keys();
    let machine = Machine::new(Kind::Sgx);
    let [end, between, root, _] = machine.sign_certificates();
    let evidence = machine.sign();
    let with = |text: &str| {
        let evidence = Evidence { quote: machine.sign_quote(text), ..evidence.clone() };
        evidence.verify(&STRICT, NOW).unwrap_err()
    };
    let good = to_pem(&[&end, &between, &root]);
    // The same root's key may have several certificates.
    let other = Evidence { quote: machine.sign_quote(&good), ..evidence.clone() };
    other.verify(&STRICT, NOW).unwrap();
    let chain = Refusal::Chain(Chain::Quote);
    assert_eq!(with(""), chain);
    assert_eq!(with(&to_pem(&[&end, &between])), chain);
    assert_eq!(with(&to_pem(&[&end, &between, &root, &root])), chain);
    assert_eq!(with(&format!("{good}\n")), chain);
    assert_eq!(with(&good.replace('\n', "\r\n")), chain);
    assert_eq!(with(&format!("{good}\0\0")), chain);
    assert_eq!(with(&" ".repeat(20_000)), Refusal::TooLarge);
    assert_eq!(with(&to_pem(&[&end, &root, &between])), Refusal::Root);
    assert_eq!(with(&to_pem(&[&[0x30], &between, &root])), Refusal::MachineExtension);
    assert_eq!(with(&to_pem(&[&end, &end, &root])), Refusal::ChainSignature);
    assert_eq!(with(&to_pem(&[&end, &[0x30], &root])), Refusal::Certificate);

    let evidence = Evidence { root: keys.other.public_key().id(), ..machine.sign() };
    assert_eq!(evidence.verify(&STRICT, NOW), Err(Refusal::Root));
    let published = collateral(&evidence.collateral);
    let intel = sgx::verify(&evidence.quote, &published, &sgx::Requirements::STRICT, NOW);
    assert_eq!(intel, Err(Refusal::Root));
    refused(&Refusal::Root, ALL, |machine| machine.root.signed_by = &keys.other);
    for document in BOTH {
        let mut evidence = machine.sign();
        let mut with = |issuers: String| {
            match document {
                Document::TcbInfo => evidence.collateral.tcb_info.issuers = issuers,
                Document::QeIdentity => evidence.collateral.qe_identity.issuers = issuers,
            }
            evidence.verify(&STRICT, NOW)
        };
        let foreign = Fields { key: &keys.other, signed_by: &keys.other, ..machine.root.clone() }.sign();
        let signer = machine.signer.sign();
        assert_eq!(with(to_pem(&[&signer, &foreign])), Err(Refusal::Root));
        assert_eq!(with(to_pem(&[&[0x30], &root])), Err(Refusal::Certificate));
        assert_eq!(with(to_pem(&[&end, &root])), Err(Refusal::ChainSignature));
        // Another key may sign documents, too, but not this one.
        let other = Fields { key: &keys.other, ..machine.signer.clone() }.sign();
        assert_eq!(with(to_pem(&[&other, &root])), Err(Refusal::DocumentSignature(document)));
        // Each certificate of the same key will do.
        assert!(with(to_pem(&[&signer, &root])).is_ok());
    }
}

#[test]
fn links() {
    let keys = keys();
    refused(&Refusal::MachineExtension, ALL, |machine| machine.description = None);
    refused(&Refusal::MachineExtension, ALL, |machine| describe(machine).fmspc = vec![0; 5]);
    let links: [fn(&mut Machine) -> &mut Fields; 3] =
        [|machine| &mut machine.end, |machine| &mut machine.authority, |machine| &mut machine.signer];
    for link in links {
        refused(&Refusal::ChainSignature, ALL, |machine| link(machine).signed_by = &keys.other);
        refused(&Refusal::ChainSignature, ALL, |machine| link(machine).issuer = "Another");
        refused(&Refusal::NotYetValid, ALL, |machine| link(machine).begin = UnixTime(NOW.0 + 1));
        refused(&Refusal::Expired, ALL, |machine| link(machine).end = UnixTime(NOW.0 - 1));
    }
    refused(&Refusal::NotYetValid, ALL, |machine| machine.root.begin = UnixTime(NOW.0 + 1));
    refused(&Refusal::Expired, ALL, |machine| machine.root.end = NOW);
    refused_by(&STRICT, UnixTime(-1), &Refusal::NotYetValid, ALL, |_| {});
    for link in [links[0], links[2]] {
        refused(&Refusal::Certificate, ALL, |machine| {
            link(machine).extensions.extend(authority(None, CERTIFICATES));
        });
    }
    refused(&Refusal::Certificate, ALL, |machine| machine.authority.extensions.clear());
}

#[test]
fn revocation_lists() {
    let keys = keys();
    let lists: [fn(&mut Machine) -> &mut List; 2] =
        [|machine| &mut machine.root_list, |machine| &mut machine.machine_list];
    for list in lists {
        refused(&Refusal::RevocationListSignature, ALL, |machine| list(machine).key = &keys.other);
        refused(&Refusal::NoRevocationList, ALL, |machine| list(machine).issuer = "Another");
        refused(&Refusal::RevocationListDate, ALL, |machine| list(machine).dates[1] = NOW);
    }
    refused(&Refusal::RevocationListSignature, ALL, |machine| {
        machine.authority.extensions = authority(Some(0), CERTIFICATES);
    });
    // Nobody knows yet whom lists of tomorrow name; what else is of tomorrow is not valid yet.
    let future = |machine: &mut Machine| machine.root_list.dates[0] = UnixTime(NOW.0 + 1);
    refused(&Refusal::RevocationListDate, ALL, future);
    refused(&Refusal::RevocationListDate, ALL, |machine| machine.machine_list.dates[0] = UnixTime(NOW.0 + 1));
    for serial in [&[1, 1], &[1, 2], &[1, 4]] {
        refused(&Refusal::Revoked, ALL, |machine| machine.root_list.serials.push(serial));
    }
    refused(&Refusal::Revoked, ALL, |machine| machine.machine_list.serials.push(&[1, 3]));
    // A list says nothing of what another one issued.
    let mut machine = Machine::new(Kind::Sgx);
    machine.root_list.serials.push(&[1, 3]);
    machine.machine_list.serials.push(&[1, 2]);
    machine.sign().verify(&STRICT, NOW).unwrap();
}
