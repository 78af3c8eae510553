//! Fields of domains; what is believed of them is tested in `dcap`.

use super::{Attributes, Domain};

/// A body of which each byte is the number of its field.
fn body() -> Vec<u8> {
    let lengths = [
        16, 48, 48, 8, 8, 8, 48, 48, 48, 48, 48, 48, 48, 48, 64, 16, 48, 1, 32, 48, 48, 8, 16, 16, 12, 48, 8,
    ];
    let fields = lengths.iter().zip(1..).flat_map(|(length, number)| vec![number; *length]);
    fields.collect()
}

#[test]
fn each_field_has_its_place() {
    let body = body();
    for (length, has_current, has_more) in [(584, false, false), (648, true, false), (885, true, true)] {
        let domain = Domain::read(&body[..length]).unwrap();
        assert_eq!((domain.tcb_svn, domain.module, domain.module_signer), ([1; 16], [2; 48], [3; 48]));
        assert_eq!(domain.module_attributes, 0x0404_0404_0404_0404);
        assert_eq!(
            (domain.attributes, domain.features),
            (Attributes(0x0505_0505_0505_0505), 0x0606_0606_0606_0606)
        );
        assert_eq!((domain.measurement, domain.config_id), ([7; 48], [8; 48]));
        assert_eq!((domain.owner, domain.owner_config), ([9; 48], [10; 48]));
        assert_eq!(domain.registers, [[11; 48], [12; 48], [13; 48], [14; 48]]);
        assert_eq!((domain.report_data, domain.current.is_some()), ([15; 64], has_current));
        let Some(current) = domain.current else { continue };
        assert_eq!((current.tcb_svn, current.service_domains), ([16; 16], [17; 48]));
        assert_eq!(current.extended.is_some(), has_more);
        let Some(extended) = current.extended else { continue };
        assert_eq!((extended.vm, extended.id, extended.devices), (18, [19; 32], [20; 48]));
        assert_eq!(extended.first_services, ([21; 48], [22; 8]));
        assert_eq!((extended.first_cpu_svn, extended.first_tcb_svn), ([23; 16], [24; 16]));
        assert_eq!((extended.first_fmspc, extended.services), ([25; 12], ([26; 48], [27; 8])));
    }
}

#[test]
fn attributes() {
    let asked: [fn(Attributes) -> bool; 7] = [
        Attributes::debug,
        Attributes::ept_violations_disabled,
        Attributes::migratable,
        Attributes::protection_keys,
        Attributes::key_locker,
        Attributes::provisioning_agent,
        Attributes::counters,
    ];
    for (is_set, bit) in asked.into_iter().zip([0, 28, 29, 30, 31, 62, 63]) {
        assert!(is_set(Attributes(1 << bit)) && !is_set(Attributes(!(1 << bit))), "bit {bit}");
    }
}
