//! Quotes of Intel SGX.

use coco_attest::sgx::Enclave;

use crate::attest::facts::Facts;

/// What the processor says of an enclave.
pub(in crate::attest) fn facts(enclave: &Enclave) -> Facts {
    let mut facts = Facts::new("sgx", "Quote of Intel SGX");
    facts.bytes("measurement", &enclave.measurement, "MRENCLAVE: SHA-256 of code and data at the launch");
    facts.bytes("signer", &enclave.signer, "MRSIGNER: SHA-256 of the key that signed the enclave");
    facts.number("product_id", enclave.product_id, "ISVPRODID, by the signer");
    facts.number("security_version", enclave.security_version, "ISVSVN, by the signer");
    facts.bytes("report_data", &enclave.report_data, "what the enclave had signed");
    facts.bytes("host_data", &enclave.config_id, "CONFIGID: what the host configured at the launch");
    facts.number("config_security_version", enclave.config_security_version, "CONFIGSVN");
    let attributes = enclave.attributes;
    facts.flag(
        "debug",
        attributes.debug(),
        [
            "THE HOST CAN READ AND CHANGE the enclave: nothing in it is confidential",
            "the host cannot debug the enclave",
        ],
    );
    facts.flag(
        "provisioning_key",
        attributes.provisioning_key(),
        ["it can derive the key that names the machine to Intel", ""],
    );
    facts.flag(
        "launch_key",
        attributes.launch_key(),
        ["it can derive the key that decides which enclaves are launched", ""],
    );
    facts.text("attributes", format!("{:016x}", attributes.flags), "ATTRIBUTES.FLAGS");
    facts.text("features", format!("{:016x}", attributes.features), "XFRM: features of the processor");
    facts.bytes("family_id", &enclave.family_id, "by the signer");
    facts.bytes("extended_product_id", &enclave.extended_product_id, "by the signer");
    facts.bytes("cpu_svn", &enclave.cpu_svn, "versions of the processor's trusted computing base");
    facts
}
