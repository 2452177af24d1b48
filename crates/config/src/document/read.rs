//! Walks the document.

use super::section::{Entry, Section, Variable, Written};
use super::value::{self, CommandText, Value};
use super::{syntax, unknown, wrong};
use crate::keys::{Key, Kind, ROOT, Table};
use crate::problem::{Problem, Problems};
use crate::text::{Unfit, cores};
use miette::SourceSpan;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Reads the whole text. None if it is no TOML.
pub(crate) fn read(problems: &mut Problems) -> Option<Section> {
    let text = problems.text().to_owned();
    let (document, errors) = DeTable::parse_recoverable(&text);
    if errors.is_empty() {
        let top = SourceSpan::from((0, 0));
        return Some(Reader { text: &text, problems }.section(&ROOT, "", document.get_ref(), top));
    }
    for problem in syntax::problems(&text, &errors) {
        problems.add(problem);
    }
    None
}

struct Reader<'a> {
    text: &'a str,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn section(
        &mut self,
        table: &'static Table,
        path: &str,
        read: &DeTable<'_>,
        span: SourceSpan,
    ) -> Section {
        let mut section = Section::empty(table, path.to_owned(), span);
        for (name, value) in read {
            let name_span = SourceSpan::from(name.span());
            match table.key(name.get_ref()) {
                None => {
                    let (problem, meant) = unknown::problem(table, path, name.get_ref(), name_span);
                    self.problems.add(problem);
                    section.has_strays = true;
                    if let Some(key) = meant {
                        // Nobody should miss what is there under a wrong name.
                        section.entries.entry(key).or_insert(Entry { span: name_span, value: None });
                    }
                }
                Some(key) => {
                    let span = value.span().into();
                    let value = self.value(key, path, value);
                    section.entries.insert(key.name, Entry { span, value });
                }
            }
        }
        section
    }

    fn value(&mut self, key: &'static Key, path: &str, read: &Spanned<DeValue<'_>>) -> Option<Value> {
        let span = SourceSpan::from(read.span());
        let below = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match (&key.kind, read.get_ref()) {
            (kind, DeValue::String(text)) => match value::of_text(kind, text) {
                Some(Ok(value)) => return Some(value),
                Some(Err(unfit)) => self.unfit(key, path, span, unfit),
                None => self.problems.add(wrong::kind(self.text, key, path, read)),
            },
            (Kind::Flag | Kind::FlagOr { .. }, DeValue::Boolean(flag)) => return Some(Value::Flag(*flag)),
            (Kind::Number { .. } | Kind::Instances, DeValue::Integer(number)) => {
                let (min, max) = wrong::bounds(&key.kind);
                match i128::from_str_radix(number.as_str(), number.radix()) {
                    Ok(n) if (i128::from(min)..=i128::from(max)).contains(&n) => {
                        return u64::try_from(n).ok().map(Value::Number);
                    }
                    _ => self.problems.add(wrong::out_of_bounds(key, path, span, number.as_str())),
                }
            }
            (Kind::Cores, DeValue::Integer(number)) => match cores::parse(number.as_str()) {
                Ok(thousandths) => return Some(Value::Number(thousandths)),
                Err(unfit) => self.unfit(key, path, span, unfit),
            },
            (Kind::Cores, DeValue::Float(number)) => match cores::parse(number.as_str()) {
                Ok(thousandths) => return Some(Value::Number(thousandths)),
                Err(unfit) => self.unfit(key, path, span, unfit),
            },
            (Kind::Command, DeValue::Array(list)) => {
                return self.words(key, path, list).map(|words| {
                    Value::Command(CommandText::Words(words.into_iter().map(|word| word.value).collect()))
                });
            }
            (Kind::Names, DeValue::Array(list)) => return self.words(key, path, list).map(Value::Names),
            (Kind::List(kind), DeValue::Array(list)) => {
                return self.list(key, kind, path, list).map(Value::List);
            }
            (Kind::Env, DeValue::Table(table)) => return Some(Value::Env(self.env(&below, table))),
            (Kind::Table(inner), DeValue::Table(table)) => {
                return Some(Value::Section(Box::new(self.section(inner, &below, table, span))));
            }
            (Kind::Tables(inner), DeValue::Array(list)) => {
                return Some(Value::Sections(self.sections(key, inner, path, &below, list)));
            }
            (Kind::Named(inner), DeValue::Table(table)) => {
                return Some(Value::Named(self.named(inner, &below, table)));
            }
            (kind, found) => match wrong::unitless(kind, found) {
                Some(unfit) => self.unfit(key, path, span, unfit),
                None => self.problems.add(wrong::kind(self.text, key, path, read)),
            },
        }
        None
    }

    fn unfit(&mut self, key: &Key, path: &str, span: SourceSpan, unfit: Unfit) {
        let Unfit { what, help } = unfit;
        self.problems
            .add(Problem::new(format!("{} {what}", wrong::key(key.name, path))).at(span, "").help(help));
    }

    fn words(&mut self, key: &Key, path: &str, list: &DeArray<'_>) -> Option<Vec<Written<String>>> {
        let before = self.problems.len();
        let mut words = Vec::new();
        for item in list {
            let span = SourceSpan::from(item.span());
            match item.get_ref() {
                DeValue::String(text) => match value::plain(text) {
                    Ok(value) => words.push(Written { value, span }),
                    Err(unfit) => self.unfit(key, path, span, unfit),
                },
                _ => self.problems.add(wrong::item(self.text, key, path, item)),
            }
        }
        (self.problems.len() == before).then_some(words)
    }

    fn list(
        &mut self,
        key: &Key,
        kind: &Kind,
        path: &str,
        list: &DeArray<'_>,
    ) -> Option<Vec<Written<Value>>> {
        let before = self.problems.len();
        let mut values = Vec::new();
        for item in list {
            let span = SourceSpan::from(item.span());
            let text = if let DeValue::String(text) = item.get_ref() { Some(text) } else { None };
            match text.and_then(|text| value::of_text(kind, text)) {
                Some(Ok(value)) => values.push(Written { value, span }),
                Some(Err(unfit)) => self.unfit(key, path, span, unfit),
                None => self.problems.add(wrong::item(self.text, key, path, item)),
            }
        }
        (self.problems.len() == before).then_some(values)
    }

    fn env(&mut self, path: &str, table: &DeTable<'_>) -> Vec<Variable> {
        let mut variables = Vec::new();
        for (name, value) in table {
            let name = Written { value: name.get_ref().to_string(), span: name.span().into() };
            let span = SourceSpan::from(value.span());
            match value.get_ref() {
                DeValue::String(text) => {
                    let value = Written { value: text.to_string(), span };
                    variables.push(Variable { name, value });
                }
                _ => self.problems.add(wrong::variable(self.text, path, &name.value, value)),
            }
        }
        variables.sort_by_key(|variable| variable.name.span.offset());
        variables
    }

    fn sections(
        &mut self,
        key: &'static Key,
        inner: &'static Table,
        path: &str,
        below: &str,
        list: &DeArray<'_>,
    ) -> Vec<Section> {
        let mut sections = Vec::new();
        for item in list {
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(self.section(inner, below, table, item.span().into()));
                }
                _ => self.problems.add(wrong::item(self.text, key, path, item)),
            }
        }
        sections
    }

    fn named(
        &mut self,
        inner: &'static Table,
        below: &str,
        table: &DeTable<'_>,
    ) -> Vec<(Written<String>, Section)> {
        let mut sections = Vec::new();
        for (name, value) in table {
            let name = Written { value: name.get_ref().to_string(), span: SourceSpan::from(name.span()) };
            let path = format!("{below}.{}", name.value);
            match value.get_ref() {
                DeValue::Table(table) => {
                    let section = self.section(inner, &path, table, value.span().into());
                    sections.push((name, section));
                }
                _ => self.problems.add(wrong::named(self.text, &path, &name, value)),
            }
        }
        sections.sort_by_key(|(name, _)| name.span.offset());
        sections
    }
}
