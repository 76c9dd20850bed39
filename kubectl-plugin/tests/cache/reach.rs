//! Who Redis is, and who we are to it: TLS, sentinels, passwords.

use gitops_testdata::servers::{Certificates, RedisServer};
use kubectl_gitops::cache::{Login, RedisSettings};
use kubectl_gitops::fetch::Secret;

use crate::replica::{Replica, World, application, settings};

/// Whether a replica gets from Redis what another put there.
fn is_shared(settings: &RedisSettings) -> Result<(), String> {
    let first = Replica::new(settings);
    first.compile(&application(1));
    if first.trouble().is_none() {
        first.wait_until_stored(2);
    }
    let second = Replica::new(settings);
    let found = second.compile(&application(1));
    match second.trouble() {
        None => {
            assert!(found.memoised, "{:?}", second.cache.counts());
            Ok(())
        }
        Some(trouble) => {
            assert!(!found.memoised);
            Err(trouble)
        }
    }
}

#[test]
fn tls_needs_the_right_authority() {
    let (ours, others) = (Certificates::make().expect("certificates"), Certificates::make().expect("certificates"));
    let server = RedisServer::start_with_tls(&ours).expect("Redis starts");
    let authority = |of: &Certificates| Some(std::fs::read(of.authority()).expect("it is there"));
    let with = |authorities| RedisSettings { authorities, ..settings(&server.address(), server.password()) };
    is_shared(&with(authority(&ours))).expect("it is shared");
    for wrong in [authority(&others), None] {
        let trouble = is_shared(&with(wrong)).expect_err("anybody could be there");
        assert!(trouble.contains("certificate"), "{trouble}");
    }
    let plain = settings(&server.address().replace("rediss", "redis"), server.password());
    is_shared(&plain).expect_err("it speaks TLS only");
}

#[test]
fn the_sentinel_knows_the_master() {
    let mut server = RedisServer::start().expect("Redis starts");
    let address = server.watch().expect("the sentinel starts");
    let right = settings(&address, server.password());
    is_shared(&right).expect("it is shared");
    let unknown = RedisSettings { address: address.replace("/main", "/other").parse().expect("an address"), ..right };
    is_shared(&unknown).expect_err("it watches no such master");
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let server = RedisServer::start().expect("Redis starts");
    let mut wrong = settings(&server.address(), "hunter2");
    for user in [None, Some("somebody".to_owned())] {
        wrong.login.user = user;
        let trouble = is_shared(&wrong).expect_err("the password is another");
        assert!(trouble.contains("WRONGPASS") || trouble.contains("uthentication"), "{trouble}");
        assert!(!trouble.contains("hunter2") && !format!("{wrong:?}").contains("hunter2"), "{trouble}");
    }
    wrong.login = Login::default();
    is_shared(&wrong).expect_err("it wants a password");
    let user = Some("default".to_owned());
    let right = Login { user, password: Some(Secret::new(server.password())) };
    is_shared(&RedisSettings { login: right, ..wrong }).expect("it is shared");
}

#[test]
fn a_user_needs_the_rights_that_the_page_names_and_no_others() {
    let world = World::new();
    let words =
        ["SETUSER", "gitops", "on", ">p4ss", "resetkeys", "~kubectl-gitops|*", "-@all", "+getrange", "+expire", "+set"];
    redis::cmd("ACL").arg(&words).exec(&mut world.client()).expect("it answers");
    let login = Login { user: Some("gitops".to_owned()), password: Some(Secret::new("p4ss")) };
    is_shared(&RedisSettings { login: login.clone(), ..world.settings() }).expect("it is shared");
    redis::cmd("ACL").arg(&["SETUSER", "gitops", "-expire"]).exec(&mut world.client()).expect("it answers");
    let trouble = is_shared(&RedisSettings { login, ..world.settings() }).expect_err("it may not");
    assert!(trouble.contains("NOPERM") || trouble.contains("permission"), "{trouble}");
}
