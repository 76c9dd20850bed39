//! The installation itself: what is there afterwards, what it may do, and what goes with it.

use std::process::Stdio;

use serde_json::Value as Json;

use crate::support::World;
use crate::{cluster, published};

/// The application that an installation is.
const ITSELF: [&str; 2] = ["kubectl-gitops", "--record-namespace=kubectl-gitops"];

fn is_there(world: &World, object: &[&str]) -> bool {
    let arguments = [&["get", "-n", "kubectl-gitops", "--ignore-not-found", "-o", "name"], object].concat();
    !world.kubectl(&arguments).is_empty()
}

/// Runs a command that must succeed.
fn done(world: &World, arguments: &[&str]) -> String {
    let ended = world.run(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.told());
    ended.stdout + &ended.stderr
}

#[test]
fn an_installation_is_an_application_like_any_other() {
    let (_cluster, world) = cluster("installing");
    let tried = done(&world, &["install", "--dry-run=server"]);
    assert!(tried.contains("nothing was changed"), "{tried}");
    assert!(!is_there(&world, &["namespace", "kubectl-gitops"]));
    assert_eq!(world.run(&["install"]).code, 2, "nobody can be asked");

    let told = done(&world, &["install", "--yes"]);
    assert!(told.contains("the namespace kubectl-gitops is made"), "{told}");
    world.kubectl(&["get", "applications.argoproj.io,appprojects.argoproj.io", "-A"]);
    let deployment: Json = serde_json::from_str(&world.kubectl(&[
        "get",
        "deployment",
        "kubectl-gitops",
        "-n",
        "kubectl-gitops",
        "-o",
        "json",
    ]))
    .expect("JSON");
    assert_eq!(deployment["status"]["availableReplicas"], 1);
    its_rights_are_what_it_needs(&world);
    it_runs_under_the_strictest_standard(&world);

    let again = done(&world, &["install", "--yes"]);
    assert!(again.contains("nothing to do"), "{again}");
    done(&world, &[&["status"], &ITSELF[..]].concat());
    let redis = ["install", "--redis", "redis://redis.example.com", "--redis-ca", "--dry-run=server"];
    let tried = done(&world, &redis);
    assert!(tried.contains("1 to change") && tried.contains("Deployment"), "{tried}");
    let wrong = world.run(&["install", "--redis", "redis://:word@redis.example.com", "--dry-run=client"]);
    assert!(wrong.code == 2 && !wrong.told().contains("word@"), "{}", wrong.told());
    let tried = done(&world, &["install", "--cache", "oci://registry.example.com/cache", "--dry-run=server"]);
    assert!(tried.contains("1 to change") && tried.contains("Deployment"), "{tried}");
    for (address, why) in [("file:///var/cache", "a folder is not in a Pod"), ("s3://anna:word@shop", "a bucket has")] {
        let wrong = world.run(&["install", "--cache", address, "--dry-run=client"]);
        assert!(wrong.code == 2 && wrong.told().contains(why) && !wrong.told().contains("word@"), "{}", wrong.told());
    }
    done(&world, &["install", "--yes", "--replicas=2"]);
    assert!(is_there(&world, &["poddisruptionbudget", "kubectl-gitops"]));
    done(&world, &[&["rollback", "--yes"], &ITSELF[..]].concat());
    assert!(!is_there(&world, &["poddisruptionbudget", "kubectl-gitops"]));
    assert_eq!(world.run(&["install", "--yes", "--replicas=2"]).code, 4, "what was rolled back is held");

    let delete = [&["delete", "--yes"], &ITSELF[..]].concat();
    assert_eq!(world.run(&delete).code, 4, "definitions need a word");
    done(&world, &[&delete[..], &["--allow-delete=CustomResourceDefinition"]].concat());
    assert!(!is_there(&world, &["deployment,service,networkpolicy,serviceaccount", "kubectl-gitops"]));
    assert!(!is_there(&world, &["clusterrole", "kubectl-gitops-applier"]));
    assert!(!is_there(&world, &["crd", "applications.argoproj.io"]));
    assert!(is_there(&world, &["namespace", "kubectl-gitops"]));

    what_is_printed_can_be_installed(&world);
}

fn its_rights_are_what_it_needs(world: &World) {
    let may = |verb: &str, resource: &str, namespace: &str| {
        let account = "--as=system:serviceaccount:kubectl-gitops:kubectl-gitops";
        world.try_kubectl(&["auth", "can-i", verb, resource, "-n", namespace, account]).status.success()
    };
    assert!(may("delete", "deployments.apps", "default"), "it applies whatever Applications contain");
    world.kubectl(&["delete", "clusterrolebinding", "kubectl-gitops-applier"]);
    // The authorizer has its own copy.
    assert!(World::waits_until(|| !may("delete", "deployments.apps", "default")));
    for (verb, resource, namespace, expected) in [
        ("watch", "applications.argoproj.io", "default", true),
        ("patch", "applications.argoproj.io", "default", true),
        ("delete", "applications.argoproj.io", "default", false),
        ("list", "appprojects.argoproj.io", "default", true),
        ("patch", "appprojects.argoproj.io", "default", false),
        ("create", "events", "default", true),
        // Who asks, and what they may, is for an installation with the API to know.
        ("create", "tokenreviews.authentication.k8s.io", "default", false),
        ("create", "subjectaccessreviews.authorization.k8s.io", "default", false),
        ("create", "secrets", "kubectl-gitops", true),
        // Records are Secrets, in the namespaces of Applications, and are watched wherever they are.
        ("watch", "secrets", "default", true),
        ("update", "secrets", "default", false),
        ("update", "leases.coordination.k8s.io", "kubectl-gitops", true),
        ("update", "leases.coordination.k8s.io", "kube-system", false),
        ("create", "pods", "kubectl-gitops", false),
    ] {
        assert_eq!(may(verb, resource, namespace), expected, "{verb} {resource} in {namespace}");
    }
    let mended = done(world, &["install", "--yes"]);
    assert!(mended.contains("1 step"), "{mended}");
}

fn it_runs_under_the_strictest_standard(world: &World) {
    let label = "pod-security.kubernetes.io/enforce=restricted";
    let output = world.try_kubectl(&["label", "--overwrite", "namespace", "kubectl-gitops", label]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !told.contains("Warning"), "{told}");
}

/// Without a cluster, and then by kubectl alone.
fn what_is_printed_can_be_installed(world: &World) {
    let mut command =
        world.command(&["install", "-n", "printed", "-o", "yaml", "--replicas=2", "--image=r.example.com/x:1"]);
    let output = command.env("KUBECONFIG", "/nowhere").stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = world.home.path().join("printed.yaml");
    std::fs::write(&file, &output.stdout).expect("written");
    world.kubectl(&["create", "--validate=strict", "-f", &file.to_string_lossy()]);
    world.kubectl(&["rollout", "status", "deployment/kubectl-gitops", "-n", "printed", "--timeout=60s"]);
    let image = ["get", "deployment", "kubectl-gitops", "-n", "printed", "-o", "jsonpath={..image}"];
    assert_eq!(world.kubectl(&image), "r.example.com/x:1");
}

#[test]
fn what_cannot_be_a_name_is_refused_before_anything_is_asked() {
    let world = World::at("/nowhere".as_ref(), "true".as_ref(), "names");
    for arguments in [
        ["-n", "../x"],
        ["-n", "A"],
        ["-n", ""],
        ["-n", "a/b"],
        ["--image", "a b"],
        ["--image", "-x"],
        ["--replicas", "101"],
    ] {
        let ended = world.run(&[&["install", "-o", "yaml"], &arguments[..]].concat());
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.told());
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}: {}", ended.told());
    }
}

#[test]
fn definitions_of_others_are_left_to_them() {
    let (_cluster, world) = cluster("others");
    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let read = || -> Json {
        serde_json::from_str(&world.kubectl(&["get", "crd", "applications.argoproj.io", "-o", "json"])).expect("JSON")
    };
    world.kubectl(&["create", "-f", &published("application.yaml")]);
    let without = format!(r#"[{{"op": "remove", "path": "{schema}/webhook"}}]"#);
    world.kubectl(&["patch", "crd", "applications.argoproj.io", "--type=json", "-p", &without]);
    let (theirs, version) = (read()["spec"].clone(), read()["metadata"]["resourceVersion"].clone());

    let told = done(&world, &["install", "--yes"]);
    assert!(told.contains("CustomResourceDefinition applications.argoproj.io is there and is left"), "{told}");
    assert!(told.contains("--extend-crd adds it"), "{told}");
    assert_eq!(read()["metadata"]["resourceVersion"], version);
    assert!(is_there(&world, &["crd", "appprojects.argoproj.io"]));

    let told = done(&world, &["install", "--yes", "--extend-crd"]);
    assert!(told.contains("spec.webhook is added"), "{told}");
    let mut extended = read()["spec"].clone();
    let fields = extended.pointer_mut(schema.strip_prefix("/spec").expect("a pointer")).and_then(Json::as_object_mut);
    assert!(fields.and_then(|fields| fields.remove("webhook")).is_some(), "it is there");
    assert_eq!(extended, theirs, "and nothing else");
    let told = done(&world, &["install", "--yes", "--extend-crd"]);
    assert!(told.contains("nothing to do") && !told.contains("is added"), "{told}");

    let delete = [&["delete", "--yes", "--allow-delete=CustomResourceDefinition"], &ITSELF[..]].concat();
    done(&world, &delete);
    assert!(is_there(&world, &["crd", "applications.argoproj.io"]), "it is theirs");
    assert!(!is_there(&world, &["crd", "appprojects.argoproj.io"]));
}
