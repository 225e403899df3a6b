//! Compared with what `PyYAML` has made of the same values.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::super::Value;
use super::yaml;

#[test]
fn strings_are_quoted_and_folded_as_pyyaml_does() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(include_str!("../../../tests/golden/scalars.json")).unwrap();
    assert!(cases.len() > 150);
    for (text, expected) in cases {
        let tree = Value::List(vec![Value::Map(vec![("k".into(), Value::from(text.as_str()))])]);
        assert_eq!(yaml(&tree), expected, "{text:?}");
    }
}

#[test]
fn trees_are_laid_out_as_pyyaml_does() {
    let map = |pairs: Vec<(&str, Value)>| Value::sorted(pairs);
    let list = Value::List;
    let inner =
        map(vec![("x", 1.into()), ("y", list(vec![1.into(), 2.into(), map(vec![("z", Value::Null)])]))]);
    let nested = list(vec![list(vec!["n".into()])]);
    let tree = map(vec![
        ("a", list(vec![])),
        ("b", map(vec![])),
        ("c", list(vec![inner, "t".into(), true.into(), Value::Float(0.5), nested])),
        ("d", map(vec![("e", map(vec![("f", "g".into())]))])),
        ("long key: with colon", 1.into()),
        ("yes", "no".into()),
    ]);
    assert_eq!(yaml(&tree), include_str!("../../../tests/golden/nested.yaml"));
}

#[test]
fn what_is_written_is_read_back() {
    for text in ["a: b", "yes", "1.5", "a\n b\n", "ü\t\"x\" \\", "- a", "", " x ", "12:30", "null", "#"] {
        let tree = Value::List(vec![Value::Map(vec![("k".into(), Value::from(text))])]);
        let read: Value = serde_saphyr::from_str(&yaml(&tree)).unwrap();
        assert_eq!(read, tree, "{text:?}");
    }
}
