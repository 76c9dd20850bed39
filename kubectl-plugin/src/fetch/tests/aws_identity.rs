//! Keys for object storage: from whom, for what, and how often they are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::super::aws_identity::{AwsIdentity, AwsKeys};
use super::super::web::Web;
use super::server::{AUTH, Asked, Authority, Reply};

/// What is told of a key must be this alone.
fn check(keys: &AwsKeys, web: &Web, now: Timestamp, id: &str) {
    let key = keys.get(web, now).expect("a key").expect("somebody");
    assert_eq!((key.id.as_str(), key.secret.reveal()), (id, "s3cret"));
    assert_eq!(key.session.expect("a session").reveal(), "s3ssion");
}

#[test]
fn a_token_is_exchanged_and_the_key_used_while_it_lasts() {
    let (authority, given) = (Authority::new(), Arc::new(AtomicUsize::new(0)));
    let (count, now) = (Arc::clone(&given), Timestamp::now());
    let server = authority.serve(move |asked: &Asked, _| {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        let wanted = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fshop\
                      &RoleSessionName=kubectl-gitops&WebIdentityToken=t0ken";
        if asked.method != "POST" || form != wanted {
            return Reply::status(400);
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        let until = now + SignedDuration::from_hours(1);
        Reply::ok(format!(
            "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>A{number}</AccessKeyId><SecretAccessKey>s3cret\
             </SecretAccessKey><SessionToken>s3ssion</SessionToken><Expiration>{until}</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResponse>"
        ))
    });
    let home = tempfile::tempdir().expect("a folder");
    let token_file = home.path().join("token");
    let identity = AwsIdentity::WebIdentity {
        token_file: token_file.clone(),
        role: "arn:aws:iam::1:role/shop".to_owned(),
        session: "kubectl-gitops".to_owned(),
        service: server.url(AUTH, "/"),
    };
    let (keys, web) = (AwsKeys::new(identity), Web::new(authority.access()));
    let error = keys.get(&web, now).expect_err("there is no token");
    assert!(error.why.contains("cannot be read from"), "{error}");
    std::fs::write(&token_file, "t0ken\n").expect("written");
    // Those who waited for the same do not wait for another failure.
    assert_eq!(keys.get(&web, now).expect_err("nothing is asked"), error);
    check(&keys, &web, now + SignedDuration::from_secs(20), "A0");
    check(&keys, &web, now + SignedDuration::from_mins(54), "A0");
    check(&keys, &web, now + SignedDuration::from_mins(56), "A1");
    std::fs::write(&token_file, "an0ther").expect("written");
    let error = keys.get(&web, now + SignedDuration::from_hours(2)).expect_err("another token");
    assert!(!format!("{error:?}").contains("an0ther"), "{error:?}");
}

#[test]
fn a_platform_is_shown_its_token_and_must_not_be_anywhere() {
    let authority = Authority::new();
    let server = authority.serve(|asked: &Asked, _| {
        if asked.authorization.as_deref() != Some("t0ken") || asked.method != "GET" {
            return Reply::status(403);
        }
        Reply::ok(
            r#"{"AccessKeyId": "A", "SecretAccessKey": "s3cret", "Token": "s3ssion", "Expiration": "2099-01-01T00:00:00Z"}"#,
        )
    });
    let home = tempfile::tempdir().expect("a folder");
    let token_file = home.path().join("token");
    std::fs::write(&token_file, "t0ken").expect("written");
    let of = |address: String| AwsKeys::new(AwsIdentity::Platform { address, token_file: Some(token_file.clone()) });
    let (web, now) = (Web::new(authority.access()), Timestamp::now());
    check(&of(server.url(AUTH, "/v1/credentials")), &web, now, "A");
    // Without encryption only where that is allowed.
    let error = of(format!("http://{AUTH}:{}/", server.port)).get(&web, now).expect_err("it is plain");
    assert!(error.why.contains("it is not encrypted"), "{error}");
    let nobody = AwsKeys::new(AwsIdentity::Nobody).get(&web, now).expect("nobody is asked");
    assert!(nobody.is_none());
}
