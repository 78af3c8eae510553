use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn heads_that_differ_order_keys_as_their_bytes_do(
        one in prop::collection::vec(0_u8..3, 0..12),
        other in prop::collection::vec(0_u8..3, 0..12),
    ) {
        let compared = Head::of(&one).cmp_or(Head::of(&other), || one.cmp(&other));
        prop_assert_eq!(compared, one.cmp(&other));
    }
}
