//! Quotes of processes, changed again and again.

use coco_fuzz::{Campaign, Target, Work};

use super::{attester, verify};
use crate::{Attester as _, Evidence, ReportData, insecure_virtual::Statement};
use coco_wire::Digest;

#[test]
fn quotes() {
    let mut campaign = Campaign::new("insecure_virtual");
    let expected = ReportData(Digest::ZERO);
    let good = attester().evidence(&expected).unwrap();
    let quotes = [good.quote.clone()];
    let words: &[&[u8]] = &[
        b"\"host_data\":",
        b"\"measurement\":\"\"",
        b"\"report_data\":null",
        b"\\u0041",
        b"AAAA",
        b"=",
        b",",
    ];
    campaign.run(Target::new("quote", Work::Parse, &quotes).with(words).of_text(), |bytes| {
        Statement::read(bytes).map(|statement| statement.measurement.as_str().len() as u64)
    });
    campaign.run(Target::new("quote, verified", Work::Check, &quotes).with(words).of_text(), |bytes| {
        let evidence = Evidence { quote: bytes.to_vec(), ..good.clone() };
        verify(&evidence, &expected).map(|_| 0)
    });
    campaign.finish(&["Malformed", "ReportData", "TooLarge"]);
}
