//! Replicas that share applications, as processes on a real cluster: one is killed, one is stopped and goes on, one leaves. At
//! no instant two of them own the same application, and in the end somebody owns each.
//!
//! It has a `main` of its own, since it starts itself as those processes. What it looks at is one test each of the summary, in
//! the form that `cargo test` has.

#[path = "../support/mod.rs"]
mod support;

mod member;
mod replicas;

use std::panic::catch_unwind;
use std::process::ExitCode;

use replicas::Replicas;
use support::World;

/// Applications that are shared.
const APPLICATIONS: usize = 24;

fn applications() -> Vec<String> {
    (0..APPLICATIONS).map(|number| format!("uid-{number}")).collect()
}

fn main() -> ExitCode {
    if let Some(code) = member::main() {
        return code;
    }
    let tests: [(&str, fn()); 2] = [
        ("applications_change_hands_and_never_have_two_owners", applications_change_hands_and_never_have_two_owners),
        ("a_replica_without_rights_says_so", a_replica_without_rights_says_so),
    ];
    let failed = tests.iter().filter(|(name, test)| {
        let passed = catch_unwind(*test).is_ok();
        say(&format!("test {name} ... {}", if passed { "ok" } else { "FAILED" }));
        !passed
    });
    let failed = failed.count();
    let (result, passed) = (if failed == 0 { "ok" } else { "FAILED" }, tests.len() - failed);
    say(&format!("\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "this is what a test program does")]
fn say(line: &str) {
    println!("{line}");
}

fn leases(world: &World) -> usize {
    world.kubectl(&["get", "leases", "-n", &world.name, "-l", "kubectl-gitops/members", "-o", "name"]).lines().count()
}

fn applications_change_hands_and_never_have_two_owners() {
    let world = World::new("shards");
    let mut replicas = Replicas::new(&world);
    let [first, second, third] = [(); 3].map(|()| replicas.start());
    replicas.wait_until_shared(&[first, second, third]);
    assert_eq!(leases(&world), 3);

    replicas.kill(first);
    replicas.wait_until_shared(&[second, third]);

    replicas.stop(second);
    replicas.wait_until_shared(&[third]);
    replicas.go_on(second);
    replicas.wait_until_shared(&[second, third]);

    // Somebody deletes the Leases of those who work.
    world.kubectl(&["delete", "leases", "-n", &world.name, "-l", "kubectl-gitops/members"]);
    assert!(World::waits_until(|| leases(&world) == 2), "they make others");
    replicas.wait_until_shared(&[second, third]);

    let fourth = replicas.start();
    replicas.wait_until_shared(&[second, third, fourth]);
    replicas.leave(second);
    replicas.wait_until_shared(&[third, fourth]);
    assert_eq!(leases(&world), 2, "the Lease of the one that left is gone with it, and that of the first is forgotten");

    // What the dead leave behind is deleted by the others.
    replicas.kill(third);
    replicas.wait_until_shared(&[fourth]);
    assert!(World::waits_until(|| leases(&world) == 1), "it still lies there");
    replicas.check_that_nothing_had_two_owners();
}

fn a_replica_without_rights_says_so() {
    let world = World::new("shards-rights");
    world.kubectl(&["create", "serviceaccount", "poor", "-n", &world.name]);
    let token = world.kubectl(&["create", "token", "poor", "-n", &world.name]);
    let text = std::fs::read_to_string(&world.kubeconfig).expect("a kubeconfig");
    let mut kubeconfig: serde_json::Value = serde_yaml::from_str(&text).expect("a kubeconfig");
    for user in kubeconfig["users"].as_array_mut().expect("users") {
        user["user"] = serde_json::json!({"token": token.trim()});
    }
    let path = world.home.path().join("poor");
    std::fs::write(&path, kubeconfig.to_string()).expect("written");
    let told = Replicas::at(&path, &world.name).start_in_vain();
    assert!(told.contains("may not keep a Lease in the namespace") && told.contains("create, patch, list"), "{told}");
    assert!(!told.contains(token.trim()), "{told}");
}
