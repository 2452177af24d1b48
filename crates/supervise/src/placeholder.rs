//! `{socket}`, `{port}` and `{instance}` in commands.

use camino::Utf8Path;
use gapless_model::{CommandLine, InstanceId};

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) socket: &'a Utf8Path,
    pub(crate) port: u16,
    pub(crate) instance: &'a InstanceId,
}

/// The command with every placeholder replaced; other braces stay as they are.
pub(crate) fn fill(command: &CommandLine, values: Values<'_>) -> CommandLine {
    match command {
        CommandLine::Words(words) => {
            CommandLine::Words(words.iter().map(|word| fill_text(word, values)).collect())
        }
        CommandLine::Shell(line) => CommandLine::Shell(fill_text(line, values)),
    }
}

fn fill_text(text: &str, values: Values<'_>) -> String {
    text.replace("{socket}", values.socket.as_str())
        .replace("{port}", &values.port.to_string())
        .replace("{instance}", &values.instance.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_in_words_and_lines() {
        let instance = "api-3".parse().unwrap();
        let values = Values { socket: Utf8Path::new("/run/x.sock"), port: 4000, instance: &instance };
        let words = CommandLine::Words(vec!["serve".into(), "--bind=unix:{socket}".into(), "{other}".into()]);
        assert_eq!(fill(&words, values).argv(), ["serve", "--bind=unix:/run/x.sock", "{other}"]);
        let line = CommandLine::Shell("exec serve -p {port} --name {instance}".into());
        assert_eq!(fill(&line, values).to_string(), "exec serve -p 4000 --name api-3");
    }
}
