use coco_wire::text::Base64;
use serde_json::{Value, json};

use super::*;
use crate::nodes::{NodeNetwork, NodeStatus, QuoteInfo};

const AMD: QuoteFormat = QuoteFormat::AmdSevSnpV1;
const INTEL: QuoteFormat = QuoteFormat::IntelTdxV1;
const SGX: QuoteFormat = QuoteFormat::IntelSgxDcapV1;
const OLD_SGX: QuoteFormat = QuoteFormat::OeSgxV1;
const AZURE: QuoteFormat = QuoteFormat::AzureCvmSnpV1;
const WINDOWS: QuoteFormat = QuoteFormat::WindowsVbsV1;
const NITRO: QuoteFormat = QuoteFormat::AwsNitroV1;
const VIRTUAL: QuoteFormat = QuoteFormat::InsecureVirtual;

fn node((format, node_data): (QuoteFormat, Value)) -> NodeInfo {
    let empty = || Base64(Vec::new());
    NodeInfo {
        network: NodeNetwork::default(),
        quote_info: QuoteInfo {
            format,
            quote: empty(),
            endorsements: empty(),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: String::new(),
        status: NodeStatus::Trusted,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data,
        cert: None,
        retired_committed: false,
    }
}

fn check(rule: Diversity, nodes: impl IntoIterator<Item = (QuoteFormat, Value)>) -> Result<(), String> {
    let nodes: Vec<_> = nodes.into_iter().map(node).collect();
    rule.check(nodes.iter()).map_err(|concentrated| concentrated.to_string())
}

#[test]
fn no_vendor_has_a_majority() {
    let vendors = Diversity { vendors: true, clouds: false };
    let of = |formats: &[QuoteFormat]| check(vendors, formats.iter().map(|format| (*format, Value::Null)));
    for good in [
        &[][..],
        &[AMD, INTEL],
        &[AMD, INTEL, VIRTUAL],
        &[AMD, AMD, INTEL, INTEL],
        &[AMD, AMD, INTEL, VIRTUAL],
        &[AZURE, WINDOWS, NITRO],
    ] {
        assert_eq!(of(good), Ok(()), "{good:?}");
    }
    let cases = [
        (&[AMD][..], "1 of 1 nodes would be of the vendor AMD"),
        (&[AMD, AMD, INTEL], "2 of 3 nodes would be of the vendor AMD"),
        (&[INTEL, AMD, SGX, OLD_SGX], "3 of 4 nodes would be of the vendor Intel"),
        (&[VIRTUAL, AMD, VIRTUAL], "2 of 3 nodes would be of the vendor nobody"),
        (&[AMD, AZURE, INTEL], "2 of 3 nodes would be of the vendor AMD"),
        (&[WINDOWS, WINDOWS, NITRO], "2 of 3 nodes would be of the vendor Microsoft"),
        (&[WINDOWS, NITRO, NITRO], "2 of 3 nodes would be of the vendor AWS"),
    ];
    for (bad, expected) in cases {
        let why = of(bad).unwrap_err();
        assert!(why.starts_with(expected), "{bad:?}: {why}");
    }
}

#[test]
fn no_cloud_has_a_majority() {
    let clouds = Diversity { vendors: false, clouds: true };
    let of = |names: &[&str]| check(clouds, names.iter().map(|name| (AMD, json!({ "cloud": name }))));
    assert_eq!(of(&["a", "b", "c"]), Ok(()));
    assert_eq!(of(&["a", "a", "b", "b"]), Ok(()));
    assert!(of(&["a", "a", "b"]).is_err());
    // Whoever does not say where it runs, or says something else than a name, may run where the others do.
    let unnamed = [Value::Null, json!({}), json!({ "cloud": 3 })].map(|data| (AMD, data));
    let why = check(clouds, unnamed).unwrap_err();
    assert!(why.starts_with("3 of 3 nodes would be of the cloud that is not named"), "{why}");
}

#[test]
fn what_is_not_asked_for_is_not_looked_at() {
    assert_eq!(check(Diversity::default(), [(AMD, Value::Null), (AMD, Value::Null)]), Ok(()));
}
