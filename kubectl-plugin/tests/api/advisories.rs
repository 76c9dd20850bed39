//! The classes of Argo CD's advisories: what was tried, and what came back.
//!
//! [`CLASSES`] names the tests of each class, wherever they are; one of them here sees to it that they are there. What is tried at
//! the API itself, and by no other test, is below.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value as Json, json};

use crate::asker::{Asker, Reply};
use crate::people::People;

/// A class; the tests of it, by the folder of a crate, the file, and the name.
const CLASSES: &[(&str, &[(&str, &str)])] = &[
    (
        "paths out of the repository",
        &[
            ("kubectl-plugin/tests/render/helm.rs", "files_of_values_never_leave_their_repository"),
            (
                "kubectl-plugin/tests/render/jsonnet.rs",
                "what_is_wrong_is_told_with_its_place_and_nothing_outside_is_read",
            ),
            ("compiler/tests/tree/hostile.rs", "names_that_could_leave_the_tree_are_refused"),
        ],
    ),
    (
        "links out of the repository",
        &[
            ("compiler/tests/tree/links.rs", "links_that_lead_out_or_nowhere_are_refused"),
            ("compiler/tests/tree/submodules.rs", "links_lead_where_they_lead_in_a_checkout_and_not_out"),
            ("compiler/src/tree/snapshot.rs", "links_stay_inside_the_tree"),
        ],
    ),
    (
        "a renderer that anybody may call, with arguments of theirs",
        &[
            ("kubectl-plugin/tests/api/advisories.rs", "nobody_makes_it_render_what_they_send"),
            ("kubectl-plugin/tests/render/kustomize.rs", "no_folder_is_a_flag"),
        ],
    ),
    (
        "a poisoned cache",
        &[
            ("kubectl-plugin/tests/cache/harm.rs", "a_byte_that_changed_is_refused"),
            ("kubectl-plugin/tests/cache/harm.rs", "killed_emptied_and_poisoned_while_replicas_compile"),
        ],
    ),
    (
        "secrets that leak",
        &[
            ("kubectl-plugin/tests/api/shapes.rs", "secrets_are_shown_to_nobody_and_survive"),
            ("kubectl-plugin/tests/api/objects.rs", "objects_are_shown_to_those_who_may_get_them"),
            ("kubectl-plugin/tests/apply.rs", "secrets_come_back_from_the_record_and_are_never_shown"),
            ("kubectl-plugin/tests/remote/hostile.rs", "a_password_in_an_address_is_written_nowhere"),
        ],
    ),
    (
        "secrets by way of a diff",
        &[
            ("kubectl-plugin/tests/api/previews.rs", "a_diff_and_a_plan_are_those_of_the_command_line"),
            ("kubectl-plugin/tests/api/previews.rs", "both_sides_of_resources_are_told"),
        ],
    ),
    (
        "webhooks that are too large, or nothing of the kind",
        &[
            ("kubectl-plugin/tests/webhook/flood.rs", "large_bodies_take_no_more_than_their_budget"),
            ("kubectl-plugin/tests/webhook/mutations.rs", "bodies"),
            ("kubectl-plugin/tests/webhook/answers.rs", "webhooks_are_answered_as_argo_cd_does"),
        ],
    ),
    (
        "what exhausts whoever compiles",
        &[
            ("kubectl-plugin/tests/render/kustomize.rs", "an_alias_bomb_is_refused_before_anything_reads_it"),
            ("kubectl-plugin/tests/render/jsonnet.rs", "what_never_ends_is_given_up"),
            ("compiler/tests/tree/traps.rs", "a_bomb_of_trees_is_refused_before_it_goes_off"),
            ("kubectl-plugin/tests/remote/hostile.rs", "a_server_that_lies_is_given_up"),
        ],
    ),
    (
        "scripts in pages",
        &[
            ("kubectl-plugin/tests/api/advisories.rs", "what_somebody_writes_is_no_page"),
            ("kubectl-plugin/tests/api/browser.rs", "nobody_signs_in_with_what_is_not_theirs"),
        ],
    ),
    (
        "tokens that should not be good",
        &[
            ("kubectl-plugin/tests/api/advisories.rs", "tokens_that_nobody_should_take_are_not_taken"),
            ("kubectl-plugin/tests/api/browser.rs", "whom_the_api_server_does_not_take_is_not_signed_in"),
        ],
    ),
    (
        "guessing, and finding out what there is",
        &[
            ("kubectl-plugin/tests/api/limits.rs", "who_guesses_is_stopped_and_who_is_known_is_not"),
            ("kubectl-plugin/tests/api/rights.rs", "what_may_not_be_seen_is_not_there"),
            ("kubectl-plugin/tests/api/advisories.rs", "a_tree_tells_nothing_of_objects_that_somebody_may_not_get"),
        ],
    ),
    (
        "doing what one may not",
        &[
            ("kubectl-plugin/tests/api/matrix.rs", "who_may_do_what_is_one_rule_through_the_api_and_on_objects"),
            ("kubectl-plugin/tests/controller/commands.rs", "a_project_says_what_may_be_applied_and_when"),
            ("kubectl-plugin/tests/api/doors.rs", "a_session_begins_with_a_token_and_ends_at_once"),
        ],
    ),
    (
        "sessions that outlive their end",
        &[
            ("kubectl-plugin/tests/api/doors.rs", "a_session_begins_with_a_token_and_ends_at_once"),
            ("kubectl-plugin/tests/api/doors.rs", "a_token_that_is_withdrawn_is_good_for_seconds_only"),
            ("kubectl-plugin/tests/api/advisories.rs", "a_stream_ends_when_the_application_goes_to_another_cluster"),
            ("kubectl-plugin/tests/api/shapes.rs", "anybody_is_told_what_is_no_secret"),
        ],
    ),
    (
        "requests to addresses that somebody sends",
        &[
            ("kubectl-plugin/tests/api/advisories.rs", "nobody_makes_it_ask_an_address_of_theirs"),
            ("kubectl-plugin/tests/remote/hostile.rs", "redirects_lead_nowhere_they_may_not"),
            ("kubectl-plugin/tests/webhook/payloads.rs", "payloads_of_argo_cd_say_what_it_takes_from_them"),
        ],
    ),
];

#[test]
fn each_class_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (class, tests) in CLASSES {
        println!("{class}");
        for (file, name) in *tests {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut lines = text.lines().skip_while(|line| line.trim() != "#[test]" && line.trim() != "#[tokio::test]");
            assert!(lines.any(|line| line.trim_start().contains(&format!("fn {name}("))), "{file} has no test {name}");
            println!("  {file}: {name}");
        }
    }
}

/// Tells what was tried, and what came back.
fn tried(what: &str, reply: &Reply) {
    let told: String = reply.body.chars().take(120).collect();
    println!("{what}: {} {told}", reply.status);
}

#[test]
fn nobody_makes_it_render_what_they_send() {
    let people = People::new("api-renderer");
    let writer = people.writer();
    let evil = json!({
        "repo": {"repo": people.ground.address()}, "applicationSource": {"path": "deploy"},
        "kustomizeOptions": {"buildOptions": "--enable-helm --helm-command ./evil"}, "manifests": ["{}"],
    });
    for (path, expected) in [
        ("/repository.RepoServerService/GenerateManifest".to_owned(), 404),
        ("/application.ApplicationService/GetManifestsWithFiles".to_owned(), 404),
        ("/api/v1/applications/manifestsWithFiles".to_owned(), 404),
        ("/api/v1/repositories/a/appdetails".to_owned(), 404),
        (people.path("/manifests"), 405),
        (people.path("/server-side-diff"), 404),
        // A sync takes what Git says, and nothing of whoever asks.
        (people.path("/sync"), 400),
    ] {
        for asker in [&people.nobody(), &writer] {
            let reply = asker.send("POST", &path, &evil);
            tried(&format!("POST {path} with arguments of theirs"), &reply);
            let is_refused = reply.status == expected || (asker.headers.is_empty() && reply.status == 401);
            assert!(is_refused, "{path}: {reply:?}");
        }
    }
    // What an Application may say of a renderer is what its kind has: no flags.
    let mut application = people.ground.application(&json!({}));
    application["metadata"] = json!({"name": "evil", "namespace": people.own()});
    application["spec"]["source"]["kustomize"] = json!({"buildOptions": "--enable-helm --helm-command ./evil"});
    let reply = writer.send("POST", "/api/v1/applications", &application);
    tried("an Application with flags for kustomize", &reply);
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[test]
fn what_somebody_writes_is_no_page() {
    let people = People::new("api-scripts");
    let writer = people.writer();
    let script = "<script>alert(1)</script>";
    let mut application = people.ground.application(&json!({}));
    application["metadata"] = json!({
        "name": "evil", "namespace": people.own(),
        "annotations": {"link.argocd.argoproj.io/a": "label|javascript:alert(1)", "a": script},
    });
    application["spec"]["info"] = json!([{"name": script, "value": "javascript:alert(1)"}]);
    assert_eq!(writer.send("POST", "/api/v1/applications", &application).status, 200);
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/api/v1/applications/evil".to_owned(),
        "/api/v1/applications".to_owned(),
        format!("/api/v1/applications?selector={evil}"),
        format!("/api/v1/applications/{evil}"),
        format!("/api/v1/applications/evil/resource?kind={evil}&resourceName={evil}"),
        format!("/auth/callback?error={evil}&error_description={evil}"),
        format!("/auth/login?return_url=javascript:alert(1)//{evil}"),
        format!("/{evil}"),
    ] {
        let reply = writer.get(&path);
        tried(&format!("GET {path}"), &reply);
        let is_page = reply.header("content-type").is_some_and(|kind| kind.contains("html"));
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}: {reply:?}");
        assert!(policy.starts_with("default-src 'none'") || !policy.contains("unsafe-inline"), "{path}: {policy}");
        assert!(!is_page || !reply.body.contains(script), "{path}: {reply:?}");
    }
}

/// Whoever shows many bad tokens is asked to wait, which is another matter (`limits`).
fn unhurried(ask: impl Fn() -> Reply) -> Reply {
    for _ in 0..60 {
        let reply = ask();
        if reply.status != 429 {
            return reply;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    ask()
}

#[test]
fn tokens_that_nobody_should_take_are_not_taken() {
    let people = People::new("api-tokens");
    let (own, path) = (people.own().to_owned(), people.path(""));
    let good = people.token("anna", &own, &["get"], &[]);
    let part = |value: &Json| BASE64.encode(value.to_string());
    let claims: Json = {
        let middle = good.split('.').nth(1).expect("claims");
        serde_json::from_slice(&BASE64.decode(middle).expect("base64")).expect("JSON")
    };
    let signature = good.rsplit('.').next().expect("a signature");
    let world = &people.ground.world;
    let elsewhere = world.kubectl(&["create", "token", "anna", "-n", &own, "--audience", "argocd"]);
    let mut forever = claims.clone();
    forever["exp"] = 99_999_999_999_i64.into();
    let mut admin = claims.clone();
    admin["sub"] = "admin".into();
    for (what, token) in [
        ("one that nobody signed", format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims))),
        ("one without signature", format!("{}.", good.rsplit_once('.').expect("parts").0)),
        ("one signed with a word", format!("{}.{}.{signature}", part(&json!({"alg": "HS256"})), part(&claims))),
        ("one that lasts longer", {
            let head = good.split('.').next().expect("a head");
            format!("{head}.{}.{signature}", part(&forever))
        }),
        ("one of somebody else", {
            let head = good.split('.').next().expect("a head");
            format!("{head}.{}.{signature}", part(&admin))
        }),
        ("one for another audience", elsewhere.trim().to_owned()),
        ("a word", "admin".to_owned()),
    ] {
        let reply = unhurried(|| Asker::new(&people.address, &token).get(&path));
        tried(what, &reply);
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        let session = unhurried(|| people.nobody().send("POST", "/api/v1/session", &json!({"token": token})));
        assert!(session.status == 401 && session.cookies().is_empty(), "{what}: {session:?}");
        assert!(!reply.body.contains(&token) && !session.body.contains(&token));
    }
    for (what, line) in [
        ("a name and a password", "Authorization: Basic YWRtaW46YWRtaW4=".to_owned()),
        ("headers of a proxy", "X-Remote-User: admin".to_owned()),
        ("impersonation", "Impersonate-User: system:admin".to_owned()),
        ("a token in a cookie of Argo CD's", format!("Cookie: argocd.token={good}")),
    ] {
        let reply = unhurried(|| people.nobody().with(&line).get(&path));
        tried(what, &reply);
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
    }
    // Headers beside a good token change nothing of who that is.
    let who = Asker::new(&people.address, &good).with("Impersonate-User: admin").with("X-Remote-User: admin");
    let info = unhurried(|| who.get("/api/v1/session/userinfo")).json();
    assert_eq!(info["username"], format!("system:serviceaccount:{own}:anna").as_str(), "{info}");
}

#[test]
fn a_tree_tells_nothing_of_objects_that_somebody_may_not_get() {
    let people = People::new("api-tree-hidden");
    let own = people.own().to_owned();
    let more = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]});
    let (reader, seer) = (people.reader(), people.somebody("seer", &own, &["get"], &[more]));
    let object = people.ground.world.get("configmaps", "a");
    let node = |asker: &Asker| asker.get(&people.path("/resource-tree")).json()["nodes"][0].clone();
    let (told, hidden) = (node(&seer), node(&reader));
    println!("whoever may get it is told {told}, and whoever may not {hidden}");
    assert_eq!((&told["name"], &told["uid"]), (&json!("a"), &object["metadata"]["uid"]));
    assert_eq!(told["resourceVersion"], object["metadata"]["resourceVersion"]);
    assert_eq!((&hidden["name"], hidden.get("uid"), hidden.get("resourceVersion")), (&json!("a"), None, None));
    let path = format!("/api/v1/stream/applications/{own}/resource-tree");
    let (_, event) = reader.events(&path).next().expect("an event");
    let node = &event["result"]["nodes"][0];
    assert_eq!((&node["name"], node.get("uid"), node.get("resourceVersion")), (&json!("a"), None, None));
}

#[test]
fn a_stream_ends_when_the_application_goes_to_another_cluster() {
    let people = People::new("api-moved");
    let (own, reader) = (people.own().to_owned(), people.reader());
    let tree = format!("/api/v1/stream/applications/{own}/resource-tree");
    let run = people.our_path("/progress").replace("/v1/applications", "/v1/stream/applications");
    let (mut of_tree, mut of_run) = (reader.events(&tree), reader.events(&run));
    assert!(of_tree.next().is_some() && of_run.next().is_some());
    people
        .ground
        .patch(&json!({"spec": {"syncPolicy": null, "destination": {"server": "https://elsewhere.example.com"}}}));
    people.ground.until("it is hidden", |_| reader.get(&people.path("/resource-tree")).status == 404);
    // Whatever is still on its way was told before; then both end.
    while of_tree.next().is_some() {}
    while of_run.next().is_some() {}
    assert_eq!(reader.try_events(&tree).err(), Some(404));
}

#[test]
fn nobody_makes_it_ask_an_address_of_theirs() {
    let people = People::new("api-addresses");
    let (reader, writer) = (people.reader(), people.writer());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = format!("http://{}/r.git", listener.local_addr().expect("an address"));
    let encoded: String = url::form_urlencoded::byte_serialize(address.as_bytes()).collect();
    let push = json!({"ref": "refs/heads/main", "repository": {"html_url": address, "default_branch": "main"}});
    for (asker, method, path, body) in [
        (&writer, "POST", format!("/api/v1/repositories/{encoded}/validate"), json!({"repo": address})),
        (&writer, "POST", format!("/api/v1/repositories/{encoded}/appdetails"), json!({})),
        (&writer, "POST", "/api/v1/repositories".to_owned(), json!({"repo": address})),
        (&writer, "POST", "/api/v1/clusters".to_owned(), json!({"server": address})),
        (&writer, "POST", people.path("/sync"), json!({"revision": address})),
        (&people.nobody(), "POST", "/api/webhook".to_owned(), push),
        (&reader, "POST", "/api/v1/applications".to_owned(), {
            let mut application = people.ground.application(&json!({}));
            application["spec"]["source"]["repoURL"] = address.clone().into();
            application
        }),
    ] {
        let reply = asker.send(method, &path, &body);
        tried(&format!("{method} {path}"), &reply);
    }
    for path in [
        format!("/api/v1/repositories/{encoded}/refs"),
        format!("/api/v1/applications?repo={encoded}"),
        format!("/auth/login?return_url={encoded}"),
        people.path(&format!("?refresh=hard&project={encoded}")),
    ] {
        tried(&format!("GET {path}"), &writer.get(&path));
    }
    // The controller has done what it was asked for.
    people.ground.until("nothing goes on", |ground| ground.app().get("operation").is_none());
    let came = listener.accept();
    println!("connections to {address}: {}", if came.is_ok() { "some" } else { "none" });
    assert!(came.is_err(), "nobody is asked");
}
