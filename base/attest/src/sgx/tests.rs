//! Fields of enclaves; what is believed of them is tested in `dcap`.

use super::Enclave;

#[test]
fn each_field_has_its_place() {
    let mut body = vec![0; 384];
    let mut put = |at: usize, field: &[u8]| body[at..at + field.len()].copy_from_slice(field);
    put(0, &[1; 16]);
    put(16, &[2, 0, 0, 1]);
    put(32, &[3; 16]);
    put(48, &[0b11_0111, 0, 0, 0, 0, 0, 0, 0]);
    put(56, &[5, 0, 0, 0, 0, 0, 0, 1]);
    put(64, &[6; 32]);
    put(128, &[7; 32]);
    put(192, &[8; 64]);
    put(256, &[9, 1, 10, 1, 11, 1]);
    put(304, &[12; 16]);
    put(320, &[13; 64]);
    let enclave = Enclave::read(&body).unwrap();
    assert_eq!((enclave.cpu_svn, enclave.misc_select), ([1; 16], 0x0100_0002));
    assert_eq!((enclave.extended_product_id, enclave.family_id), ([3; 16], [12; 16]));
    let attributes = enclave.attributes;
    assert_eq!((attributes.flags, attributes.features), (0b11_0111, 0x0100_0000_0000_0005));
    assert!(attributes.initialised() && attributes.debug() && attributes.mode64());
    assert!(attributes.provisioning_key() && attributes.launch_key());
    assert_eq!((enclave.measurement, enclave.signer, enclave.config_id), ([6; 32], [7; 32], [8; 64]));
    assert_eq!((enclave.product_id, enclave.security_version), (0x109, 0x10a));
    assert_eq!((enclave.config_security_version, enclave.report_data), (0x10b, [13; 64]));
}
