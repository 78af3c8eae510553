//! Paths; whole receipts are forged in the tests of `coco-audit`.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_path_determines_its_steps(index: u64, path in prop::collection::vec(any::<bool>(), 0..70)) {
        let path: Vec<_> = path
            .into_iter()
            .map(|left| if left { PathStep::Left(Digest::ZERO) } else { PathStep::Right(Digest::ZERO) })
            .collect();
        let lefts = path.iter().filter(|step| matches!(step, PathStep::Left(_))).count();
        if path_fits(index, &path) {
            prop_assert_eq!(lefts, index.count_ones() as usize);
        }
        prop_assert_eq!(path_fits(1 << 63, &path[..0]), false);
    }
}
