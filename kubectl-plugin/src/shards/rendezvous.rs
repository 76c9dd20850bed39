//! Which of several members something belongs to, by rendezvous hashing.
//!
//! In: the uid of an application, names of members. Out: one of the names. Guarantees: all who know the same names agree,
//! whatever their order; a member that comes takes its part evenly from all others, and of one that goes each other takes a
//! part; between those that stay nothing moves. Two members that know of each other never both find themselves, whatever
//! else they know.

const CONTEXT: &str = "kubectl-gitops 2026 shards: weight of an application for a member";

/// The member that an application belongs to; `None` where there are no members.
pub(super) fn owner<'m>(application: &str, members: impl Iterator<Item = &'m str>) -> Option<&'m str> {
    let application = blake3::derive_key(CONTEXT, application.as_bytes());
    // Weights are equal by chance only; names never are.
    members.max_by_key(|member| (*blake3::keyed_hash(&application, member.as_bytes()).as_bytes(), *member))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn members(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("member-{number}")).collect()
    }

    fn owner_among(application: usize, members: &[String]) -> &str {
        owner(&format!("uid-{application}"), members.iter().map(String::as_str)).expect("there are members")
    }

    #[test]
    fn there_is_one_owner_whatever_the_order() {
        assert_eq!(owner("uid", std::iter::empty()), None);
        let mut all = members(7);
        let before: Vec<String> = (0..100).map(|application| owner_among(application, &all).to_owned()).collect();
        all.reverse();
        assert!((0..100).all(|application| owner_among(application, &all) == before[application]));
    }

    #[test]
    fn only_what_the_new_or_lost_member_has_moves() {
        let (fewer, more) = (members(9), members(10));
        let mut moved = BTreeMap::<&str, usize>::new();
        for application in 0..20_000 {
            let (before, after) = (owner_among(application, &fewer), owner_among(application, &more));
            if before != after {
                assert_eq!(after, "member-9", "between those that stay nothing moves");
                *moved.entry(before).or_default() += 1;
            }
        }
        let all: usize = moved.values().sum();
        assert!((1_800..2_200).contains(&all), "a tenth: {all}");
        assert!(moved.len() == 9 && moved.values().all(|count| (150..300).contains(count)), "evenly: {moved:?}");
    }

    #[test]
    fn the_work_is_shared_evenly() {
        for count in [2, 3, 10] {
            let all = members(count);
            let mut owned = BTreeMap::<&str, usize>::new();
            (0..20_000).for_each(|application| *owned.entry(owner_among(application, &all)).or_default() += 1);
            let (even, slack) = (20_000 / count, 20_000 / count / 10);
            assert!(owned.len() == count && owned.values().all(|owned| owned.abs_diff(even) < slack), "{owned:?}");
        }
    }
}
