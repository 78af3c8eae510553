//! Fields of reports.

use super::{
    super::{Processor, Product, Report, report::FirmwareVersion},
    machine::Machine,
};

#[test]
fn each_field_has_its_place() {
    let mut bytes = Machine::new(Product::Genoa, 5).report;
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0x04, &[2, 0, 0, 1]);
    put(0x10, &[0x10; 16]);
    put(0x20, &[0x20; 16]);
    put(0x38, &[8; 8]);
    put(0x48, &[0b11111]);
    put(0xe0, &[0xe0; 48]);
    put(0x110, &[0x11; 48]);
    put(0x140, &[0x14; 32]);
    put(0x160, &[0x16; 32]);
    put(0x1e8, &[1, 2, 3, 0, 4, 5, 6, 0]);
    put(0x1f0, &[9; 8]);
    put(0x2a0, &[0x2a; 72]);
    put(0x2e8, &[0x2e; 72]);
    let report = Report::read(&bytes).unwrap();
    assert_eq!((report.version, report.guest_svn), (5, 0x0100_0002));
    assert_eq!((report.policy.abi_minor(), report.policy.abi_major()), (0x1f, 0));
    assert!(report.policy.allows_smt());
    assert_eq!((report.family_id, report.image_id), ([0x10; 16], [0x20; 16]));
    assert_eq!((report.current_tcb, report.launch_tcb), (0x0808_0808_0808_0808, 0x0909_0909_0909_0909));
    assert_eq!((report.platform_info.smt(), report.platform_info.tsme()), (true, false));
    assert!(report.platform_info.alias_check_complete());
    assert!(report.flags.author_key() && report.flags.mask_chip_key());
    assert_eq!(report.flags.signing_key(), 7);
    assert_eq!((report.id_key_digest, report.author_key_digest), ([0xe0; 48], [0x11; 48]));
    assert_eq!((report.report_id, report.report_id_ma), ([0x14; 32], [0x16; 32]));
    assert_eq!(report.processor, Some(Processor { family: 0x19, model: 0x11, stepping: 1 }));
    assert_eq!(report.current, FirmwareVersion { major: 3, minor: 2, build: 1 });
    assert_eq!(report.committed, FirmwareVersion { major: 6, minor: 5, build: 4 });
    assert_eq!((report.signature_r, report.signature_s), ([0x2a; 72], [0x2e; 72]));
}
