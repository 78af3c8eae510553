//! Processors that exist, and one that does not.

use super::{Processor, Product, TcbVersion, UnknownProduct};

#[test]
fn processors_are_known_by_family_and_model() {
    let cases = [
        (0x00a0_0f11, Ok(Product::Milan)),
        (0x00a1_0f11, Ok(Product::Genoa)),
        (0x00b0_0f11, Ok(Product::Turin)),
        (0x00b0_0f21, Ok(Product::Turin)),
        (0x00aa_0f02, Ok(Product::Genoa)),
        (0x00a2_0f10, Err(UnknownProduct { family: 0x19, model: 0x21 })),
        (0x0080_0f12, Err(UnknownProduct { family: 0x17, model: 1 })),
        (0, Err(UnknownProduct { family: 0, model: 0 })),
    ];
    for (eax, expected) in cases {
        assert_eq!(Product::of_cpuid(eax), expected, "{eax:08x}");
    }
}

#[test]
fn a_processor_has_one_number() {
    let milan = Processor { family: 0x19, model: 1, stepping: 1 };
    assert_eq!((Processor::of_cpuid(0x00a0_0f11), milan.cpuid()), (milan, 0x00a0_0f11));
    for eax in [0x00a1_0f11, 0x00b0_0f21, 0x00aa_0f02, 0x0000_0000, 0x0000_06f5, 0x000f_0fff] {
        assert_eq!(Processor::of_cpuid(eax).cpuid(), eax, "{eax:08x}");
    }
    // Bits that say nothing of the processor do not count.
    assert_eq!(Processor::of_cpuid(0xf0a0_cf11), milan);
    // No processor has such a family.
    assert_eq!(Processor::of_cpuid(0x0ff0_0f11).family, u8::MAX);
    let largest = Processor { family: u8::MAX, model: u8::MAX, stepping: 15 };
    assert_eq!(Processor::of_cpuid(largest.cpuid()), largest);
    assert_eq!(Processor { stepping: 0x31, ..milan }.cpuid(), milan.cpuid());
}

#[test]
fn each_line_has_its_own_composition() {
    let packed = 0xd3_15_00_00_00_04_02_01;
    let of_turin = TcbVersion { microcode: 0xd3, snp: 0, tee: 4, boot_loader: 2, fmc: Some(1) };
    assert_eq!(Product::Turin.tcb_version(packed), of_turin);
    let of_others = TcbVersion { microcode: 0xd3, snp: 0x15, tee: 2, boot_loader: 1, fmc: None };
    for product in [Product::Milan, Product::Genoa] {
        assert_eq!(product.tcb_version(packed), of_others);
    }
}
