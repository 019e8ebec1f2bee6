//! What is written out in the text: names of templates, settings and groups, keys of options and data.

use std::sync::PoisonError;

use rhai::{Expr, FnCallExpr, Position};

use super::walk::Walk;
use crate::domain::delivery::Channel;
use crate::domain::invite_plan::Choice;
use crate::script::calendar::{parse_date, time_of_text};
use crate::script::catalog::Entry;
use crate::script::habits;
use crate::script::option_key::OptionKey;
use crate::script::options::channel;
use crate::script::problem::Problem;
use crate::script::reference::variable;
use crate::script::typing::Type;

/// The type of a value that is written out.
pub fn literal_type(expr: &Expr) -> Option<Type> {
    let name = match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => "string",
        Expr::IntegerConstant(..) => "int",
        Expr::FloatConstant(..) => "float",
        Expr::BoolConstant(..) => "bool",
        Expr::CharConstant(..) => "char",
        Expr::Array(..) => "array",
        Expr::Map(..) => "map",
        _ => return None,
    };
    Type::known(name, None)
}

impl<'a> Walk<'a> {
    /// What stands for the expression: itself, or what its variable was declared with.
    fn written(&mut self, expr: &'a Expr) -> &'a Expr {
        match expr {
            Expr::Variable(variable, ..) if variable.2.is_empty() => {
                self.local(&variable.1).and_then(|local| local.value).unwrap_or(expr)
            }
            _ => expr,
        }
    }

    fn text(&mut self, expr: Option<&'a Expr>) -> Option<(&'a str, Position)> {
        match self.written(expr?) {
            Expr::StringConstant(text, at) => Some((text.as_str(), *at)),
            _ => None,
        }
    }

    /// The keys and values of a map of options.
    pub fn options(&mut self, form: &Entry, call: &'a FnCallExpr, object: usize) {
        if form.options.is_empty() {
            return;
        }
        let function = match form.params.first() {
            Some((_, kind)) => format!("{}.{}", variable(kind), form.name),
            None => form.name.clone(),
        };
        for (arg, (name, _)) in call.args.iter().zip(form.params.get(object..).unwrap_or_default()) {
            if name.contains("options") {
                self.options_map(&function, &form.options, "", arg);
            }
        }
    }

    /// A map of options, where it is written out: its keys and the types of its values.
    pub fn options_map(&mut self, function: &str, known: &[OptionKey], path: &str, arg: &'a Expr) {
        let Expr::Map(map, _) = self.written(arg) else { return };
        let here: Vec<&OptionKey> = known.iter().filter(|key| key.split().0 == path).collect();
        // A map of names that the author chooses.
        if here.is_empty() {
            return;
        }
        for (key, value) in &map.0 {
            let name = key.name.as_str();
            let Some(option) = here.iter().find(|option| option.split().1 == name) else {
                let of = if path.is_empty() { function.to_owned() } else { path.replace('.', "'s ") };
                self.error(Problem::unknown_option(&of, name, here.iter().map(|option| option.split().1)), key.pos);
                continue;
            };
            let value = self.written(value);
            if let Some(got) = literal_type(value).filter(|got| !takes(&option.kind, &got.name)) {
                let said =
                    format!("the option {name:?} of {function} wants {}, not {}", article(&option.kind), article(&got.name));
                self.error(Problem::new("wrong_type", said).about(name), key.pos);
                continue;
            }
            if let (true, Some(got)) = (option.kind.contains("array of Span"), not_a_span(value)) {
                let said =
                    format!("the option {name:?} of {function} wants {}, not {}", article("array of Span"), article(&got.name));
                self.error(Problem::new("wrong_type", said).about(name), key.pos);
                continue;
            }
            if name == "channels" {
                self.channels(value);
            }
            let inside = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.options_map(function, known, &inside, value);
            if let Expr::Array(items, _) = value {
                items.iter().for_each(|item| self.options_map(function, known, &inside, item));
            }
        }
    }

    /// Whether an invitation that goes out with these options may go by mail: over the channels that they name,
    /// and else over the site's, or those that the plan was made with.
    pub fn may_mail(&mut self, options: Option<&'a Expr>) -> bool {
        let otherwise = self.facts.mails || self.unit.mentioned.contains(Channel::Mail.word());
        let Some(options) = options.map(|options| self.written(options)) else { return otherwise };
        let Expr::Map(map, _) = options else { return true };
        let Some((_, channels)) = map.0.iter().find(|(key, _)| key.name == "channels") else { return otherwise };
        let channels = self.written(channels);
        items(channels).into_iter().any(|item| self.text(Some(item)).is_none_or(|(word, _)| word == Channel::Mail.word()))
    }

    fn channels(&mut self, value: &'a Expr) {
        for item in items(value) {
            let Some((word, at)) = self.text(Some(item)) else { continue };
            if let Err(problem) = channel(word) {
                self.error(problem, at);
            }
        }
    }

    /// Names that the site has to know.
    pub fn literals(&mut self, of: &Type, form: &Entry, call: &'a FnCallExpr) {
        let arg = |index: usize| call.args.get(index);
        match (of.name.as_str(), form.name.as_str()) {
            ("Notify", "mail") => {
                let Some((template, at)) = self.text(arg(1)) else { return };
                if self.template(template, at) {
                    self.data(template, at, arg(2));
                }
            }
            ("Plan", "send") | ("Invite", "user" | "device" | "resend") => {
                let Some(map) = call.args.last().filter(|_| !form.options.is_empty()) else { return };
                let Expr::Map(map, _) = self.written(map) else { return };
                let template = map.0.iter().find(|(key, _)| key.name == "template").map(|(_, value)| value);
                let Some((template, at)) = self.text(template) else { return };
                if self.template(template, at) {
                    self.data(template, at, None);
                }
            }
            ("Invite", "plan") => {
                let Some((choice, at)) = self.text(arg(1)) else { return };
                if Choice::from_word(choice).is_none() {
                    let problem = Problem::unknown("choice", choice, Choice::WORDS);
                    let listed = format!("there are: {}", Choice::WORDS.join(", "));
                    self.error(if problem.hint.is_some() { problem } else { problem.hint(listed) }, at);
                }
            }
            ("Notify", "webhook") => {
                let Some(site) = self.facts.site else { return };
                let known: Vec<&str> = site.webhooks.iter().map(String::as_str).collect();
                self.known_name("webhook", arg(0), &known, "a `[[webhook]]` in site.toml names an endpoint");
            }
            ("Site", "setting") if call.args.len() == 1 => {
                let Some(site) = self.facts.site else { return };
                let known: Vec<&str> = site.settings.keys().map(String::as_str).collect();
                self.known_name("setting", arg(0), &known, "add it to [settings] in site.toml, or give a default");
            }
            ("Schedules", "next") => {
                let Some(site) = self.facts.site else { return };
                let known: Vec<&str> = site.schedules.all().iter().map(|s| s.name.as_str()).collect();
                self.known_name("schedule", arg(0), &known, "a `[[schedule]]` in site.toml makes one");
            }
            ("Groups", "find") | ("Selection" | "User", "in_group") => self.group(arg(0)),
            ("Selection", "find") => self.row(of, arg(0)),
            _ => {}
        }
    }

    /// `groups["Grade 5"]`.
    pub fn literal_index(&mut self, of: &Type, index: &'a Expr) {
        match of.name.as_str() {
            "Groups" => self.group(Some(index)),
            "Selection" => {
                let problem = Problem::new("wrong_type", "a Selection can't be indexed");
                self.error(
                    problem.maybe_hint(habits::call("[]", &["Selection", "int"]).map(str::to_owned)),
                    index.start_position(),
                );
            }
            _ => {}
        }
    }

    /// `date("2026-12-01")`: a text that is no time fails whenever it is read.
    pub fn literal_time(&mut self, call: &'a FnCallExpr) {
        let read = match call.name.as_str() {
            "date" => parse_date,
            "at" => time_of_text,
            _ => return,
        };
        let zone = self.facts.site.map_or(chrono_tz::UTC, |site| site.zone);
        if let Some((text, at)) = self.text(call.args.first())
            && let Err(problem) = read(text, zone)
        {
            // A test may want it to fail.
            self.warn(problem.about(text), at);
        }
    }

    /// A text in quotes with `${…}` in it: values are put into texts between backticks only.
    pub fn unfilled(&mut self, expr: &Expr) {
        if let Expr::StringConstant(text, at) = expr
            && text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'))
        {
            let problem = Problem::new("unfilled_text", "this text is shown as it stands, with its `${…}`");
            self.warn(problem.hint("values are put into a text between backticks: `hello ${name}`"), *at);
        }
    }

    fn known_name(&mut self, noun: &str, arg: Option<&'a Expr>, known: &[&str], otherwise: &str) {
        let Some((name, at)) = self.text(arg) else { return };
        if !known.contains(&name) {
            let problem = Problem::unknown(noun, name, known.iter().copied());
            self.error(if problem.hint.is_some() { problem } else { problem.hint(otherwise) }, at);
        }
    }

    fn template(&mut self, name: &str, at: Position) -> bool {
        let Some(site) = self.facts.site else { return false };
        // Of a broken one it is not known what it is called.
        if !site.templates.broken().is_empty() {
            return false;
        }
        let names = site.templates.names();
        if names.iter().any(|known| known == name) {
            return true;
        }
        let problem = Problem::unknown("template", name, names.iter().map(String::as_str));
        let listed = format!("there are: {}", names.join(", "));
        self.error(if problem.hint.is_some() { problem } else { problem.hint(listed) }, at);
        false
    }

    /// The keys of the data that a template is given; of a map that is made elsewhere nothing is known.
    fn data(&mut self, template: &str, at: Position, data: Option<&'a Expr>) {
        let Some(site) = self.facts.site else { return };
        let keys: Vec<&str> = match data.map(|data| self.written(data)) {
            None => Vec::new(),
            Some(Expr::Map(map, _)) => map.0.iter().map(|(key, _)| key.name.as_str()).collect(),
            Some(_) => return,
        };
        if let Err(misfit) = site.templates.check_keys(template, &keys) {
            let key = data.and_then(|data| match self.written(data) {
                Expr::Map(map, _) => map.0.iter().find(|(key, _)| Some(key.name.as_str()) == misfit.about.as_deref()),
                _ => None,
            });
            let at = key.map_or(at, |(key, _)| key.pos);
            self.error(Problem::misfit(template, misfit), at);
        }
    }

    fn group(&mut self, arg: Option<&'a Expr>) {
        if let Some((name, at)) = self.text(arg) {
            self.group_called(name, at);
        }
    }

    pub fn group_called(&mut self, name: &str, at: Position) {
        let Some(view) = self.facts.view else { return };
        let view = view.lock().unwrap_or_else(PoisonError::into_inner);
        if self.unit.rules.contains(name) || !matches!(view.group_by_name(name), Ok(None)) {
            return;
        }
        let known: Vec<String> = view.groups().unwrap_or_default().into_iter().map(|group| group.name).collect();
        self.warn(Problem::unknown("group", name, known.iter().map(String::as_str)), at);
    }

    fn row(&mut self, of: &Type, arg: Option<&'a Expr>) {
        let (Some(view), Some((name, at))) = (self.facts.view, self.text(arg)) else { return };
        let view = view.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match of.row {
            Some("User") => view.user_by_username(name).map(|user| user.is_some()),
            Some("Device") => view.find_device(name).map(|device| device.is_some()),
            _ => return,
        };
        if let Ok(false) = found {
            let (noun, similar) = match of.row {
                Some("User") => ("user", view.similar_usernames(name)),
                _ => ("device", view.similar_devices(name)),
            };
            let similar = similar.unwrap_or_default();
            self.warn(Problem::unknown(noun, name, similar.iter().map(String::as_str)), at);
        }
    }
}

/// What a list holds that is written out; one thing alone is a list, too.
fn items(value: &Expr) -> Vec<&Expr> {
    match value {
        Expr::Array(items, _) => items.iter().collect(),
        one => vec![one],
    }
}

/// The type of the first thing of a list that is written out and can't be a span of time.
fn not_a_span(list: &Expr) -> Option<Type> {
    let Expr::Array(items, _) = list else { return None };
    items.iter().filter_map(literal_type).find(|of| matches!(of.name.as_str(), "string" | "int" | "float" | "bool"))
}

/// Whether an option of that kind takes a literal of that type: a list also takes one thing alone.
fn takes(kind: &str, got: &str) -> bool {
    kind.split(" or ").any(|kind| match kind {
        "number" => matches!(got, "int" | "float"),
        "array" => true,
        _ => match kind.strip_prefix("array of ") {
            Some(item) => got == "array" || item == got,
            None => kind == got,
        },
    })
}

fn article(kind: &str) -> String {
    match kind {
        "string" => "a text".to_owned(),
        "int" => "a whole number".to_owned(),
        "float" | "number" => "a number".to_owned(),
        "bool" => "true or false".to_owned(),
        "Span" => "a time span such as `days(3)`".to_owned(),
        "array of Span" => "time spans such as `[days(3), days(7)]`".to_owned(),
        kind if kind.starts_with("array") => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}
