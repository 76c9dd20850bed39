//! A body, read within its limits.
//!
//! In: a body as it arrives. Out: its bytes with the share of the budget that they have, or a [`Stop`]. What a body says of
//! its own length is believed only where that saves memory: bytes are counted as they arrive, and room is made for twice as
//! many at most.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::budget::{Budget, Share};
use super::limits::Limits;

/// How much is read of a body that nobody wants.
const MOST_DRAINED: usize = 4 << 20;
/// How long that may take.
const DRAINING: Duration = Duration::from_secs(1);

/// Why a body is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is longer than a body may be.
    TooLarge,
    /// Too many bytes of others are there.
    NoRoom,
    /// The next part did not come in time.
    Slow,
    /// The connection broke, or what came is no body.
    Broken,
}

/// A body that was read.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Dropped before the share, so that nobody is given what is still in use.
    pub(super) bytes: Vec<u8>,
    share: Share,
}

/// Reads a body.
pub(super) async fn read(mut body: Body, limits: &Limits, budget: &Budget) -> Result<Kept, Stop> {
    let told = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if body.size_hint().lower() > limits.body as u64 {
        drain(body, limits).await;
        return Err(Stop::TooLarge);
    }
    let mut kept = Kept::default();
    while let Some(part) = next(&mut body, limits.part_time).await? {
        let needed = kept.bytes.len() + part.len();
        if needed > limits.body {
            // What was kept is given back before.
            drop(kept);
            drain(body, limits).await;
            return Err(Stop::TooLarge);
        }
        if needed > kept.bytes.capacity() {
            let most = if needed <= limits.small { limits.small } else { limits.body };
            let most = told.map_or(most, |told| told.min(most)).max(needed);
            let capacity = needed.max(kept.bytes.capacity() * 2).min(most);
            // The old share is kept until the bytes have moved.
            let larger =
                if capacity > limits.small { budget.take(capacity).ok_or(Stop::NoRoom)? } else { Share::default() };
            kept.bytes.reserve_exact(capacity - kept.bytes.len());
            kept.share = larger;
        }
        kept.bytes.extend_from_slice(&part);
    }
    Ok(kept)
}

/// Reads some of a body that nobody wants, so that the answer arrives: a system breaks a connection that is closed with
/// bytes unread.
pub(super) async fn drain(mut body: Body, limits: &Limits) {
    let mut rest = MOST_DRAINED;
    let time = limits.part_time.min(DRAINING);
    let drained = async {
        while let Ok(Some(part)) = next(&mut body, time).await {
            let Some(left) = rest.checked_sub(part.len()) else { break };
            rest = left;
        }
    };
    let _ = tokio::time::timeout(time, drained).await;
}

/// The next part with bytes.
async fn next(body: &mut Body, time: Duration) -> Result<Option<axum::body::Bytes>, Stop> {
    loop {
        let frame = tokio::time::timeout(time, body.frame()).await.map_err(|_| Stop::Slow)?;
        let Some(frame) = frame else { return Ok(None) };
        // Trailers are of no use.
        if let Ok(part) = frame.map_err(|_| Stop::Broken)?.into_data() {
            return Ok(Some(part));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures::stream;

    use super::*;

    const LIMITS: fn() -> Limits =
        || Limits { body: 4000, small: 1024, part_time: Duration::from_millis(20), ..Limits::default() };

    fn parts(sizes: &[usize]) -> Body {
        let parts: Vec<_> = sizes.iter().map(|size| io::Result::Ok(vec![b'a'; *size])).collect();
        Body::from_stream(stream::iter(parts))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let budget = Budget::new(1 << 20);
        for (sizes, length) in [(&[][..], Some(0)), (&[4000], Some(4000)), (&[1; 300], Some(300)), (&[3999, 2], None)] {
            let read = read(parts(sizes), &LIMITS(), &budget).await;
            assert_eq!(read.map(|kept| kept.bytes.len()), length.ok_or(Stop::TooLarge), "{}", sizes.len());
        }
        let told = read(Body::from(vec![0; 4001]), &LIMITS(), &budget).await;
        assert_eq!(told.map(|_| ()), Err(Stop::TooLarge));
    }

    #[tokio::test]
    async fn small_bodies_need_nothing_of_the_budget() {
        let budget = Budget::new(2 << 10);
        let everything = budget.take(2 << 10).expect("all of it");
        assert!(read(parts(&[1000, 24]), &LIMITS(), &budget).await.is_ok());
        assert_eq!(read(parts(&[1000, 25]), &LIMITS(), &budget).await.map(|_| ()), Err(Stop::NoRoom));
        drop(everything);
        let kept = read(Body::from(vec![0; 1100]), &LIMITS(), &budget).await.expect("it is read");
        assert!(kept.bytes.capacity() == 1100 && budget.take(1 << 10).is_none(), "1100 bytes are two units");
        drop(kept);
        assert!(budget.take(2 << 10).is_some());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let budget = Budget::new(1 << 20);
        let stuck = Body::from_stream(stream::pending::<io::Result<Vec<u8>>>());
        assert_eq!(read(stuck, &LIMITS(), &budget).await.map(|_| ()), Err(Stop::Slow));
        let broken = Body::from_stream(stream::iter([Ok(vec![0]), Err(io::Error::other("gone"))]));
        assert_eq!(read(broken, &LIMITS(), &budget).await.map(|_| ()), Err(Stop::Broken));
        drain(Body::from_stream(stream::pending::<io::Result<Vec<u8>>>()), &LIMITS()).await;
        drain(Body::from_stream(stream::repeat_with(|| io::Result::Ok(vec![0; 100]))), &LIMITS()).await;
    }
}
