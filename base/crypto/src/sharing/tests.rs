use proptest::prelude::*;

use super::*;
use crate::SystemEntropy;

fn assert_same(a: &Share, b: &Share) {
    assert_eq!(a.to_bytes(), b.to_bytes());
}

proptest! {
    #[test]
    fn enough_shares_give_the_secret_and_fewer_do_not(
        count in 1_usize..12, threshold in 1_usize..12, order in any::<u64>(),
    ) {
        prop_assume!(threshold <= count);
        let Splitting { secret, mut shares } = split(threshold, count, &SystemEntropy).unwrap();
        prop_assert!(secret.is_whole());
        // Any subset in any order: rotate and swap by the drawn number.
        let turn = usize::try_from(order % 97).unwrap() % count;
        shares.rotate_left(turn);
        if order % 2 == 0 { shares.reverse(); }
        assert_same(&recombine(&shares, threshold).unwrap(), &secret);
        assert_same(&recombine(&shares[..threshold], threshold).unwrap(), &secret);
        if threshold > 1 {
            prop_assert_eq!(
                recombine(&shares[..threshold - 1], threshold).unwrap_err(), SharingError::Threshold
            );
            let fewer = recombine(&shares, threshold - 1).unwrap();
            prop_assert_ne!(fewer.to_bytes(), secret.to_bytes());
        }
        let ledger_secret = LedgerSecret::generate(&SystemEntropy);
        let wrapped = secret.wrapping_key().unwrap().wrap(&ledger_secret);
        let key = recombine(&shares, threshold).unwrap().wrapping_key().unwrap();
        prop_assert_eq!(key.unwrap(&wrapped).unwrap(), ledger_secret);
    }

    #[test]
    fn reduction_is_the_remainder(number in any::<u64>()) {
        prop_assert_eq!(reduce(number), number % PRIME);
    }
}

#[test]
fn reduction_at_its_edges() {
    for base in
        [0, PRIME, 2 * PRIME, 1 << 31, 1 << 32, (PRIME - 1) * (PRIME - 1), PRIME * PRIME, 1 << 62, 1 << 63]
    {
        for number in base.saturating_sub(3)..base + 3 {
            assert_eq!(reduce(number), number % PRIME, "{number}");
        }
    }
    assert_eq!(reduce(u64::MAX), u64::MAX % PRIME);
    for number in [1, 2, 3, PRIME - 1, 123_456_789] {
        assert_eq!(reduce(number * power(number, PRIME - 2)), 1);
    }
}

#[test]
fn the_wrong_share_gives_the_wrong_key() {
    let Splitting { secret, shares } = split(2, 3, &SystemEntropy).unwrap();
    let ledger_secret = LedgerSecret::generate(&SystemEntropy);
    let wrapped = secret.wrapping_key().unwrap().wrap(&ledger_secret);
    assert_eq!(wrapped.len(), 60);
    assert_eq!(wrapped[16..28], [0; 12]);
    for bit in 0..8 * Share::LEN {
        let mut bytes = shares[0].to_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = Share::from_bytes(&bytes) else { continue };
        match recombine(&[changed, shares[1].clone()], 2) {
            Ok(wrong) => {
                assert_eq!(wrong.wrapping_key().unwrap().unwrap(&wrapped), Err(NotAuthentic), "bit {bit}");
            }
            Err(error) => {
                assert!(matches!(error, SharingError::Duplicate | SharingError::Whole), "bit {bit}");
            }
        }
    }
}

#[test]
fn refusals() {
    for (threshold, count) in [(0, 0), (0, 3), (4, 3), (1, 255), (usize::MAX, 1)] {
        assert_eq!(split(threshold, count, &SystemEntropy).unwrap_err(), SharingError::Threshold);
    }
    let Splitting { secret, shares } = split(2, 3, &SystemEntropy).unwrap();
    assert_eq!(shares[0].wrapping_key().unwrap_err(), SharingError::Whole);
    let twice = [shares[0].clone(), shares[0].clone()];
    assert_eq!(recombine(&twice, 2).unwrap_err(), SharingError::Duplicate);
    assert_eq!(recombine(&[shares[0].clone(), secret], 2).unwrap_err(), SharingError::Whole);
    assert_eq!(recombine(&shares, 0).unwrap_err(), SharingError::Threshold);
    assert_eq!(recombine(&[], 1).unwrap_err(), SharingError::Threshold);
}

#[test]
fn written_shares() {
    let Splitting { secret, shares } = split(3, 254, &SystemEntropy).unwrap();
    for (share, x) in std::iter::once(&secret).chain(&shares).zip(0_u32..) {
        let bytes = share.to_bytes();
        assert_eq!(bytes[..4], x.to_le_bytes());
        assert_same(&Share::from_bytes(&*bytes).unwrap(), share);
        assert_eq!(format!("{share:?}"), format!("Share {{ x: {x}, .. }}"));
    }
    let bytes = shares[0].to_bytes();
    for wrong in [&[][..], &bytes[..43], &[&bytes[..], &[0]].concat()] {
        assert_eq!(Share::from_bytes(wrong).unwrap_err(), InvalidShare::Length);
    }
    for at in (0..Share::LEN).step_by(4) {
        for number in [0x7fff_ffff_u32, 0x8000_0000, u32::MAX] {
            let mut bytes = bytes.to_vec();
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            assert_eq!(Share::from_bytes(&bytes).unwrap_err(), InvalidShare::Range);
        }
    }
}
