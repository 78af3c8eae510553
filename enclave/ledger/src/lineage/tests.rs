use coco_crypto::{Curve, EcKey, LedgerSecret, SystemEntropy};
use coco_wire::{Key, TableName, TxId, Value, View, WriteSet};

use super::*;
use crate::{AppendOptions, Ledger, LedgerConfig, LedgerSecrets, NodeSigner, ServiceSigner, SignatureMode};

/// Entries 1 to `count`, of which every fifth is a signature; every second of these ends a chunk, and another entry
/// begins one. The lineage is that of the last.
fn written(count: u64, signatures: SignatureMode) -> (Vec<Vec<u8>>, Lineage) {
    let secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::from_bytes(&[7; 32]));
    let mut ledger = Ledger::new(secrets, LedgerConfig { chunk_size: u64::MAX, signatures });
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let (mut sealed, mut committed) = (Vec::new(), Seqno::ZERO);
    let mut leaves = vec![];
    for seqno in 1..=count {
        let txid = TxId { view: View(2), seqno: Seqno(seqno) };
        if seqno % 5 == 0 {
            let request = ledger.reserve_signature(txid, seqno % 10 == 0);
            let node = NodeSigner { key: &key, certificate: "" };
            let service = ServiceSigner { key: &key, issuer: "", subject: "", issued_at: 0 };
            ledger.complete_signature(request.sign(node, service)).unwrap();
            // One behind, as under load.
            ledger.compact(committed);
            committed = Seqno(seqno);
        } else {
            let mut writes = WriteSet::default();
            let table = TableName::new(if seqno % 2 == 0 { "public:t" } else { "t" });
            writes.table_mut(&table).insert(Key::new(b"key"), Some(Value::new(&seqno.to_le_bytes())));
            let options = AppendOptions { starts_chunk: seqno == 7, ..AppendOptions::default() };
            ledger.append(txid, &writes, Digest::ZERO, options).unwrap();
        }
        leaves.push(ledger.leaf(Seqno(seqno)).unwrap());
    }
    ledger.drain(&mut sealed);
    let first = count / 5 * 5 - 5;
    let known = leaves.split_off(usize::try_from(first.max(1) - 1).unwrap());
    (sealed.into_iter().map(|sealed| sealed.bytes).collect(), Lineage::new(Seqno(first.max(1)), known))
}

fn flags_of(entries: &[Vec<u8>]) -> Vec<(Seqno, EntryFlags)> {
    let flags = entries.iter().map(|bytes| Entry::decode(bytes).unwrap().header().flags());
    (1..).map(Seqno).zip(flags).filter(|(_, flags)| *flags != EntryFlags::NONE).collect()
}

/// Proves as much as is read, at most `at_once` entries at a time; all flags found.
fn prove(
    entries: &[Vec<u8>],
    mut lineage: Lineage,
    at_once: usize,
) -> Result<Vec<(Seqno, EntryFlags)>, NotSigned> {
    let (mut known_from, mut flags) = (entries.len() as u64 + 1, Vec::new());
    while let Some((from, to)) = lineage.wanted() {
        let index = |seqno: Seqno| usize::try_from(seqno.0).unwrap();
        let read = &entries[index(from) - 1..index(to)];
        if let Some(run) = lineage.prove(&read[..read.len().min(at_once)])? {
            assert!(to.next() == Seqno(known_from) && run.first.0 < known_from);
            known_from = run.first.0;
            flags.extend(run.flags);
        }
    }
    assert_eq!(known_from, 1, "down to the first entry");
    flags.sort_unstable_by_key(|(seqno, _)| *seqno);
    Ok(flags)
}

#[test]
fn signatures_prove_what_was_before_them() {
    for mode in [SignatureMode::Dual, SignatureMode::CoseOnly] {
        for count in [5, 10, 45] {
            let (entries, lineage) = written(count, mode);
            for at_once in [1, 3, 1000] {
                assert_eq!(
                    prove(&entries, lineage.clone(), at_once),
                    Ok(flags_of(&entries)),
                    "{count}, {at_once}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_not_needed() {
    let (entries, lineage) = written(25, SignatureMode::Dual);
    for floor in 1..=26_usize {
        let mut lineage = lineage.clone().down_to(Seqno(floor as u64));
        let mut known_from = 26;
        while let Some((from, to)) = lineage.wanted() {
            let index = |seqno: Seqno| usize::try_from(seqno.0).unwrap();
            assert!(index(from) >= floor, "{from} from {floor} on");
            let run = lineage.prove(&entries[index(from) - 1..index(to)]).unwrap().unwrap();
            known_from = index(run.first);
        }
        assert_eq!(known_from, floor);
    }
}

#[test]
fn nothing_else_is_proved() {
    let (entries, lineage) = written(25, SignatureMode::Dual);
    for at in 0..entries.len() {
        let seqno = Seqno(at as u64 + 1);
        // Each flag, the size, the tag, the position, and the end.
        for (byte, bit) in [(1, 1), (1, 2), (2, 1), (8, 1), (24, 1), (entries[at].len() - 1, 1)] {
            let mut altered = entries.clone();
            altered[at][byte] ^= bit;
            assert_eq!(prove(&altered, lineage.clone(), 1000), Err(NotSigned(seqno)), "byte {byte}");
        }
        let mut other = entries.clone();
        other[at].clone_from(&entries[(at + 1) % entries.len()]);
        assert_eq!(prove(&other, lineage.clone(), 1000), Err(NotSigned(seqno)), "another entry");
        other[at].clear();
        assert_eq!(prove(&other, lineage.clone(), 1000), Err(NotSigned(seqno)), "none");
    }
}

#[test]
fn the_proof_goes_on_after_an_altered_entry() {
    let (entries, mut lineage) = written(10, SignatureMode::Dual);
    let mut altered = entries[4..].to_vec();
    altered[2][1] ^= 1;
    assert_eq!(lineage.wanted(), Some((Seqno(5), Seqno(10))));
    assert_eq!(lineage.prove(&altered), Err(NotSigned(Seqno(7))));
    assert_eq!(lineage.wanted(), Some((Seqno(7), Seqno(10))));
    assert_eq!(lineage.prove(&entries[6..]).unwrap().unwrap().first, Seqno(5));
    assert_eq!(lineage.wanted(), Some((Seqno(1), Seqno(4))));
}
