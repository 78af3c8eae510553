//! All that is read of a TPM, changed again and again.

use coco_crypto::{Certificate, PrivateKey};
use coco_fuzz::{Campaign, Target, Work, variants};

use super::{
    super::{
        Event, EventLog, Hash, LogRefusal, Pcrs, Public, Quote, Refusal, Requirements, Signature,
        certificates,
    },
    STRICT, verify_certified, verify_named,
};
use crate::{
    chain,
    tests::{
        der::{sign_statement, statement},
        snp::to_pem,
        tpm::{ATTESTS, Certificates, NOW, Shown, Tpm, header, keys, old_event, sign},
        vectors::seeds,
    },
};

/// Most bytes of what is signed: longer ones are refused before anybody looks at them.
const MAX_SIGNED: usize = 0x4000;

#[test]
fn evidence() {
    let mut campaign = Campaign::new("tpm");
    structures(&mut campaign);
    certificate_texts(&mut campaign);
    signed(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}

#[test]
fn event_logs() {
    let mut campaign = Campaign::new("event log");
    logs(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "LogRefusal"));
}

/// A TPM that has measured something.
fn measured(key: &'static PrivateKey) -> Shown {
    let mut tpm = Tpm::new(key);
    tpm.measure(0, 8, b"version");
    tpm.measure(7, 4, &[0; 4]);
    tpm.measure(12, 6, b"tagged");
    tpm.measure_as(4, 0x8000_0003, b"the image", b"where it was");
    tpm.show()
}

fn shown() -> [Shown; 2] {
    [measured(&keys().elliptic), measured(&keys().rsa)]
}

fn structures(campaign: &mut Campaign) {
    let [elliptic, rsa] = shown();
    let messages = seeds([elliptic.message, rsa.message], "", &["q.msg", "tpm-quote.msg"]);
    campaign.run(Target::new("quote", Work::Parse, &messages), |bytes| {
        let quote = Quote::read(bytes)?;
        let values = vec![7; quote.selected.len() * quote.bank.digest_len()];
        let pcrs = Pcrs::new(&quote, &values).unwrap();
        Ok::<_, Refusal>(pcrs.value(7).map_or(0, |value| value.len() as u64))
    });
    let signatures = seeds([elliptic.signature, rsa.signature], "", &["q.sig", "tpm-quote.sig"]);
    campaign.run(Target::new("signature", Work::Parse, &signatures), |bytes| {
        Signature::Structure(bytes).read().map(|parts| parts.scheme.hash().digest_len() as u64)
    });
    let areas = seeds([elliptic.public, rsa.public], "tpm", &["ak.pub"]);
    campaign.run(Target::new("public area", Work::Parse, &areas), |bytes| {
        let public = Public::read(bytes)?;
        let unfit = public.attributes.unfit().is_some();
        Ok::<_, Refusal>(public.qualified_name(bytes).len() as u64 + u64::from(unfit))
    });
}

fn logs(campaign: &mut Campaign) {
    let locality = b"StartupLocality\0\x03";
    let agile =
        [header(&[(4, 20), (0x0b, 32), (0x0c, 48)]), crate::tests::tpm::event(0, 3, &[], locality)].concat();
    let old = [old_event(0, 8, &[1; 20], b"version"), old_event(7, 4, &[2; 20], &[0; 4])].concat();
    let [shown, _] = shown();
    let logs = seeds([shown.log, agile, old], "", &["eventlog", "CCEL_data", "CCEL_data_ovmf"]);
    let words: &[&[u8]] = &[
        b"Spec ID Event03\0",
        b"StartupLocality\0\x03",
        b"WBCL",
        b"\x04\0\0\0",
        b"\x03\0\0\0",
        b"\xff\xff\xff\xff",
    ];
    campaign.run(Target::new("event log", Work::Parse, &logs).with(words), |bytes| {
        let log = EventLog::read(bytes)?;
        for bank in [Hash::Sha1, Hash::Sha256] {
            log.replay(bank)?;
        }
        let measured = |event: &&Event<'_>| event.measured(Hash::Sha256).is_some();
        let measured = log.events.iter().filter(measured).count();
        Ok::<_, LogRefusal>((log.events.len() + 64 * measured) as u64)
    });
}

fn certificate_texts(campaign: &mut Campaign) {
    let [_, rsa] = shown();
    let roots = [keys().root.public_key().id()];
    let requirements = Requirements { roots: &roots, ..STRICT };
    let text = Certificates::new(ATTESTS).sign();
    let texts = seeds([text.clone(), Certificates::new("2.23.133.8.1").sign()], "tpm", &["cert.pem"]);
    let words: &[&[u8]] = &[b"-----END CERTIFICATE-----", b"-----BEGIN CERTIFICATE-----\n"];
    campaign.run(Target::new("certificates, read", Work::Parse, &texts).with(words), |bytes| {
        chain::read(bytes, 1..=6).map(|chain| chain.len() as u64)
    });
    campaign.run(Target::new("certificates", Work::Check, &texts).with(words), |bytes| {
        let endorsed = certificates::endorsement_key(bytes, &roots, NOW).map(|_| 0);
        let attests = verify_certified(&rsa, bytes, &requirements, NOW).map(|_| 1);
        attests.or_else(|refusal| endorsed.map_err(|_| refusal))
    });
    let chain = Certificate::bundle_from_pem(std::str::from_utf8(&text).unwrap()).unwrap();
    let above: Vec<Vec<u8>> = chain[1..].iter().map(|certificate| certificate.der().to_vec()).collect();
    // Signed as AMD signs, since what is to be told apart is what is certified.
    let mut end = Certificates::new(ATTESTS).0[0].clone();
    end.serial = vec![0];
    let ends = [statement(&end.sign()).to_vec()];
    campaign.run(Target::new("certificate, signed", Work::Sign, &ends), |bytes| {
        let end = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().intermediate);
        let text = to_pem(&[vec![end], above.clone()].concat());
        verify_certified(&rsa, &text, &requirements, NOW).map(|_| 0)
    });
}

/// Quotes that are signed after they were changed, and logs that lead to what is quoted.
fn signed(campaign: &mut Campaign) {
    let [good, _] = shown();
    let name = Public::read(&good.public).unwrap().name;
    let messages = [good.message.clone()];
    campaign.run(Target::new("quote, signed", Work::Sign, &messages), |bytes| {
        let message = bytes[..bytes.len().min(MAX_SIGNED)].to_vec();
        let signature = sign(&keys().elliptic, &message);
        let changed = Shown { message, signature, ..good.clone() };
        verify_named(&changed, &name, &STRICT).map(|claims| claims.events.len() as u64)
    });
    let areas = shown().map(|shown| shown.public);
    campaign.run(Target::new("public area, accepted", Work::Check, &areas), |bytes| {
        let name = Public::read(bytes)?.name;
        let changed = Shown { public: bytes.to_vec(), ..good.clone() };
        verify_named(&changed, &name, &STRICT).map(|_| 0)
    });
    let values = [good.pcrs.clone()];
    campaign.run(Target::new("values of PCRs", Work::Check, &values).of_one_length(), |bytes| {
        let changed = Shown { pcrs: bytes.to_vec(), ..good.clone() };
        verify_named(&changed, &name, &STRICT).map(|_| 0)
    });
    let logs = [good.log.clone()];
    campaign.run(Target::new("event log, quoted", Work::Sign, &logs), |bytes| {
        let mut tpm = Tpm::new(&keys().elliptic);
        tpm.log = bytes.to_vec();
        if let Ok(replayed) = EventLog::read(bytes).and_then(|log| log.replay(Hash::Sha256)) {
            tpm.pcrs = replayed;
        }
        let shown = tpm.show();
        verify_named(&shown, &name, &STRICT).map(|claims| claims.events.len() as u64)
    });
}
