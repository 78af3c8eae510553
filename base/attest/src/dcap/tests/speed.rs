//! What a verification costs; run with `cargo test --release -p coco-attest dcap -- --ignored --nocapture`.

use std::time::Instant;

use super::{
    super::Requirements,
    machine::{Kind, Machine, NOW, Verify as _},
};

#[test]
#[ignore = "measures"]
fn one_verification() {
    const ROUNDS: u32 = 500;

    for (name, kind) in [("SGX", Kind::Sgx), ("TDX 1.5", Kind::Tdx15)] {
        let evidence = Machine::new(kind).sign();
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            evidence.verify(&Requirements::STRICT, NOW).unwrap();
        }
        println!("{name}: {:?}", begin.elapsed() / ROUNDS);
    }
}
