//! Who signed what, for each request that is signed.

use coco_wire::{cbor::Cbor, cose};

use super::{Case, Signed, World, forging::Forgery};
use crate::consortium::Member;

/// Positions of the protected headers.
const ALG: usize = 0;
const KID: usize = 1;
const CREATED_AT: usize = 2;
const TYPE: usize = 3;

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases: Vec<_> = world.requests(0).iter().flat_map(|request| of(world, request)).collect();
    let inactive = world.id(2);
    let by_inactive = world.requests(2).into_iter().filter(|request| request.policy.starts_with("active"));
    cases.extend(by_inactive.map(|request| {
        let message = Forgery::good(world, 2, &inactive, &request).sign();
        Case::unsigned(&request, message, "Signer is not an ACTIVE member")
    }));
    cases
}

fn of(world: &World, request: &Signed) -> Vec<Case> {
    let (own, others) = (world.id(0), world.id(1));
    let good = || Forgery::good(world, 0, &own, request);
    let stranger = Member::new(3);
    let unknown = stranger.id.to_hex();
    let expected = format!("expected ccf.gov.msg.type to be {}", request.message_type);
    let mut twice = good();
    twice.protected.push((Cbor::Int(cose::ALG), Cbor::Int(-35)));
    let mut elsewhere = good().without(KID);
    elsewhere.unprotected.push((Cbor::Int(cose::KID), Cbor::Bytes(own.as_bytes())));
    let upper = own.to_uppercase();
    let forgeries = [
        (
            good().with(TYPE, Cbor::Text("incorrect")),
            format!("Found ccf.gov.msg.type set to incorrect, {expected}"),
        ),
        (good().with(TYPE, Cbor::Text("")), format!("Found ccf.gov.msg.type set to , {expected}")),
        (good().without(TYPE), format!("Missing ccf.gov.msg.type, {expected}")),
        (good().with(TYPE, Cbor::Int(1)), "Header parameter ccf.gov.msg.type is not text".into()),
        (Forgery { key: &stranger.key, ..good() }, "Failed to validate COSE Sign1".into()),
        (good().with(KID, Cbor::Bytes(others.as_bytes())), "Failed to validate COSE Sign1".into()),
        (
            Forgery { key: &stranger.key, ..Forgery::good(world, 0, &unknown, request) },
            "Signer is not a known member".into(),
        ),
        (good().with(KID, Cbor::Bytes(upper.as_bytes())), "Signer is not a known member".into()),
        (good().with(KID, Cbor::Bytes(b"")), "Signer is not a known member".into()),
        (good().with(KID, Cbor::Text(&own)), "Missing kid in protected header".into()),
        (elsewhere, "Missing kid in protected header".into()),
        (good().with(ALG, Cbor::Int(-7)), "Failed to validate COSE Sign1".into()),
        (good().with(ALG, Cbor::Int(-8)), "Unsupported algorithm: -8".into()),
        (good().with(ALG, Cbor::Int(5)), "Unsupported algorithm: 5".into()),
        (good().without(ALG), "Missing algorithm in protected header".into()),
        (good().without(CREATED_AT), "Missing created_at in protected header".into()),
        (good().with(CREATED_AT, Cbor::Int(-1)), "Header parameter created_at must be positive".into()),
        (good().with(CREATED_AT, Cbor::Text("now")), "Header parameter created_at must be positive".into()),
        (Forgery { payload: None, ..good() }, "The payload is detached".into()),
        (twice, "Failed to decode COSE_Sign1: duplicate key in the CBOR map at offset 0".into()),
    ];
    let mut cases: Vec<_> = forgeries
        .iter()
        .map(|(forgery, reason)| Case::unsigned(request, forgery.sign(), reason.clone()))
        .collect();
    cases.extend(not_cose(request, &good().sign()));
    cases
}

/// Bytes that are no such message, and a message that is not said to be one.
fn not_cose(request: &Signed, good: &[u8]) -> Vec<Case> {
    let json = request.payload.to_string().into_bytes();
    let cut = good[..good.len() - 1].to_vec();
    let untagged = good[1..].to_vec();
    let undecodable = |what: String| format!("Failed to decode COSE_Sign1: {what}");
    let end = good.len();
    // Two bytes say how long the signature is.
    let signature = end - 96 - 2;
    let mut cases: Vec<_> = [
        (Vec::new(), "Failed to parse COSE_Sign1 outer array".into()),
        (cut, undecodable(format!("malformed CBOR at offset {signature}"))),
        ([good, &[0]].concat(), undecodable(format!("bytes follow the CBOR item at offset {end}"))),
        (untagged, "COSE_Sign1 is not tagged".into()),
        (json, "Failed to parse COSE_Sign1 outer array".into()),
    ]
    .into_iter()
    .map(|(message, reason)| Case::unsigned(request, message, reason))
    .collect();
    let typed =
        |content_type, reason| Case { content_type, ..Case::unsigned(request, good.to_vec(), reason) };
    cases.push(typed(None, "Missing content-type header"));
    for other in ["application/json", "application/cose; charset=utf-8", "APPLICATION/COSE"] {
        cases.push(typed(Some(other), "Content type is not set to application/cose"));
    }
    cases
}
