//! What is never applied: what nobody here can open, and what is not what was encrypted.

use crate::keys::{Age, VALUES, encrypt, run_with, secret};
use crate::support::World;

const PASSWORD: &str = "correct-horse-7";

/// Another character in the place of one of base64, some way behind a word.
fn flipped(text: &str, word: &str) -> String {
    let at = text.find(word).expect("the word") + word.len() + 3;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// The line with a key.
fn line<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines().find(|line| line.trim_start().starts_with(key)).expect("the key")
}

#[test]
fn nothing_is_changed_where_a_key_is_missing() {
    let (world, age, other) = (World::new("sops-keyless"), Age::new(), Age::new());
    world.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
    for name in ["one", "two"] {
        world.write(&format!("{name}.yaml"), &age.encrypt(&secret(name, PASSWORD), &[VALUES]));
    }
    let missing = world.apply(&[]);
    let named = run_with(
        &world,
        &[("SOPS_AGE_KEY_FILE", "/nonexistent/keys.txt")],
        &["apply", &world.name, "-n", &world.name, "--yes"],
    );
    for ended in [&missing, &other.apply(&world, &[]), &named] {
        assert_eq!(ended.code, 2, "{}", ended.told());
        assert!(
            ended.stderr.contains("2 objects that SOPS encrypted cannot be opened; nothing was changed"),
            "{}",
            ended.told()
        );
        for name in ["one", "two"] {
            let line = ended.stderr.lines().find(|line| line.contains(&format!("{}/{name}: ", world.name)));
            let line = line.unwrap_or_else(|| panic!("{}", ended.told()));
            assert!(line.contains(&age.recipient) && line.contains("--sops-age-key-file"), "{line}");
        }
    }
    assert!(named.stderr.contains("/nonexistent/keys.txt: No such file"), "{}", named.told());
    assert!(world.get("configmap", "a").is_null(), "nothing was changed");
    let record = ["get", "secret", &format!("kubectl-gitops.{}", world.name), "-n", "default", "--ignore-not-found"];
    assert_eq!(world.kubectl(&record), "", "not even the record");
    assert_eq!(age.apply(&world, &[]).code, 0);
}

#[test]
fn what_was_changed_after_it_was_encrypted_is_refused() {
    let (world, age) = (World::new("sops-forged"), Age::new());
    let whole = age.encrypt(&secret("db", PASSWORD), &[VALUES]);
    let (user, password) = (line(&whole, "user: "), line(&whole, "password: "));
    let of = |line: &str| line.split_once(": ").expect("a value").1.to_owned();
    let swapped =
        whole.replacen(&of(user), "SWAP", 1).replacen(&of(password), &of(user), 1).replacen("SWAP", &of(password), 1);
    let two = format!("{}---\n{}", secret("db", PASSWORD), secret("other", PASSWORD));
    for (text, word, ignorable) in [
        (flipped(&whole, "password: ENC[AES256_GCM,data:"), "stringData.password was changed", false),
        (swapped, "stringData.password was changed, or moved here", false),
        (flipped(&whole, "mac: ENC[AES256_GCM,data:"), "its MAC cannot be read", true),
        (whole.replacen("a: first", "a: second", 1), "its MAC is not that of its values", true),
        (whole.replacen(&format!("{user}\n"), "", 1), "its MAC is not that of its values", true),
        (whole.replacen(password, "    password: plain", 1), "stringData.password is not as SOPS writes", false),
        (age.encrypt(&two, &[VALUES]), "its MAC is not that of its values", true),
    ] {
        let name = format!("forged-{}.yaml", text.len());
        world.write(&name, &text);
        let refused = age.apply(&world, &[]);
        assert!(refused.code == 2 && refused.stderr.contains(word), "{word}: {}", refused.told());
        assert!(!refused.told().contains(PASSWORD), "{}", refused.told());
        assert!(world.get("secret", "db").is_null(), "{word}");
        assert_eq!(age.apply(&world, &["--sops-ignore-mac", "--dry-run=server"]).code == 0, ignorable, "{word}");
        world.remove(&name);
    }
}

#[test]
fn what_the_server_says_of_it_is_not_told() {
    let (world, age) = (World::new("sops-quoted"), Age::new());
    let number = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: number\ndata:\n  value: 471147114711\n";
    world.write("number.yaml", &age.encrypt(number, &["--encrypted-regex=^data$"]));
    let no_base64 = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: text\ndata:\n  value: not*base64*8\n";
    world.write("text.yaml", &age.encrypt(no_base64, &[VALUES]));
    for more in [&["--dry-run=server"][..], &[]] {
        let refused = age.apply(&world, more);
        assert_ne!(refused.code, 0, "{}", refused.told());
        assert!(refused.stderr.contains("is not shown"), "{}", refused.told());
        for value in ["471147114711", "not*base64*8"] {
            assert!(!refused.told().contains(value), "{}", refused.told());
        }
    }
}

#[test]
fn what_cannot_be_an_object_does_not_compile() {
    let (world, age) = (World::new("sops-compile"), Age::new());
    let all = age.encrypt(&secret("db", PASSWORD), &[]);
    let list = format!("apiVersion: v1\nkind: SecretList\nitems:\n- {}", secret("db", PASSWORD).replace('\n', "\n  "));
    for (text, word) in [
        (all, "apiVersion of this document is encrypted"),
        (age.encrypt(&list, &[VALUES]), "encrypt each object in its own file"),
    ] {
        world.write("db.yaml", &text);
        let refused = world.run(&["compile"]);
        assert!(refused.code == 2 && refused.stderr.contains(word), "{}", refused.told());
    }
    let two = format!("{}---\n{}", secret("db", PASSWORD), secret("other", PASSWORD));
    world.write("db.yaml", &encrypt(&two, &["--age", &age.recipient, "--encrypted-regex=^stringData$"], &[]));
    let warned = world.run(&["compile"]);
    assert_eq!(warned.stderr.matches("warning[sops-many-documents]").count(), 2, "{}", warned.told());
    assert_eq!(warned.stderr.matches("warning[sops-open-value]").count(), 2, "{}", warned.told());
    assert!(warned.stderr.contains("data.token"), "{}", warned.told());
}
