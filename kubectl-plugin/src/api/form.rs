//! How answers in parts are written and sent.
//!
//! In: events, a channel to whoever reads them. Out: parts, as browsers or as programs read them. Who takes none for too long is
//! told from who is gone.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use super::asked::Asked;

/// A reader that takes nothing for so long is cut.
const PATIENCE: Duration = Duration::from_secs(20);

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As browsers read them.
    Events,
    /// One JSON object a line.
    Lines,
}

impl Form {
    /// As a request wants them.
    pub(super) fn of(asked: &Asked) -> Self {
        if asked.wants_events { Self::Events } else { Self::Lines }
    }

    /// What the answer is.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/json",
        }
    }

    /// One event, and where whoever has heard it goes on.
    pub(super) fn part(self, value: &impl Serialize, id: &str) -> Vec<u8> {
        self.written(&serde_json::to_string(value).unwrap_or_default(), id)
    }

    /// The same of an event that is JSON already.
    pub(super) fn written(self, text: &str, id: &str) -> Vec<u8> {
        match self {
            Self::Events if id.is_empty() => format!("data: {text}\n\n").into_bytes(),
            Self::Events => format!("id: {id}\ndata: {text}\n\n").into_bytes(),
            Self::Lines => format!("{text}\n").into_bytes(),
        }
    }

    /// Nothing but where whoever reads it goes on.
    pub(super) fn mark(self, id: &str) -> Vec<u8> {
        match self {
            Self::Events if id.is_empty() => b":\n\n".to_vec(),
            Self::Events => format!("id: {id}\n\n").into_bytes(),
            Self::Lines => b"\n".to_vec(),
        }
    }
}

/// Sends a part; `true` where it is not taken for too long.
pub(super) async fn send(parts: &mpsc::Sender<Bytes>, part: Vec<u8>) -> Result<(), bool> {
    send_within(PATIENCE, parts, part).await
}

async fn send_within(patience: Duration, parts: &mpsc::Sender<Bytes>, part: Vec<u8>) -> Result<(), bool> {
    match tokio::time::timeout(patience, parts.send(part.into())).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(false),
        Err(_) => Err(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_written_as_browsers_and_programs_read_them() {
        let event = json!({"result": {"type": "ADDED"}});
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        assert_eq!(text(Form::Events.part(&event, "e-1")), "id: e-1\ndata: {\"result\":{\"type\":\"ADDED\"}}\n\n");
        assert_eq!(text(Form::Lines.part(&event, "e-1")), "{\"result\":{\"type\":\"ADDED\"}}\n");
        assert_eq!(text(Form::Events.mark("e-2")), "id: e-2\n\n");
        assert_eq!(text(Form::Events.mark("")), ":\n\n", "where there is nowhere to go on");
    }

    #[tokio::test]
    async fn who_does_not_read_is_slow_and_who_is_gone_is_gone() {
        let (parts, received) = mpsc::channel(1);
        assert_eq!(send(&parts, vec![1]).await, Ok(()));
        assert_eq!(send_within(Duration::from_millis(1), &parts, vec![2]).await, Err(true));
        drop(received);
        assert_eq!(send(&parts, vec![3]).await, Err(false));
    }
}
