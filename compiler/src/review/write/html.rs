//! A review for a browser: one file, without scripts and without anything from elsewhere.
//!
//! In: a review. Out: HTML whose policy refuses everything but its own style. Changes are folded, so that a page of thousands
//! opens at once.

use std::fmt::Write as _;

use super::super::report::{ApplicationReview, Review};
use super::escape::html as escape;
use super::{Detail, lines, same_as, sides, verdict};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24;\
background:#fff}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin-bottom:.3rem}\
code,pre,li.line{font:13px/1.5 ui-monospace,monospace}pre{margin:.3rem 0 .8rem 1rem;white-space:pre-wrap;\
overflow-wrap:anywhere}ul{margin:.2rem 0;padding-left:1.2rem}.block,.failed{color:#b3261e}.caution{color:#8a5a00}\
.info,.muted{color:#57606a}.badge{font-weight:600}details{content-visibility:auto;margin:.2rem 0}summary{cursor:pointer}\
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}.block,.failed{color:#ff8a80}\
.caution{color:#f0c060}.info,.muted{color:#9aa4ae}}";

/// A review as a page.
#[must_use]
pub fn html(review: &Review, detail: Detail) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{} · review</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1 class=\"{}\">{}</h1>\n<p><code>{}</code></p>\n",
        escape(&review.head.name),
        review.verdict.as_str(),
        escape(&verdict(review)),
        escape(&sides(review))
    );
    risks(&mut page, &review.risks);
    for expired in &review.expired_acceptances {
        let about = format!("{} was accepted for {} until {}", expired.rule, expired.resource, expired.until);
        let _ = writeln!(page, "<p class=\"muted\">{}</p>", escape(&about));
    }
    for (index, application) in review.applications.iter().enumerate() {
        one(review, index, application, detail.whole(), &mut page);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn risks(page: &mut String, risks: &[super::super::report::Risk]) {
    if risks.is_empty() {
        return;
    }
    page.push_str("<ul>\n");
    for risk in risks {
        let (level, rule) = (risk.level.as_str(), &risk.rule);
        let (told, advice) = (escape(&lines::risk(risk)), escape(&risk.advice));
        let _ = writeln!(
            page,
            "<li><span class=\"badge {level}\">{level}</span> <code>{}</code> {told} <span class=\"muted\">{advice}</span></li>",
            escape(rule)
        );
    }
    page.push_str("</ul>\n");
}

fn one(review: &Review, index: usize, application: &ApplicationReview, detail: Detail, page: &mut String) {
    let _ = writeln!(
        page,
        "<h2>{} <span class=\"badge {verdict}\">{verdict}</span></h2>\n<p><code>{}</code> {}</p>",
        escape(&application.application),
        escape(&lines::graphs(review, application)),
        escape(&lines::counts(application.counts)),
        verdict = application.verdict.as_str(),
    );
    if let Some(error) = &application.base_error {
        let about = format!("the older side is not known: {error}");
        let _ = writeln!(page, "<p class=\"caution\">{}</p>", escape(&about));
    }
    if let Some(error) = &application.error {
        let _ = writeln!(page, "<p class=\"failed\">{}</p>", escape(error));
        section(page, "Errors", application.findings.iter().map(ToString::to_string));
    }
    risks(page, &application.risks);
    let accepted = application.accepted.iter().map(|accepted| {
        let rule = &accepted.risk.rule;
        format!("{rule}  {}  until {}: {}", lines::risk(&accepted.risk), accepted.until, accepted.reason)
    });
    section(page, "Accepted", accepted);
    section(page, "Versions", application.versions.iter().map(lines::version));
    let restarts = format!("Restarts: {}", lines::restarts(&application.restarts));
    section(page, &restarts, application.restarts.iter().map(lines::restart));
    section(page, "What depends on what changes", application.reach.iter().map(lines::reach));
    section(page, &format!("Order: {}", lines::layers(application)), lines::order(application).into_iter());
    section(page, "Causes", lines::causes(&application.causes).into_iter());
    if let Some(same) = same_as(review, index) {
        let _ = writeln!(page, "<p>The changes are those of {}.</p>", escape(&same.application));
        return;
    }
    if !application.changes.is_empty() {
        let _ = writeln!(page, "<h3>Changes</h3>");
    }
    if let Some(left_out) = lines::left_out(application) {
        let _ = writeln!(page, "<p class=\"muted\">{left_out}</p>");
    }
    for change in lines::changes(application, detail) {
        let body: Vec<String> = change.body.iter().map(|line| escape(line)).collect();
        if body.is_empty() {
            let _ = writeln!(page, "<p><code>{}</code></p>", escape(&change.head));
        } else {
            let (head, body) = (escape(&change.head), body.join("\n"));
            let _ = writeln!(page, "<details><summary><code>{head}</code></summary>\n<pre>{body}</pre></details>");
        }
    }
}

fn section(page: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(page, "<h3>{}</h3>\n<ul>", escape(title));
    for line in lines {
        let _ = writeln!(page, "<li class=\"line\">{}</li>", escape(&line));
    }
    page.push_str("</ul>\n");
}
