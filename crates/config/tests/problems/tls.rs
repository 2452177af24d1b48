//! TLS that cannot be spoken as it is wanted.

use crate::rendering::{Project, shown};
use std::fmt::Write;

const APP: &str = "[apps.api]\ncommand = \"a\"\n[[apps.api.routes]]\nlisten = \":443\"\n";

#[test]
fn tls() {
    let project = Project::new();
    project.write("a.pem", "");
    project.write("a.key", "");
    // It is there, so nobody is asked whether he meant what is called nearly the same.
    std::fs::create_dir(project.path().join("keys")).unwrap();
    std::fs::create_dir(project.path().join("keys2")).unwrap();
    let pair = "certificates = [{ certificate = \"a.pem\", key = \"a.key\" }]\n";
    let mut text = String::new();
    for (title, case) in [
        ("nothing to speak it by", format!("{APP}[tls]\n")),
        ("no key", format!("{APP}[tls]\ncertificates = [{{ certificate = \"a.pem\" }}]\n")),
        (
            "files elsewhere",
            format!("{APP}[tls]\ncertificates = [{{ certificate = \"b.pem\", key = \"keys\" }}]\n"),
        ),
        ("no table", format!("{APP}tls = true\n")),
        ("a cipher with a slip", format!("{APP}[tls]\n{pair}ciphers = [\"TLS_AES_128_GCM_SHA265\"]\n")),
        ("a cipher of another tool", format!("{APP}[tls]\n{pair}ciphers = [\"ECDHE-RSA-AES128-SHA\"]\n")),
        ("ciphers in one text", format!("{APP}[tls]\n{pair}ciphers = \"TLS_AES_128_GCM_SHA256\"\n")),
        (
            "ciphers that do not fit",
            format!(
                "{APP}[tls]\n{pair}minimum = \"1.3\"\nciphers = [\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"]\n"
            ),
        ),
        ("an old version", format!("{APP}[tls]\n{pair}minimum = \"1.1\"\n")),
        ("a wildcard by ACME", format!("{APP}[tls]\nacme = {{ hosts = [\"*.example.com\"] }}\n")),
        (
            "an authority that is none",
            format!("{APP}[tls]\nacme = {{ directory = \"letsencrypt\", email = \"me\" }}\n"),
        ),
        ("a redirect in the way", format!("{APP}[tls]\n{pair}redirect = [\":80\", \":443\"]\n")),
        ("a redirect that is no list", format!("{APP}[tls]\n{pair}redirect = \":80\"\n")),
        (
            "a redirect beside another listener",
            format!(
                "{APP}[[apps.api.routes]]\nlisten = \"127.0.0.1:80\"\n[tls]\n{pair}redirect = [\":80\"]\n"
            ),
        ),
        (
            "routes that do not agree",
            format!(
                "{APP}[apps.web]\ncommand = \"b\"\n[[apps.web.routes]]\nlisten = \":443\"\nhost = \"a.b\"\ntls = false\n[tls]\n{pair}"
            ),
        ),
        ("all right", format!("{APP}[tls]\n{pair}redirect = [\":80\"]\nhsts = \"365d\"\n")),
    ] {
        project.write("gapless.toml", case);
        writeln!(text, "━━ {title}\n{}", project.said()).unwrap();
    }
    shown("tls", &text);
}
