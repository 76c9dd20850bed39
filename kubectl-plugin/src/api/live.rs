//! What the cluster is asked for, with the token of whoever asks: Events, logs, projects; Events and logs of another cluster as `sight`
//! says.
//!
//! In: who asks, an Application that they may get, a query. Out: what the API server gives them. Whether they may have it is
//! its decision alone. A log ends with the right to see the Application, and with the session of whoever reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use futures::{AsyncBufRead, AsyncBufReadExt as _};
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use url::form_urlencoded::Serializer;

use super::answer::{Answer, Refusal};
use super::asked::Query;
use super::caller::Caller;
use super::form::{Form, send};
use super::listener::End;
use super::routes;
use super::shown::Shown;
use super::sight::{Part, Sight};
use super::{Api, Begun};
use crate::controller::catalog::Row;

/// So many different objects of another cluster are asked about for them.
const MOST_OBJECTS: usize = 16;
/// So many Events are told.
const MOST_EVENTS: u32 = 500;
/// A longer line of a log is cut into several.
const LONGEST_LINE: usize = 64 << 10;

/// A line of a log.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogEntryJson<'a> {
    /// What it says.
    content: &'a str,
    /// When.
    time_stamp_str: &'a str,
    /// Whether it is the end, and no line.
    last: bool,
    /// Of which Pod.
    pod_name: &'a str,
}

impl Api {
    /// `GET …/events`.
    pub(super) async fn events(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let of_object = query.one("resourceName");
        let namespace =
            if of_object.is_some() { query.one("resourceNamespace").unwrap_or("default") } else { &row.id.namespace };
        let namespace = routes::name(namespace).ok_or_else(|| Refusal::not_found("the namespace"))?;
        let uid = if of_object.is_some() { query.one("resourceUID") } else { Some(row.uid.as_str()) };
        let mut selector = format!("involvedObject.name={}", plain(of_object.unwrap_or(&row.id.name))?);
        if let Some(uid) = uid {
            selector = format!("{selector},involvedObject.uid={}", plain(uid)?);
        }
        let asked = Serializer::new(String::new())
            .append_pair("fieldSelector", &selector)
            .append_pair("limit", &MOST_EVENTS.to_string())
            .finish();
        let path = format!("/api/v1/namespaces/{namespace}/events?{asked}");
        let sight = match of_object {
            Some(_) => self.sight(caller, row, Part::Events).await?,
            // The Application itself is here.
            None => Sight::Here(Box::new(caller.ask(&self.theirs)?)),
        };
        let listed = sight.cluster().get(&path).await;
        let mut listed = listed.map_err(|failure| sight.refusal(&failure, "the namespace", false))?;
        if sight.there().is_some() {
            self.keep_own(&sight, &mut listed).await?;
        }
        for event in listed["items"].as_array_mut().into_iter().flatten() {
            if let Some(metadata) = event["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
        }
        Ok(Answer::json(&listed))
    }

    /// Keeps the Events of objects of an Application in another cluster.
    async fn keep_own(&self, sight: &Sight, listed: &mut Json) -> Result<(), Refusal> {
        let kinds = self.kinds_of(sight).await?;
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut kept = Vec::new();
        for event in listed["items"].as_array_mut().map(std::mem::take).unwrap_or_default() {
            let of = &event["involvedObject"];
            let is_own = match known.get(&of.to_string()) {
                Some(is_own) => *is_own,
                None if known.len() >= MOST_OBJECTS => false,
                // Whatever hangs below the object hangs below the Application.
                None => {
                    let metadata = json!({"namespace": of["namespace"], "ownerReferences": [of]});
                    sight.shows(&kinds, &json!({"metadata": metadata})).await?
                }
            };
            known.insert(of.to_string(), is_own);
            kept.extend(is_own.then_some(event));
        }
        listed["items"] = kept.into();
        Ok(())
    }

    /// `GET /api/v1/projects`.
    pub(super) async fn projects(&self, caller: &Caller) -> Result<Answer, Refusal> {
        let namespace = self.controller.home();
        let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/appprojects");
        let listed = match caller.ask(&self.theirs)?.list::<Json>(&collection, "").await {
            Ok(listed) => listed,
            // A list has what somebody may see.
            Err(failure) if failure.is_forbidden() || failure.is_not_found() => Vec::new(),
            Err(failure) => return Err(Refusal::of_server(&failure, "the projects", false)),
        };
        let items: Vec<Shown<'_>> = listed.iter().map(|object| Shown::of_kind("AppProject", object)).collect();
        Ok(Answer::json(&json!({"metadata": {}, "items": items})))
    }

    /// `GET …/logs`.
    pub(super) async fn logs(self: &Arc<Self>, begun: &Begun, caller: &Caller, row: &Row) -> Result<Answer, Refusal> {
        let query = &begun.asked.query;
        let pod = begun.names.get(1).map(String::as_str).or(query.one("podName"));
        let pod = pod.ok_or_else(|| Refusal::invalid("podName is missing"))?;
        let pod = routes::name(pod).ok_or_else(|| Refusal::not_found("the Pod"))?;
        let destination = row.destination.namespace_or_default();
        let namespace = query.one("namespace").unwrap_or(destination);
        let namespace = routes::name(namespace).ok_or_else(|| Refusal::not_found("the namespace"))?;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?{}", log_query(query)?);
        let sight = self.sight(caller, row, Part::Logs).await?;
        if sight.there().is_some() {
            let found = sight.cluster().get(&format!("/api/v1/namespaces/{namespace}/pods/{pod}")).await;
            let found = found.map_err(|failure| sight.refusal(&failure, "the Pod", false))?;
            if !sight.shows(&*self.kinds_of(&sight).await?, &found).await? {
                return Err(Refusal::not_found("the Pod"));
            }
        }
        let lines = sight.cluster().read_lines(&path).await;
        let lines = lines.map_err(|failure| sight.refusal(&failure, "the Pod", false))?;
        let (filter, pod) = (query.one("filter").map(str::to_owned), pod.to_owned());
        self.stream(begun, caller, Some(self.about(begun, row, sight.shared())), |mut listener| async move {
            let (parts, form) = (listener.parts(), listener.form);
            tokio::select! {
                told = tell_lines(lines, &parts, form, filter.as_deref(), &pod) => told.map_err(End::of),
                end = listener.over() => Err(end),
            }
        })
    }
}

/// What is asked of the API server.
fn log_query(query: &Query) -> Result<String, Refusal> {
    let mut asked = Serializer::new(String::new());
    asked.append_pair("timestamps", "true");
    for name in ["follow", "previous"] {
        if query.flag(name)? == Some(true) {
            asked.append_pair(name, "true");
        }
    }
    for name in ["sinceSeconds", "tailLines"] {
        if let Some(number) = query.number(name)? {
            asked.append_pair(name, &number.to_string());
        }
    }
    if let Some(container) = query.one("container") {
        asked.append_pair("container", container);
    }
    Ok(asked.finish())
}

/// Sends lines until they end, or nobody reads them; whether for being slow.
async fn tell_lines(
    lines: impl AsyncBufRead,
    parts: &mpsc::Sender<Bytes>,
    form: Form,
    filter: Option<&str>,
    pod: &str,
) -> Result<(), bool> {
    let mut lines = std::pin::pin!(lines);
    let mut line = Vec::new();
    loop {
        let ended = tokio::select! {
            ended = next_line(&mut lines, &mut line) => ended,
            () = parts.closed() => return Ok(()),
        };
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.is_empty() {
            // The server puts the time before each line.
            let (time, content) = text.split_once(' ').unwrap_or(("", text));
            let is_wanted = filter.is_none_or(|filter| match filter.strip_prefix('!') {
                Some(other) => !content.contains(other),
                None => content.contains(filter),
            });
            if is_wanted {
                let entry = LogEntryJson { content, time_stamp_str: time, last: false, pod_name: pod };
                send(parts, form.part(&json!({"result": entry}), "")).await?;
            }
        }
        line.clear();
        if ended {
            let last = LogEntryJson { content: "", time_stamp_str: "", last: true, pod_name: pod };
            return send(parts, form.part(&json!({"result": last}), "")).await;
        }
    }
}

/// Reads a line, or as much as a line may have; whether it was the last.
async fn next_line(lines: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> bool {
    loop {
        let Ok(buffer) = lines.fill_buf().await else { return true };
        if buffer.is_empty() {
            return true;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(buffer.len()).min(LONGEST_LINE - line.len().min(LONGEST_LINE - 1));
        line.extend_from_slice(&buffer[..taken]);
        lines.consume_unpin(taken);
        if end == Some(taken) || line.len() >= LONGEST_LINE {
            return false;
        }
    }
}

/// A value that a field selector takes as it is.
fn plain(text: &str) -> Result<&str, Refusal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    // No object has such a name, and no selector is written by those who ask.
    if is_plain { Ok(text) } else { Err(Refusal::not_found("the object")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_is_told_line_by_line() {
        let (parts, mut told) = mpsc::channel(100);
        let long = "x".repeat(LONGEST_LINE * 2);
        let lines = format!("t1 one\nt2 two\nt3 {long}\n");
        let lines = futures::io::BufReader::new(futures::io::Cursor::new(lines.into_bytes()));
        tell_lines(lines, &parts, Form::Lines, Some("!two"), "p").await.expect("sent");
        drop(parts);
        let mut entries = Vec::new();
        while let Some(part) = told.recv().await {
            assert!(part.len() < LONGEST_LINE + 200);
            let entry: Json = serde_json::from_slice(&part).expect("JSON");
            entries.push((entry["result"]["timeStampStr"].clone(), entry["result"]["last"].clone()));
        }
        assert_eq!(entries.first(), Some(&(json!("t1"), json!(false))));
        assert!(entries.len() > 3 && entries.last() == Some(&(json!(""), json!(true))), "{entries:?}");
        assert!(!entries.iter().any(|(time, _)| time == "t2"));
    }

    #[test]
    fn selectors_are_not_written_by_those_who_ask() {
        assert!(plain("a,involvedObject.kind=Secret").is_err() && plain("system:node.a-b").is_ok());
        assert!(log_query(&Query::read("tailLines=x")).is_err());
        assert_eq!(
            log_query(&Query::read("container=a%26b&tailLines=5")).ok().as_deref(),
            Some("timestamps=true&tailLines=5&container=a%26b")
        );
    }
}
