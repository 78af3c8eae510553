//! Values of the signature tables.

use super::*;

/// From a ledger written by CCF.
const COSE: &str = "d284588ba50138220458406164336634306437646130306334626533633735383061623962306665393163376234646539333232\
653939623636383063656365386530363239626438616519018b020fa3061a6900f2090173736572766963652e6578616d706c652e636f6d02706c65\
646765722e7369676e6174757265666363662e7631a1647478696463322e32a0f6586018e7f26b2500802cd63900c4e4660abeb5fb0e6fa8cec52ae4\
09a3053de080e4d1581b30c855f99be1aa72c38363990e5f04b40286c6dd414e8029702a9e9406eb21d491df32ec8a85485a982da3506408cc231ac4\
051d989758c5ec186460c9";

fn node_signature() -> NodeSignature {
    NodeSignature {
        cert: Some("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_owned()),
        commit_seqno: Seqno(0),
        commit_view: View(0),
        hashed_nonce: Digest::ZERO,
        node: Digest([1; 32]),
        root: Digest([2; 32]),
        seqno: Seqno(9),
        sig: Base64(vec![1, 2, 3]),
        view: View(2),
    }
}

#[test]
fn a_signature_of_ccf_round_trips() {
    let bytes = hex::decode(COSE).unwrap();
    let signature = RootSignature::decode(&bytes).unwrap();
    assert_eq!(signature.header.issuer, "service.example.com");
    assert_eq!(signature.header.subject, "ledger.signature");
    assert_eq!(signature.header.tx_id, "2.2".parse().unwrap());
    assert_eq!(signature.header.algorithm, -35);
    assert_eq!(signature.encode(), bytes);
    assert_eq!(RootSignature::new(signature.header.clone(), signature.signature.clone()), signature);
    for end in 0..bytes.len() {
        assert!(RootSignature::decode(&bytes[..end]).is_err(), "{end}");
    }
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(signature) = RootSignature::decode(&bytes) {
            assert_eq!(signature.encode(), bytes, "bit {bit}");
        }
    }
}

#[test]
fn headers_have_exactly_the_known_parameters() {
    let bytes = hex::decode(COSE).unwrap();
    let header = RootSignature::decode(&bytes).unwrap().header;
    let protected = header.encode();
    let Cbor::Map(parameters) = Cbor::decode(&protected).unwrap() else { panic!("a map") };
    assert!(RootHeader::read(&Headers::new(parameters.clone())).is_ok());
    for missing in 0..parameters.len() {
        let mut fewer = parameters.clone();
        fewer.remove(missing);
        assert_eq!(RootHeader::read(&Headers::new(fewer)), Err(CoseError::Parameters), "{missing}");
    }
    let more = [&parameters[..], &[(Cbor::Int(3), Cbor::Int(1))]].concat();
    assert_eq!(RootHeader::read(&Headers::new(more)), Err(CoseError::Parameters));

    let unprotected = Headers::new(vec![(Cbor::Int(1), Cbor::Int(1))]);
    let message = cose::encode(&protected, &unprotected, None, &[0; 96]);
    assert_eq!(RootSignature::decode(&message), Err(CoseError::Parameters));
    let message = cose::encode(&protected, &Headers::empty(), Some(&[0; 32]), &[0; 96]);
    assert_eq!(RootSignature::decode(&message), Err(CoseError::Payload));
}

#[test]
fn json_has_one_form() {
    let signature = node_signature();
    let json = String::from_utf8(signature.encode()).unwrap();
    assert!(json.starts_with("{\"cert\":\"-----BEGIN CERTIFICATE-----\\nAA==\\n"), "{json}");
    assert_eq!(NodeSignature::decode(json.as_bytes()).unwrap(), signature);
    let old = NodeSignature { cert: None, ..signature };
    assert_eq!(NodeSignature::decode(&old.encode()).unwrap(), old);
    for (from, to) in [
        ("\"commit_seqno\":0,", ""),
        ("\"commit_seqno\":0,", "\"commit_seqno\":0,\"commit_seqno\":0,"),
        ("\"commit_seqno\":0,", "\"commit_seqno\":0,\"more\":0,"),
        ("\"commit_seqno\":0,", "\"commit_seqno\":-0,"),
        ("\"commit_seqno\":0,", "\"commit_seqno\":0.0,"),
        ("\"commit_seqno\":0,", " \"commit_seqno\":0,"),
        ("\"seqno\":9", "\"seqno\":09"),
        ("0101", "010G"),
        ("AQID", "AQIE="),
        ("}", "} "),
        ("}", ""),
    ] {
        let json = json.replacen(from, to, 1);
        assert_eq!(NodeSignature::decode(json.as_bytes()), Err(SignatureError::Json), "{json}");
    }
    let null = String::from_utf8(old.encode()).unwrap().replacen('{', "{\"cert\":null,", 1);
    assert_eq!(NodeSignature::decode(null.as_bytes()), Err(SignatureError::Json));
}

#[test]
fn cose_values_are_json_strings() {
    assert_eq!(encode_cose_value(&[1, 2]), b"\"AQI=\"");
    assert_eq!(decode_cose_value(b"\"AQI=\"").unwrap(), [1, 2]);
    for value in ["AQI=", "\"AQI\"", "\"AQI=\" ", "\"AQ\\u0049=\"", "1", ""] {
        assert_eq!(decode_cose_value(value.as_bytes()), Err(SignatureError::CoseValue), "{value}");
    }
}
