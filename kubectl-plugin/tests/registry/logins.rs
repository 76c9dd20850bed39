//! Who we are to a registry: as Docker keeps it, by a program where it says so, with tokens or without; and who learns it.

use std::os::unix::fs::PermissionsExt as _;

use gitops_testdata::servers::{Access, Registry};

use crate::world::{World, host};

/// A folder with a configuration as Docker has it.
fn docker(world: &World, config: &str) -> String {
    let folder = world.path("docker");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.json"), config).expect("written");
    folder.display().to_string()
}

#[test]
fn a_login_of_docker_is_used_with_passwords_and_with_tokens() {
    for access in [Access::Basic, Access::Token] {
        let world = World::new();
        let registry = Registry::start(&world.certificates, access).expect("a registry");
        let (bundle, host) = (world.bundle("made", "1"), host(registry.address()));
        let address = format!("oci://{host}/team/shop:v1");
        let push = ["bundle", "push", &bundle, &address];
        let said = world.refused(2, &push);
        assert!(said.contains("credentials"), "{said}");
        let login = |password: &str| {
            let user = registry.user();
            format!(r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#)
        };
        let folder = docker(&world, &login("wr0ng"));
        let wrong = world.run_with(&push, &[("DOCKER_CONFIG", &folder)]);
        assert!(wrong.code == 2 && wrong.stderr.contains("does not take our credentials"), "{}", wrong.stderr);
        assert!(!wrong.stderr.contains("wr0ng"), "{}", wrong.stderr);
        let folder = docker(&world, &login(registry.password()));
        let pushed = world.run_with(&push, &[("DOCKER_CONFIG", &folder)]);
        assert_eq!(pushed.code, 0, "{}", pushed.stderr);
        let file = format!("{folder}/config.json");
        let out = world.path("back.tar").display().to_string();
        world.done(&["bundle", "pull", &address, "--out", &out, "--registry-config", &file]);
        assert_eq!(World::files(&out), World::files(&bundle));
    }
}

/// Docker's own programs are asked as Docker asks them.
#[test]
fn a_program_that_keeps_logins_is_run_for_the_registry_that_is_named() {
    let world = World::new();
    let registry = Registry::start(&world.certificates, Access::Token).expect("a registry");
    let (bundle, host) = (world.bundle("made", "1"), host(registry.address()));
    let programs = world.path("programs");
    std::fs::create_dir(&programs).expect("a folder");
    let program = programs.join("docker-credential-mine");
    let script = |says: &str| {
        let asked = world.path("asked").display().to_string();
        let text = format!("#!/bin/sh\n{{ echo \"$1\"; cat; }} > '{asked}'\n{says}\n");
        std::fs::write(&program, text).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    };
    let folder = docker(&world, &format!(r#"{{"credHelpers": {{"{host}": "mine"}}}}"#));
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let push = |address: &str| {
        world.run_with(&["bundle", "push", &bundle, address], &[("DOCKER_CONFIG", &folder), ("PATH", &path)])
    };
    let address = format!("oci://{host}/shop");
    let kept = |user: &str, secret: &str| {
        format!(r#"printf '{{"ServerURL":"{host}","Username":"{user}","Secret":"{secret}"}}'"#)
    };
    script(&kept(registry.user(), registry.password()));
    let pushed = push(&address);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let asked = std::fs::read_to_string(world.path("asked")).expect("it was run");
    assert_eq!(asked.replace('\n', " ").trim(), format!("get {host}"));
    script(&kept("<token>", registry.identity_token()));
    let pushed = push(&address);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    for (says, wanted) in [
        ("echo s3cret; exit 1", "fails: run it by hand to see why"),
        ("echo s3cret", "does not say what such programs say"),
        ("echo 'credentials not found in native keychain'; exit 1", "the server wants credentials"),
    ] {
        script(says);
        let refused = push(&address);
        assert!(refused.code == 2 && refused.stderr.contains(wanted), "{wanted}: {}", refused.stderr);
        assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
    }
    std::fs::remove_file(&program).expect("removed");
    let missing = push(&address);
    assert!(missing.stderr.contains("docker-credential-mine") && missing.code == 2, "{}", missing.stderr);
    let folder = docker(&world, &format!(r#"{{"credHelpers": {{"{host}": "../evil"}}}}"#));
    let refused = world.run_with(&["bundle", "push", &bundle, &address], &[("DOCKER_CONFIG", &folder)]);
    assert!(refused.stderr.contains("names a program that cannot be one"), "{}", refused.stderr);
}
