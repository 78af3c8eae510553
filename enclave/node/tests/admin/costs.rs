//! What it costs to judge evidence; run with `cargo test --release -p coco-node --test admin costs -- --ignored --nocapture`.

use std::time::Instant;

use coco_attest::{ReportData, Roots};
use coco_crypto::x509::UnixTime;
use coco_node::evidence::{Judge, quote_info};
use coco_wire::Digest;

use crate::{
    azure, intel, nitro,
    node::{Ground, STARTED_MS},
    snp, windows,
};

const ROUNDS: u32 = 200;
const NODE: Digest = Digest([7; 32]);

#[test]
#[ignore = "measures"]
fn of_each_platform() {
    let judged = |name: &str, ground: &Ground| {
        let evidence = quote_info(&(ground.platform)(&NODE));
        let now = UnixTime(i64::try_from(STARTED_MS / 1000).expect("not far away"));
        let judge = Judge { now, roots: Roots { ..ground.roots } };
        let bytes = evidence.quote.0.len() + evidence.endorsements.0.len();
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            judge.appraise_first(&evidence, &ReportData(NODE)).expect("it is genuine");
        }
        println!("COST {name}: {} µs, {bytes} bytes", (begin.elapsed() / ROUNDS).as_micros());
    };
    judged("virtual", &Ground::default());
    judged("SEV-SNP", &snp::ground(&snp::milan()));
    judged("SEV-SNP with an endorsed utility VM", &snp::ground(&snp::endorsed().0));
    judged("SGX", &intel::ground(&intel::sgx()));
    judged("TDX", &intel::ground(&intel::tdx()));
    judged("VBS with a named key of its TPM", &windows::ground(&windows::machine()));
    judged("VBS with certificates of its TPM", &windows::ground(&windows::certified()));
    judged("Azure on SEV-SNP", &azure::ground(&azure::machine()));
    judged("Nitro", &nitro::ground(&nitro::enclave()));
}
