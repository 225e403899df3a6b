//! A request for one rule: random values, laid out as the rule says, and what becomes of them.

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use transcode::{Body, FRAME_HEADER, Program};

use crate::corpus::Rule;
use crate::expand::{encode, expand};
use crate::random::Random;
use crate::sent::Sender;
use crate::{query, values};

/// URL and body, and the message that they stand for.
pub(crate) struct Request {
    path: String,
    query: String,
    body: Option<String>,
    content_type: &'static str,
    message: DynamicMessage,
    /// How many values path and query bind.
    pub(crate) values: usize,
}

/// What became of a request.
pub(crate) enum Arrival {
    /// The rule's method got the same message.
    Same,
    /// Another rule took it.
    Elsewhere {
        template: String,
        method: String,
    },
    Broken(String),
}

/// A request in which a `**` is `length` segments.
pub(crate) fn build(random: &mut Random, rule: &Rule, length: u64) -> Request {
    let expanded = expand(random, &rule.template, &rule.input, length);
    let mut message = DynamicMessage::new(rule.input.clone());
    let mut bound: Vec<String> = Vec::new();
    for (name, text) in &expanded.variables {
        set_text(&mut message, name, text);
        bound.push(name.clone());
    }
    let mut pairs = Vec::new();
    let mut content_type = "application/json";
    let body = match rule.body.as_str() {
        "" => None,
        name if raw_body(&mut message, name).is_some() => {
            content_type = "text/x-raw";
            bound.push(name.to_owned());
            Some("{raw".to_owned())
        }
        "*" => {
            values::fill(random, &mut message, 3);
            let mut whole = message.clone();
            drop_some(random, &mut whole, &bound);
            Some(serde_json::to_string(&whole).unwrap())
        }
        name => {
            let body = body_field(random, &mut message, name, &bound);
            bound.push(name.to_owned());
            body
        }
    };
    if rule.body != "*" {
        query::fill(random, &mut message, ("", 2), &bound, &mut pairs);
        add_mask(&mut message, rule, &mut pairs);
    }
    let values = expanded.variables.len() + pairs.len();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name, true), encode(value, true))).collect();
    Request { path: expanded.path, query: pairs.join("&"), body, content_type, message, values }
}

/// Fills the `google.api.HttpBody` that the body is, if it is one; such a body is taken as it comes.
fn raw_body(message: &mut DynamicMessage, name: &str) -> Option<()> {
    let raw = if name == "*" {
        message
    } else {
        let field = message.descriptor().get_field_by_name(name)?;
        field.kind().as_message().filter(|m| m.full_name() == "google.api.HttpBody")?;
        message.get_field_mut(&field).as_message_mut()?
    };
    if raw.descriptor().full_name() != "google.api.HttpBody" {
        return None;
    }
    raw.set_field_by_name("content_type", Value::String("text/x-raw".into()));
    raw.set_field_by_name("data", Value::Bytes("{raw".into()));
    Some(())
}

/// The body for one field: what it has from the path may be in the body, too.
fn body_field(
    random: &mut Random,
    message: &mut DynamicMessage,
    name: &str,
    bound: &[String],
) -> Option<String> {
    let field = message.descriptor().get_field_by_name(name).unwrap();
    if let Kind::Message(_) = field.kind()
        && !field.is_list()
        && !field.is_map()
    {
        if message
            .get_field_mut(&field)
            .as_message()
            .is_some_and(|m| m.descriptor().full_name().starts_with("google.protobuf."))
        {
            let known = values::value(random, &field, 3)?;
            message.set_field(&field, known);
        } else {
            let below = message.get_field_mut(&field).as_message_mut().unwrap();
            values::fill(random, below, 3);
        }
    } else {
        let value = values::value(random, &field, 3)?;
        message.set_field(&field, value);
    }
    let mut alone = DynamicMessage::new(message.descriptor());
    alone.set_field(&field, message.get_field(&field).into_owned());
    drop_some(random, &mut alone, bound);
    let json = serde_json::to_value(&alone).unwrap();
    Some(json.get(field.json_name()).map_or_else(|| "{}".to_owned(), ToString::to_string))
}

/// An update whose mask nobody gave would get one from its body: it is given here.
fn add_mask(message: &mut DynamicMessage, rule: &Rule, pairs: &mut Vec<(String, String)>) {
    if rule.http_method != "PATCH" || rule.body.is_empty() {
        return;
    }
    for field in rule.input.fields() {
        let Kind::Message(descriptor) = field.kind() else { continue };
        if descriptor.full_name() == "google.protobuf.FieldMask"
            && !message.has_field(&field)
            && !field.is_list()
        {
            let mut mask = DynamicMessage::new(descriptor);
            mask.set_field_by_name("paths", Value::List(vec![Value::String("display_name".into())]));
            message.set_field(&field, Value::Message(mask));
            pairs.push((field.name().to_owned(), "display_name".to_owned()));
        }
    }
}

/// Clears some of the fields that the path says, not the messages around them.
fn drop_some(random: &mut Random, message: &mut DynamicMessage, variables: &[String]) {
    for name in variables.iter().filter(|_| random.chance(60)) {
        clear(message, name);
    }
}

fn clear(message: &mut DynamicMessage, name: &str) {
    match name.split_once('.') {
        None => message.clear_field_by_name(name),
        Some((part, rest)) if message.has_field_by_name(part) => {
            clear(message.get_field_by_name_mut(part).unwrap().as_message_mut().unwrap(), rest);
        }
        Some(_) => {}
    }
}

/// Sets the field at a path from the text that stands in a URL.
fn set_text(message: &mut DynamicMessage, name: &str, text: &str) {
    let mut at = message;
    let mut rest = name;
    while let Some((part, after)) = rest.split_once('.') {
        at = at.get_field_by_name_mut(part).unwrap().as_message_mut().unwrap();
        rest = after;
    }
    let field = at.descriptor().get_field_by_name(rest).unwrap();
    let value = match field.kind() {
        Kind::String => Value::String(text.to_owned()),
        Kind::Int32 => Value::I32(text.parse().unwrap()),
        Kind::Int64 => Value::I64(text.parse().unwrap()),
        Kind::Uint32 => Value::U32(text.parse().unwrap()),
        Kind::Uint64 => Value::U64(text.parse().unwrap()),
        Kind::Bool => Value::Bool(text == "true"),
        Kind::Enum(descriptor) => {
            let named = descriptor.get_value_by_name(text).map(|v| v.number());
            Value::EnumNumber(named.unwrap_or_else(|| text.parse().unwrap()))
        }
        other => panic!("a variable of {other:?}"),
    };
    at.set_field(&field, value);
}

impl Request {
    pub(crate) fn send(&self, program: &Program, rule: &Rule) -> Arrival {
        let route = match program.route(&rule.http_method, &self.path) {
            Ok(route) => route,
            Err(error) => return Arrival::Broken(self.told(rule, &error.to_string())),
        };
        let (template, method) = (route.template().to_owned(), route.method().full_name().to_owned());
        if template != rule.template || method != rule.method {
            return Arrival::Elsewhere { template, method };
        }
        let query = Some(self.query.as_str()).filter(|q| !q.is_empty());
        let body = self.body.as_ref();
        let body = body.map(|text| Body { content_type: Some(self.content_type), data: text.as_bytes() });
        let frame = match route.bind(&self.path, query).and_then(|bound| bound.request(body)) {
            Ok(frame) => frame,
            Err(error) => return Arrival::Broken(self.told(rule, &error.to_string())),
        };
        self.compare(rule, &frame)
    }

    /// Sends it over HTTP.
    pub(crate) fn send_over(&self, sender: &mut Sender<'_>, rule: &Rule) -> Arrival {
        let mut target = self.path.clone();
        if !self.query.is_empty() {
            target = format!("{target}?{}", self.query);
        }
        match sender.send(&rule.http_method, &target, self.content_type, self.body.as_deref()) {
            Ok(Ok(got)) if got.path == rule.grpc_path() && got.whole => self.compare(rule, &got.body),
            Ok(Ok(got)) => {
                Arrival::Broken(self.told(rule, &format!("a call of {}, whole: {}", got.path, got.whole)))
            }
            Ok(Err(answer)) => {
                Arrival::Broken(self.told(rule, &format!("an answer of {} {}", answer.status, answer.text())))
            }
            Err(error) => Arrival::Broken(self.told(rule, &error.to_string())),
        }
    }

    /// Whether a frame has the message.
    fn compare(&self, rule: &Rule, frame: &[u8]) -> Arrival {
        match DynamicMessage::decode(rule.input.clone(), frame.get(FRAME_HEADER..).unwrap_or_default()) {
            Ok(message) if message == self.message => Arrival::Same,
            Ok(message) => Arrival::Broken(self.told(rule, &serde_json::to_string(&message).unwrap())),
            Err(error) => Arrival::Broken(self.told(rule, &error.to_string())),
        }
    }

    fn told(&self, rule: &Rule, found: &str) -> String {
        format!(
            "{} {} of {}\n  {}?{}\n  body {}\n  wanted {}\n  got    {found}",
            rule.http_method,
            rule.template,
            rule.method,
            self.path,
            self.query,
            self.body.as_deref().unwrap_or("none"),
            serde_json::to_string(&self.message).unwrap(),
        )
    }
}
